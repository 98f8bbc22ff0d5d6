//! Two nodes, used as anybody uses them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistError, AssistanceRequest, Chunk, Context,
    Lane, Observation, OutgoingRequest, Replies, ReplyStream,
};
use tokio::time::Instant;

use crate::contender::{Contender, PIECE, Problem, SMALL};

/// What the agents have observed, for whoever measures it.
pub(crate) struct Observed {
    began: Instant,
    latencies_us: Mutex<Vec<u64>>,
}

impl Observed {
    /// How long each observation took since the last call, in microseconds.
    pub(crate) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.latencies_us.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn count(&self) -> usize {
        self.latencies_us.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}

/// Serves requests at one end and counts observations at both.
struct Measured(Arc<Observed>);

impl Agent for Measured {
    fn capabilities(&self) -> Vec<Advertisement> {
        ["bench.small", "bench.large"].iter().filter_map(|name| name.parse().ok()).collect()
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if let Ok(sent) = observation.payload.as_ref().try_into() {
            let latency = self.0.now_us().saturating_sub(u64::from_be_bytes(sent));
            self.0.latencies_us.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        }
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        while request.next_chunk().await?.is_some() {}
        let size = request.metadata().get("bytes").map_or(Ok(SMALL), |bytes| bytes.parse())?;
        for piece in pieces(size) {
            replies.send_chunk(piece).await?;
        }
        Ok(())
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

pub(crate) struct Swarm {
    requester: AgentNode,
    responder: AgentNode,
    peer: AgentId,
    observed: Arc<Observed>,
    refused: AtomicU64,
}

impl Swarm {
    pub(crate) async fn start() -> Result<(Self, Arc<Observed>), Problem> {
        let observed = Arc::new(Observed { began: Instant::now(), latencies_us: Mutex::default() });
        let address = "127.0.0.1:0".parse()?;
        let requester = AgentNode::dev(Measured(Arc::clone(&observed))).bind(address).await?;
        let responder = AgentNode::dev(Measured(Arc::clone(&observed))).bind(address).await?;
        let peer = requester.connect(&responder.url()).await?;
        let refused = AtomicU64::new(0);
        Ok((Self { requester, responder, peer, observed: Arc::clone(&observed), refused }, observed))
    }

    /// An error when requests were refused: then some of the figures stand for requests that were not served.
    pub(crate) fn refused(&self) -> Result<(), Problem> {
        match self.refused.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => Err(format!("{count} requests were told that the peer is busy, and asked again").into()),
        }
    }

    /// Asks until it is not refused.
    async fn exchange(
        &self,
        request: impl Fn() -> Result<OutgoingRequest, Problem>,
        expected: usize,
    ) -> Result<(), Problem> {
        loop {
            let came = match self.requester.request(self.peer, request()?).await {
                Ok(replies) => read_to_end(replies).await,
                Err(error) => Err(error),
            };
            match came {
                Ok(came) if came == expected => return Ok(()),
                Ok(came) => return Err(format!("{came} bytes instead of {expected}").into()),
                Err(AssistError::Busy { .. }) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn read_to_end(mut replies: ReplyStream) -> Result<usize, AssistError> {
    let mut came = 0;
    while let Some(chunk) = replies.next_chunk().await? {
        came += chunk.payload.len();
    }
    Ok(came)
}

/// A transfer that others need not wait for.
fn bulk(capability: &str) -> Result<OutgoingRequest, Problem> {
    Ok(OutgoingRequest::new(capability.parse()?).lane(Lane::Bulk))
}

impl Contender for Swarm {
    fn name(&self) -> &'static str {
        "swarm"
    }

    fn ask(&self) -> BoxFuture<'_, Result<(), Problem>> {
        static SMALL_BODY: [u8; SMALL] = [7; SMALL];
        let request =
            || Ok(OutgoingRequest::new("bench.small".parse()?).payload(Bytes::from_static(&SMALL_BODY)));
        self.exchange(request, SMALL).boxed()
    }

    fn upload(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        let request = move || Ok(bulk("bench.large")?.body_stream(stream::iter(pieces(bytes))));
        self.exchange(request, SMALL).boxed()
    }

    fn download(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        let request = move || Ok(bulk("bench.large")?.metadata("bytes", bytes.to_string()));
        self.exchange(request, bytes).boxed()
    }

    fn observe(&self, from_requester: bool) -> Result<bool, Problem> {
        let node = if from_requester { &self.requester } else { &self.responder };
        node.broadcast_observation("bench.beat", self.observed.now_us().to_be_bytes().to_vec())?;
        Ok(true)
    }
}
