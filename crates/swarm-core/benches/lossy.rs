//! Requests over a network that loses packets: what a lost packet costs the requests that it does not belong to.
//! Both directions of one connection are measured in turns, because each end accepts streams with another library. It
//! measures and asserts nothing.
//!
//! ```text
//! just bench lossy
//! ```

#![expect(clippy::print_stdout, reason = "what it measures goes to whoever runs it")]

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Context, IdentityKey, Replies,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Each asks for one thing after the other.
const REQUESTERS: usize = 64;
/// So many that a percentile of 99 rests on some dozens of them.
const REQUESTS_EACH: usize = 40;
/// The longest that a requester pauses between two requests. Without a pause all of them wait for the congestion window,
/// and what else they wait for does not show.
const PAUSE: Duration = Duration::from_millis(100);
const PAYLOAD: [u8; 256] = [7; 256];
/// One way.
const DELAY: Duration = Duration::from_millis(10);
const LOSSES: [f64; 3] = [0.0, 0.02, 0.05];
const ROUNDS: u8 = 3;

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Problem> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Problem> {
    let (bytes, round_trip) = (PAYLOAD.len(), DELAY.as_millis() * 2);
    println!("{REQUESTERS} requesters of {bytes} B, round trip {round_trip} ms, {ROUNDS} rounds");
    let mut paths = JoinSet::new();
    for loss in LOSSES {
        let (mut by_dialler, mut by_acceptor) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let dialler = node(loss, 2 * round, &mut paths).await?;
            let acceptor = node(loss, 2 * round + 1, &mut paths).await?;
            dialler.connect(&acceptor.url()).await?;
            let (dialler, acceptor) = (Arc::new(dialler), Arc::new(acceptor));
            by_dialler.extend(ask(&dialler, &acceptor).await?);
            by_acceptor.extend(ask(&acceptor, &dialler).await?);
        }
        let percent = loss * 100.0;
        println!("{percent:.0} % lost, asked by the dialler:  {}", Figures::of(by_dialler));
        println!("{percent:.0} % lost, asked by the acceptor: {}", Figures::of(by_acceptor));
    }
    Ok(())
}

/// How long each of many requests took.
async fn ask(from: &Arc<AgentNode>, to: &AgentNode) -> Result<Vec<Duration>, Problem> {
    let (peer, mut asking) = (to.id(), JoinSet::new());
    for seed in 0..REQUESTERS {
        let from = Arc::clone(from);
        let mut rng = StdRng::seed_from_u64(seed as u64);
        asking.spawn(async move {
            let mut took = Vec::with_capacity(REQUESTS_EACH);
            for _ in 0..REQUESTS_EACH {
                tokio::time::sleep(PAUSE.mul_f64(rng.random())).await;
                let began = Instant::now();
                let mut replies = from.request_assistance(peer, "bench.echo", &PAYLOAD[..]).await?;
                while replies.next_chunk().await?.is_some() {}
                took.push(began.elapsed());
            }
            Ok::<_, Problem>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = asking.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

struct Figures(Vec<Duration>);

impl Figures {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    fn milliseconds(&self, per_mille: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * per_mille / 1000).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, max] = [500, 900, 990, 1000].map(|share| self.milliseconds(share));
        write!(f, "p50 {p50:6.2} ms  p90 {p90:6.2} ms  p99 {p99:6.2} ms  max {max:7.2} ms")
    }
}

struct Echo;

impl Agent for Echo {
    fn capabilities(&self) -> Vec<Advertisement> {
        "bench.echo".parse().into_iter().collect()
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

/// A node whose packets are late, or lost, on their way out.
async fn node(loss: f64, seed: u8, paths: &mut JoinSet<()>) -> Result<AgentNode, Problem> {
    let inner = TokioRuntime.wrap_udp_socket(std::net::UdpSocket::bind("127.0.0.1:0")?)?;
    let rng = Mutex::new(StdRng::seed_from_u64(seed.into()));
    let (path, packets) = mpsc::unbounded_channel();
    paths.spawn(carry(Arc::clone(&inner), packets));
    let socket = Arc::new(LossySocket { inner, loss, rng, path });
    let node = AgentNode::dev(Echo).identity(IdentityKey::from_seed([seed + 1; 32]));
    Ok(node
        .start(|speaker| WebTransport::with_socket(socket, speaker, WebTransportConfig::default()))
        .await?)
}

/// A packet on its way, and when it arrives.
#[derive(Debug)]
struct Packet {
    due: Instant,
    to: SocketAddr,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct LossySocket {
    inner: Arc<dyn AsyncUdpSocket>,
    loss: f64,
    rng: Mutex<StdRng>,
    /// What QUIC has in flight bounds it.
    path: mpsc::UnboundedSender<Packet>,
}

/// Holds packets back until they are due. Ends with the socket that it carries for.
async fn carry(over: Arc<dyn AsyncUdpSocket>, mut packets: mpsc::UnboundedReceiver<Packet>) {
    while let Some(packet) = packets.recv().await {
        tokio::time::sleep_until(packet.due).await;
        // A full socket buffer is one more way to lose a packet.
        let _ = over.try_send(&Transmit {
            destination: packet.to,
            ecn: None,
            contents: &packet.bytes,
            segment_size: None,
            src_ip: None,
        });
    }
}

impl AsyncUdpSocket for LossySocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    /// One packet at a time, because [`Self::max_transmit_segments`] is one.
    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if !self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_bool(self.loss) {
            let due = Instant::now() + DELAY;
            let (to, bytes) = (transmit.destination, transmit.contents.to_vec());
            // Whoever closes sends into the void.
            let _ = self.path.send(Packet { due, to, bytes });
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut TaskContext<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}
