//! The agents as others meet them: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_shop::messages::{ORDER, Order, SOLD as SOLD_LABEL};
use agent_shop::{ClerkAgent, ClerkParams, CustomerAgent, CustomerParams, LOST, SOLD, TWICE};
use swarm_core::{Agent, AgentId, AgentNode, AssistError, IdleAgent, TraceEvent, TraceSink};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what a customer measures.
struct Measures(mpsc::UnboundedSender<(&'static str, f64)>);

impl TraceSink for Measures {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        if let TraceEvent::Measured { name, value } = event {
            let _ = self.0.send((name, value));
        }
    }
}

async fn node(agent: impl Agent) -> AgentNode {
    AgentNode::dev(agent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn clerk() -> AgentNode {
    node(ClerkAgent::new(ClerkParams { takes: Duration::from_millis(5), ..ClerkParams::default() }).unwrap())
        .await
}

struct Customer {
    node: AgentNode,
    measured: mpsc::UnboundedReceiver<(&'static str, f64)>,
}

impl Customer {
    async fn start() -> Self {
        let (sender, measured) = mpsc::unbounded_channel();
        let params = CustomerParams { every: Duration::from_millis(10), ..CustomerParams::default() };
        let agent = AgentNode::dev(CustomerAgent::new(params, 1).unwrap()).trace(Measures(sender));
        Self { node: agent.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), measured }
    }

    /// Waits for the next number under this name.
    async fn measured(&mut self, wanted: &str) -> f64 {
        let find = async {
            loop {
                let (name, value) = self.measured.recv().await.expect("the node is there");
                if name == wanted {
                    return value;
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("it is measured in time")
    }
}

#[tokio::test]
async fn orders_go_on_when_one_of_the_clerks_leaves() {
    let (first, second, mut customer) = (clerk().await, clerk().await, Customer::start().await);
    assert_eq!(customer.measured(LOST).await, 1.0, "there is nobody to order of");
    customer.node.connect(&first.url()).await.unwrap();
    customer.node.connect(&second.url()).await.unwrap();
    for _ in 0..5 {
        assert!(customer.measured(SOLD).await >= 5.0, "it takes its time");
        assert_eq!(customer.measured(TWICE).await, 0.0);
    }

    first.shutdown(PATIENCE).await.unwrap();

    for _ in 0..5 {
        customer.measured(SOLD).await;
        assert_eq!(customer.measured(LOST).await, 0.0);
    }
    customer.node.shutdown(PATIENCE).await.unwrap();
    second.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_is_no_order_is_declined_and_what_is_one_is_confirmed() {
    let (clerk, idle) = (clerk().await, node(IdleAgent).await);
    idle.connect(&clerk.url()).await.unwrap();

    let mut replies = idle.request_assistance(clerk.id(), ORDER, "a loaf").await.unwrap();
    let ended = replies.next_chunk().await;
    assert!(
        matches!(&ended, Err(AssistError::Declined { reason }) if reason.contains("number")),
        "{ended:?}"
    );

    let body = swarm_core::proto::to_vec(&Order { number: 3 }).unwrap();
    let mut replies = idle.request_assistance(clerk.id(), ORDER, body).await.unwrap();
    let sold = replies.next_chunk().await.unwrap().unwrap();
    assert_eq!((sold.label.as_str(), sold.decode()), (SOLD_LABEL, Ok(Order { number: 3 })));
    clerk.shutdown(PATIENCE).await.unwrap();
    idle.shutdown(PATIENCE).await.unwrap();
}
