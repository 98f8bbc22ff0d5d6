//! A victim and an honest peer of it, each in a process of its own, whose memory and processor time are then its own as
//! well. They are told what to do line by line, and answer with a line of numbers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use swarm_core::trust::RootKey;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistanceRequest, Context, NodeConfig, NodeHandle,
    Observation, Replies, TopicPattern,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Long enough for anything that should happen on a busy machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What answers begin with: the test harness may have begun the line.
const MARK: &str = "> ";

const PING: &str = "honest.ping";
const PONG: &str = "honest.pong";
const ECHO: &str = "honest.echo";

/// From one observation of the honest to the next, and how many of them come to one request.
const EVERY: Duration = Duration::from_millis(4);
const TO_A_REQUEST: u64 = 5;

/// Who says who belongs to the swarm.
pub(crate) fn root() -> RootKey {
    RootKey::from_seed([99; 32])
}

/// What a process answers.
#[derive(Debug)]
pub(crate) struct Numbers(BTreeMap<String, u64>);

impl Numbers {
    /// Zero for what has not happened.
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// Answers whoever is honest, and hears out everybody.
#[derive(Debug)]
struct Echo;

impl Agent for Echo {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![ECHO.parse().unwrap()]
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        if observation.topic.as_str() == PING {
            cx.broadcast_observation(PONG, observation.payload).unwrap();
        }
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

/// Knows when each ping was sent, and how long its answer took.
#[derive(Debug, Clone)]
struct Probe(Arc<Mutex<Samples>>);

#[derive(Debug)]
struct Samples {
    begun: Instant,
    round_trips: Histogram<u64>,
}

impl Probe {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Samples { begun: Instant::now(), round_trips: Histogram::new(3).unwrap() })))
    }

    fn micros(&self) -> u64 {
        self.0.lock().unwrap().begun.elapsed().as_micros().try_into().unwrap()
    }
}

impl Agent for Probe {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![PONG.parse().unwrap()]
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let sent: u64 = std::str::from_utf8(&observation.payload).unwrap().parse().unwrap();
        let took = self.micros() - sent;
        self.0.lock().unwrap().round_trips.record(took).unwrap();
    }
}

async fn node(agent: impl Agent, config: NodeConfig) -> AgentNode {
    let builder = AgentNode::builder(agent).dev_root(root()).config(config);
    builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Somebody to attack.
pub(crate) async fn victim(config: NodeConfig) -> AgentNode {
    node(Echo, config).await
}

/// An honest peer of a victim, which talks with it.
#[derive(Debug)]
pub(crate) struct Honest {
    pub(crate) node: AgentNode,
    probe: Probe,
    peer: AgentId,
}

impl Honest {
    pub(crate) async fn meet(victim: SocketAddr) -> Self {
        let probe = Probe::new();
        let node = node(probe.clone(), NodeConfig::default()).await;
        let peer = node.connect(&victim.into()).await.unwrap();
        let subscribed = async {
            while node.subscribers(&PING.parse().unwrap()) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, subscribed).await.unwrap();
        Self { node, probe, peer }
    }

    /// Sends observations and requests for so long, and tells how many were said and lost, and how long answers took.
    pub(crate) async fn talk(&self, within: Duration) -> Numbers {
        talk(&self.probe, &self.node.handle(), self.peer, within).await
    }
}

pub(crate) fn address(node: &AgentNode) -> SocketAddr {
    format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()
}

/// What the process of the victim does: tells what it has counted whenever it is asked.
pub(crate) async fn be_victim() {
    let node = victim(NodeConfig::default()).await;
    say(&address(&node).to_string());
    let mut told = lines(std::io::stdin());
    while told.recv().await.is_some() {
        say(&shown(&counted(&node)));
    }
}

fn counted(node: &AgentNode) -> Numbers {
    let counters = node.counters();
    let mut numbers = BTreeMap::from([("peers".to_owned(), node.peers().len() as u64)]);
    numbers.extend(counters.observations_dropped.iter().map(|(reason, n)| (format!("dropped.{reason}"), *n)));
    numbers.extend(counters.refused.iter().map(|(reason, n)| (format!("refused.{reason}"), *n)));
    Numbers(numbers)
}

/// What the process of the honest does: is told where the victim is, and then how many milliseconds to talk with it.
pub(crate) async fn be_honest() {
    let mut told = lines(std::io::stdin());
    let victim: SocketAddr = told.recv().await.unwrap().parse().unwrap();
    let honest = Honest::meet(victim).await;
    say("");
    while let Some(millis) = told.recv().await {
        let within = Duration::from_millis(millis.parse().unwrap());
        say(&shown(&honest.talk(within).await));
    }
}

async fn talk(probe: &Probe, node: &NodeHandle, peer: AgentId, within: Duration) -> Numbers {
    probe.0.lock().unwrap().round_trips.reset();
    let (mut pings, mut requests) = (0, JoinSet::new());
    let mut ticks = tokio::time::interval(EVERY);
    let until = Instant::now() + within;
    while Instant::now() < until {
        ticks.tick().await;
        node.broadcast_observation(PING, probe.micros().to_string()).unwrap();
        pings += 1;
        if pings % TO_A_REQUEST == 0 {
            let node = node.clone();
            requests.spawn(async move {
                let begun = Instant::now();
                let mut replies = node.request_assistance(peer, ECHO, "x").await.ok()?;
                while replies.next_chunk().await.ok()?.is_some() {}
                u64::try_from(begun.elapsed().as_micros()).ok()
            });
        }
    }
    let answers: Vec<Option<u64>> = requests.join_all().await;
    // What has not come by now is lost.
    let all = async {
        while probe.0.lock().unwrap().round_trips.len() < pings {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), all).await;
    let samples = probe.0.lock().unwrap();
    let pongs = samples.round_trips.len();
    let mut took = samples.round_trips.clone();
    answers.iter().flatten().for_each(|answer| took.record(*answer).unwrap());
    let lost = pings - pongs + answers.iter().filter(|answer| answer.is_none()).count() as u64;
    let said = pings + answers.len() as u64;
    let numbers = [
        ("said", said),
        ("lost", lost),
        ("p50", took.value_at_quantile(0.5)),
        ("p99", took.value_at_quantile(0.99)),
    ];
    Numbers(numbers.map(|(name, number)| (name.to_owned(), number)).into())
}

fn shown(numbers: &Numbers) -> String {
    let shown: Vec<_> = numbers.0.iter().map(|(name, number)| format!("{name}={number}")).collect();
    shown.join(" ")
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
    writeln!(out, "{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// Another process. It ends with this.
#[derive(Debug)]
pub(crate) struct Apart {
    said: mpsc::UnboundedReceiver<String>,
    process: Child,
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Apart {
    /// The program itself once more, with these arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { said: lines(process.stdout.take().unwrap()), process }
    }

    pub(crate) async fn answer(&mut self) -> String {
        let answer = async {
            loop {
                let line = self.said.recv().await.expect("it is still there");
                if let Some((_, answer)) = line.split_once(MARK) {
                    return answer.to_owned();
                }
            }
        };
        tokio::time::timeout(2 * PATIENCE, answer).await.expect("there is an answer")
    }

    pub(crate) async fn ask(&mut self, what: &str) -> Numbers {
        writeln!(self.process.stdin.as_mut().unwrap(), "{what}").unwrap();
        let answer = self.answer().await;
        let numbers = answer.split_whitespace().map(|number| number.split_once('=').unwrap());
        Numbers(numbers.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect())
    }

    /// What it has in memory now.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it had in memory since the peak was forgotten.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").unwrap();
    }

    fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The processor time of all threads that it has.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(self.proc("task")).unwrap();
        let nanos = tasks.map(|task| {
            let schedstat =
                std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            schedstat.split_whitespace().next().map_or(0, |nanos| nanos.parse().unwrap())
        });
        Duration::from_nanos(nanos.sum())
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id())
    }
}
