//! Zenoh: every node is a peer that is told whom to dial.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use zenoh::pubsub::Publisher;
use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::{ConsolidationMode, Querier};
use zenoh::sample::Locality;
use zenoh::{Config, Session, Wait};

use super::certificate::Certificate;
use super::moved::Moved;
use super::probe::Probe;
use super::{Ability, Contender, Heard, LinkSettings, Mesh, Problem, Shape};
use crate::link::{SEND_BUFFER, Way};
use crate::locked::locked;

/// A large object goes in pieces: a message that does not find room for all of it within five seconds ends the
/// connection.
const PIECE: usize = 64 * 1024;

/// Until every node that is to be asked is known to node 0.
const PATIENCE: Duration = Duration::from_secs(60);

/// For a session to close. Over QUIC it now and then waits for something that never comes.
const CLOSE: Duration = Duration::from_secs(1);

/// Publish and subscribe between peers, without a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zenoh {
    /// TLS over TCP.
    Tcp,
    /// Reliable streams of QUIC, one for each priority.
    Quic,
}

impl Contender for Zenoh {
    fn name(&self) -> &'static str {
        match self {
            Self::Tcp => "zenoh/tcp",
            Self::Quic => "zenoh/quic",
        }
    }

    fn version(&self) -> &'static str {
        match self {
            Self::Tcp => locked(&["zenoh", "tokio-rustls", "rustls"]),
            Self::Quic => locked(&["zenoh", "quinn", "rustls"]),
        }
    }

    fn settings(&self) -> &'static str {
        match self {
            Self::Tcp => {
                "TLS 1.3 over TCP without delay; peers without a router, scouting and gossip off, every endpoint given; \
                 batching, queues and priorities as by default; observations with congestion control Block, so that a \
                 sender waits for room (with Drop, the default, one in five was lost flat out; at a given rate both \
                 are the same); transfers in pieces of 64 KiB with Block at priority DataLow"
            }
            Self::Quic => {
                "streams of QUIC, one per priority (the default: reliable, no datagrams); peers without a router, \
                 scouting and gossip off, every endpoint given; batching, queues and priorities as by default; \
                 observations with congestion control Block, so that a sender waits for room (with Drop, the default, \
                 one in twenty was lost flat out; at a given rate both are the same); transfers in pieces of 64 KiB \
                 with Block at priority DataLow"
            }
        }
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, ability: Ability) -> bool {
        match ability {
            Ability::Ask | Ability::Transfer | Ability::Link => true,
        }
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        Box::pin(async move { Ok(Arc::new(Peers::start(*self, shape, heard).await?) as Arc<dyn Mesh>) })
    }
}

impl Zenoh {
    /// An address that is free, as a session does not tell which one it took.
    fn free_address(self) -> Result<SocketAddr, Problem> {
        Ok(match self {
            Self::Tcp => TcpListener::bind("127.0.0.1:0")?.local_addr()?,
            Self::Quic => UdpSocket::bind("127.0.0.1:0")?.local_addr()?,
        })
    }

    fn way(self, link: Option<LinkSettings>, addresses: Vec<SocketAddr>) -> Result<Way, Problem> {
        match self {
            Self::Tcp => Way::over_tcp(link, addresses),
            Self::Quic => Way::over_udp(link, addresses),
        }
    }

    /// As zenoh writes it.
    fn endpoint(self, address: SocketAddr) -> String {
        match self {
            Self::Tcp => format!("tls/{address}"),
            Self::Quic => format!("quic/{address}"),
        }
    }
}

struct Peers {
    nodes: Vec<Peer>,
    moved: Arc<Moved>,
    _way: Way,
    /// Holds the certificate.
    _directory: TempDir,
}

struct Peer {
    session: Session,
    publisher: Publisher<'static>,
    /// From node 0 to this one.
    querier: Option<Querier<'static>>,
}

impl Peers {
    async fn start(kind: Zenoh, shape: Shape, heard: Heard) -> Result<Self, Problem> {
        let directory = tempfile::tempdir()?;
        let certificate = Certificate::written_to(directory.path())?;
        let probe = Arc::new(Probe::new(shape.nodes, heard));
        let moved = Arc::new(Moved::default());
        let listened: Vec<_> = (0..shape.nodes).map(|_| kind.free_address()).collect::<Result<_, _>>()?;
        let way = kind.way(shape.link, listened.clone())?;
        let mut nodes: Vec<Peer> = Vec::new();
        for (node, address) in listened.into_iter().enumerate() {
            let before = if shape.full { node } else { node.min(1) };
            let dialled = (0..before).map(|other| Ok(kind.endpoint(way.to(other)?)));
            let dialled = dialled.collect::<Result<Vec<_>, Problem>>()?;
            let session =
                zenoh::open(config(shape, &certificate, &kind.endpoint(address), &dialled)?).await?;
            subscribe(&session, shape, node, &probe).await?;
            answer(&session, node).await?;
            if node == 1 {
                count(&session, &moved).await?;
            }
            let publisher = session
                .declare_publisher(format!("from/{node}"))
                .congestion_control(CongestionControl::Block)
                .allowed_destination(Locality::Remote)
                .await?;
            let querier = match nodes.first() {
                Some(first) => Some(
                    first
                        .session
                        .declare_querier(format!("ask/{node}"))
                        .consolidation(ConsolidationMode::None)
                        .await?,
                ),
                None => None,
            };
            nodes.push(Peer { session, publisher, querier });
        }
        timeout(PATIENCE, join_all(nodes.iter().filter_map(|node| node.querier.as_ref()).map(matched)))
            .await
            .map_err(|_| "not all nodes found each other")?
            .into_iter()
            .collect::<Result<(), _>>()?;
        let mesh = Self { nodes, moved, _way: way, _directory: directory };
        probe.until_all_reached(|payload| mesh.broadcast(0, payload)).await?;
        Ok(mesh)
    }

    fn node(&self, node: usize) -> Result<&Peer, Problem> {
        self.nodes.get(node).ok_or_else(|| format!("there is no node {node}").into())
    }
}

impl Mesh for Peers {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move { self.node(from)?.publisher.put(payload).await })
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        Box::pin(async move {
            let querier = self.node(to)?.querier.as_ref().ok_or("node 0 does not ask itself")?;
            let replies = querier.get().payload(payload).await?;
            let reply = replies.recv_async().await.map_err(|_| "nobody answers")?;
            let sample = reply.result().map_err(|_| "an error as the answer")?;
            Ok(sample.payload().to_bytes().into_owned().into())
        })
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let session = self.node(0)?.session.clone();
            // Waits for room without giving way to other tasks.
            spawn_blocking(move || {
                let publisher = session
                    .declare_publisher("bulk")
                    .congestion_control(CongestionControl::Block)
                    .priority(Priority::DataLow)
                    .wait()?;
                let mut left = bytes;
                while left > 0 {
                    let piece = left.min(PIECE);
                    left -= piece;
                    publisher.put(vec![0; piece]).wait()?;
                }
                Ok::<_, Problem>(())
            })
            .await??;
            self.moved.take(bytes).await;
            Ok(())
        })
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // What has closed already is as good.
            let closing = self.nodes.iter().map(|node| node.session.close().into_future());
            let _ = timeout(CLOSE, join_all(closing)).await;
        })
    }
}

/// A peer that knows its certificate and whom to dial, and looks for nobody else.
fn config(
    shape: Shape,
    certificate: &Certificate,
    listened: &str,
    dialled: &[String],
) -> Result<Config, Problem> {
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let mut config = Config::default();
    for (key, value) in [
        ("mode", "\"peer\"".to_owned()),
        ("scouting/multicast/enabled", "false".to_owned()),
        ("scouting/gossip/enabled", "false".to_owned()),
        // Now and then this waits for half a second in vain, and the probe shows better when all is up.
        ("open/return_conditions/connect_scouted", "false".to_owned()),
        ("listen/endpoints", format!("[{listened:?}]")),
        ("connect/endpoints", format!("{dialled:?}")),
        ("transport/link/tls/root_ca_certificate", quoted(&certificate.path)),
        ("transport/link/tls/listen_certificate", quoted(&certificate.path)),
        ("transport/link/tls/listen_private_key", quoted(&certificate.key_path)),
    ] {
        config.insert_json5(key, &value)?;
    }
    if shape.link.is_some() {
        config.insert_json5("transport/link/tls/so_sndbuf", &SEND_BUFFER.to_string())?;
    }
    Ok(config)
}

async fn subscribe(session: &Session, shape: Shape, node: usize, probe: &Arc<Probe>) -> Result<(), Problem> {
    let probe = Arc::clone(probe);
    let key = if shape.full || node == 0 { "from/*" } else { "from/0" };
    session
        .declare_subscriber(key)
        .allowed_origin(Locality::Remote)
        .callback(move |sample| probe.arrived(node, &sample.payload().to_bytes()))
        .background()
        .await
}

async fn answer(session: &Session, node: usize) -> Result<(), Problem> {
    session
        .declare_queryable(format!("ask/{node}"))
        .callback(|query| {
            let payload = query.payload().cloned().unwrap_or_default();
            // Who asked may have gone.
            let _ = query.reply(query.key_expr(), payload).wait();
        })
        .background()
        .await
}

/// Waits until somebody answers.
async fn matched(querier: &Querier<'_>) -> Result<(), Problem> {
    while !querier.matching_status().await?.matching() {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn count(session: &Session, moved: &Arc<Moved>) -> Result<(), Problem> {
    let moved = Arc::clone(moved);
    session
        .declare_subscriber("bulk")
        .callback(move |sample| moved.add(sample.payload().len()))
        .background()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::check;

    #[tokio::test(flavor = "multi_thread")]
    async fn reaches_everybody_over_tcp() -> Result<(), Problem> {
        check::direct(&Zenoh::Tcp).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn reaches_everybody_over_quic() -> Result<(), Problem> {
        check::direct(&Zenoh::Quic).await
    }
}
