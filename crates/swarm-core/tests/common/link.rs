//! A path between a node and whoever dials it here that carries so much and no more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarm_core::{AgentNode, PeerUrl};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What a path is like, in either direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) bytes_per_second: u32,
    pub(crate) delay: Duration,
    /// What it holds before it loses packets.
    pub(crate) packets: usize,
}

pub(crate) struct Link {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

struct Packet {
    came: Instant,
    bytes: Vec<u8>,
}

impl Link {
    pub(crate) async fn to(node: &AgentNode, path: Path) -> Self {
        let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let far = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        far.connect(super::stranger::address(node)).await.unwrap();
        let at = near.local_addr().unwrap();
        let (client, known) = watch::channel(None);
        let (there, on_their_way_there) = mpsc::channel(path.packets);
        let (back, on_their_way_back) = mpsc::channel(path.packets);
        let mut tasks = JoinSet::new();
        tasks.spawn(take_in(Arc::clone(&near), there, Some(client)));
        tasks.spawn(take_in(Arc::clone(&far), back, None));
        tasks.spawn(carry(on_their_way_there, path, async move |bytes: Vec<u8>| {
            let _ = far.send(&bytes).await;
        }));
        tasks.spawn(carry(on_their_way_back, path, async move |bytes: Vec<u8>| {
            let client = *known.borrow();
            if let Some(client) = client {
                let _ = near.send_to(&bytes, client).await;
            }
        }));
        Self { address: at, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> PeerUrl {
        format!("https://{}", self.address).parse().unwrap()
    }
}

async fn take_in(
    socket: Arc<UdpSocket>,
    queue: mpsc::Sender<Packet>,
    client: Option<watch::Sender<Option<SocketAddr>>>,
) {
    loop {
        let mut bytes = Vec::with_capacity(65_536);
        let Ok((_, from)) = socket.recv_buf_from(&mut bytes).await else { continue };
        if let Some(client) = &client {
            client.send_replace(Some(from));
        }
        // One too many is lost.
        let _ = queue.try_send(Packet { came: Instant::now(), bytes });
    }
}

async fn carry(mut queue: mpsc::Receiver<Packet>, path: Path, send: impl AsyncFn(Vec<u8>)) {
    let mut free_at = Instant::now();
    while let Some(Packet { came, bytes }) = queue.recv().await {
        let takes = Duration::from_secs_f64(bytes.len() as f64 / f64::from(path.bytes_per_second));
        free_at = free_at.max(came) + takes;
        tokio::time::sleep_until(free_at + path.delay).await;
        send(bytes).await;
    }
}
