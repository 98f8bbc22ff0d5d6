//! What a peer that takes nothing, and one that sends without end, cost a node in memory: the node runs in a process of
//! its own, whose resident size is the measure.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::observing::{by_hand, datagram, dropped, listener};
use common::raw::{Raw, meet_and_say};
use common::serving::Gate;
use common::stranger::{address, hello};
use common::wire::Wire;
use common::{PATIENCE, node_with};
use swarm_core::{DropReason, NodeConfig};
use tokio::sync::mpsc;

/// What one peer may cost, in KiB: 4.2 MiB.
const MOST_KIB: u64 = 4300;

/// As large as any path carries.
const LARGE: usize = 1000;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Does what it is told line by line, and answers with a line.
#[tokio::test]
#[ignore = "the part of the other tests that runs in a process of its own"]
async fn node_in_a_process_of_its_own() {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(60);
    (config.slow_patience, config.greedy_patience) = (None, None);
    config.max_datagrams_per_second = 2000;
    // Its agent hears nothing to the end.
    let (agent, _ears) = listener(["**"]);
    let node = node_with(agent.behind(&Gate::closed()), config).await;
    say(&format!("at {}", address(&node)));
    let mut told = lines(std::io::stdin());
    while let Some(line) = told.recv().await {
        if line == "publish" {
            // Of this every slow peer keeps as much as it may.
            for _ in 0..3000 {
                node.broadcast_observation("large", vec![0; LARGE]).unwrap();
                tokio::task::yield_now().await;
            }
        }
        let counters = node.counters();
        let [full, limited] =
            [DropReason::OutboxFull, DropReason::RateLimited].map(|reason| dropped(&counters, reason));
        say(&format!("is {} {} {full} {limited}", resident_kib(), node.peers().len()));
    }
}

/// What comes line by line, without keeping anybody from anything else.
fn lines(from: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.map_while(|line| tell.send(line).ok()).for_each(drop);
    });
    told
}

/// Past the capture of the test harness.
fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

struct Apart {
    at: SocketAddr,
    said: mpsc::UnboundedReceiver<String>,
    process: Child,
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug, Clone, Copy)]
struct State {
    kib: u64,
    peers: u64,
    outbox_full: u64,
    rate_limited: u64,
}

impl Apart {
    async fn new() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "node_in_a_process_of_its_own", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = lines(process.stdout.take().unwrap());
        let mut apart = Self { at: SocketAddr::from(([0, 0, 0, 0], 0)), said, process };
        apart.at = apart.answer("at ").await.parse().unwrap();
        apart
    }

    async fn answer(&mut self, begins: &str) -> String {
        let answer = async {
            loop {
                let line = self.said.recv().await.expect("it is still there");
                // The harness may have begun the line.
                if let Some((_, answer)) = line.split_once(begins) {
                    return answer.to_owned();
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("there is an answer")
    }

    async fn ask(&mut self, what: &str) -> State {
        writeln!(self.process.stdin.as_mut().unwrap(), "{what}").unwrap();
        let answer = self.answer("is ").await;
        let mut numbers = answer.split_whitespace().map(|number| number.parse().unwrap());
        let [kib, peers, outbox_full, rate_limited] = std::array::from_fn(|_| numbers.next().unwrap());
        State { kib, peers, outbox_full, rate_limited }
    }

    async fn ask_until(&mut self, so: impl Fn(State) -> bool) -> State {
        let asking = async {
            loop {
                let state = self.ask("state").await;
                if so(state) {
                    return state;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("in time")
    }

    /// A peer whose network can be cut.
    async fn peer(&self, seed: u8) -> (Wire, Raw) {
        let wire = Wire::to_address(self.at).await;
        let raw = meet_and_say(wire.address(), seed, hello()).await;
        (wire, raw)
    }
}

#[tokio::test]
async fn peers_that_take_nothing_cost_a_node_little() {
    const SLOW: u8 = 8;
    let mut node = Apart::new().await;
    // What is allocated once is not of the others.
    let first = node.peer(100).await;
    node.ask_until(|state| state.peers == 1).await;
    first.0.cut();
    node.ask("publish").await;
    let before = node.ask("publish").await;
    assert!(before.outbox_full > 0, "{before:?}");

    let mut slow = Vec::new();
    for seed in 0..SLOW {
        slow.push(node.peer(seed).await);
    }
    node.ask_until(|state| state.peers == 1 + u64::from(SLOW)).await;
    slow.iter().for_each(|(wire, _)| wire.cut());
    let after = node.ask("publish").await;

    assert!(after.outbox_full > before.outbox_full + 1000 * u64::from(SLOW), "{after:?}");
    let each = after.kib.saturating_sub(before.kib) / u64::from(SLOW);
    println!("each of {SLOW} slow peers costs {each} KiB");
    assert!((50..MOST_KIB).contains(&each), "each costs {each} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_floods_costs_a_node_little() {
    let mut node = Apart::new().await;
    let (_wire, flooder) = node.peer(1).await;
    let before = node.ask_until(|state| state.peers == 1).await;
    let (mut sequence, mut most) = (0, before.kib);

    let flood = async {
        let mut limited = 0;
        while limited < 5000 {
            for _ in 0..2000 {
                sequence += 10;
                let many: Vec<_> = (1..=10).map(|n| by_hand(flooder.agent, sequence + n, "flood")).collect();
                let _ = flooder.connection.send_datagram(datagram(&many));
            }
            let state = node.ask("state").await;
            (limited, most) = (state.rate_limited, most.max(state.kib));
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("it floods");

    let cost = most.saturating_sub(before.kib);
    println!("a flood of {sequence} observations costs {cost} KiB");
    assert!((100..MOST_KIB).contains(&cost), "it costs {cost} KiB");
}
