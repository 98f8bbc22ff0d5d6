// The network between two nodes, which a test can cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use swarm_core::{AgentNode, PeerUrl};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Carries packets between a node and whoever dials it here.
pub(crate) struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn to(node: &AgentNode) -> Self {
        Self::to_address(format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()).await
    }

    pub(crate) async fn to_address(server: SocketAddr) -> Self {
        let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let far = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = near.local_addr().unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let (client, known) = tokio::sync::watch::channel(None);
        let mut tasks = JoinSet::new();
        let (from_near, to_far, is_cut) = (Arc::clone(&near), Arc::clone(&far), Arc::clone(&cut));
        tasks.spawn(async move {
            loop {
                let mut packet = Vec::with_capacity(65_536);
                let Ok((_, from)) = from_near.recv_buf_from(&mut packet).await else { continue };
                client.send_replace(Some(from));
                if !is_cut.load(Ordering::Relaxed) {
                    let _ = to_far.send_to(&packet, server).await;
                }
            }
        });
        let is_cut = Arc::clone(&cut);
        tasks.spawn(async move {
            loop {
                let mut packet = Vec::with_capacity(65_536);
                if far.recv_buf_from(&mut packet).await.is_err() {
                    continue;
                }
                let client = *known.borrow();
                if let Some(client) = client.filter(|_| !is_cut.load(Ordering::Relaxed)) {
                    let _ = near.send_to(&packet, client).await;
                }
            }
        });
        Self { address, cut, _tasks: tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> PeerUrl {
        format!("https://{}", self.address).parse().unwrap()
    }

    /// From now on every packet is lost.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::Relaxed);
    }
}
