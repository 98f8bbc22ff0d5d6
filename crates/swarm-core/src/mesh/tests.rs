//! The mesh as its driver sees it: inputs and the time in, outputs out.

use super::*;
use proptest::prelude::*;
use swarm_proto::{Epoch, Role};

/// Ids sort by their number.
fn agent(number: u8) -> AgentId {
    let mut digest = [0; 32];
    digest[0] = number;
    AgentId::from_key_digest(digest)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn peer(number: u8, epoch: u64) -> PeerInfo {
    PeerInfo {
        id: agent(number),
        role: Role::Member,
        epoch: Epoch::new(epoch),
        capabilities: Vec::new(),
        load: 0,
        address: address(number.into()),
    }
}

/// A mesh and its clock.
struct Bench {
    mesh: Mesh,
    now: Instant,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary beginning of time")]
    fn new(me: u8) -> Self {
        Self { mesh: Mesh::new(agent(me), MeshConfig::default(), 1), now: Instant::now() }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.mesh.handle(self.now, input).collect()
    }

    fn up(&mut self, connection: u64, number: u8, epoch: u64) -> Vec<Output> {
        self.tell(Input::Up { connection: ConnectionKey(connection), peer: peer(number, epoch) })
    }

    fn down(&mut self, connection: u64, reason: GoneReason) -> Vec<Output> {
        self.tell(Input::Down { connection: ConnectionKey(connection), reason })
    }

    /// Lets time pass to the next timeout.
    fn advance(&mut self) -> Vec<Output> {
        self.now = self.mesh.next_timeout().expect("something is due");
        self.tell(Input::Timeout)
    }
}

fn introduction(number: u8) -> Introduction {
    Introduction { agent: agent(number), address: address(number.into()) }
}

fn dials(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Dial { .. })).count()
}

#[test]
fn a_seed_is_dialled_at_once_and_again_for_ever_with_growing_pauses() {
    let mut bench = Bench::new(1);
    let began = bench.now;
    assert_eq!(bench.tell(Input::Seed(address(9))), [Output::Dial { address: address(9), expected: None }]);

    for _ in 0..200 {
        assert_eq!(bench.tell(Input::DialFailed(address(9))), []);
        let pause = bench.mesh.next_timeout().unwrap() - bench.now;
        assert!(pause <= MeshConfig::default().backoff_max);
        assert_eq!(dials(&bench.advance()), 1);
    }

    assert!(
        bench.now - began > MeshConfig::default().forget_after,
        "the test outlasts the patience for others"
    );
}

#[test]
fn a_newcomer_is_introduced_to_the_others_and_dials_them() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);

    let outputs = bench.up(2, 3, 1);

    assert_eq!(
        outputs,
        [
            Output::Use(ConnectionKey(2)),
            Output::Introduce { to: ConnectionKey(2), peers: vec![introduction(2)] },
            Output::Came(peer(3, 1))
        ]
    );
    let mut newcomer = Bench::new(3);
    newcomer.up(1, 1, 1);
    let dialled = newcomer.tell(Input::Introduced(vec![introduction(2), introduction(1), introduction(3)]));
    assert_eq!(dialled, [Output::Dial { address: address(2), expected: Some(agent(2)) }]);
}

fn observer(number: u8) -> PeerInfo {
    PeerInfo { role: Role::Observer, ..peer(number, 1) }
}

#[test]
fn an_observer_is_introduced_to_nobody_and_nobody_to_it() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);

    let came = bench.tell(Input::Up { connection: ConnectionKey(2), peer: observer(3) });
    assert_eq!(came, [Output::Use(ConnectionKey(2)), Output::Came(observer(3))]);

    let introduced = bench.up(3, 4, 1);
    let expected = Output::Introduce { to: ConnectionKey(3), peers: vec![introduction(2)] };
    assert!(introduced.contains(&expected), "{introduced:?}");
}

#[test]
fn an_observer_that_is_lost_is_not_dialled_unless_it_is_a_seed() {
    let mut bench = Bench::new(1);
    bench.tell(Input::Up { connection: ConnectionKey(1), peer: observer(2) });
    let went = bench.down(1, GoneReason::Lost);
    assert_eq!(went, [Output::Went { peer: agent(2), reason: GoneReason::Lost, returning: false }]);
    assert_eq!(bench.mesh.next_timeout(), None);

    bench.tell(Input::Seed(address(3)));
    bench.tell(Input::Up { connection: ConnectionKey(2), peer: observer(3) });
    assert_eq!(bench.mesh.next_timeout(), None, "it is there");
    bench.down(2, GoneReason::Lost);
    assert_eq!(dials(&bench.advance()), 1);
}

#[test]
fn a_member_that_comes_back_as_an_observer_is_not_dialled_any_more() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);
    bench.down(1, GoneReason::Lost);

    // From another address, as guests do.
    let elsewhere = PeerInfo { address: address(99), ..observer(2) };
    bench.tell(Input::Up { connection: ConnectionKey(2), peer: elsewhere });

    assert_eq!(bench.mesh.next_timeout(), None);
}

#[test]
fn the_smaller_id_decides_which_of_two_connections_stays() {
    let mut smaller = Bench::new(1);
    smaller.up(1, 2, 1);
    assert_eq!(smaller.up(2, 2, 1), [Output::Use(ConnectionKey(2)), Output::Retire(ConnectionKey(1))]);

    let mut larger = Bench::new(3);
    larger.up(1, 2, 1);
    assert_eq!(larger.up(2, 2, 1), [Output::Use(ConnectionKey(2))]);
    assert_eq!(larger.down(2, GoneReason::Lost), [Output::Use(ConnectionKey(1))], "it follows the decision");
}

#[test]
fn a_peer_went_only_with_its_last_link() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);
    bench.up(2, 2, 1);

    assert_eq!(bench.down(1, GoneReason::Lost), []);
    let went = bench.down(2, GoneReason::Lost);

    assert_eq!(went, [Output::Went { peer: agent(2), reason: GoneReason::Lost, returning: true }]);
    assert_eq!(dials(&bench.advance()), 1);
}

#[test]
fn a_peer_that_said_goodbye_is_not_dialled_again_unless_it_is_a_seed() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);
    let went = bench.down(1, GoneReason::Goodbye);
    assert_eq!(went, [Output::Went { peer: agent(2), reason: GoneReason::Goodbye, returning: false }]);
    assert_eq!(bench.mesh.next_timeout(), None);

    bench.tell(Input::Seed(address(2)));
    bench.up(2, 2, 1);
    bench.down(2, GoneReason::Goodbye);
    assert_eq!(dials(&bench.advance()), 1);
}

#[test]
fn a_peer_that_was_sent_away_is_not_dialled_before_its_time_whoever_introduces_it() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);
    let until = bench.now + Duration::from_secs(60);
    assert_eq!(bench.tell(Input::SentAway { peer: agent(2), until }), []);
    bench.down(1, GoneReason::Misbehaved);

    assert_eq!(bench.tell(Input::Introduced(vec![introduction(2)])), []);
    assert_eq!(bench.mesh.next_timeout(), None);

    bench.now = until;
    assert_eq!(dials(&bench.tell(Input::Introduced(vec![introduction(2)]))), 1);
}

#[test]
fn a_seed_that_was_sent_away_is_dialled_when_its_time_has_come() {
    let mut bench = Bench::new(1);
    bench.tell(Input::Seed(address(2)));
    bench.up(1, 2, 1);
    let until = bench.now + Duration::from_secs(60);
    bench.tell(Input::SentAway { peer: agent(2), until });

    bench.down(1, GoneReason::Misbehaved);

    assert_eq!(bench.mesh.next_timeout(), Some(until));
    assert_eq!(dials(&bench.advance()), 1);
}

#[test]
fn a_lost_peer_is_forgotten_after_a_while() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);
    bench.down(1, GoneReason::Lost);

    let forgotten = std::iter::from_fn(|| {
        let outputs = bench.advance();
        bench.tell(Input::DialFailed(address(2)));
        Some(outputs)
    })
    .take(1000)
    .find(|outputs| outputs.contains(&Output::Forgotten(agent(2))));

    assert!(forgotten.is_some());
    assert_eq!(bench.mesh.next_timeout(), None);
}

#[test]
fn a_restarted_peer_goes_and_comes_and_is_not_dialled() {
    let mut bench = Bench::new(1);
    bench.up(1, 2, 1);

    let outputs = bench.up(2, 2, 2);

    assert_eq!(
        outputs,
        [
            Output::Went { peer: agent(2), reason: GoneReason::Restarted, returning: true },
            Output::Close(ConnectionKey(1)),
            Output::Use(ConnectionKey(2)),
            Output::Came(peer(2, 2))
        ]
    );
    assert_eq!(bench.up(3, 2, 1), [Output::Close(ConnectionKey(3))], "its former life is over");
    assert_eq!(bench.mesh.next_timeout(), None);
}

#[test]
fn guests_with_throw_away_keys_do_not_fill_the_memory() {
    let mut bench = Bench::new(1);
    let max = MeshConfig::default().max_candidates;

    for n in 0..2 * max as u64 {
        let mut digest = [9; 32];
        digest[..8].copy_from_slice(&n.to_be_bytes());
        let id = AgentId::from_key_digest(digest);
        let guest = PeerInfo { id, address: SocketAddr::from(((n as u32).to_be_bytes(), 1)), ..peer(2, 1) };
        bench.tell(Input::Up { connection: ConnectionKey(n), peer: guest });
        bench.down(n, GoneReason::Lost);
    }

    assert!(bench.mesh.candidates.len() <= max);
}

#[test]
fn introductions_do_not_fill_the_memory() {
    let mut bench = Bench::new(1);
    let max = MeshConfig::default().max_candidates;

    let crowd = (0..2 * max as u32).map(|n| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.to_be_bytes());
        Introduction {
            agent: AgentId::from_key_digest(digest),
            address: SocketAddr::from((n.to_be_bytes(), 1)),
        }
    });

    assert!(dials(&bench.tell(Input::Introduced(crowd.collect()))) <= max);
}

#[derive(Debug, Clone)]
enum Step {
    Up { number: u8, epoch: u64 },
    Down { nth: usize, goodbye: bool },
    Introduced(u8),
    Seed(u16),
    Advance,
    FailDial(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (2_u8..6, 1_u64..3).prop_map(|(number, epoch)| Step::Up { number, epoch }),
        (0_usize..4, any::<bool>()).prop_map(|(nth, goodbye)| Step::Down { nth, goodbye }),
        (1_u8..6).prop_map(Step::Introduced),
        (1_u16..6).prop_map(Step::Seed),
        Just(Step::Advance),
        (1_u16..6).prop_map(Step::FailDial),
    ];
    proptest::collection::vec(step, 0..60)
}

fn play(steps: &[Step], check: &mut impl FnMut(&Output)) -> Vec<Output> {
    let mut bench = Bench::new(1);
    let (mut open, mut next) = (Vec::new(), 0);
    let mut all = Vec::new();
    for step in steps {
        let outputs = match step {
            Step::Up { number, epoch } => {
                next += 1;
                open.push(next);
                bench.up(next, *number, *epoch)
            }
            Step::Down { nth, goodbye } if *nth < open.len() => {
                let reason = if *goodbye { GoneReason::Goodbye } else { GoneReason::Lost };
                let connection = open.remove(*nth);
                bench.down(connection, reason)
            }
            Step::Down { .. } => Vec::new(),
            Step::Introduced(number) => bench.tell(Input::Introduced(vec![introduction(*number)])),
            Step::Seed(port) => bench.tell(Input::Seed(address(*port))),
            Step::Advance if bench.mesh.next_timeout().is_some() => bench.advance(),
            Step::Advance => Vec::new(),
            Step::FailDial(port) => bench.tell(Input::DialFailed(address(*port))),
        };
        outputs.iter().for_each(&mut *check);
        all.extend(outputs);
    }
    all
}

proptest! {
    #[test]
    fn peers_come_and_go_in_turns_and_nobody_dials_itself(steps in steps()) {
        let mut here = std::collections::BTreeSet::new();
        play(&steps, &mut |output| match output {
            Output::Came(peer) => assert!(here.insert(peer.id), "{} came twice", peer.id),
            Output::Went { peer, .. } => assert!(here.remove(peer), "{peer} went without having come"),
            Output::Dial { expected, .. } => assert_ne!(*expected, Some(agent(1))),
            _ => {}
        });
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(steps in steps()) {
        prop_assert_eq!(play(&steps, &mut |_| {}), play(&steps, &mut |_| {}));
    }
}
