//! Agents that are slower than what they hear.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::observing::{Ears, Heard, by_hand, dropped, flow, listener, number, until_dropped};
use common::raw::{Raw, meet};
use common::serving::Gate;
use common::{node_with, stop, until};
use swarm_core::{AgentId, AgentNode, Direction, DropReason, NodeConfig};

const QUEUE: usize = 20;

/// A node whose agent does not finish with the first observation, and peers who speak to it.
struct Busy {
    node: AgentNode,
    ears: Ears,
    gate: Gate,
    peers: Vec<Raw>,
}

impl Busy {
    async fn with_peers(count: u8) -> Self {
        let mut config = NodeConfig::default();
        config.agent_queue = QUEUE;
        let gate = Gate::closed();
        let (agent, ears) = listener(["**"]);
        let node = node_with(agent.behind(&gate), config).await;
        let mut peers = Vec::new();
        for seed in 0..count {
            peers.push(meet(&node, 100 + seed).await);
        }
        peers[0].send(&[by_hand(peers[0].agent, 1, "first")]);
        until("the agent has it", || node.counters().observations_delivered == 1).await;
        Self { node, ears, gate, peers }
    }

    /// A peer sends these, and all of it comes: nothing overtakes on loopback.
    async fn send(&self, peer: usize, sequences: impl IntoIterator<Item = u64>) {
        let before = dropped(&self.node.counters(), DropReason::Malformed);
        let peer = &self.peers[peer];
        for sequence in sequences {
            peer.send(&[by_hand(peer.agent, sequence, "count")]);
        }
        peer.connection.send_datagram(vec![0, 0x11, 0xff].into()).unwrap();
        until_dropped(&self.node, DropReason::Malformed, before + 1).await;
    }

    /// What the agent is told when it goes on: of whom which number, and how many it missed.
    async fn heard(&mut self) -> (Vec<(AgentId, u64)>, u64) {
        self.gate.open(1000);
        let (mut heard, mut missed) = (Vec::new(), 0);
        // Nothing more comes: it is told all that waits.
        while heard.len() < QUEUE + 1 {
            match self.ears.next().await {
                Heard::Observation(observation) => heard.push((observation.origin, number(&observation))),
                Heard::Lagged(count) => missed += count,
            }
        }
        (heard, missed)
    }
}

#[tokio::test]
async fn the_oldest_are_lost_and_the_agent_is_told_how_many() {
    let mut busy = Busy::with_peers(1).await;
    let peer = busy.peers[0].agent;

    busy.send(0, 2..=100).await;
    let (heard, missed) = busy.heard().await;

    let newest = (81..=100).map(|sequence| (peer, sequence));
    assert_eq!(heard, [(peer, 1)].into_iter().chain(newest).collect::<Vec<_>>());
    assert_eq!(missed, 79);
    let came = flow(&busy.node, peer, Direction::Incoming);
    assert_eq!((came.passed, came.dropped[&DropReason::AgentLagged]), (21, missed));
    stop([busy.node]).await;
}

#[tokio::test]
async fn it_is_told_anew_what_it_has_missed_since() {
    let mut busy = Busy::with_peers(1).await;

    busy.send(0, 2..=30).await;
    busy.gate.open(2);
    assert!(matches!(busy.ears.next().await, Heard::Observation(_)));
    assert_eq!(busy.ears.next().await, Heard::Lagged(9));
    until("it has the next but one", || busy.node.counters().observations_delivered == 3).await;
    busy.send(0, 31..=40).await;
    let (heard, missed) = busy.heard().await;

    // Of the two that it took meanwhile one had been told already.
    assert_eq!((heard.len(), missed), (QUEUE + 1, 8));
    assert_eq!(dropped(&busy.node.counters(), DropReason::AgentLagged), 9 + 8);
    stop([busy.node]).await;
}

#[tokio::test]
async fn whoever_floods_pushes_out_nobody_else() {
    let mut busy = Busy::with_peers(3).await;
    let [flood, calm, late] = [0, 1, 2].map(|peer: usize| busy.peers[peer].agent);

    busy.send(1, 1..=3).await;
    busy.send(0, 2..=500).await;
    busy.send(2, 1..=3).await;
    let (heard, missed) = busy.heard().await;

    let of = |peer| heard.iter().filter(|(origin, _)| *origin == peer).map(|(_, n)| *n).collect::<Vec<_>>();
    assert_eq!((of(calm), of(late)), (vec![1, 2, 3], vec![1, 2, 3]));
    assert_eq!(of(flood), [1].into_iter().chain(487..=500).collect::<Vec<_>>());
    assert_eq!(missed, 499 - 14);
    // They take turns: those with little to say do not wait for the one with much.
    let last_of_others = heard.iter().rposition(|(origin, _)| *origin != flood);
    assert!(last_of_others < Some(1 + 3 * 3), "{heard:?}");
    for (peer, lost) in [(flood, missed), (calm, 0), (late, 0)] {
        let came = flow(&busy.node, peer, Direction::Incoming);
        assert_eq!(came.dropped.get(&DropReason::AgentLagged).copied().unwrap_or_default(), lost);
    }
    stop([busy.node]).await;
}
