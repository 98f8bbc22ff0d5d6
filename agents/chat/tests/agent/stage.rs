//! An endpoint that does what a test says, and two nodes that meet over it.

use std::future::Future;
use std::io;
use std::time::Duration;

use agent_chat::messages::{COMPLETE, ChatRequest, Done, Message, Role, TOKEN};
use agent_chat::{ChatAgent, ChatParams};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use swarm_core::{AgentNode, AssistError, Chunk, IdleAgent, OutgoingRequest, ReplyStream};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// The agent's key to the endpoint.
pub(crate) const KEY: &str = "sk-only-for-the-endpoint";

/// What must come soon, or the test fails.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap()
}

/// A requester, an agent, and the endpoint that the agent serves.
pub(crate) struct Stage {
    requester: AgentNode,
    agent: AgentNode,
    calls: mpsc::Receiver<Call>,
    _server: JoinSet<io::Result<()>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|params| params).await
    }

    pub(crate) async fn with(change: impl FnOnce(ChatParams) -> ChatParams) -> Self {
        let (calls_in, calls) = mpsc::channel(16);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/chat/completions", post(take_call)).with_state(calls_in);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        let params = change(ChatParams::new(&base, "house-model").unwrap().api_key(KEY).unwrap());
        let (requester, agent) = nodes(params).await;
        Self { requester, agent, calls, _server: server }
    }

    pub(crate) async fn ask(&self, request: &ChatRequest) -> ReplyStream {
        self.ask_with(request, |request| request).await
    }

    pub(crate) async fn ask_with(
        &self,
        request: &ChatRequest,
        change: impl FnOnce(OutgoingRequest) -> OutgoingRequest,
    ) -> ReplyStream {
        let payload = swarm_core::proto::to_vec(request).unwrap();
        let request = OutgoingRequest::new(COMPLETE.parse().unwrap()).payload(payload);
        self.requester.request(self.agent.id(), change(request)).await.unwrap()
    }

    pub(crate) async fn ask_bytes(&self, body: impl Into<Vec<u8>>) -> ReplyStream {
        self.requester.request_assistance(self.agent.id(), COMPLETE, body.into()).await.unwrap()
    }

    /// The next request that reaches the endpoint.
    pub(crate) async fn call(&mut self) -> Call {
        soon(self.calls.recv()).await.unwrap()
    }

    /// Whether the endpoint was left alone.
    pub(crate) fn no_call_came(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }

    pub(crate) async fn stop(self) {
        self.requester.shutdown(PATIENCE).await.unwrap();
        self.agent.shutdown(PATIENCE).await.unwrap();
    }
}

/// A requester that is connected to an agent.
pub(crate) async fn nodes(params: ChatParams) -> (AgentNode, AgentNode) {
    let loopback = "127.0.0.1:0".parse().unwrap();
    let agent = AgentNode::dev(ChatAgent::new(params).unwrap()).bind(loopback).await.unwrap();
    let requester = AgentNode::dev(IdleAgent).bind(loopback).await.unwrap();
    requester.connect(&agent.url()).await.unwrap();
    (requester, agent)
}

async fn take_call(
    State(calls): State<mpsc::Sender<Call>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let (respond, response) = oneshot::channel();
    calls.send(Call { headers, body, respond }).await.unwrap();
    response.await.unwrap()
}

/// A request at the endpoint, not answered yet.
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    body: Bytes,
    respond: oneshot::Sender<Response<Body>>,
}

impl Call {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn respond(self, response: Response<Body>) {
        self.respond.send(response).unwrap();
    }

    pub(crate) fn refuse(self, status: StatusCode, body: &str) {
        self.respond(Response::builder().status(status).body(Body::from(body.to_owned())).unwrap());
    }

    /// Begins to answer with a stream of events.
    pub(crate) fn stream(self) -> Answer {
        let (events, mut to_send) = mpsc::channel::<io::Result<Bytes>>(1);
        let body = Body::from_stream(futures_util::stream::poll_fn(move |cx| to_send.poll_recv(cx)));
        self.respond(Response::builder().header("content-type", "text/event-stream").body(body).unwrap());
        Answer { events }
    }

    /// Waits until the agent closes the request.
    pub(crate) async fn closed(mut self) {
        soon(self.respond.closed()).await;
    }
}

/// A stream of events, sent when the test says. Dropping it ends the stream in good order.
pub(crate) struct Answer {
    events: mpsc::Sender<io::Result<Bytes>>,
}

impl Answer {
    pub(crate) async fn token(&self, text: &str) {
        let part =
            serde_json::json!({ "model": "real-model", "choices": [{ "delta": { "content": text } }] });
        self.event(&part.to_string()).await;
    }

    pub(crate) async fn finish(self) {
        self.event(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).await;
        self.event(r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#)
            .await;
        self.event("[DONE]").await;
    }

    /// Sends an event; waits while the agent takes none.
    pub(crate) async fn event(&self, data: &str) {
        self.events.send(Ok(Bytes::from(format!("data: {data}\n\n")))).await.unwrap();
    }

    pub(crate) async fn break_off(self) {
        self.events.send(Err(io::Error::other("broken on purpose"))).await.unwrap();
    }

    /// Waits until the agent closes the request.
    pub(crate) async fn closed(self) {
        soon(self.events.closed()).await;
    }
}

/// A conversation of one message.
pub(crate) fn asking(content: &str) -> ChatRequest {
    ChatRequest::new([Message::new(Role::User, content)])
}

/// The next piece of an answer.
pub(crate) async fn token(replies: &mut ReplyStream) -> String {
    let chunk = soon(replies.next_chunk()).await.unwrap().unwrap();
    assert_eq!(chunk.label, TOKEN);
    String::from_utf8(chunk.payload.to_vec()).unwrap()
}

/// The last chunk of an answer.
pub(crate) async fn done(replies: &mut ReplyStream) -> Done {
    let chunk: Chunk = soon(replies.next_chunk()).await.unwrap().unwrap();
    assert_eq!(chunk.label, agent_chat::messages::DONE);
    assert_eq!(soon(replies.next_chunk()).await, Ok(None));
    chunk.decode().unwrap()
}

/// The words with which the agent failed.
pub(crate) async fn failure(replies: &mut ReplyStream) -> String {
    match soon(replies.next_chunk()).await {
        Err(AssistError::Failed { error }) => error,
        other => panic!("no failure: {other:?}"),
    }
}
