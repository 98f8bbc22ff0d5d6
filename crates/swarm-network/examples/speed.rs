//! How fast virtual time passes: a ring of nodes, each linked to its nearest neighbours, that tell each other small things
//! all the time. It measures and asserts nothing.
//!
//! ```text
//! cargo run --release -p swarm-network --example speed -- quic 32
//! cargo run --release -p swarm-network --example speed -- model 256
//! ```

#![expect(clippy::print_stdout, reason = "what it measures goes to whoever runs it")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use swarm_core::trust::RootKey;
use swarm_core::{Agent, AgentNode, Context, IdentityKey, NodeConfig, Observation, WallClock};
use swarm_network::{
    Conditions, Distribution, Fabric, Host, Loss, ModelNetwork, Network, Power, QuicNetwork,
};
use tokio::runtime::{Builder, RngSeed};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

type Problem = Box<dyn std::error::Error + Send + Sync>;

const DEGREE: u32 = 8;
const EVERY: Duration = Duration::from_millis(100);
const PAYLOAD: [u8; 32] = [7; 32];
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Problem> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_else(|| "quic".to_owned());
    let nodes = arguments.next().map_or(Ok(32), |nodes| nodes.parse())?;
    let lasts = Duration::from_secs(arguments.next().map_or(Ok(60), |seconds| seconds.parse())?);
    let mut runtime = Builder::new_current_thread();
    runtime.enable_time().start_paused(true).rng_seed(RngSeed::from_bytes(b"speed"));
    runtime.build()?.block_on(run(&kind, nodes, lasts))
}

/// Begins to tell something ten times a second once it is told to.
struct Teller(Arc<AtomicU64>);

impl Agent for Teller {
    async fn on_start(&self, cx: &Context) {
        let node = cx.clone();
        cx.spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let _ = node.broadcast_observation("speed.news", &PAYLOAD[..]);
            }
        });
    }

    async fn on_observation(&self, _cx: &Context, _observation: Observation) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever holds the handle owns the task")]
async fn run(kind: &str, count: u32, lasts: Duration) -> Result<(), Problem> {
    let link = |_, _| {
        let mut link = Conditions::default();
        link.latency = Distribution::Uniform(Duration::from_millis(1), Duration::from_millis(3));
        link.loss = Loss::Random(0.01);
        link
    };
    let fabric = Arc::new(Mutex::new(Fabric::new(1, count as usize, link)));
    let (network, moving): (Arc<dyn Network>, _) = match kind {
        "model" => {
            let network = ModelNetwork::new(Arc::clone(&fabric));
            (Arc::clone(&network) as _, tokio::spawn(network.run()))
        }
        "quic" => {
            let network = QuicNetwork::new(Arc::clone(&fabric), 1);
            (Arc::clone(&network) as _, tokio::spawn(network.run()))
        }
        other => return Err(format!("no network {other:?}: quic or model").into()),
    };
    let _moving = AbortOnDropHandle::new(moving);
    let (began, heard) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut nodes = Vec::new();
    for host in 0..count {
        fabric.lock().unwrap_or_else(PoisonError::into_inner).set_power(Host(host), Power::Up);
        let mut config = NodeConfig::default();
        config.mesh.introduce = false;
        let mut node = AgentNode::builder(Teller(Arc::clone(&heard)))
            .dev_root(RootKey::from_seed([1; 32]))
            .identity(identity(host))
            .rng_seed(host.into())
            .wall_clock(Clock(began))
            .config(config.clone());
        for step in 1..=DEGREE / 2 {
            node = node.seed_peer(Host((host + step) % count).address());
        }
        nodes.push(node.start(|speaker| network.open(Host(host), speaker, &config)).await?);
    }
    for node in &nodes {
        node.ready(DEGREE.min(count - 1) as usize, PATIENCE).await?;
    }
    let (ready, before) = (cpu()?, heard.swap(0, Ordering::Relaxed));
    tokio::time::sleep(lasts).await;
    let (took, heard) = (cpu()? - ready, heard.load(Ordering::Relaxed));
    let times = lasts.as_secs_f64() / took.as_secs_f64();
    let each = took.as_secs_f64() * 1e6 / heard as f64;
    println!(
        "{kind}, {count} nodes of degree {DEGREE}: connected after {ready:.2?} of CPU, {before} heard until then"
    );
    println!(
        "{} s of virtual time took {took:.2?} of CPU: {times:.0} times faster than real time",
        lasts.as_secs()
    );
    let traffic = fabric.lock().unwrap_or_else(PoisonError::into_inner).traffic();
    println!(
        "{heard} deliveries, {each:.1} us each; {} packets of {} bytes in all, lost: {:?}",
        traffic.packets, traffic.bytes, traffic.lost
    );
    Ok(())
}

fn identity(host: u32) -> IdentityKey {
    let [a, b, c, d] = host.to_be_bytes();
    let mut seed = [3; 32];
    seed.iter_mut().zip([a, b, c, d]).for_each(|(to, from)| *to = from);
    IdentityKey::from_seed(seed)
}

/// What this process has cost so far, by Linux: the 14th and 15th word of its line, in hundredths of a second.
fn cpu() -> Result<Duration, Problem> {
    let line = std::fs::read_to_string("/proc/self/stat")?;
    let (_, words) = line.rsplit_once(')').ok_or("an unusual line")?;
    let mut ticks = 0;
    for word in words.split_whitespace().skip(11).take(2) {
        ticks += word.parse::<u64>()?;
    }
    Ok(Duration::from_millis(10 * ticks))
}
