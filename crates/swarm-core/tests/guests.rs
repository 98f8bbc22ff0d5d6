//! Clients without a certificate: a token lets them in, for what it permits and as long as it holds, over real connections.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use common::guest::{Guest, Shown, enter, knock};
use common::observing::{by_hand, until_dropped};
use common::raw::meet;
use common::{Seen, Told, dev, node, root, stop, until, witness};
use swarm_core::proto::{
    CloseCode, ControlFrame, Goodbye, Grant, Introduction, Outcome, Permissions, ReplyFrame, Revocation,
    Revocations, Role, Signed, Subject, UnixSeconds, Validity,
};
use swarm_core::trust::{GuestConfig, Invitation, InviteError, proof_message};
use swarm_core::{
    Agent, AgentId, AgentNode, DropReason, GoneReason, IdentityKey, IdleAgent, NodeConfig,
    OutgoingObservation, PeerEvent, RefusedReason, SwarmName, SystemClock, WallClock, agent_id_of_subject,
};

const PAGE: &str = "https://map.example";

/// A node on loopback that takes guests.
async fn host(agent: impl Agent, max_guests: usize) -> AgentNode {
    let mut guests = GuestConfig::default();
    guests.origins = vec![PAGE.to_owned()];
    guests.max_guests = max_guests;
    dev(agent).guests(guests).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// What the guests of these tests may do.
fn little() -> Permissions {
    Permissions {
        publish: vec!["guest.**".parse().unwrap()],
        subscribe: vec!["map.**".parse().unwrap()],
        serve: Vec::new(),
        call: vec!["test.count".parse().unwrap()],
    }
}

fn invited(host: &AgentNode) -> Signed<Grant> {
    host.invite(Invitation::new(little(), Duration::from_secs(60))).unwrap()
}

fn guest_of(grant: &Signed<Grant>) -> AgentId {
    agent_id_of_subject(&grant.statement().subject)
}

/// A grant of a root for whoever has it, that holds from so many seconds ago, for so long.
fn of_root(bearer: u8, ago: u64, seconds: u64) -> Signed<Grant> {
    let from = UnixSeconds::new(UnixSeconds::from_system_time(SystemClock.now()).get() - ago);
    let valid = Validity { from, until: UnixSeconds::new(from.get() + seconds) };
    root()
        .grant(Grant {
            swarm: SwarmName::default(),
            subject: Subject::Bearer([bearer; 16]),
            role: Role::Observer,
            permissions: little(),
            datagrams_per_second: None,
            valid,
        })
        .unwrap()
}

/// An invitation for the holder of a key.
fn for_key(host: &AgentNode, key: &IdentityKey) -> Signed<Grant> {
    let invitation = Invitation::new(little(), Duration::from_secs(60));
    host.invite(invitation.for_key(key.public_key())).unwrap()
}

/// Shows a token that is for a key.
async fn challenged(host: &AgentNode, token: &Signed<Grant>) -> (Guest, [u8; 32]) {
    let mut guest = knock(host, &Shown::query(token), guest_of(token)).await;
    match guest.hear().await {
        ControlFrame::Challenge(nonce) => (guest, nonce),
        other => panic!("{other:?}"),
    }
}

async fn went(seen: &mut Seen, guest: AgentId) -> GoneReason {
    seen.next(|told| match told {
        Told::Peer(PeerEvent::Went { peer, reason }) if peer == guest => Some(reason),
        _ => None,
    })
    .await
}

/// Runs something at a node with a friend, who must not notice.
async fn beside_an_honest_pair<F: Future<Output = ()>>(
    max_guests: usize,
    what: impl FnOnce(Arc<AgentNode>) -> F,
) {
    let (agent, mut seen) = witness();
    let host = Arc::new(host(agent, max_guests).await);
    let friend = node(IdleAgent).await;
    friend.connect(&host.url()).await.unwrap();

    what(Arc::clone(&host)).await;

    friend.broadcast_observation("still.here", "").unwrap();
    let heard = seen.next(|told| if let Told::Observed(heard) = told { Some(heard) } else { None }).await;
    assert_eq!((heard.origin, heard.topic.as_str()), (friend.id(), "still.here"));
    let mut replies = friend.request_assistance(host.id(), "test.echo", "hello").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
    until("the guests are gone", || host.peers().len() == 1).await;
    assert_eq!(friend.peers().len(), 1);
    stop([Arc::into_inner(host).unwrap(), friend]).await;
}

/// Shows this and is told that it may not come in, and why.
async fn turned_away(host: &AgentNode, shown: Shown, agent: AgentId, because: &str) {
    let before = refusals(host, RefusedReason::NotPermitted);
    let Goodbye { code, reason } = knock(host, &shown, agent).await.goodbye().await;
    assert_eq!(code, CloseCode::NotPermitted, "{reason}");
    assert!(reason.contains(because), "{reason:?} where {because:?} was expected");
    until("it is counted", || refusals(host, RefusedReason::NotPermitted) == before + 1).await;
}

fn refusals(node: &AgentNode, reason: RefusedReason) -> u64 {
    node.counters().refused.get(&reason).copied().unwrap_or_default()
}

async fn hears(host: &AgentNode, guest: &Guest, topic: &str) {
    host.broadcast_observation(topic, "").unwrap();
    loop {
        let heard = guest.observations().await;
        assert!(heard.iter().all(|heard| heard.topic.as_str() == topic), "{heard:?}");
        if !heard.is_empty() {
            break;
        }
    }
}

#[tokio::test]
async fn a_guest_hears_and_asks_what_it_may_and_nothing_else() {
    let (agent, mut seen) = witness();
    let host = host(agent, 1).await;
    let invitation = invited(&host);

    let guest = enter(&host, &invitation).await;

    let came = seen.next(|told| if let Told::Peer(PeerEvent::Came(peer)) = told { Some(peer) } else { None });
    let came = came.await;
    assert_eq!((came.id, came.role), (guest_of(&invitation), Role::Observer));
    let secret = host.broadcast_observation("secret.plan", "").unwrap();
    assert_eq!(secret.not_handed_for(DropReason::NotSubscribed), 1);
    let secret = OutgoingObservation::new("secret.plan".parse().unwrap(), "").reliable();
    assert_eq!(host.broadcast(secret).unwrap().handed, 0);
    hears(&host, &guest, "map.tile").await;

    let refused = guest.ask("test.echo").await;
    assert!(matches!(&refused, ReplyFrame::End(Outcome::NotPermitted)), "{refused:?}");
    let answer = guest.ask("test.count").await;
    assert!(matches!(&answer, ReplyFrame::Chunk(chunk) if chunk.payload == "0"), "{answer:?}");

    guest.publish(&[by_hand(guest.agent, 1, "somebody.elses"), by_hand(guest.agent, 2, "guest.book")]);
    assert_eq!(seen.observation().await.topic.as_str(), "guest.book");
    until_dropped(&host, DropReason::NotPermitted, 1).await;
    stop([host]).await;
}

#[tokio::test]
async fn whoever_does_not_come_with_a_good_token_is_told_why_and_counted() {
    beside_an_honest_pair(8, |host| async move {
        let nobody = AgentId::from_key_digest([0; 32]);
        turned_away(&host, Shown::default(), nobody, "no token").await;
        turned_away(&host, Shown::query("garbage"), nobody, "cannot be read").await;
        turned_away(
            &host,
            Shown { query: Some("token=AAAA".into()), ..Shown::default() },
            nobody,
            "no token",
        )
        .await;
        let basic = Shown { authorization: Some("Basic AAAA".into()), ..Shown::default() };
        turned_away(&host, basic, nobody, "no token").await;

        let elsewhere = self::host(IdleAgent, 1).await;
        let theirs = invited(&elsewhere);
        turned_away(&host, Shown::query(&theirs), guest_of(&theirs), "no root of this swarm").await;
        stop([elsewhere]).await;

        let ended = of_root(1, 60, 30);
        turned_away(&host, Shown::query(&ended), guest_of(&ended), "ended").await;
        let long = of_root(2, 0, 3601);
        turned_away(&host, Shown::query(&long), guest_of(&long), "60 minutes").await;

        let token = invited(&host);
        let other_page = Shown::query(&token).on_page_of("https://other.example");
        turned_away(&host, other_page, guest_of(&token), "https://other.example").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_lets_in_once_in_the_query_or_in_the_header() {
    beside_an_honest_pair(8, |host| async move {
        let showing: [fn(&Signed<Grant>) -> Shown; 2] =
            [|token| Shown::query(token), |token| Shown::header(token)];
        for show in showing {
            let token = invited(&host);
            let shown = show(&token).on_page_of(PAGE);
            let mut guest = knock(&host, &shown, guest_of(&token)).await;
            assert_eq!(guest.hello().await.agent, host.id());

            turned_away(&host, shown.clone(), guest.agent, "used already").await;
            drop(guest);
            turned_away(&host, shown, guest_of(&token), "used already").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_root_invites_to_every_node_that_takes_guests() {
    let (first, second) = (host(IdleAgent, 1).await, host(IdleAgent, 1).await);
    let token = of_root(1, 0, 60);

    let guests = (enter(&first, &token).await, enter(&second, &token).await);

    drop(guests);
    stop([first, second]).await;
}

#[tokio::test]
async fn the_largest_token_that_there_is_comes_through() {
    let host = host(IdleAgent, 2).await;
    let mut permissions = Permissions::default();
    let mut largest = None;
    while let Ok(token) = host.invite(Invitation::new(permissions.clone(), Duration::from_secs(60))) {
        permissions.publish.push("x".repeat(40).parse().unwrap());
        largest = Some(token);
    }
    let in_query = largest.unwrap();
    permissions.publish.pop();
    let in_header = host.invite(Invitation::new(permissions, Duration::from_secs(60))).unwrap();
    assert!(in_query.to_string().len() > 1400);

    enter(&host, &in_query).await;
    let mut guest = knock(&host, &Shown::header(&in_header), guest_of(&in_header)).await;
    assert_eq!(guest.hello().await.agent, host.id());
    stop([host]).await;
}

#[tokio::test]
async fn whoever_says_to_hold_a_key_signs_a_challenge_and_may_come_again() {
    beside_an_honest_pair(8, |host| async move {
        let key = IdentityKey::from_seed([5; 32]);
        let token = for_key(&host, &key);
        let challenged = async || challenged(&host, &token).await;

        let mut nonces = Vec::new();
        for _ in 0..2 {
            let (mut guest, nonce) = challenged().await;
            guest.say(&ControlFrame::Proof(key.sign(&proof_message(&nonce, host.id())))).await;
            assert_eq!(guest.hello().await.agent, host.id());
            hears(&host, &guest, "map.tile").await;
            nonces.push(nonce);
        }
        assert_ne!(nonces[0], nonces[1]);

        let other = IdentityKey::from_seed([6; 32]);
        for wrong in [
            other.sign(&proof_message(&nonces[1], host.id())),
            key.sign(&proof_message(&nonces[1], host.id())),
            [0; 64],
        ] {
            let (mut guest, _) = challenged().await;
            guest.say(&ControlFrame::Proof(wrong)).await;
            assert_eq!(guest.goodbye().await.code, CloseCode::NotPermitted);
        }
        let (mut guest, nonce) = challenged().await;
        let for_another = AgentId::from_key_digest([9; 32]);
        guest.say(&ControlFrame::Proof(key.sign(&proof_message(&nonce, for_another)))).await;
        let Goodbye { code, reason } = guest.goodbye().await;
        assert_eq!(code, CloseCode::NotPermitted);
        assert!(reason.contains("proof"), "{reason}");
        until("they are counted", || refusals(&host, RefusedReason::NotPermitted) == 4).await;

        let (mut guest, _) = challenged().await;
        guest.say(&ControlFrame::Load(0)).await;
        assert_eq!(guest.goodbye().await.code, CloseCode::ProtocolViolation);
    })
    .await;
}

#[tokio::test]
async fn whoever_does_not_answer_a_challenge_is_late_and_leaves_its_place() {
    let mut guests = GuestConfig::default();
    guests.max_guests = 1;
    let mut config = NodeConfig::default();
    config.handshake_deadline = Duration::from_millis(500);
    let host = dev(IdleAgent).guests(guests).config(config);
    let host = host.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();

    let (mut silent, _) = challenged(&host, &for_key(&host, &IdentityKey::from_seed([5; 32]))).await;
    assert_eq!(silent.goodbye().await.code, CloseCode::HelloDeadline);
    until("it is counted", || refusals(&host, RefusedReason::Deadline) == 1).await;

    enter(&host, &invited(&host)).await;
    stop([host]).await;
}

#[tokio::test]
async fn a_guest_that_was_sent_away_is_not_let_in_again_with_its_key() {
    beside_an_honest_pair(8, |host| async move {
        let key = IdentityKey::from_seed([5; 32]);
        let token = for_key(&host, &key);
        let (mut guest, nonce) = challenged(&host, &token).await;
        guest.say(&ControlFrame::Proof(key.sign(&proof_message(&nonce, host.id())))).await;
        guest.hello().await;

        let another = AgentId::from_key_digest([9; 32]);
        for sequence in 1..=3 {
            guest.publish(&[by_hand(another, sequence, "guest.book")]);
        }
        until("it is sent away", || refusals(&host, RefusedReason::Misconduct) == 1).await;

        let Goodbye { reason, .. } =
            knock(&host, &Shown::query(&token), key.agent_id()).await.goodbye().await;
        assert!(reason.contains("too soon"), "{reason}");
        until("it is counted", || refusals(&host, RefusedReason::SentAway) == 1).await;
    })
    .await;
}

#[tokio::test]
async fn there_are_no_more_guests_than_may_be_and_a_token_is_good_until_then() {
    beside_an_honest_pair(1, |host| async move {
        let first = enter(&host, &invited(&host)).await;
        let token = invited(&host);

        let Goodbye { code, reason } =
            knock(&host, &Shown::query(&token), guest_of(&token)).await.goodbye().await;
        assert_eq!((code, reason.contains("1 guests")), (CloseCode::Overloaded, true), "{reason}");
        until("it is counted", || refusals(&host, RefusedReason::Overloaded) == 1).await;

        first.session.close(0, b"");
        until("the first is gone", || host.peers().len() == 1).await;
        enter(&host, &token).await.session.close(0, b"");
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_is_revoked_or_whose_time_is_over_is_sent_away() {
    let (agent, mut seen) = witness();
    let host = host(agent, 2).await;

    let mut guest = enter(&host, &invited(&host)).await;
    let revoked =
        vec![Revocation { agent: guest.agent, until: UnixSeconds::from_system_time(SystemClock.now()) }];
    let list = Revocations { swarm: SwarmName::default(), version: 1, revoked };
    host.revoke(root().revoke(list).unwrap()).unwrap();
    let Goodbye { code, reason } = guest.goodbye().await;
    assert_eq!((code, reason.contains("revoked")), (CloseCode::NotPermitted, true), "{reason}");
    assert_eq!(went(&mut seen, guest.agent).await, GoneReason::NotPermitted);

    let short = host.invite(Invitation::new(little(), Duration::from_secs(1))).unwrap();
    let mut guest = enter(&host, &short).await;
    let Goodbye { code, reason } = guest.goodbye().await;
    assert_eq!((code, reason.contains("ended")), (CloseCode::NotPermitted, true), "{reason}");
    assert_eq!(went(&mut seen, guest.agent).await, GoneReason::NotPermitted);
    stop([host]).await;
}

#[tokio::test]
async fn nobody_dials_whom_a_guest_introduces() {
    let host = host(IdleAgent, 1).await;
    let mut guest = enter(&host, &invited(&host)).await;
    let mut member = meet(&host, 7).await;
    let nowhere = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (by_guest, by_member) = (nowhere(), nowhere());
    by_guest.set_nonblocking(true).unwrap();
    by_member.set_nonblocking(true).unwrap();
    let introduce = |number, socket: &UdpSocket| {
        let agent = AgentId::from_key_digest([number; 32]);
        ControlFrame::Introduce(vec![Introduction { agent, address: socket.local_addr().unwrap() }])
    };

    guest.say(&introduce(1, &by_guest)).await;
    assert!(matches!(guest.ask("test.none").await, ReplyFrame::End(_)), "the node has heard the guest");
    member.tell(&introduce(2, &by_member)).await;

    until("the other one is dialled", || by_member.recv(&mut [0; 2048]).is_ok()).await;
    assert!(by_guest.recv(&mut [0; 2048]).is_err(), "it would have been dialled before");
    stop([host]).await;
}

#[tokio::test]
async fn a_node_takes_no_guests_unless_it_is_told_to() {
    let host = node(IdleAgent).await;

    let refused = host.invite(Invitation::new(little(), Duration::from_secs(60)));

    assert_eq!(refused.unwrap_err(), InviteError::NoGuests);
    stop([host]).await;
}

#[tokio::test]
async fn the_hash_is_that_of_the_certificate_that_is_shown() {
    let host = host(IdleAgent, 1).await;
    let guest = enter(&host, &invited(&host)).await;

    let shown = guest.quic.peer_identity().unwrap();
    let shown = shown.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().unwrap();

    let hash = ring::digest::digest(&ring::digest::SHA256, &shown[0]);
    assert_eq!(host.certificate_hashes(), [hash.as_ref()]);
    stop([host]).await;
}
