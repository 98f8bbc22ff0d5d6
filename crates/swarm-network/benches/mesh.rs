//! What a mesh on the model network costs: `cargo bench -p swarm-network --bench mesh -- [agents] [seconds] [loss]`. Without
//! agents, what the fabric alone takes, and the network without nodes.
//!
//! Each agent is connected to eight others and broadcasts ten observations of 64 bytes a second. It prints the time of the
//! processor, how many times faster than real time that is, and the memory.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use swarm_core::transport::Speaker;
use swarm_core::trust::{Access, Credentials, RootKey};
use swarm_core::{
    Agent, AgentNode, Context, IdentityKey, NodeConfig, Observation, OutgoingObservation, SwarmName,
    WallClock,
};
use swarm_network::{Conditions, Distribution, Fabric, Host, Loss, ModelNetwork, Network, Power};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

const DEGREE: u32 = 8;
const PERIOD: Duration = Duration::from_millis(100);
const PAYLOAD: [u8; 64] = [7; 64];

struct Beacon {
    phase: Duration,
    heard: Arc<AtomicU64>,
}

impl Agent for Beacon {
    async fn on_start(&self, cx: &Context) {
        let (cx, phase) = (cx.clone(), self.phase);
        cx.clone().spawn(async move {
            let (mut ticks, topic) =
                (interval_at(Instant::now() + phase, PERIOD), "beacon.tick".parse().unwrap());
            while cx.run_until_cancelled(ticks.tick()).await.is_some() {
                let observation = OutgoingObservation::new(
                    swarm_core::TopicName::clone(&topic),
                    Bytes::from_static(&PAYLOAD),
                );
                cx.broadcast(observation).unwrap();
            }
        });
    }

    async fn on_observation(&self, _cx: &Context, _observation: Observation) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.0.elapsed()
    }
}

/// The processor's time of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn link(loss: f64) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.latency = Distribution::Constant(Duration::from_millis(20));
    conditions.jitter = Duration::from_millis(5);
    conditions.loss = Loss::Random(loss);
    conditions
}

fn fabric(hosts: u32, loss: f64) -> Fabric {
    let mut fabric = Fabric::new(1, hosts as usize, move |_, _| link(loss));
    (0..hosts).for_each(|host| fabric.set_power(Host(host), Power::Up));
    fabric
}

/// What one packet costs on the links of a mesh in which each host sends to so many.
fn packets(hosts: u32, degree: u32) {
    const PACKETS: u32 = 4_000_000;
    let mut fabric = fabric(hosts, 0.01);
    let mut round = |packets| {
        for packet in 0..packets {
            let (from, nth) = (packet % hosts, packet / hosts % degree);
            let to = (from + 1 + nth) % hosts;
            fabric.on_packet(Duration::from_micros(packet.into()), Host(from), Host(to), 150);
        }
    };
    round(hosts * degree);
    let before = cpu();
    round(PACKETS);
    let each = (cpu() - before).as_nanos() as f64 / f64::from(PACKETS);
    println!("fabric of {hosts} hosts, degree {degree}: {each:.0} ns per packet");
}

fn speaker(host: u32, clock: Arc<dyn WallClock>) -> Speaker {
    let key = IdentityKey::from_seed([host as u8; 32]);
    let credentials =
        Credentials::dev(&RootKey::from_seed([1; 32]), SwarmName::default(), key, clock.now()).unwrap();
    let (identity, access) = (Arc::clone(credentials.identity()), Arc::new(Access::new(&credentials)));
    Speaker { identity, access, guests: false, wall_clock: clock }
}

/// What one datagram costs between so many pairs of hosts without nodes, with the tasks that read them.
async fn datagrams(pairs: u32) {
    let network = ModelNetwork::new(Arc::new(Mutex::new(fabric(2 * pairs, 0.01))));
    let (mut tasks, heard) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
    tasks.spawn(Arc::clone(&network).run());
    let clock: Arc<dyn WallClock> = Arc::new(Clock(Instant::now()));
    let mut connections = Vec::new();
    let mut transports = Vec::new();
    for pair in 0..pairs {
        let open = |host: u32| {
            network.open(Host(host), &speaker(host, Arc::clone(&clock)), &NodeConfig::default()).unwrap()
        };
        let (from, to) = (open(2 * pair), open(2 * pair + 1));
        let accepted = async { to.accept().await.unwrap().accept().await.unwrap() };
        let (dialled, accepted) = tokio::join!(from.dial(to.local_addr(), None), accepted);
        let heard = Arc::clone(&heard);
        tasks.spawn(async move {
            while accepted.receive_datagram().await.is_ok() {
                heard.fetch_add(1, Ordering::Relaxed);
            }
        });
        connections.push(dialled.unwrap());
        transports.extend([from, to]);
    }
    let before = cpu();
    let mut ticks = interval_at(Instant::now(), Duration::from_millis(1));
    for round in 0..20_000_usize {
        ticks.tick().await;
        let part = connections.len().div_ceil(100);
        for connection in connections.iter().skip(round % 100 * part).take(part) {
            connection.send_datagram(Bytes::from_static(&PAYLOAD)).unwrap();
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (spent, heard) = (cpu() - before, heard.load(Ordering::Relaxed));
    let each = spent.as_nanos() as f64 / heard as f64;
    println!("network of {pairs} connections, ten datagrams a second on each: {each:.0} ns per delivery");
}

async fn mesh(agents: u32, seconds: u64, loss: f64) {
    let bare = memory();
    let network = ModelNetwork::new(Arc::new(Mutex::new(fabric(agents, loss))));
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&network).run());
    let (began, heard) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let before = cpu();
    let mut nodes: Vec<AgentNode> = Vec::new();
    for host in 0..agents {
        let phase = PERIOD.mul_f64(f64::from(host) / f64::from(agents));
        let mut config = NodeConfig::default();
        config.mesh.introduce = false;
        let opened = config.clone();
        let mut builder = AgentNode::builder(Beacon { phase, heard: Arc::clone(&heard) })
            .config(config)
            .dev_root(RootKey::from_seed([1; 32]))
            .rng_seed(host.into())
            .wall_clock(Clock(began));
        for ahead in 1..=DEGREE / 2 {
            builder = builder.seed_peer(Host((host + ahead) % agents).address());
        }
        nodes.push(builder.start(|speaker| network.open(Host(host), speaker, &opened)).await.unwrap());
    }
    for node in &nodes {
        node.ready(DEGREE as usize, Duration::from_secs(60)).await.unwrap();
    }
    let joined = cpu() - before;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, heard_before) = (cpu(), heard.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (spent, heard) = (cpu() - before, heard.load(Ordering::Relaxed) - heard_before);
    println!(
        "{agents} agents of degree {DEGREE}, {seconds} s, {loss} lost: {heard} deliveries in {:.2} s, {:.0} times faster than \
         real time, {:.0} ns each; joining took {:.2} s; {:.1} KB per agent",
        spent.as_secs_f64(),
        seconds as f64 / spent.as_secs_f64(),
        spent.as_nanos() as f64 / heard as f64,
        joined.as_secs_f64(),
        (memory() - bare) as f64 / 1024.0 / f64::from(agents),
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let Some(agents) = arguments.next() else {
        packets(1000, 8);
        packets(512, 511);
        runtime.block_on(datagrams(64));
        return runtime.block_on(datagrams(2048));
    };
    let seconds = arguments.next().map_or(60, |text| text.parse().unwrap());
    let loss = arguments.next().map_or(0.01, |text| text.parse().unwrap());
    runtime.block_on(mesh(agents.parse().unwrap(), seconds, loss));
}
