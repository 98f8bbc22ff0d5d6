//! Every observation is accounted for: what a publisher was told, what it counted, what its peers counted, and what
//! whoever watches saw are the same.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::PATIENCE;
use common::observing::{all, flow, topic};
use common::serving::Events;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use rand::{RngExt, SeedableRng};
use swarm_core::{
    Agent, AgentId, AgentNode, Context, Counters, Direction, DropReason, Flow, Key, NodeConfig, NodeHandle,
    Observation, OutgoingObservation, Receipt, TopicPattern, TraceEvent,
};

const NODES: usize = 4;
const STEPS: usize = 400;
const TOPICS: [&str; 5] = ["arm.left", "arm.right", "leg.left", "leg.right", "eye"];
const PATTERNS: [&str; 7] = ["**", "arm.*", "leg.*", "*.left", "eye", "arm.right", "none"];

/// Takes its time over each observation.
struct Paced {
    takes: Duration,
    subscriptions: Vec<TopicPattern>,
}

impl Agent for Paced {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.subscriptions.clone()
    }

    async fn on_observation(&self, _cx: &Context, _observation: Observation) {
        if self.takes > Duration::ZERO {
            tokio::time::sleep(self.takes).await;
        }
    }
}

/// A node, and what it and its publisher know of what it broadcast.
struct Member {
    node: AgentNode,
    events: Events,
    broadcasts: u64,
    handed: u64,
    not_handed: BTreeMap<AgentId, u64>,
}

impl Member {
    async fn new(rng: &mut StdRng) -> Self {
        let mut config = NodeConfig::default();
        // So narrow that everything that can be lost is.
        (config.outbox_capacity, config.agent_queue) = (8, 16);
        let takes = Duration::from_millis(*[0, 0, 1, 3].choose(rng).unwrap());
        let subscriptions = PATTERNS.iter().filter(|_| rng.random_bool(0.4));
        let subscriptions = subscriptions.map(|pattern| pattern.parse().unwrap()).collect();
        let events = Events::default();
        let builder = common::dev(Paced { takes, subscriptions }).config(config).trace(events.clone());
        let node = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { node, events, broadcasts: 0, handed: 0, not_handed: BTreeMap::new() }
    }

    fn broadcast(&mut self, rng: &mut StdRng) -> Receipt {
        let mut observation = OutgoingObservation::new(topic(TOPICS.choose(rng).unwrap()), vec![0; 20]);
        if rng.random_bool(0.4) {
            observation = observation.latest(Key::try_from(*["", "a", "b"].choose(rng).unwrap()).unwrap());
        }
        if rng.random_bool(0.1) {
            observation = observation.reliable();
        } else if rng.random_bool(0.2) {
            observation = observation.expires_after(Duration::from_millis(rng.random_range(1..10)));
        }
        let receipt = self.node.broadcast(observation).unwrap();
        self.broadcasts += 1;
        self.handed += receipt.handed as u64;
        for not in &receipt.not_handed {
            *self.not_handed.entry(not.peer).or_default() += 1;
        }
        receipt
    }

    fn change_subscriptions(&self, rng: &mut StdRng) {
        let pattern = *PATTERNS.choose(rng).unwrap();
        if rng.random_bool(0.5) {
            self.node.subscribe(pattern).unwrap();
        } else {
            self.node.unsubscribe(pattern).unwrap();
        }
    }
}

/// What whoever watched a node counted.
#[derive(Debug, Default, PartialEq)]
struct Watched {
    sent: u64,
    handed: u64,
    delivered: u64,
    dropped: BTreeMap<DropReason, u64>,
    delivered_of: BTreeMap<AgentId, u64>,
    dropped_of: BTreeMap<(AgentId, Direction), BTreeMap<DropReason, u64>>,
}

impl Watched {
    fn of(events: &Events) -> Self {
        let mut watched = Self::default();
        for event in events.all() {
            match event {
                TraceEvent::ObservationSent { handed, .. } => {
                    watched.sent += 1;
                    watched.handed += handed as u64;
                }
                TraceEvent::ObservationDelivered { origin, .. } => {
                    watched.delivered += 1;
                    *watched.delivered_of.entry(origin).or_default() += 1;
                }
                TraceEvent::ObservationDropped { direction, peer, reason, count } => {
                    *watched.dropped.entry(reason).or_default() += count;
                    let of_peer = watched.dropped_of.entry((peer, direction)).or_default();
                    *of_peer.entry(reason).or_default() += count;
                }
                _ => {}
            }
        }
        watched
    }

    fn dropped_of(&self, peer: AgentId, direction: Direction) -> BTreeMap<DropReason, u64> {
        self.dropped_of.get(&(peer, direction)).cloned().unwrap_or_default()
    }

    fn agrees_with(&self, counters: &Counters) {
        let counted = (counters.observations_sent, counters.observations_handed);
        assert_eq!((self.sent, self.handed), counted);
        assert_eq!(self.delivered, counters.observations_delivered);
        assert_eq!(self.dropped, counters.observations_dropped);
        for (peer, of_peer) in &counters.peers {
            assert_eq!(self.dropped_of(*peer, Direction::Outgoing), of_peer.outgoing.dropped);
            assert_eq!(self.dropped_of(*peer, Direction::Incoming), of_peer.incoming.dropped);
            assert_eq!(self.delivered_of.get(peer).copied().unwrap_or_default(), of_peer.incoming.passed);
        }
    }
}

/// The flow from one to another, as both ends have counted it.
fn both_ends(from: &AgentNode, to: &AgentNode) -> (Flow, Flow) {
    (flow(from, to.id(), Direction::Outgoing), flow(to, from.id(), Direction::Incoming))
}

/// What does not add up yet, or never will: of each pair what the one sent and what the other took.
fn open_accounts(members: &[Member]) -> Vec<(u64, Flow, Flow)> {
    let pairs = members.iter().flat_map(|from| members.iter().map(move |to| (from, to)));
    let pairs = pairs.filter(|(from, to)| from.node.id() != to.node.id()).map(|(from, to)| {
        let (outgoing, incoming) = both_ends(&from.node, &to.node);
        (from.broadcasts, outgoing, incoming)
    });
    pairs
        .filter(|(sent, outgoing, incoming)| all(outgoing) != *sent || all(incoming) != outgoing.passed)
        .collect()
}

/// Nothing waits any more, and nothing is under way.
async fn quiet(members: &[Member]) {
    let quiet = async {
        while !open_accounts(members).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, quiet).await;
    waited.unwrap_or_else(|_| panic!("not accounted for: {:?}", open_accounts(members)));
}

async fn some_time(rng: &mut StdRng) {
    if rng.random_bool(0.3) {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..4))).await;
    } else if rng.random_bool(0.3) {
        tokio::task::yield_now().await;
    }
}

async fn swarm(rng: &mut StdRng) -> Vec<Member> {
    let mut members = Vec::new();
    for _ in 0..NODES {
        members.push(Member::new(rng).await);
    }
    let (first, others) = members.split_first().unwrap();
    for other in others {
        other.node.connect(&first.node.url()).await.unwrap();
    }
    for member in &members {
        member.node.ready(NODES - 1, PATIENCE).await.unwrap();
    }
    members
}

/// With everything that changes while the nodes run, but for who is there.
async fn all_is_accounted_for(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut members = swarm(&mut rng).await;

    for _ in 0..STEPS {
        let member = members.choose_mut(&mut rng).unwrap();
        if rng.random_bool(0.05) {
            member.change_subscriptions(&mut rng);
        }
        for _ in 0..rng.random_range(0..20) {
            let receipt = member.broadcast(&mut rng);
            assert_eq!(receipt.handed + receipt.not_handed.len(), NODES - 1);
        }
        some_time(&mut rng).await;
    }
    quiet(&members).await;

    let mut reasons = BTreeMap::new();
    for from in &members {
        let counters = from.node.counters();
        Watched::of(&from.events).agrees_with(&counters);
        assert_eq!(
            (counters.observations_sent, counters.observations_handed),
            (from.broadcasts, from.handed)
        );
        for to in members.iter().filter(|to| to.node.id() != from.node.id()) {
            let (outgoing, incoming) = both_ends(&from.node, &to.node);
            let not_handed = from.not_handed.get(&to.node.id()).copied().unwrap_or_default();
            // On a path that carries all of them nobody is refused for another reason.
            assert_eq!(
                outgoing.dropped.get(&DropReason::NotSubscribed).copied().unwrap_or_default(),
                not_handed
            );
            assert_eq!(all(&outgoing), from.broadcasts);
            assert_eq!(all(&incoming), outgoing.passed);
        }
        for (reason, count) in counters.observations_dropped {
            *reasons.entry(reason).or_insert(0) += count;
        }
    }
    for reason in
        [DropReason::NotSubscribed, DropReason::OutboxFull, DropReason::Replaced, DropReason::AgentLagged]
    {
        assert!(reasons.contains_key(&reason), "{reason} was not put to the test: {reasons:?}");
    }
    for member in members {
        member.node.shutdown(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_sent_is_delivered_or_counted() {
    for seed in 0..3 {
        all_is_accounted_for(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_sent_is_delivered_or_counted_on_several_threads() {
    for seed in 3..6 {
        all_is_accounted_for(seed).await;
    }
}

/// What of one's observations came to another, whoever has forgotten whom.
fn ended_up(from: &Watched, from_id: AgentId, to: &Watched, to_id: AgentId) -> (u64, u64) {
    let dropped = from.dropped_of(to_id, Direction::Outgoing).into_values().sum::<u64>();
    let came = to.delivered_of.get(&from_id).copied().unwrap_or_default()
        + to.dropped_of(from_id, Direction::Incoming).into_values().sum::<u64>();
    (dropped, came)
}

#[tokio::test]
async fn somebody_who_leaves_leaves_nothing_unaccounted_for() {
    for seed in 10..13 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut members = swarm(&mut rng).await;
        for _ in 0..200 {
            members.choose_mut(&mut rng).unwrap().broadcast(&mut rng);
            some_time(&mut rng).await;
        }
        quiet(&members).await;

        let leaver = members.pop().unwrap();
        let (handle, leaver_id): (NodeHandle, _) = (leaver.node.handle(), leaver.node.id());
        let mut leaving = Box::pin(leaver.node.shutdown(PATIENCE));
        let mut for_the_leaver = BTreeMap::from_iter(members.iter().map(|m| (m.node.id(), m.broadcasts)));
        let mut left = false;
        while !left || members.iter().any(|member| member.node.peers().len() == NODES - 1) {
            let member = members.choose_mut(&mut rng).unwrap();
            let peers = member.node.peers().len();
            let receipt = member.broadcast(&mut rng);
            assert_eq!(receipt.handed + receipt.not_handed.len(), peers);
            *for_the_leaver.get_mut(&member.node.id()).unwrap() += u64::from(peers == NODES - 1);
            let pause = Duration::from_millis(1);
            left = left || tokio::time::timeout(pause, &mut leaving).await.is_ok_and(|left| left.is_ok());
        }
        let gone = Watched::of(&leaver.events);
        gone.agrees_with(&handle.counters());

        // Among those who stay all is as ever.
        quiet(&members).await;
        for member in &members {
            let (stays, id) = (Watched::of(&member.events), member.node.id());
            stays.agrees_with(&member.node.counters());
            let (dropped, came) = ended_up(&gone, leaver_id, &stays, id);
            assert_eq!(dropped + came, leaver.broadcasts, "from who left");
            let (dropped, came) = ended_up(&stays, id, &gone, leaver_id);
            assert_eq!(dropped + came, for_the_leaver[&id], "to who left: {dropped} + {came}");
        }
        for member in members {
            member.node.shutdown(PATIENCE).await.unwrap();
        }
    }
}
