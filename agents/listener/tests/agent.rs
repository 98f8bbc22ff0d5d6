//! The agent as others meet it: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_listener::{Listener, MISSED, Params};
use swarm_core::{AgentId, AgentNode, DropReason, IdleAgent, NodeConfig, TraceEvent, TraceSink};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what happens at the listener.
struct Events(mpsc::UnboundedSender<TraceEvent>);

impl TraceSink for Events {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        let _ = self.0.send(event);
    }
}

struct Pair {
    listener: AgentNode,
    talker: AgentNode,
    events: mpsc::UnboundedReceiver<TraceEvent>,
}

impl Pair {
    async fn start(params: Params) -> Self {
        let here = "127.0.0.1:0".parse().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let mut config = NodeConfig::default();
        config.agent_queue = 4;
        let listener = AgentNode::dev(Listener::new(params)).config(config).trace(Events(sender));
        let listener = listener.bind(here).await.unwrap();
        let talker = AgentNode::dev(IdleAgent).bind(here).await.unwrap();
        talker.connect(&listener.url()).await.unwrap();
        Self { listener, talker, events }
    }

    fn say(&self, topic: &str) {
        self.talker.broadcast_observation(topic, "x").unwrap();
    }

    /// What is made of the first event of which something is.
    async fn first<T>(&mut self, of: impl Fn(TraceEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = of(self.events.recv().await.expect("the node is there")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it happens in time")
    }
}

#[tokio::test]
async fn it_hears_what_it_subscribed_to_and_nothing_else() {
    let subscriptions = vec!["rover.*".parse().unwrap()];
    let mut pair = Pair::start(Params { subscriptions, ..Params::default() }).await;

    pair.say("map.tile");
    pair.say("rover.position");

    let heard = pair.first(|event| match event {
        TraceEvent::ObservationDelivered { topic, .. } => Some(topic),
        _ => None,
    });
    assert_eq!(heard.await.as_str(), "rover.position");
    assert_eq!(pair.talker.counters().observations_dropped.get(&DropReason::NotSubscribed), Some(&1));
}

#[tokio::test]
async fn who_takes_too_long_misses_the_oldest_and_measures_how_many() {
    let mut pair = Pair::start(Params { takes: Duration::from_millis(100), ..Params::default() }).await;

    (0..20).for_each(|_| pair.say("rover.position"));

    let missed = pair.first(|event| match event {
        TraceEvent::Measured { name: MISSED, value } => Some(value),
        _ => None,
    });
    assert!(missed.await >= 1.0);
    assert!(pair.listener.counters().observations_dropped.contains_key(&DropReason::AgentLagged));
}
