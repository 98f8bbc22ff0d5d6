//! Agents that hear observations at a pace of the test's own, and observations made by hand.

use std::time::Duration;

use bytes::Bytes;
use swarm_core::proto::{DatagramBuilder, encode_observation};
use swarm_core::{
    Agent, AgentId, AgentNode, Context, Counters, Delivery, Direction, DropReason, Epoch, Flow, Key,
    Observation, Sequence, TopicName, TopicPattern, UnixMicros,
};
use tokio::sync::mpsc;

use super::PATIENCE;
use super::serving::Gate;

/// What a [`Listener`] is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    Observation(Observation),
    Lagged(u64),
}

/// Hears what it subscribed to, as fast as its gate lets it.
pub(crate) struct Listener {
    subscriptions: Vec<TopicPattern>,
    gate: Option<Gate>,
    heard: mpsc::UnboundedSender<Heard>,
}

pub(crate) struct Ears(mpsc::UnboundedReceiver<Heard>);

pub(crate) fn listener<'a>(subscriptions: impl IntoIterator<Item = &'a str>) -> (Listener, Ears) {
    let (heard, ears) = mpsc::unbounded_channel();
    let subscriptions = subscriptions.into_iter().map(|pattern| pattern.parse().unwrap()).collect();
    (Listener { subscriptions, gate: None, heard }, Ears(ears))
}

impl Listener {
    /// Each observation passes the gate before it is told, and the next one waits for it.
    pub(crate) fn behind(self, gate: &Gate) -> Self {
        Self { gate: Some(gate.clone()), ..self }
    }
}

impl Agent for Listener {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.subscriptions.clone()
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        let _ = self.heard.send(Heard::Observation(observation));
    }

    async fn on_lagged(&self, _cx: &Context, missed: u64) {
        let _ = self.heard.send(Heard::Lagged(missed));
    }
}

impl Ears {
    pub(crate) async fn next(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.0.recv()).await;
        heard.expect("there is something to hear").expect("the agent is still there")
    }

    /// The next observation, of an agent that does not lag.
    pub(crate) async fn observation(&mut self) -> Observation {
        match self.next().await {
            Heard::Observation(observation) => observation,
            Heard::Lagged(missed) => panic!("{missed} were missed"),
        }
    }

    /// What was heard before an observation of this topic, which comes last.
    pub(crate) async fn until(&mut self, topic: &str) -> Vec<Heard> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Heard::Observation(observation) if observation.topic.as_str() == topic => return before,
                heard => before.push(heard),
            }
        }
    }

    pub(crate) fn drain(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

pub(crate) fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

/// What an observation says, of those that say a number.
pub(crate) fn number(observation: &Observation) -> u64 {
    std::str::from_utf8(&observation.payload).unwrap().parse().unwrap()
}

/// A lossy observation as its origin might make it; the payload says its sequence.
pub(crate) fn by_hand(origin: AgentId, sequence: u64, name: &str) -> Observation {
    Observation {
        origin,
        epoch: Epoch::new(1),
        sequence: Sequence::new(sequence),
        topic: topic(name),
        sent_at: UnixMicros::new(0),
        hops: 0,
        payload: sequence.to_string().into(),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    }
}

pub(crate) fn latest(key: &str) -> Delivery {
    Delivery::Latest { key: Key::try_from(key).unwrap() }
}

/// The datagram that carries these, behind what WebTransport puts before it.
pub(crate) fn datagram(observations: &[Observation]) -> Bytes {
    datagram_behind(&[0], observations)
}

/// The same for a session that puts that there by itself.
pub(crate) fn payload_of_datagram(observations: &[Observation]) -> Bytes {
    datagram_behind(&[], observations)
}

fn datagram_behind(prefix: &[u8], observations: &[Observation]) -> Bytes {
    let mut builder = DatagramBuilder::behind(prefix, 1400, 0);
    for observation in observations {
        assert!(builder.try_push(&encode_observation(observation)), "it fits");
    }
    builder.finish()
}

/// What a node has counted of the observations from or to a peer.
pub(crate) fn flow(node: &AgentNode, peer: AgentId, direction: Direction) -> Flow {
    let peers = node.counters().peers;
    let peer = peers.get(&peer).cloned().unwrap_or_default();
    match direction {
        Direction::Outgoing => peer.outgoing,
        Direction::Incoming => peer.incoming,
    }
}

/// All that there were.
pub(crate) fn all(flow: &Flow) -> u64 {
    flow.passed + flow.dropped.values().sum::<u64>()
}

pub(crate) fn dropped(counters: &Counters, reason: DropReason) -> u64 {
    counters.observations_dropped.get(&reason).copied().unwrap_or_default()
}

/// Waits until a node has lost so many for this reason.
pub(crate) async fn until_dropped(node: &AgentNode, reason: DropReason, count: u64) {
    super::until(&format!("{count} {reason}"), || dropped(&node.counters(), reason) == count).await;
}

/// Waits until so many peers want to hear of a topic.
pub(crate) async fn until_subscribed(node: &AgentNode, name: &str, count: usize) {
    let topic = topic(name);
    super::until(&format!("{count} subscribed to {name}"), || node.subscribers(&topic) == count).await;
}

/// A duration that is over for certain once it has been slept.
pub(crate) const LIFE: Duration = Duration::from_millis(50);
