//! The server's side, written as the generator of tonic would.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::server::{Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::{Heard, Problem, QUEUE, codec, listen};

/// Observations, both ways.
pub(super) const EXCHANGE: &str = "/bench.Node/Exchange";
/// A request and its reply.
pub(super) const ECHO: &str = "/bench.Node/Echo";
/// So many bytes.
pub(super) const FETCH: &str = "/bench.Node/Fetch";
/// The number of the node that calls, as metadata.
pub(super) const NODE: &str = "node";
/// Of what is fetched, in each message.
const PIECE: usize = 16 << 10;

/// The only message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payload {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) body: Bytes,
}

/// One end of a pair is there.
pub(super) struct Opened {
    pub(super) node: usize,
    pub(super) peer: usize,
    pub(super) payloads: mpsc::Sender<Payload>,
    /// If this end dialled.
    pub(super) channel: Option<Channel>,
}

/// To whoever waits for all pairs.
pub(super) type Up = mpsc::Sender<Result<Opened, Problem>>;

/// What a node serves.
#[derive(Clone)]
pub(super) struct Service(Arc<Node>);

struct Node {
    index: usize,
    heard: Heard,
    up: Up,
    /// Calls that come in.
    hearing: Mutex<JoinSet<()>>,
}

impl Service {
    pub(super) fn new(index: usize, heard: Heard, up: Up) -> Self {
        Self(Arc::new(Node { index, heard, up, hearing: Mutex::default() }))
    }
}

impl NamedService for Service {
    const NAME: &'static str = "bench.Node";
}

impl tonic::codegen::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let node = Arc::clone(&self.0);
        async move {
            let mut grpc = Grpc::new(codec());
            Ok(match request.uri().path() {
                EXCHANGE => grpc.streaming(Exchange(node), request).await,
                ECHO => grpc.unary(Echo, request).await,
                FETCH => grpc.server_streaming(Fetch, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        }
        .boxed()
    }
}

struct Exchange(Arc<Node>);

impl StreamingService<Payload> for Exchange {
    type Response = Payload;
    type ResponseStream = BoxStream<'static, Result<Payload, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Payload>>) -> Self::Future {
        let node = Arc::clone(&self.0);
        async move {
            let caller = request.metadata().get(NODE).and_then(|node| node.to_str().ok()?.parse().ok());
            let peer = caller.ok_or_else(|| Status::invalid_argument("which node calls?"))?;
            let (payloads, to_send) = mpsc::channel(QUEUE);
            let opened = Opened { node: node.index, peer, payloads, channel: None };
            // Nobody listens any more once all are there.
            let _ = node.up.send(Ok(opened)).await;
            let hearing = listen(node.index, request.into_inner(), Arc::clone(&node.heard));
            node.hearing.lock().unwrap_or_else(PoisonError::into_inner).spawn(hearing);
            Ok(Response::new(ReceiverStream::new(to_send).map(Ok).boxed()))
        }
        .boxed()
    }
}

struct Echo;

impl UnaryService<Payload> for Echo {
    type Response = Payload;
    type Future = BoxFuture<'static, Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        async { Ok(Response::new(request.into_inner())) }.boxed()
    }
}

struct Fetch;

impl ServerStreamingService<Payload> for Fetch {
    type Response = Payload;
    type ResponseStream = BoxStream<'static, Result<Payload, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        async move {
            let wanted = std::str::from_utf8(&request.get_ref().body).ok().and_then(|body| body.parse().ok());
            let mut left: usize = wanted.ok_or_else(|| Status::invalid_argument("how many bytes?"))?;
            let piece = Bytes::from(vec![7; PIECE]);
            let pieces = std::iter::from_fn(move || {
                let size = left.min(PIECE);
                left -= size;
                (size > 0).then(|| Ok(Payload { body: piece.slice(..size) }))
            });
            Ok(Response::new(stream::iter(pieces).boxed()))
        }
        .boxed()
    }
}
