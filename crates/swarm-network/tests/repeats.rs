//! The same seed gives the same run: every packet and every event, in this process and in any other.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::fmt::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use swarm_core::trust::RootKey;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistanceRequest, Context, IdentityKey,
    NodeConfig, OutgoingObservation, OutgoingRequest, Replies, Route, TraceEvent, TraceSink, WallClock,
};
use swarm_network::{
    Conditions, Distribution, Fabric, Fault, Host, Loss, ModelNetwork, Network, Power, QuicNetwork, Scope,
};
use tokio::runtime::{Builder, RngSeed};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

const HOSTS: u32 = 7;

/// Tells what it saw each second, and asks whoever offers it for an echo.
struct Chatty;

impl Agent for Chatty {
    fn capabilities(&self) -> Vec<Advertisement> {
        "test.echo".parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        let node = cx.clone();
        cx.spawn(async move {
            for round in 0..u32::MAX {
                let payload = vec![7; 20 + round as usize % 50];
                let _ = node.broadcast_observation("test.lossy", payload.clone());
                let reliable =
                    OutgoingObservation::new("test.reliable".parse().unwrap(), payload.clone()).reliable();
                let _ = node.broadcast(reliable);
                let echo =
                    OutgoingRequest::new("test.echo".parse().unwrap()).deadline(Duration::from_secs(2));
                let route = Route::new().retries(2).hedge_after(Duration::from_millis(150));
                if let Ok(mut replies) = node.route(route, echo.payload(vec![1; 3000])).await {
                    while let Ok(Some(_)) = replies.next_chunk().await {}
                }
                tokio::time::sleep(Duration::from_millis(130)).await;
            }
        });
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        while let Some(chunk) = request.next_chunk().await? {
            replies.send_chunk(chunk).await?;
        }
        Ok(())
    }
}

/// Everything that happened, and when.
#[derive(Debug, Clone)]
struct Log(Arc<Mutex<String>>, Instant);

impl TraceSink for Log {
    fn record(&self, node: AgentId, event: TraceEvent) {
        writeln!(self.0.lock().unwrap(), "{:?} {node} {event:?}", self.1.elapsed()).unwrap();
    }
}

#[derive(Debug)]
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.0.elapsed()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Model,
    Quic,
}

/// Twelve seconds with everything that goes wrong, as text: what was carried, and what happened.
fn run(kind: Kind, seed: u64) -> String {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_time().start_paused(true).rng_seed(RngSeed::from_bytes(&seed.to_be_bytes()));
    runtime.build().unwrap().block_on(seconds(kind, seed))
}

#[expect(clippy::disallowed_methods, reason = "whoever holds the handle owns the task")]
async fn seconds(kind: Kind, seed: u64) -> String {
    let link = |from: Host, to: Host| {
        let mut link = Conditions::default();
        link.latency = Distribution::Normal(
            Duration::from_millis(5 + u64::from(from.0 + to.0)),
            Duration::from_millis(3),
        );
        link.loss = Loss::Random(0.02);
        link.duplicate = 0.01;
        link.reorder = 0.01;
        link.bandwidth = Some(5_000_000);
        link
    };
    let fabric = Arc::new(Mutex::new(Fabric::new(seed, HOSTS as usize, link)));
    let (network, moving): (Arc<dyn Network>, _) = match kind {
        Kind::Model => {
            let network = ModelNetwork::new(Arc::clone(&fabric));
            (Arc::clone(&network) as _, tokio::spawn(network.run()))
        }
        Kind::Quic => {
            let network = QuicNetwork::new(Arc::clone(&fabric), seed);
            (Arc::clone(&network) as _, tokio::spawn(network.run()))
        }
    };
    let _moving = AbortOnDropHandle::new(moving);
    let log = Log(Arc::default(), Instant::now());
    let power = |host, power| fabric.lock().unwrap().set_power(Host(host), power);
    let start = async |host: u32, life: u64| {
        power(host, Power::Up);
        let mut config = NodeConfig::default();
        config.mesh.introduce = false;
        let first = Host(0).address();
        let node = AgentNode::builder(Chatty)
            .dev_root(RootKey::from_seed([1; 32]))
            .identity(IdentityKey::from_seed([host as u8; 32]))
            .rng_seed(seed ^ u64::from(host) << 32 ^ life << 48)
            .wall_clock(Clock(log.1))
            .trace(log.clone())
            .config(config.clone());
        let node = if host == 0 { node } else { node.seed_peer(first) };
        node.start(|speaker| network.open(Host(host), speaker, &config)).await.unwrap()
    };
    let mut nodes = Vec::new();
    for host in 0..HOSTS {
        nodes.push(Some(start(host, 1).await));
    }
    let mut dials = JoinSet::new();
    for (from, to) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1), (2, 5)] {
        let (from, to) = (nodes[from].as_ref().unwrap().handle(), Host(to).address());
        dials.spawn(async move { from.connect(&to.into()).await.is_ok() });
    }
    dials.join_all().await;
    let second = Duration::from_secs(1);
    tokio::time::sleep(2 * second).await;

    let island = Scope { from: vec![Host(0), Host(1)], to: (2..HOSTS).map(Host).collect(), both_ways: true };
    let cut = fabric.lock().unwrap().begin(island, Fault::Cut);
    power(3, Power::Down);
    nodes[3] = None;
    tokio::time::sleep(5 * second).await;
    fabric.lock().unwrap().end(cut);
    power(5, Power::Paused);
    tokio::time::sleep(second).await;
    power(5, Power::Up);
    nodes[3] = Some(start(3, 2).await);
    tokio::time::sleep(3 * second).await;
    for node in nodes.into_iter().flatten() {
        let _ = node.shutdown(second).await;
    }
    let traffic = fabric.lock().unwrap().traffic();
    let events = log.0.lock().unwrap().clone();
    assert!(traffic.packets > 1000 && events.lines().count() > 1000, "something happened");
    format!("{traffic:?}\n{events}")
}

/// Where two texts part.
fn assert_same(first: &str, second: &str) {
    let differs = first.lines().zip(second.lines()).skip(1).find(|(first, second)| first != second);
    assert_eq!(differs, None, "the first event that differs");
    assert_eq!(first.lines().next(), second.lines().next(), "what was carried");
    assert_eq!(first.len(), second.len());
}

/// What another process makes of a run. A hash map is iterated in another order there.
fn run_elsewhere(kind: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    child.args(["--exact", kind, "--ignored", "--nocapture", "--test-threads", "1"]);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, printed) = text.split_once(BEGINS).expect("it prints the run");
    printed.split_once(ENDS).unwrap().0.to_owned()
}

const BEGINS: &str = "the run begins\n";
const ENDS: &str = "the run ends\n";

#[test]
#[ignore = "prints a run for another process"]
fn prints_model() {
    print!("{BEGINS}{}{ENDS}", run(Kind::Model, 42));
}

#[test]
#[ignore = "prints a run for another process"]
fn prints_quic() {
    print!("{BEGINS}{}{ENDS}", run(Kind::Quic, 42));
}

#[test]
fn quic_repeats_in_the_same_process() {
    let first = run(Kind::Quic, 42);

    assert_same(&first, &run(Kind::Quic, 42));
    assert_ne!(first, run(Kind::Quic, 43));
}

#[test]
fn quic_repeats_in_another_process() {
    assert_same(&run(Kind::Quic, 42), &run_elsewhere("prints_quic"));
}

#[test]
fn model_repeats_in_the_same_process() {
    let first = run(Kind::Model, 42);

    assert_same(&first, &run(Kind::Model, 42));
    assert_ne!(first, run(Kind::Model, 43));
}

#[test]
fn model_repeats_in_another_process() {
    assert_same(&run(Kind::Model, 42), &run_elsewhere("prints_model"));
}
