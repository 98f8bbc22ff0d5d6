//! The agents as others meet them: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_platoon::{MemberAgent, MemberParams, RIVALS, TERM, VACANCY, WitnessAgent, WitnessParams};
use swarm_core::{Agent, AgentId, AgentNode, TraceEvent, TraceSink};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what agents measure.
#[derive(Clone)]
struct Measures(mpsc::UnboundedSender<(AgentId, &'static str, f64)>);

impl TraceSink for Measures {
    fn record(&self, node: AgentId, event: TraceEvent) {
        if let TraceEvent::Measured { name, value } = event {
            let _ = self.0.send((node, name, value));
        }
    }
}

async fn node(agent: impl Agent, measures: &Measures) -> AgentNode {
    let builder = AgentNode::dev(agent).trace(measures.clone());
    builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Waits until somebody measures this.
async fn measured(
    from: &mut mpsc::UnboundedReceiver<(AgentId, &'static str, f64)>,
    wanted: &str,
) -> (AgentId, f64) {
    let find = async {
        loop {
            let (who, name, value) = from.recv().await.expect("the nodes are there");
            assert!(name != RIVALS || value == 0.0, "two command");
            if name == wanted {
                return (who, value);
            }
        }
    };
    tokio::time::timeout(PATIENCE, find).await.expect("it is measured in time")
}

#[tokio::test]
async fn a_platoon_elects_one_and_another_when_it_is_gone() {
    let (sender, mut from) = mpsc::unbounded_channel();
    let measures = Measures(sender);
    let witness = node(WitnessAgent::new(WitnessParams::default()).unwrap(), &measures).await;
    let params = MemberParams {
        members: 3,
        lease: Duration::from_millis(400),
        beat: Duration::from_millis(50),
        ..MemberParams::default()
    };
    let mut members = Vec::new();
    for seed in 0..3 {
        let member = node(MemberAgent::new(params.clone(), seed).unwrap(), &measures).await;
        // Introduced by the witness, they find one another.
        member.connect(&witness.url()).await.unwrap();
        members.push(member);
    }

    let (first, first_term) = measured(&mut from, TERM).await;
    // So many that everybody has heard one of them.
    for _ in 0..10 {
        assert_eq!(measured(&mut from, RIVALS).await, (witness.id(), 0.0), "the witness hears its orders");
    }
    let lost = members.iter().position(|member| member.id() == first).expect("a member is elected");
    members.remove(lost).shutdown(PATIENCE).await.unwrap();

    let (second, second_term) = measured(&mut from, TERM).await;
    assert!(second != first && second_term > first_term);
    let (heard_by, milliseconds) = measured(&mut from, VACANCY).await;
    assert!(members.iter().any(|member| member.id() == heard_by) && milliseconds > 0.0);
    for node in members.into_iter().chain([witness]) {
        node.shutdown(PATIENCE).await.unwrap();
    }
}
