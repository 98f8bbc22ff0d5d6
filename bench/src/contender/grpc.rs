//! gRPC: every node is a server, and a client of those that it dials. One call that streams in both directions carries
//! the observations of a pair.

mod service;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::client::Grpc as Client;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity, Server, ServerTlsConfig};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

use self::service::{ECHO, EXCHANGE, FETCH, NODE, Opened, Payload, Service, Up};
use super::pairs::{PATIENCE, Pairs};
use super::{Ability, Contender, Heard, Mesh, Problem, Shape};
use crate::link::{Way, listener};
use crate::locked::locked;

/// Payloads that may wait for a call to send them.
const QUEUE: usize = 1024;

/// tonic.
pub struct Grpc;

impl Contender for Grpc {
    fn name(&self) -> &'static str {
        "tonic"
    }

    fn version(&self) -> &'static str {
        locked(&["tonic", "prost", "hyper", "h2", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "gRPC over HTTP/2 and TLS 1.3 over TCP without delay; a bidirectional streaming call per pair of nodes with a \
         queue of 1,024 messages at each end, the sender waits for room in the queue; unary calls for requests, on a \
         connection of their own if the pair's other end dialled; the transfer as a server-streaming call in messages \
         of 16 KiB"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> bool {
        true
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        async move {
            let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
            let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
            let (up, mut opened) = mpsc::channel(64);
            let mut tasks = JoinSet::new();
            let mut addresses = Vec::new();
            for node in 0..shape.nodes {
                let listener = listener(shape.link).await?;
                addresses.push(listener.local_addr()?);
                let identity = Identity::from_pem(&certificate, &key);
                let mut server = Server::builder().tls_config(ServerTlsConfig::new().identity(identity))?;
                let router = server.add_service(Service::new(node, Arc::clone(&heard), up.clone()));
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                tasks.spawn(async move {
                    // Its clients notice.
                    let _ = router.serve_with_incoming(incoming).await;
                });
            }
            let way = Arc::new(Way::over_tcp(shape.link, addresses)?);
            for node in 0..shape.nodes {
                let below = if shape.full { node } else { node.min(1) };
                let dialler = Dialler { way: Arc::clone(&way), certificate: certificate.clone() };
                tasks.spawn(dial_all(node, below, dialler, Arc::clone(&heard), up.clone()));
            }
            let mut pairs = Pairs::new(shape);
            while pairs.missing() > 0 {
                let opened = timeout(PATIENCE, opened.recv()).await?.ok_or("nobody dials any more")??;
                let Opened { node, peer, payloads, channel } = opened;
                pairs.put(node, peer, Peer { payloads, channel })?;
            }
            let dialler = Dialler { way, certificate };
            let tasks = Mutex::new(tasks);
            Ok(Arc::new(Calls { pairs, dialler, asking: OnceCell::new(), tasks }) as Arc<dyn Mesh>)
        }
        .boxed()
    }
}

struct Dialler {
    way: Arc<Way>,
    certificate: String,
}

impl Dialler {
    async fn dial(&self, to: usize) -> Result<Channel, Problem> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.certificate))
            .domain_name("localhost");
        let endpoint = Channel::from_shared(format!("https://{}", self.way.to(to)?))?;
        Ok(endpoint.tls_config(tls)?.tcp_nodelay(true).connect().await?)
    }
}

async fn dial_all(node: usize, below: usize, dialler: Dialler, heard: Heard, up: Up) {
    let mut hearing = JoinSet::new();
    for peer in 0..below {
        let dialled = async {
            let channel = dialler.dial(peer).await?;
            let (payloads, to_send) = mpsc::channel(QUEUE);
            let mut request = Request::new(ReceiverStream::new(to_send));
            request.metadata_mut().insert(NODE, node.into());
            let mut client = Client::new(channel.clone());
            client.ready().await?;
            let answers = client.streaming(request, path(EXCHANGE), codec()).await?.into_inner();
            hearing.spawn(listen(node, answers, Arc::clone(&heard)));
            Ok(Opened { node, peer, payloads, channel: Some(channel) })
        };
        if up.send(dialled.await).await.is_err() {
            return;
        }
    }
    drop(up);
    hearing.join_all().await;
}

async fn listen(node: usize, mut payloads: Streaming<Payload>, heard: Heard) {
    // An error ends the call; what is missing then shows as loss.
    while let Ok(Some(payload)) = payloads.message().await {
        heard(node, &payload.body);
    }
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

fn codec() -> ProstCodec<Payload, Payload> {
    ProstCodec::default()
}

struct Peer {
    payloads: mpsc::Sender<Payload>,
    /// If this end dialled.
    channel: Option<Channel>,
}

struct Calls {
    pairs: Pairs<Peer>,
    dialler: Dialler,
    /// From node 0 to the one that it asks.
    asking: OnceCell<(usize, Channel)>,
    tasks: Mutex<JoinSet<()>>,
}

impl Calls {
    /// A server cannot call its client, so node 0 dials for itself.
    async fn asking(&self, to: usize) -> Result<Channel, Problem> {
        let dial = async || Ok::<_, Problem>((to, self.dialler.dial(to).await?));
        let (asked, channel) = self.asking.get_or_try_init(dial).await?;
        if *asked == to { Ok(channel.clone()) } else { Err("one node is asked, not several".into()) }
    }
}

impl Mesh for Calls {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            for peer in self.pairs.of(from) {
                peer.payloads.send(Payload { body: payload.clone() }).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        async move {
            let mut client = Client::new(self.asking(to).await?);
            client.ready().await?;
            let request = Request::new(Payload { body: payload });
            Ok(client.unary(request, path(ECHO), codec()).await?.into_inner().body)
        }
        .boxed()
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            // Node 1 dialled, so node 1 fetches.
            let channel = self.pairs.get(1, 0)?.channel.clone().ok_or("the other end dialled")?;
            let mut client = Client::new(channel);
            client.ready().await?;
            let request = Request::new(Payload { body: bytes.to_string().into() });
            let mut pieces = client.server_streaming(request, path(FETCH), codec()).await?.into_inner();
            let mut came = 0;
            while let Some(piece) = pieces.message().await? {
                came += piece.body.len();
            }
            if came == bytes { Ok(()) } else { Err(format!("{came} of {bytes} bytes came").into()) }
        }
        .boxed()
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            tasks.shutdown().await;
        }
        .boxed()
    }
}
