//! Raw quinn: what there is to be had from QUIC itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};

use super::sessions::{Accepting, Dialler, Session, Sessions};
use super::{Ability, Contender, Heard, Mesh, Problem, Shape, node_quic, tls};
use crate::link::Way;
use crate::locked::locked;

/// One endpoint per node, datagrams and streams.
pub struct Quinn;

impl Contender for Quinn {
    fn name(&self) -> &'static str {
        "quinn"
    }

    fn version(&self) -> &'static str {
        locked(&["quinn", "quinn-proto", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "QUIC datagrams, a stream for each request and for the transfer; the transport settings of a swarm node; \
         waits for room in the send buffer (`send_datagram_wait`)"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> bool {
        true
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        async move {
            let (server, client) = tls::configs(b"bench")?;
            let transport = Arc::new(node_quic::transport()?);
            let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server)?));
            server.transport_config(Arc::clone(&transport));
            let mut client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(client)?));
            client.transport_config(transport);
            let endpoints =
                (0..shape.nodes).map(|_| endpoint(server.clone(), &client)).collect::<Result<Vec<_>, _>>()?;
            let addresses = endpoints.iter().map(Endpoint::local_addr).collect::<Result<_, _>>()?;
            let way = Arc::new(Way::over_udp(shape.link, addresses)?);
            let nodes = endpoints.into_iter().map(|endpoint| Node { endpoint, way: Arc::clone(&way) });
            Ok(Sessions::start(nodes.collect(), shape, heard).await? as Arc<dyn Mesh>)
        }
        .boxed()
    }
}

fn endpoint(server: ServerConfig, client: &ClientConfig) -> Result<Endpoint, Problem> {
    let socket = node_quic::socket()?;
    let runtime = Arc::new(TokioRuntime);
    let mut endpoint = Endpoint::new(EndpointConfig::default(), Some(server), socket, runtime)?;
    endpoint.set_default_client_config(client.clone());
    Ok(endpoint)
}

struct Node {
    endpoint: Endpoint,
    way: Arc<Way>,
}

impl Dialler for Node {
    type Session = Connection;

    async fn dial(&self, to: usize) -> Result<Connection, Problem> {
        Ok(self.endpoint.connect(self.way.to(to)?, "localhost")?.await?)
    }

    async fn accept(&self) -> Option<Accepting<Connection>> {
        let incoming = self.endpoint.accept().await?;
        Some(async { Ok(incoming.await?) }.boxed())
    }

    async fn close(&self) {
        self.endpoint.close(0_u32.into(), b"");
        // Who is gone never acknowledges.
        let _ = tokio::time::timeout(Duration::from_millis(100), self.endpoint.wait_idle()).await;
    }
}

impl Session for Connection {
    type Send = quinn::SendStream;
    type Recv = quinn::RecvStream;
    type Datagram = Bytes;

    async fn send(&self, payload: Bytes) -> Result<(), Problem> {
        Ok(self.send_datagram_wait(payload).await?)
    }

    async fn receive(&self) -> Result<Bytes, Problem> {
        Ok(self.read_datagram().await?)
    }

    async fn open(&self) -> Result<(Self::Send, Self::Recv), Problem> {
        Ok(self.open_bi().await?)
    }

    async fn accept(&self) -> Result<(Self::Send, Self::Recv), Problem> {
        Ok(self.accept_bi().await?)
    }
}
