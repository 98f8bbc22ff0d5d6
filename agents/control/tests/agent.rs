//! The agent as others meet it: over real WebTransport, among rovers good and bad.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_control::{ControlAgent, ControlParams};
use agent_rover::messages::{COMMAND, Command, DONE, Done, Event, Incident, Order, Telemetry};
use agent_rover::{RoverAgent, RoverParams, RoverTopics};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistanceRequest, Chunk, Context, Ending,
    IdentityKey, Observation, Replies, TopicPattern, TraceEvent, TraceSink,
};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what the agent measures.
struct Measures(mpsc::UnboundedSender<(&'static str, f64)>);

impl TraceSink for Measures {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        if let TraceEvent::Measured { name, value } = event {
            let _ = self.0.send((name, value));
        }
    }
}

struct Control {
    node: AgentNode,
    measured: mpsc::UnboundedReceiver<(&'static str, f64)>,
}

impl Control {
    async fn start() -> Self {
        Self::start_with(ControlParams::default()).await
    }

    async fn start_with(params: ControlParams) -> Self {
        let params = ControlParams { command_every: Duration::from_millis(5), ..params };
        let (measures, measured) = mpsc::unbounded_channel();
        let agent = ControlAgent::new(params, 1);
        let node = AgentNode::dev(agent).trace(Measures(measures));
        Self { node: node.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), measured }
    }

    async fn with(self, rover: &AgentNode) -> Self {
        self.node.connect(&rover.url()).await.unwrap();
        self
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

async fn node(agent: impl Agent) -> AgentNode {
    AgentNode::dev(agent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn stop(nodes: impl IntoIterator<Item = AgentNode>) {
    for node in nodes {
        node.shutdown(PATIENCE).await.unwrap();
    }
}

/// How a scripted rover answers a command, given how many it was sent before.
type Script = fn(usize) -> Manner;

enum Manner {
    Confirm,
    Fail,
    Decline,
    Hang,
}

/// Writes down the commands that it gets, and answers by its script.
#[derive(Clone)]
struct ScriptedRover {
    script: Script,
    got: Arc<Mutex<Vec<Command>>>,
    asked: mpsc::UnboundedSender<()>,
}

impl ScriptedRover {
    fn new(script: Script) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (asked, was_asked) = mpsc::unbounded_channel();
        (Self { script, got: Arc::default(), asked }, was_asked)
    }

    fn ids(&self) -> Vec<u64> {
        self.got.lock().unwrap().iter().map(|command| command.id).collect()
    }
}

impl Agent for ScriptedRover {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![COMMAND.parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let command: Command = Chunk::new("", request.payload(256).await?).decode()?;
        let before = {
            let mut got = self.got.lock().unwrap();
            got.push(command);
            got.len() - 1
        };
        let _ = self.asked.send(());
        match (self.script)(before) {
            Manner::Fail => return Err(AgentError::failed("a wheel is stuck")),
            Manner::Decline => return Err(AgentError::declined("on strike")),
            Manner::Hang => std::future::pending().await,
            Manner::Confirm => {}
        }
        let telemetry = Telemetry { x_m: 0.0, y_m: 0.0, heading_rad: 0.0, speed_mps: 0.0, battery: 1.0 };
        replies.send_value(DONE, &Done { id: command.id, repeated: before > 0, telemetry }).await?;
        Ok(())
    }
}

#[tokio::test]
async fn every_rover_is_commanded_and_every_command_confirmed() {
    let rover = |seed| node(RoverAgent::new(RoverParams::default(), seed));
    let (first, second) = (rover(1).await, rover(2).await);
    let mut control = Control::start().await.with(&first).await.with(&second).await;

    let served = |rover: &AgentNode| rover.counters().requests_served.get(&Ending::Completed).copied();
    let both_served = async {
        while [&first, &second].into_iter().any(|rover| served(rover) < Some(3)) {
            assert!(control.measured("command.confirmed").await >= 0.0);
            assert_eq!(control.measured("command.lost").await, 0.0);
        }
    };
    tokio::time::timeout(PATIENCE, both_served).await.expect("both are commanded in time");
    stop([control.node, first, second]).await;
}

#[tokio::test]
async fn a_command_is_repeated_under_its_id_until_it_is_confirmed() {
    let (agent, _asked) =
        ScriptedRover::new(|before| if before < 3 { Manner::Fail } else { Manner::Confirm });
    let rover = node(agent.clone()).await;
    let mut control = Control::start().await.with(&rover).await;

    assert!(control.measured("command.repeated").await >= 3.0);

    let (ids, got) = (agent.ids(), agent.got.lock().unwrap().clone());
    assert!(ids.iter().take(4).all(|id| Some(id) == ids.first()), "{ids:?}");
    assert!(ids.iter().skip(4).all(|id| Some(id) > ids.first()), "{ids:?}");
    assert!(got.iter().all(|command| matches!(command.order, Order::Goto { .. })));
    stop([control.node, rover]).await;
}

#[tokio::test]
async fn a_command_is_lost_with_its_rover() {
    let (agent, mut asked) = ScriptedRover::new(|_| Manner::Hang);
    let rover = node(agent.clone()).await;
    let mut control = Control::start().await.with(&rover).await;
    asked.recv().await.unwrap();

    // It hangs, so it does not end in order: what matters is what control makes of that.
    let _ = rover.shutdown(Duration::ZERO).await;

    assert_eq!(control.measured("command.lost").await, 1.0);
    stop([control.node]).await;
}

#[tokio::test]
async fn a_refused_command_is_not_repeated() {
    let (agent, _asked) = ScriptedRover::new(|_| Manner::Decline);
    let rover = node(agent.clone()).await;
    let mut control = Control::start().await.with(&rover).await;

    assert_eq!(control.measured("command.lost").await, 1.0);
    assert_eq!(control.measured("command.lost").await, 1.0);

    let mut ids = agent.ids();
    ids.dedup();
    assert_eq!(ids, agent.ids());
    stop([control.node, rover]).await;
}

#[tokio::test]
async fn a_rover_that_comes_back_is_commanded_again_under_new_ids() {
    let (agent, mut asked) = ScriptedRover::new(|_| Manner::Confirm);
    let start = async || {
        let rover = AgentNode::dev(agent.clone()).identity(IdentityKey::from_seed([2; 32]));
        rover.bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
    };
    let rover = start().await;
    let mut control = Control::start().await.with(&rover).await;
    asked.recv().await.unwrap();
    stop([rover]).await;
    let before = agent.ids();

    let rover = start().await;
    control = control.with(&rover).await;
    while agent.ids().len() == before.len() {
        control.measured("command.confirmed").await;
    }

    let ids = agent.ids();
    assert!(ids.windows(2).all(|pair| matches!(pair, [earlier, later] if earlier <= later)), "{ids:?}");
    assert!(ids.last() > before.last(), "{ids:?}");
    stop([control.node, rover]).await;
}

#[tokio::test]
async fn events_that_are_missing_or_late_are_measured() {
    let topics = RoverTopics::new();
    let (agent, _asked) = ScriptedRover::new(|_| Manner::Confirm);
    let rover = node(agent).await;
    let mut control = Control::start().await.with(&rover).await;
    let event = |number| Event { number, incident: Incident::Departed };

    rover.broadcast_observation("rover.event", "what cannot be read is passed over").unwrap();
    for number in [1, 2, 5, 4] {
        rover.publish(&topics.events, &event(number)).unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push((control.measured("event.missing").await, control.measured("event.late").await));
    }
    assert_eq!(heard, [(0.0, 0.0), (0.0, 0.0), (2.0, 0.0), (0.0, 1.0)]);

    stop([control.node, rover]).await;
}

#[tokio::test]
async fn how_long_a_rover_is_silent_is_measured() {
    let rover = node(RoverAgent::new(RoverParams::default(), 1)).await;
    let mut control = Control::start().await.with(&rover).await;

    assert!(control.measured("telemetry.pause").await > 0.0);

    stop([control.node, rover]).await;
}

/// Passes on the orders that it hears.
struct Recruit(mpsc::UnboundedSender<Order>);

impl Agent for Recruit {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec!["fleet.**".parse().unwrap()]
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if let Some(Ok(order)) = RoverTopics::new().orders.read(&observation) {
            let _ = self.0.send(order);
        }
    }
}

#[tokio::test]
async fn rovers_are_told_to_gather_again_and_again() {
    let (orders, mut heard) = mpsc::unbounded_channel();
    let recruit = node(Recruit(orders)).await;
    let rally_every = Some(Duration::from_millis(5));
    let params = ControlParams { rally_every, ..ControlParams::default() };
    let control = Control::start_with(params).await.with(&recruit).await;

    for _ in 0..2 {
        let order = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("it is told in time");
        assert_eq!(order, Some(Order::Goto { x_m: 0.0, y_m: 0.0 }));
    }
    stop([control.node, recruit]).await;
}
