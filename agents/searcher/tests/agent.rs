//! The agents as others meet them: over real WebTransport.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_searcher::{FOUND, MISSED, RefereeAgent, RefereeParams, SPEEDUP, SearcherAgent, SearcherParams};
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

fn searcher(team: &str) -> SearcherAgent {
    let params = SearcherParams {
        team: team.to_owned(),
        width: 12,
        height: 10,
        targets: 4,
        step: Duration::from_millis(5),
        wait: Duration::from_millis(100),
        ..SearcherParams::default()
    };
    SearcherAgent::new(params).unwrap()
}

#[tokio::test]
async fn two_that_share_and_one_alone_find_everything_and_the_referee_compares_them() {
    let (sender, mut measured) = mpsc::unbounded_channel();
    let measures = Measures(sender);
    let params = RefereeParams { team: "pack".to_owned(), against: "loner".to_owned() };
    let referee = node(RefereeAgent::new(params).unwrap(), &measures).await;
    let mut searchers = Vec::new();
    for team in ["pack", "pack", "loner"] {
        let searcher = node(searcher(team), &measures).await;
        // Introduced by the referee, they find one another.
        searcher.connect(&referee.url()).await.unwrap();
        searchers.push(searcher);
    }

    let (mut found, mut speedup) = (Vec::new(), None);
    let all = async {
        while found.len() < 3 || speedup.is_none() {
            match measured.recv().await.expect("the nodes are there") {
                (_, FOUND, value) => found.push(value),
                (_, MISSED, value) => assert_eq!(value, 0.0),
                (who, SPEEDUP, value) => speedup = Some((who, value)),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all finish in time");

    assert_eq!(found, [4.0; 3]);
    let (who, times) = speedup.unwrap();
    assert_eq!(who, referee.id());
    assert!(times > 0.0);
    for node in searchers.into_iter().chain([referee]) {
        node.shutdown(PATIENCE).await.unwrap();
    }
}

#[test]
fn a_team_that_cannot_be_called_so_is_refused() {
    let params = SearcherParams { team: "Two Words".to_owned(), ..SearcherParams::default() };
    assert!(SearcherAgent::new(params).is_err());
}
