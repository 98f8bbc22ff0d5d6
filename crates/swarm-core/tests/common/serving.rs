//! An agent that serves as a test says, and a sink that keeps what happened.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, BodyError, Capacity, Context,
    OutgoingRequest, Replies, TraceEvent, TraceSink,
};
use tokio::sync::{Semaphore, mpsc};

/// What [`serving`] offers.
pub(crate) const SERVE: &str = "test.serve";

pub(crate) struct Serving<F> {
    serve: F,
    capacity: Capacity,
}

/// An agent around a function.
pub(crate) fn serving<F>(serve: F) -> Serving<F>
where
    F: for<'a> Fn(&'a Context, AssistanceRequest, &'a mut Replies) -> BoxFuture<'a, Result<(), AgentError>>
        + Send
        + Sync
        + 'static,
{
    Serving { serve, capacity: Capacity::default() }
}

impl<F> Serving<F> {
    pub(crate) fn capacity(self, at_once: usize, waiting: usize) -> Self {
        Self { capacity: Capacity { at_once, waiting }, ..self }
    }
}

impl<F> Agent for Serving<F>
where
    F: for<'a> Fn(&'a Context, AssistanceRequest, &'a mut Replies) -> BoxFuture<'a, Result<(), AgentError>>
        + Send
        + Sync
        + 'static,
{
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![SERVE.parse().unwrap()]
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    async fn on_request(
        &self,
        cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        (self.serve)(cx, request, replies).await
    }
}

/// A request for it.
pub(crate) fn ask() -> OutgoingRequest {
    OutgoingRequest::new(SERVE.parse().unwrap())
}

/// Lets through as many as the test says.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self, times: usize) {
        self.0.add_permits(times);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Tells the test when it is dropped: the call that holds it is over.
pub(crate) struct Gone(pub(crate) mpsc::UnboundedSender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Keeps what happened.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<TraceEvent>>>);

impl Events {
    pub(crate) fn all(&self) -> Vec<TraceEvent> {
        self.0.lock().unwrap().clone()
    }
}

impl TraceSink for Events {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// What happens to a request at the agent.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Began,
    Body(Result<usize, BodyError>),
    Sent(usize),
}

/// Reads the body, then sends numbered chunks of this size as the gate lets them through, until there are so many. Says
/// what happens, and when it is over.
pub(crate) fn counting(
    gate: &Gate,
    chunks: usize,
    size: usize,
) -> (impl Agent + use<>, mpsc::UnboundedReceiver<Said>, mpsc::UnboundedReceiver<()>) {
    let ((told, said), (gone, over)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let gate = gate.clone();
    let agent = serving(move |_, mut request, replies| {
        let (gate, told, gone) = (gate.clone(), told.clone(), Gone(gone.clone()));
        async move {
            let _gone = gone;
            let _ = told.send(Said::Began);
            let body = request.payload(1 << 20).await.map(|body| body.len());
            let failed = body.clone();
            let _ = told.send(Said::Body(body));
            failed?;
            for number in 0..chunks {
                gate.pass().await;
                replies.send(number.to_string(), vec![0; size]).await?;
                let _ = told.send(Said::Sent(number));
            }
            Ok(())
        }
        .boxed()
    });
    (agent, said, over)
}
