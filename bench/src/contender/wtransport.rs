//! wtransport as its own examples use it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wtransport::datagram::Datagram;
use wtransport::endpoint::endpoint_side::{Client, Server};
use wtransport::{ClientConfig, Connection, Endpoint, ServerConfig};

use super::sessions::{Accepting, Dialler, Session, Sessions};
use super::{Ability, Contender, Heard, Mesh, Problem, Shape, node_quic, tls};
use crate::link::Way;
use crate::locked::locked;

/// Two endpoints per node, because one either accepts or dials.
pub struct WebTransport;

impl Contender for WebTransport {
    fn name(&self) -> &'static str {
        "wtransport"
    }

    fn version(&self) -> &'static str {
        locked(&["wtransport", "quinn", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "WebTransport by its plain interface: `send_datagram`, which never waits, and `receive_datagram`; a stream \
         for each request and for the transfer; the transport settings of a swarm node; the sender yields after each \
         broadcast"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> bool {
        true
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        async move {
            let (server, client) = tls::configs(b"h3")?;
            let mut servers = Vec::new();
            for _ in 0..shape.nodes {
                let config = ServerConfig::builder()
                    .with_bind_socket(node_quic::socket()?)
                    .with_custom_tls_and_transport(server.clone(), node_quic::transport()?)
                    .build();
                servers.push(Endpoint::server(config)?);
            }
            let addresses = servers.iter().map(Endpoint::local_addr).collect::<Result<_, _>>()?;
            let way = Arc::new(Way::over_udp(shape.link, addresses)?);
            let mut nodes = Vec::new();
            for server in servers {
                let config = ClientConfig::builder()
                    .with_bind_socket(node_quic::socket()?)
                    .with_custom_tls_and_transport(client.clone(), node_quic::transport()?)
                    .build();
                nodes.push(Node { server, client: Endpoint::client(config)?, way: Arc::clone(&way) });
            }
            Ok(Sessions::start(nodes, shape, heard).await? as Arc<dyn Mesh>)
        }
        .boxed()
    }
}

struct Node {
    server: Endpoint<Server>,
    client: Endpoint<Client>,
    way: Arc<Way>,
}

impl Dialler for Node {
    type Session = Arc<Connection>;

    async fn dial(&self, to: usize) -> Result<Self::Session, Problem> {
        let url = format!("https://{}/", self.way.to(to)?);
        Ok(Arc::new(self.client.connect(url).await?))
    }

    async fn accept(&self) -> Option<Accepting<Self::Session>> {
        let incoming = self.server.accept().await;
        Some(async { Ok(Arc::new(incoming.await?.accept().await?)) }.boxed())
    }

    async fn close(&self) {
        self.server.close(0_u32.into(), b"");
        self.client.close(0_u32.into(), b"");
        // Who is gone never acknowledges.
        let idle = async { tokio::join!(self.server.wait_idle(), self.client.wait_idle()) };
        let _ = tokio::time::timeout(Duration::from_millis(100), idle).await;
    }
}

impl Session for Arc<Connection> {
    type Send = wtransport::SendStream;
    type Recv = wtransport::RecvStream;
    type Datagram = Datagram;

    async fn send(&self, payload: Bytes) -> Result<(), Problem> {
        Ok(self.send_datagram(payload)?)
    }

    async fn receive(&self) -> Result<Datagram, Problem> {
        Ok(self.receive_datagram().await?)
    }

    async fn open(&self) -> Result<(Self::Send, Self::Recv), Problem> {
        Ok(self.open_bi().await?.await?)
    }

    async fn accept(&self) -> Result<(Self::Send, Self::Recv), Problem> {
        Ok(self.accept_bi().await?)
    }
}
