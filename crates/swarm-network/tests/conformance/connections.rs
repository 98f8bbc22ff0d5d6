//! Transports and connections, without nodes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use swarm_core::proto::CloseCode;
use swarm_core::transport::{Connection, ConnectionLost, Credential, DatagramError};
use tokio::time::Instant;

use crate::world::{IDLE_TIMEOUT, Pair, World, identity};

pub(crate) async fn both_ends_know_each_other(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let accept = async { far.accept().await.unwrap().accept().await.unwrap() };

    let (dialled, accepted) = tokio::join!(near.dial(far.local_addr(), None), accept);
    let dialled = dialled.unwrap();

    for (connection, other, at) in
        [(&dialled, identity(1), far.local_addr()), (&accepted, identity(0), near.local_addr())]
    {
        let Credential::Certificate { agent, .. } = connection.credential() else { panic!("{connection:?}") };
        assert_eq!((*agent, connection.remote_addr()), (other.agent_id(), at));
    }
}

pub(crate) async fn a_stranger_who_is_turned_away_learns_of_it(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let began = Instant::now();
    let turn_away = async { drop(far.accept().await.unwrap()) };

    let (dialled, ()) = tokio::join!(near.dial(far.local_addr(), None), turn_away);

    dialled.unwrap_err();
    assert!(began.elapsed() < IDLE_TIMEOUT, "it does not wait until nobody has answered");
}

pub(crate) async fn a_stranger_who_proves_where_it_is_is_let_in(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let accept = async {
        let stranger = far.accept().await.unwrap();
        assert_eq!((stranger.is_address_validated(), stranger.remote_addr()), (false, near.local_addr()));
        stranger.retry();
        let again = far.accept().await.unwrap();
        assert!(again.is_address_validated());
        again.accept().await.unwrap()
    };

    let (dialled, _accepted) = tokio::join!(near.dial(far.local_addr(), None), accept);

    dialled.unwrap();
}

pub(crate) async fn another_agent_than_was_expected_is_refused(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let accept = async {
        let incoming = far.accept().await.unwrap();
        // The dialler may go before it is accepted, or at its first word.
        let Ok(connection) = incoming.accept().await else { return };
        connection.closed().await;
    };

    let (dialled, ()) = tokio::join!(near.dial(far.local_addr(), Some(identity(2).agent_id())), accept);

    dialled.unwrap_err();
}

pub(crate) async fn sixty_four_may_be_half_open(world: World) {
    const STRANGERS: u32 = 64;
    let door = world.transport(0);
    let strangers: Vec<_> = (1..=STRANGERS).map(|host| world.transport(host)).collect();
    let dials = join_all(strangers.iter().map(|stranger| stranger.dial(door.local_addr(), None)));
    let accept = async {
        // All of them have knocked before the first is let in.
        let mut waiting = Vec::new();
        for _ in 0..STRANGERS {
            waiting.push(door.accept().await.unwrap());
        }
        join_all(waiting.into_iter().map(|incoming| incoming.accept())).await
    };

    let (dialled, accepted) = tokio::join!(dials, accept);

    assert_eq!(dialled.iter().filter(|dialled| dialled.is_ok()).count(), 64);
    assert_eq!(accepted.iter().filter(|accepted| accepted.is_ok()).count(), 64);
}

fn send(connection: &dyn Connection, payload: &[u8]) -> Result<(), DatagramError> {
    connection.send_datagram(Bytes::from([connection.datagram_prefix(), payload].concat()))
}

pub(crate) async fn a_datagram_arrives_as_it_was_sent(world: World) {
    let Pair { dialled, accepted, .. } = &world.pair().await;

    for (from, to) in [(dialled, accepted), (accepted, dialled)] {
        for payload in [&b"one"[..], &[2; 1000]] {
            send(&**from, payload).unwrap();
            assert_eq!(to.receive_datagram().await.unwrap(), payload);
        }
    }
}

pub(crate) async fn a_datagram_larger_than_the_path_is_refused(world: World) {
    let Pair { dialled, accepted, .. } = &world.pair().await;
    let max = dialled.max_datagram_bytes();
    assert!((1100..1500).contains(&max), "{max}");

    assert!(matches!(send(&**dialled, &vec![1; max + 500]), Err(DatagramError::TooLarge { .. })));
    send(&**dialled, &vec![2; max]).unwrap();

    assert_eq!(accepted.receive_datagram().await.unwrap(), vec![2; max]);
}

pub(crate) async fn a_close_tells_code_and_reason(world: World) {
    let Pair { dialled, accepted, .. } = &world.pair().await;

    accepted.close(CloseCode::Overloaded, "too much");

    let lost = dialled.closed().await;
    assert!(world.tells(&lost, CloseCode::Overloaded, "too much"), "{lost:?}");
    assert_eq!(accepted.closed().await, ConnectionLost::ClosedHere);
    assert_eq!(send(&**dialled, b"late"), Err(DatagramError::ConnectionLost));
    assert_eq!(dialled.open_stream().await.unwrap_err(), lost);
    assert_eq!(dialled.accept_stream().await.unwrap_err(), lost);
    assert_eq!(dialled.receive_datagram().await.unwrap_err(), lost);
}

pub(crate) async fn a_transport_that_closes_tells_everybody(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let accept = async { far.accept().await.unwrap().accept().await.unwrap() };
    let (dialled, _accepted) = tokio::join!(near.dial(far.local_addr(), None), accept);

    let (lost, ()) = tokio::join!(dialled.as_ref().unwrap().closed(), far.close(CloseCode::ShutDown));

    assert!(world.tells(&lost, CloseCode::ShutDown, ""), "{lost:?}");
    assert!(far.accept().await.is_none());
    far.dial(near.local_addr(), None).await.unwrap_err();
}

pub(crate) async fn nobody_answers_where_nobody_is(world: World) {
    let (near, far) = (world.transport(0), world.transport(1));
    let nobody = far.local_addr();
    far.close(CloseCode::Normal).await;
    drop(far);
    let began = Instant::now();

    near.dial(nobody, None).await.unwrap_err();

    let took = began.elapsed();
    if world.is_virtual() {
        assert!((IDLE_TIMEOUT..IDLE_TIMEOUT + Duration::from_millis(500)).contains(&took), "{took:?}");
    }
}
