//! Observations of which only the newest counts, and those that are not worth having after a while: where the path is
//! blocked, where the agent is slow, and where they come out of order.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::num::NonZeroU32;
use std::time::Duration;

use common::observing::{
    Ears, Heard, LIFE, by_hand, dropped, flow, latest, listener, number, topic, until_dropped,
};
use common::raw::{Raw, meet};
use common::serving::Gate;
use common::wire::Wire;
use common::{node, node_with, stop};
use swarm_core::{
    AgentNode, Direction, DropReason, IdleAgent, Key, NodeConfig, Observation, OutgoingObservation,
};

/// A publisher whose path to a listener is blocked: whatever it broadcasts waits in its outbox.
struct Blocked {
    a: AgentNode,
    b: AgentNode,
    ears: Ears,
    wire: Wire,
    /// Observations that the network or the outbox took before.
    before: u64,
}

impl Blocked {
    async fn new() -> Self {
        let mut config = NodeConfig::default();
        config.web_transport.datagram_send_buffer_bytes = 4096;
        // What does not go at once has no room in the network.
        config.coalescing_window = Duration::ZERO;
        let (agent, ears) = listener(["**"]);
        let (a, b) = (node_with(IdleAgent, config).await, node(agent).await);
        let wire = Wire::to(&b).await;
        a.connect(&wire.url()).await.unwrap();
        wire.cut();
        let mut blocked = Self { a, b, ears, wire, before: 0 };
        while blocked.before == flow(&blocked.a, blocked.b.id(), Direction::Outgoing).passed {
            blocked.fill();
            tokio::task::yield_now().await;
        }
        // Probes of the path take a few of them along.
        (0..50).for_each(|_| blocked.fill());
        blocked
    }

    fn fill(&mut self) {
        self.a.broadcast_observation("before", vec![0; 500]).unwrap();
        self.before += 1;
    }

    fn broadcast(&self, key: &str, number: u64) {
        let observation = OutgoingObservation::new(topic("position"), number.to_string());
        let observation = observation.latest(Key::try_from(key).unwrap());
        assert_eq!(self.a.broadcast(observation).unwrap().handed, 1);
    }

    /// What of it comes through once the path is free.
    async fn heard(&mut self) -> Vec<(String, u64)> {
        self.a.broadcast_observation("end", "").unwrap();
        self.wire.mend();
        let heard = self.ears.until("end").await.into_iter();
        let heard = heard.map(|heard| match heard {
            Heard::Observation(observation) => observation,
            Heard::Lagged(missed) => panic!("{missed} were missed"),
        });
        heard.filter(|o| o.topic.as_str() != "before").map(|o| (key_of(&o), number(&o))).collect()
    }
}

fn key_of(observation: &Observation) -> String {
    match &observation.delivery {
        swarm_core::Delivery::Latest { key } => key.as_str().to_owned(),
        _ => String::new(),
    }
}

fn pair(key: &str, number: u64) -> (String, u64) {
    (key.to_owned(), number)
}

#[tokio::test]
async fn while_the_path_is_blocked_the_newest_of_each_key_waits() {
    const LAST: u64 = 900;
    let mut blocked = Blocked::new().await;

    for number in 0..=LAST {
        blocked.broadcast("arm", number);
        blocked.broadcast("leg", number);
    }

    assert_eq!(blocked.heard().await, [pair("arm", LAST), pair("leg", LAST)]);
    let counters = blocked.a.counters();
    assert_eq!(counters.observations_handed, blocked.before + 2 * (LAST + 1) + 1);
    assert_eq!(counters.observations_dropped, [(DropReason::Replaced, 2 * LAST)].into());
    stop([blocked.a, blocked.b]).await;
}

#[tokio::test]
async fn what_takes_over_an_early_turn_costs_nobody_behind_it() {
    let mut blocked = Blocked::new().await;

    blocked.broadcast("busy", 0);
    blocked.broadcast("quiet", 1);
    blocked.a.broadcast_observation("lossy", "2").unwrap();
    for number in 3..3000 {
        blocked.broadcast("busy", number);
    }

    assert_eq!(blocked.heard().await, [pair("busy", 2999), pair("quiet", 1), pair("", 2)]);
    assert_eq!(blocked.b.counters().observations_dropped, [].into());
    stop([blocked.a, blocked.b]).await;
}

#[tokio::test]
async fn what_is_worth_nothing_any_more_is_not_sent() {
    let mut blocked = Blocked::new().await;

    for number in 0..10 {
        let observation = OutgoingObservation::new(topic("count"), number.to_string()).expires_after(LIFE);
        blocked.a.broadcast(observation).unwrap();
    }
    blocked.a.broadcast_observation("count", "10").unwrap();
    tokio::time::sleep(LIFE).await;

    assert_eq!(blocked.heard().await, [pair("", 10)]);
    assert_eq!(blocked.a.counters().observations_dropped, [(DropReason::Expired, 10)].into());
    assert_eq!(blocked.b.counters().observations_dropped, [].into());
    stop([blocked.a, blocked.b]).await;
}

/// A peer that sends what it is told to a node whose agent does not finish with the first observation.
struct Stalled {
    b: AgentNode,
    ears: Ears,
    gate: Gate,
    peer: Raw,
    malformed: u64,
}

impl Stalled {
    async fn new() -> Self {
        let gate = Gate::closed();
        let (agent, ears) = listener(["**"]);
        let b = node(agent.behind(&gate)).await;
        let peer = meet(&b, 7).await;
        let stalled = Self { b, ears, gate, peer, malformed: 0 };
        stalled.peer.send(&[by_hand(stalled.peer.agent, 1, "first")]);
        common::until("the agent has it", || stalled.b.counters().observations_delivered == 1).await;
        stalled
    }

    fn send(&self, observation: Observation) {
        self.peer.send(&[observation]);
    }

    fn latest(&self, sequence: u64, key: &str) -> Observation {
        Observation { delivery: latest(key), ..by_hand(self.peer.agent, sequence, "position") }
    }

    /// Waits until all that was sent has come: nothing overtakes on loopback.
    async fn came(&mut self) {
        self.malformed += 1;
        self.peer.connection.send_datagram(vec![0, 0x11, 0xff].into()).unwrap();
        until_dropped(&self.b, DropReason::Malformed, self.malformed).await;
    }

    /// The numbers of all that the agent is told once it goes on.
    async fn heard(&mut self) -> Vec<u64> {
        self.send(by_hand(self.peer.agent, 200, "end"));
        self.came().await;
        self.gate.open(1000);
        let heard = self.ears.until("end").await.into_iter();
        heard
            .map(|heard| match heard {
                Heard::Observation(observation) => number(&observation),
                Heard::Lagged(missed) => panic!("{missed} were missed"),
            })
            .collect()
    }
}

#[tokio::test]
async fn an_agent_that_is_slow_gets_the_newest() {
    let mut stalled = Stalled::new().await;

    for sequence in 2..100 {
        stalled.send(stalled.latest(sequence, if sequence % 2 == 0 { "arm" } else { "leg" }));
    }

    assert_eq!(stalled.heard().await, [1, 98, 99]);
    assert_eq!(dropped(&stalled.b.counters(), DropReason::Replaced), 96);
    stop([stalled.b]).await;
}

#[tokio::test]
async fn what_is_worth_nothing_any_more_does_not_reach_a_slow_agent() {
    let mut stalled = Stalled::new().await;
    let expires_ms = NonZeroU32::new(LIFE.as_millis() as u32);

    for sequence in 2..=6 {
        stalled.send(Observation { expires_ms, ..by_hand(stalled.peer.agent, sequence, "count") });
    }
    stalled.send(by_hand(stalled.peer.agent, 7, "count"));
    stalled.came().await;
    tokio::time::sleep(LIFE).await;

    assert_eq!(stalled.heard().await, [1, 7]);
    assert_eq!(dropped(&stalled.b.counters(), DropReason::Expired), 5);
    stop([stalled.b]).await;
}

#[tokio::test]
async fn an_older_value_never_follows_a_newer_one() {
    let mut stalled = Stalled::new().await;

    // While the newer one waits for the agent.
    for (sequence, key) in [(5, "arm"), (3, "arm"), (4, "leg")] {
        stalled.send(stalled.latest(sequence, key));
    }
    assert_eq!(stalled.heard().await, [1, 5, 4]);

    // And after it was delivered.
    stalled.send(stalled.latest(2, "arm"));
    stalled.send(stalled.latest(6, "arm"));
    let next = stalled.ears.observation().await;
    assert_eq!(number(&next), 6);
    let came = flow(&stalled.b, stalled.peer.agent, Direction::Incoming);
    assert_eq!(came.dropped.get(&DropReason::Outdated), Some(&2));
    stop([stalled.b]).await;
}
