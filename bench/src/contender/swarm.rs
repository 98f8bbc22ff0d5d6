//! Swarm, used as anybody uses it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistError, AssistanceRequest, Chunk, Context, Lane,
    NodeConfig, NodeHandle, Observation, OutgoingRequest, PeerUrl, Replies, ReplyStream, TopicName,
};
use tokio::task::JoinSet;

use super::{Ability, Contender, Heard, Mesh, Problem, Shape};
use crate::link::Way;
use crate::locked::locked;

const ECHO: &str = "bench.echo";
const SINK: &str = "bench.sink";

/// For all nodes to know one another, and for one to stop.
const PATIENCE: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(2);
/// For a transfer over a bad link.
const TRANSFER: Duration = Duration::from_secs(300);

/// Of a transfer, in each chunk.
const PIECE: usize = 64 << 10;

/// How long observations wait for company in the variant that lets them.
const SHARING_WINDOW: Duration = Duration::from_millis(50);
/// How long a peer may be silent in the variant that sends few keep-alives.
const QUIET_TIMEOUT: Duration = Duration::from_secs(60);

/// Agents that listen, echo and take in what is large.
#[derive(Debug, PartialEq, Eq)]
pub enum Swarm {
    /// As it comes.
    Plain,
    /// With a coalescing window for observations that need not be there at once.
    Sharing,
    /// With few keep-alives.
    Quiet,
}

impl Contender for Swarm {
    fn name(&self) -> &'static str {
        match self {
            Self::Plain => "swarm",
            Self::Sharing => "swarm/50ms",
            Self::Quiet => "swarm/quiet",
        }
    }

    fn version(&self) -> &'static str {
        locked(&["swarm-core", "web-transport-quinn", "quinn", "rustls"])
    }

    fn settings(&self) -> &'static str {
        match self {
            Self::Plain => {
                "WebTransport with mutual TLS; defaults; node 0 is the seed of all others and introduces them in a full \
                  mesh; `broadcast_observation`, then `paced`; `request`; the transfer in the bulk lane"
            }
            Self::Sharing => "the same with `coalescing_window` of 50 ms",
            Self::Quiet => "the same with `idle_timeout` of 60 s, so that keep-alives are due every 15 s",
        }
    }

    fn joins(&self, workload: &str) -> bool {
        match self {
            Self::Plain => true,
            Self::Sharing => ["w1-paced", "w2"].contains(&workload),
            Self::Quiet => workload.starts_with("w4"),
        }
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> bool {
        true
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        async move {
            let topic = TopicName::try_from("bench.beat")?;
            let mut config = NodeConfig::default();
            config.mesh.introduce = shape.full;
            match self {
                Self::Plain => {}
                Self::Sharing => config.coalescing_window = SHARING_WINDOW,
                Self::Quiet => config.web_transport.idle_timeout = QUIET_TIMEOUT,
            }
            let node = |index| {
                let listener = Listener { index, heard: Arc::clone(&heard) };
                AgentNode::dev(listener).config(config.clone())
            };
            let any_port = "127.0.0.1:0".parse()?;
            let mut nodes = vec![node(0).bind(any_port).await?];
            let first = nodes.iter().map(|node| address(&node.url())).collect::<Result<_, _>>()?;
            let way = Way::over_udp(shape.link, first)?;
            for index in 1..shape.nodes {
                nodes.push(node(index).seed_peer(way.to(0)?).bind(any_port).await?);
            }
            let handles: Vec<_> = nodes.iter().map(AgentNode::handle).collect();
            for (index, node) in handles.iter().enumerate() {
                let peers = if shape.full || index == 0 { shape.nodes - 1 } else { 1 };
                node.ready(peers, PATIENCE).await?;
            }
            Ok(Arc::new(Nodes { nodes: Mutex::new(nodes), handles, topic, _way: way }) as Arc<dyn Mesh>)
        }
        .boxed()
    }
}

fn address(url: &PeerUrl) -> Result<SocketAddr, Problem> {
    Ok(format!("{}:{}", url.host(), url.port()).parse()?)
}

struct Nodes {
    /// Until they are stopped.
    nodes: Mutex<Vec<AgentNode>>,
    handles: Vec<NodeHandle>,
    topic: TopicName,
    _way: Way,
}

impl Nodes {
    fn node(&self, index: usize) -> Result<&NodeHandle, Problem> {
        Ok(self.handles.get(index).ok_or("there is no such node")?)
    }

    /// Node 0 asks, until it is not told that the other one is busy.
    async fn request(
        &self,
        to: usize,
        request: impl Fn() -> Result<OutgoingRequest, Problem>,
    ) -> Result<Bytes, Problem> {
        let (node, peer) = (self.node(0)?, self.node(to)?.id());
        loop {
            let came = match node.request(peer, request()?).await {
                Ok(replies) => read_to_end(replies).await,
                Err(error) => Err(error),
            };
            match came {
                Err(AssistError::Busy { .. }) => tokio::task::yield_now().await,
                other => return Ok(other?),
            }
        }
    }
}

async fn read_to_end(mut replies: ReplyStream) -> Result<Bytes, AssistError> {
    let mut reply = Bytes::new();
    while let Some(chunk) = replies.next_chunk().await? {
        reply = if reply.is_empty() { chunk.payload } else { [reply, chunk.payload].concat().into() };
    }
    Ok(reply)
}

impl Mesh for Nodes {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            self.node(from)?.broadcast_observation(self.topic.clone(), payload)?;
            // It never waits for the network, so others get their turn here.
            self.node(from)?.paced(PATIENCE).await;
            Ok(())
        }
        .boxed()
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        async move {
            let request = || Ok(OutgoingRequest::new(ECHO.parse()?).payload(payload.clone()));
            self.request(to, request).await
        }
        .boxed()
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let request = || {
                let request = OutgoingRequest::new(SINK.parse()?).lane(Lane::Bulk).deadline(TRANSFER);
                Ok(request.body_stream(stream::iter(pieces(bytes))))
            };
            let came = self.request(1, request).await?;
            let expected = bytes.to_string();
            if came == expected { Ok(()) } else { Err(format!("{came:?} of {bytes} bytes came").into()) }
        }
        .boxed()
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            let nodes = std::mem::take(&mut *self.nodes.lock().unwrap_or_else(PoisonError::into_inner));
            let mut stopping = JoinSet::new();
            for node in nodes {
                stopping.spawn(async move { node.shutdown(STOP).await.is_ok() });
            }
            stopping.join_all().await;
        }
        .boxed()
    }
}

/// Pieces of one buffer, so that making them costs nothing.
fn pieces(mut bytes: usize) -> impl Iterator<Item = Chunk> + Send + 'static {
    let piece = Bytes::from(vec![7; bytes.min(PIECE)]);
    std::iter::from_fn(move || {
        let size = bytes.min(PIECE);
        bytes -= size;
        (size > 0).then(|| Chunk::new("", piece.slice(..size)))
    })
}

struct Listener {
    index: usize,
    heard: Heard,
}

impl Agent for Listener {
    fn capabilities(&self) -> Vec<Advertisement> {
        [ECHO, SINK].iter().filter_map(|name| name.parse().ok()).collect()
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        (self.heard)(self.index, &observation.payload);
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        if request.capability().name() == SINK {
            let mut came = 0;
            while let Some(chunk) = request.next_chunk().await? {
                came += chunk.payload.len();
            }
            replies.send("", came.to_string()).await?;
        } else {
            while let Some(chunk) = request.next_chunk().await? {
                replies.send_chunk(chunk).await?;
            }
        }
        Ok(())
    }
}
