//! What a request may cost, and how that passes on to the requests made for it.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_proto::{Capability, Lane, RequestHead, RequestId, TraceContext};
use tokio::time::Instant;

use crate::deadline::after;

/// What the maker of a request asks for; what is left open is inherited, or the node's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub(crate) deadline: Option<Duration>,
    pub(crate) idle_limit: Option<Duration>,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) lane: Option<Lane>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) resumable: bool,
    /// Inherit no more than what bounds it.
    pub(crate) bounds_only: bool,
}

/// The node's own defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) deadline: Duration,
    /// Of a request that is served.
    pub(crate) longest: Duration,
    pub(crate) idle_limit: Option<Duration>,
    pub(crate) hop_limit: u8,
}

/// The budget of one request, at whichever end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) deadline: Instant,
    pub(crate) idle_limit: Option<Duration>,
    /// How many further agents may be put behind the responder.
    pub(crate) hop_limit: u8,
    pub(crate) lane: Lane,
    pub(crate) trace: TraceContext,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) resumable: bool,
}

/// The request would cross more agents than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HopLimitReached;

impl Budget {
    /// The budget of a request of our own, made for `outer` if there is one. `span` is a trace in which this request
    /// would be the first span; its span is used in either case.
    pub(crate) fn of_wish(
        wish: Wish,
        outer: Option<&Self>,
        defaults: Defaults,
        span: &TraceContext,
        now: Instant,
    ) -> Result<Self, HopLimitReached> {
        let own_deadline = wish.deadline.map(|deadline| after(now, deadline));
        let shared = outer.filter(|_| !wish.bounds_only);
        let parent = wish.trace.or_else(|| shared.map(|outer| outer.trace.clone()));
        let mut metadata = shared.map(|outer| outer.metadata.clone()).unwrap_or_default();
        metadata.extend(wish.metadata);
        Ok(Self {
            deadline: match outer {
                Some(outer) => own_deadline.map_or(outer.deadline, |own| own.min(outer.deadline)),
                None => own_deadline.unwrap_or_else(|| after(now, defaults.deadline)),
            },
            idle_limit: match outer {
                Some(outer) => shortest(wish.idle_limit, outer.idle_limit.map(further_in)),
                None => wish.idle_limit.or(defaults.idle_limit),
            },
            hop_limit: match outer {
                Some(outer) => {
                    let left = outer.hop_limit.checked_sub(1).ok_or(HopLimitReached)?;
                    wish.hop_limit.map_or(left, |own| own.min(left))
                }
                None => wish.hop_limit.unwrap_or(defaults.hop_limit),
            },
            lane: wish.lane.or(shared.map(|outer| outer.lane)).unwrap_or_default(),
            trace: parent.map_or_else(|| span.clone(), |parent| parent.child(span.parent_id())),
            idempotency_key: wish
                .idempotency_key
                .or_else(|| shared.and_then(|outer| outer.idempotency_key.clone())),
            metadata,
            resumable: wish.resumable,
        })
    }

    /// The budget that a head allows a responder.
    pub(crate) fn of_head(head: &RequestHead, defaults: Defaults, span: TraceContext, now: Instant) -> Self {
        let left = head.deadline_ms.map_or(defaults.deadline, |ms| Duration::from_millis(ms.into()));
        Self {
            deadline: after(now, left.min(defaults.longest)),
            idle_limit: head.idle_ms.map(|ms| Duration::from_millis(ms.into())),
            hop_limit: head.hop_limit,
            lane: head.lane,
            trace: head.trace.clone().unwrap_or(span),
            idempotency_key: head.idempotency_key.clone(),
            metadata: head.metadata.clone(),
            resumable: head.resumable,
        }
    }

    /// The head of a request with this budget, sent now.
    pub(crate) fn head(&self, id: RequestId, capability: Capability, now: Instant) -> RequestHead {
        RequestHead {
            deadline_ms: Some(millis(self.deadline.saturating_duration_since(now))),
            idle_ms: self.idle_limit.map(millis),
            hop_limit: self.hop_limit,
            lane: self.lane,
            trace: Some(self.trace.clone()),
            idempotency_key: self.idempotency_key.clone(),
            resumable: self.resumable,
            metadata: self.metadata.clone(),
            ..RequestHead::new(id, capability)
        }
    }
}

/// Whoever is further in gives up first, so that its error has the time to come out as what it is.
fn further_in(idle_limit: Duration) -> Duration {
    idle_limit - idle_limit / 10
}

fn shortest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
