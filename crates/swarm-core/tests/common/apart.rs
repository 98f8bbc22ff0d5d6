//! A node in a process of its own, whose memory and processor time are then its own as well.
//!
//! A test file that uses it has an ignored test of the name [`PART`], which calls [`obey`].

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use swarm_core::AgentNode;
use tokio::sync::mpsc;

use super::PATIENCE;
use super::raw::{Raw, meet_and_say};
use super::stranger::{address, hello};
use super::wire::Wire;

/// The test that runs in the other process.
const PART: &str = "node_in_a_process_of_its_own";

/// What the kernel counts processor time in: a hundredth of a second, wherever Linux runs.
const TICK: Duration = Duration::from_millis(10);

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn cpu_millis() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in brackets, is the only field that may have spaces.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    // In user mode, and in the kernel.
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    ticks * u64::try_from(TICK.as_millis()).unwrap()
}

/// Does what it is told line by line, and answers each with the numbers of the node.
pub(crate) async fn obey(node: AgentNode, mut execute: impl AsyncFnMut(&AgentNode, &str)) {
    say(&format!("at {}", address(&node)));
    let mut told = lines(std::io::stdin());
    while let Some(line) = told.recv().await {
        execute(&node, &line).await;
        let numbers: Vec<_> = numbers(&node).iter().map(|(name, value)| format!("{name}={value}")).collect();
        say(&format!("is {}", numbers.join(" ")));
    }
}

fn numbers(node: &AgentNode) -> BTreeMap<String, u64> {
    let counters = node.counters();
    let mut numbers = BTreeMap::from([
        ("kib".to_owned(), resident_kib()),
        ("cpu_ms".to_owned(), cpu_millis()),
        ("peers".to_owned(), node.peers().len() as u64),
    ]);
    numbers.extend(counters.observations_dropped.iter().map(|(reason, n)| (reason.to_string(), *n)));
    numbers.extend(counters.refused.iter().map(|(reason, n)| (format!("refused.{reason}"), *n)));
    for (peer, flows) in &counters.peers {
        numbers.insert(format!("from.{peer}"), flows.incoming.passed);
        numbers.insert(format!("lost.{peer}"), flows.incoming.dropped.values().sum());
    }
    numbers
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

/// The other process. It ends with this.
pub(crate) struct Apart {
    pub(crate) at: SocketAddr,
    said: mpsc::UnboundedReceiver<String>,
    process: Child,
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The numbers of the node at one moment.
#[derive(Debug)]
pub(crate) struct State(BTreeMap<String, u64>);

impl State {
    /// Zero for what has not happened.
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn kib(&self) -> u64 {
        self.get("kib")
    }
}

impl Apart {
    pub(crate) async fn new() -> Self {
        Self::told(&[]).await
    }

    /// With these words in its environment.
    pub(crate) async fn told(words: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", PART, "--ignored", "--nocapture"])
            .envs(words.iter().copied())
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

    pub(crate) async fn ask(&mut self, what: &str) -> State {
        writeln!(self.process.stdin.as_mut().unwrap(), "{what}").unwrap();
        let answer = self.answer("is ").await;
        let numbers = answer.split_whitespace().map(|number| number.split_once('=').unwrap());
        State(numbers.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect())
    }

    pub(crate) async fn ask_until(&mut self, so: impl Fn(&State) -> bool) -> State {
        let asking = async {
            loop {
                let state = self.ask("state").await;
                if so(&state) {
                    return state;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("in time")
    }

    /// A peer whose network can be cut.
    pub(crate) async fn peer(&self, seed: u8) -> (Wire, Raw) {
        let wire = Wire::to_address(self.at).await;
        let raw = meet_and_say(wire.address(), seed, hello()).await;
        (wire, raw)
    }
}
