//! A request to whoever offers what is wanted, on another try to somebody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use swarm_proto::{AgentId, Capability, CapabilityPattern};
use tokio::time::Instant;

use super::copies::Copies;
use super::fan_in::{FanIn, Opening};
use super::outgoing::OutgoingRequest;
use super::reply_pipe::Served;
use super::reply_stream::ReplyStream;
use crate::assist::retry::{Reached, may_ask_another, more_telling};
use crate::assist::routing::{Candidate, Wanted};
use crate::deadline::{after, at};
use crate::error::AssistError;
use crate::node::shared::NodeShared;

/// How to find a peer for a request. The capability or pattern is the request's own.
///
/// Of two peers drawn at random among those who offer it, the less loaded is asked, or of two that are alike the nearer.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::Route;
///
/// let route = Route::new().attribute("model", "digits-v2").retries(1).hedge_after(Duration::from_millis(50));
/// # let _ = route;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    attributes: BTreeMap<String, String>,
    retries: usize,
    hedge: Hedge,
}

/// When a second peer is asked although the first may still reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hedge {
    Never,
    AfterUsual,
    After(Duration),
}

impl Default for Route {
    fn default() -> Self {
        Self { attributes: BTreeMap::new(), retries: 2, hedge: Hedge::Never }
    }
}

impl Route {
    /// To anybody who offers it, with two retries and no hedge.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only to peers whose advertisement has this attribute with this very value.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(key.into(), value.into());
        self
    }

    /// How many other peers may be tried when one is lost or turns the request away. Default 2.
    ///
    /// None is tried once a piece of a reply has come; notes of progress are none. A request that an agent may have worked on goes to another only
    /// if it has an [idempotency key](OutgoingRequest::idempotency_key); then also if that agent declined or failed.
    #[must_use]
    pub fn retries(mut self, peers: usize) -> Self {
        self.retries = peers;
        self
    }

    /// Asks one more peer when no reply has begun after the time in which 95 of 100 do; whoever begins first is listened
    /// to, the other is cancelled. Both may do the work. The time is known per capability once eight replies came to this
    /// node; before, there is no hedge.
    #[must_use]
    pub fn hedge(mut self) -> Self {
        self.hedge = Hedge::AfterUsual;
        self
    }

    /// As [`Self::hedge`], after a time of one's own.
    #[must_use]
    pub fn hedge_after(mut self, pause: Duration) -> Self {
        self.hedge = Hedge::After(pause);
        self
    }

    fn candidates(&self, shared: &NodeShared, pattern: &CapabilityPattern) -> Vec<Candidate> {
        shared.candidates(&Wanted { pattern: pattern.clone(), attributes: self.attributes.clone() })
    }

    /// The offers to ask when all are meant: as many as the node allows, the least loaded first.
    pub(super) fn fan_out(&self, shared: &NodeShared, pattern: &CapabilityPattern) -> Vec<Candidate> {
        let mut candidates = self.candidates(shared, pattern);
        candidates.sort_by_key(|candidate| candidate.load);
        candidates.truncate(shared.config.max_fan_out);
        candidates
    }
}

/// Asks peers one after the other, and one more at once for a hedge, until one of them begins to reply.
pub(in crate::node) async fn route(
    shared: &Arc<NodeShared>,
    on_behalf: Option<Arc<Served>>,
    route: &Route,
    request: OutgoingRequest,
) -> Result<ReplyStream, AssistError> {
    let mut candidates = route.candidates(shared, &request.pattern);
    // A peer with several offers that match is asked for the first, and is no likelier to be drawn.
    candidates.dedup_by_key(|candidate| candidate.peer);
    let search = Search {
        shared,
        copies: Copies::new(shared, on_behalf, request),
        candidates,
        tried: Vec::new(),
        hedge: route.hedge,
        hedge_at: None,
        attempts: FuturesUnordered::new(),
        under_way: Vec::new(),
    };
    search.run(route.retries).await
}

/// Asks every offer that matches, and joins the replies.
pub(in crate::node) fn request_all(
    shared: &Arc<NodeShared>,
    on_behalf: Option<Arc<Served>>,
    route: &Route,
    request: OutgoingRequest,
) -> Result<FanIn, AssistError> {
    let candidates = route.fan_out(shared, &request.pattern);
    if candidates.is_empty() {
        return Err(AssistError::NoSuchCapability);
    }
    let mut copies = Copies::new(shared, on_behalf, request);
    let mut fan_in = FanIn::new();
    for candidate in candidates {
        if let Some(opening) = copies.open(&candidate) {
            fan_in.push_opening(candidate.peer, opening);
        }
    }
    Ok(fan_in)
}

/// The search for a peer that replies.
struct Search<'a> {
    shared: &'a Arc<NodeShared>,
    copies: Copies,
    candidates: Vec<Candidate>,
    tried: Vec<AgentId>,
    /// `Never` once there was one.
    hedge: Hedge,
    hedge_at: Option<Instant>,
    /// Dropping an attempt cancels it.
    attempts: FuturesUnordered<BoxFuture<'static, Attempt>>,
    under_way: Vec<(AgentId, Capability, Instant)>,
}

/// What came of asking one peer.
struct Attempt {
    peer: AgentId,
    result: Result<ReplyStream, (AssistError, Reached)>,
}

impl Search<'_> {
    async fn run(mut self, mut retries: usize) -> Result<ReplyStream, AssistError> {
        let mut failure = AssistError::NoSuchCapability;
        self.ask_another();
        while !self.attempts.is_empty() {
            tokio::select! {
                biased;
                Some(attempt) = self.attempts.next() => {
                    self.under_way.retain(|(peer, ..)| *peer != attempt.peer);
                    let (error, reached) = match attempt.result {
                        Ok(replies) => return Ok(self.won_by(replies)),
                        Err(failed) => failed,
                    };
                    let may = retries > 0 && may_ask_another(&error, reached, self.copies.are_idempotent());
                    if may && self.ask_another() {
                        retries -= 1;
                    }
                    failure = more_telling(failure, error);
                }
                () = at(self.hedge_at) => {
                    (self.hedge, self.hedge_at) = (Hedge::Never, None);
                    self.ask_another();
                }
            }
        }
        Err(failure)
    }

    /// Asks the best of those who were not asked yet, if there is one.
    fn ask_another(&mut self) -> bool {
        let Some(candidate) = self.shared.choose(&self.candidates, &self.tried) else { return false };
        let Some(opening) = self.copies.open(candidate) else { return false };
        let now = Instant::now();
        let patience = match self.hedge {
            Hedge::Never => None,
            Hedge::AfterUsual => self.shared.usual_latency(&candidate.capability),
            Hedge::After(pause) => Some(pause),
        };
        self.hedge_at = patience.map(|patience| after(now, patience));
        self.tried.push(candidate.peer);
        self.under_way.push((candidate.peer, candidate.capability.clone(), now));
        self.attempts.push(Box::pin(attempt(candidate.peer, opening)));
        true
    }

    /// The others would have taken longer than this: left out, the slow ones would make the usual time shorter and
    /// shorter.
    fn won_by(&self, replies: ReplyStream) -> ReplyStream {
        for (_, capability, began) in &self.under_way {
            self.shared.reply_began(capability, began.elapsed());
        }
        replies
    }
}

async fn attempt(peer: AgentId, opening: Opening) -> Attempt {
    let result = match opening.await {
        Err(error) => Err((error, Reached::Nobody)),
        Ok(mut replies) => match replies.begun().await {
            Ok(()) => Ok(replies),
            Err(error) if replies.was_turned_away() => Err((error, Reached::Responder)),
            Err(error) => Err((error, Reached::Agent)),
        },
    };
    Attempt { peer, result }
}
