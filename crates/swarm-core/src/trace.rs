//! What happened at a node, for whoever watches: a simulation, a test, a metrics exporter.
//!
//! A [`TraceSink`] is called where things happen, so it sees every single event in order; [`Counters`] are the sums.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use swarm_proto::{AgentId, Capability, RequestId, Sequence, TopicName, TraceContext, UnixMicros};

use crate::peer::GoneReason;

/// Is told what happens at a node.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use swarm_core::{AgentId, TraceEvent, TraceSink};
///
/// #[derive(Default)]
/// struct Arrivals(AtomicUsize);
///
/// impl TraceSink for Arrivals {
///     fn record(&self, _node: AgentId, event: TraceEvent) {
///         if matches!(event, TraceEvent::ObservationDelivered { .. }) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait TraceSink: Send + Sync + 'static {
    /// Something happened at `node`. Called on the node's own tasks: it must be quick and must not block.
    fn record(&self, node: AgentId, event: TraceEvent);
}

/// One thing that happened.
///
/// ```
/// use swarm_core::{Ending, TraceEvent};
///
/// fn is_answer(event: &TraceEvent) -> bool {
///     matches!(event, TraceEvent::RequestEnded { ending: Ending::Completed, .. })
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TraceEvent {
    /// A peer is connected.
    PeerCame {
        /// Who.
        peer: AgentId,
    },
    /// A peer is not connected any more.
    PeerWent {
        /// Who.
        peer: AgentId,
        /// Why.
        reason: GoneReason,
    },
    /// The agent broadcast an observation.
    ObservationSent {
        /// What it is about.
        topic: TopicName,
        /// Its number.
        sequence: Sequence,
        /// When, by the node's wall clock.
        sent_at: UnixMicros,
        /// For how many peers it was taken.
        handed: usize,
        /// For how many it was not.
        dropped: usize,
    },
    /// The agent tried to broadcast something that fits into no datagram. Nobody got it.
    ObservationRefused {
        /// What it is about.
        topic: TopicName,
        /// Its encoded size in bytes.
        size: usize,
        /// What fits.
        max: usize,
    },
    /// An observation was handed to the agent.
    ObservationDelivered {
        /// Who sent it.
        origin: AgentId,
        /// What it is about.
        topic: TopicName,
        /// Its number.
        sequence: Sequence,
        /// When it was sent, by the origin's wall clock.
        sent_at: UnixMicros,
        /// How long it took, if the clocks agree; zero if they say less.
        latency: Duration,
    },
    /// The agent was told that reliable observations are missing.
    ObservationGap {
        /// Whose.
        origin: AgentId,
        /// How many; `None` if nobody knows.
        missed: Option<u64>,
    },
    /// Observations were lost at this node.
    ObservationDropped {
        /// Why.
        reason: DropReason,
        /// How many.
        count: u64,
    },
    /// The agent asked for assistance.
    RequestSent {
        /// Which request.
        id: RequestId,
        /// Whom.
        to: AgentId,
        /// For what.
        capability: Capability,
        /// The trace that it belongs to, with its own span.
        trace: TraceContext,
    },
    /// A request that the agent made is over. Comes exactly once for each `RequestSent`.
    RequestEnded {
        /// Which request.
        id: RequestId,
        /// Who was asked.
        to: AgentId,
        /// For what.
        capability: Capability,
        /// How it ended.
        ending: Ending,
        /// When the first chunk or artefact of the reply came, after the request.
        first_chunk: Option<Duration>,
        /// When it ended, after the request.
        elapsed: Duration,
    },
    /// A request that the agent served is over.
    RequestServed {
        /// Which request.
        id: RequestId,
        /// Who asked.
        from: AgentId,
        /// For what.
        capability: Capability,
        /// The trace that it belongs to, with the span of whoever asked.
        trace: TraceContext,
        /// How it ended.
        ending: Ending,
        /// How long it took.
        elapsed: Duration,
    },
    /// A stranger did not become a peer, or a peer was sent away for breaking the rules.
    Refused {
        /// Why.
        reason: RefusedReason,
    },
    /// The agent panicked in a call. The call ended there, the node goes on.
    AgentPanicked {
        /// In which method, or `a task`.
        method: &'static str,
    },
    /// A number of the agent's own, by `Context::measure`.
    Measured {
        /// What it measures.
        name: &'static str,
        /// The number.
        value: f64,
    },
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All that there are, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }
    };
}

reasons! {
    /// Why an observation was lost at a node.
    ///
    /// ```
    /// assert_eq!(swarm_core::DropReason::OutboxFull.to_string(), "outbox_full");
    /// ```
    DropReason {
        /// The peer or the path to it is too slow: the oldest in its outbox made room.
        OutboxFull = "outbox_full",
        /// It does not fit into a datagram of the path to this peer.
        TooLarge = "too_large",
        /// The connection ended before it was sent.
        PeerLost = "peer_lost",
        /// This node was given more than it could take in.
        NodeBusy = "node_busy",
        /// The agent was too slow: the oldest in its queue made room.
        AgentLagged = "agent_lagged",
        /// The agent had stopped.
        ShutDown = "shut_down",
        /// It was known already.
        Duplicate = "duplicate",
        /// Its sender was not its origin.
        Forged = "forged",
        /// The datagram could not be read.
        Malformed = "malformed",
    }
}

reasons! {
    /// Why a stranger did not become a peer.
    ///
    /// ```
    /// assert_eq!(swarm_core::RefusedReason::Deadline.to_string(), "deadline");
    /// ```
    RefusedReason {
        /// TLS, HTTP/3 or WebTransport was not agreed on, or the certificate proves nobody of the swarm.
        Handshake = "handshake",
        /// It did not finish its hello in time.
        Deadline = "deadline",
        /// It went away before its hello.
        Lost = "lost",
        /// What it said cannot be read or was out of turn.
        Nonsense = "nonsense",
        /// It speaks no version that we speak.
        Version = "version",
        /// It belongs to another swarm.
        WrongSwarm = "wrong_swarm",
        /// It is not who it says it is.
        OtherAgent = "other_agent",
        /// It is this node itself.
        Itself = "itself",
        /// Too many strangers or peers at once.
        Overloaded = "overloaded",
        /// Handling it panicked below us.
        Broken = "broken",
    }
}

reasons! {
    /// How a request ended.
    ///
    /// ```
    /// assert_eq!(swarm_core::Ending::DeadlineExceeded.to_string(), "deadline_exceeded");
    /// ```
    Ending {
        /// In order.
        Completed = "completed",
        /// The agent did not want to.
        Declined = "declined",
        /// The agent failed.
        Failed = "failed",
        /// Nobody there offers it.
        NoSuchCapability = "no_such_capability",
        /// Too many at once.
        Busy = "busy",
        /// The deadline passed.
        DeadlineExceeded = "deadline_exceeded",
        /// Nothing moved for too long.
        Idle = "idle",
        /// It would have crossed too many agents.
        HopLimit = "hop_limit",
        /// A part of the reply was lost with a connection.
        Gap = "gap",
        /// The requester or the responder gave it up.
        Cancelled = "cancelled",
        /// The connection was lost.
        PeerLost = "peer_lost",
        /// One side did not understand the other.
        Malformed = "malformed",
        /// One side stopped.
        ShutDown = "shut_down",
    }
}

/// The sums of what happened at a node since it started.
///
/// ```
/// use swarm_core::{Counters, DropReason};
///
/// fn lost_to_slow_peers(counters: &Counters) -> u64 {
///     counters.observations_dropped.get(&DropReason::OutboxFull).copied().unwrap_or_default()
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Observations that the agent broadcast.
    pub observations_sent: u64,
    /// Observations that fit into no datagram.
    pub observations_refused: u64,
    /// Observations taken for peers: one broadcast to three peers counts three.
    pub observations_handed: u64,
    /// Observations handed to the agent.
    pub observations_delivered: u64,
    /// Observations lost at this node, by reason.
    pub observations_dropped: BTreeMap<DropReason, u64>,
    /// Gaps in reliable observations that the agent was told of.
    pub observation_gaps: u64,
    /// Requests that the agent made.
    pub requests_sent: u64,
    /// Requests that the agent made and that are over, by ending.
    pub requests_ended: BTreeMap<Ending, u64>,
    /// Requests of others that are over, by ending.
    pub requests_served: BTreeMap<Ending, u64>,
    /// Strangers who did not become peers, by reason.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Calls in which the agent panicked.
    pub agent_panics: u64,
}

/// Counts what happens and passes it on.
pub(crate) struct Recorder {
    node: AgentId,
    sink: Option<Box<dyn TraceSink>>,
    sent: AtomicU64,
    handed: AtomicU64,
    delivered: AtomicU64,
    /// What happens rarely, or only when something is wrong.
    rare: Mutex<Counters>,
}

impl Recorder {
    pub(crate) fn new(node: AgentId, sink: Option<Box<dyn TraceSink>>) -> Self {
        Self {
            node,
            sink,
            sent: AtomicU64::new(0),
            handed: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            rare: Mutex::new(Counters::default()),
        }
    }

    pub(crate) fn record(&self, event: TraceEvent) {
        self.count(&event);
        if let Some(sink) = &self.sink {
            sink.record(self.node, event);
        }
    }

    pub(crate) fn dropped(&self, reason: DropReason, count: u64) {
        if count > 0 {
            self.record(TraceEvent::ObservationDropped { reason, count });
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut counters = self.rare().clone();
        counters.observations_sent = self.sent.load(Ordering::Relaxed);
        counters.observations_handed = self.handed.load(Ordering::Relaxed);
        counters.observations_delivered = self.delivered.load(Ordering::Relaxed);
        counters
    }

    fn count(&self, event: &TraceEvent) {
        match event {
            TraceEvent::ObservationSent { handed, .. } => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                self.handed.fetch_add(*handed as u64, Ordering::Relaxed);
            }
            TraceEvent::ObservationDelivered { .. } => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
            }
            TraceEvent::ObservationDropped { reason, count } => {
                *self.rare().observations_dropped.entry(*reason).or_default() += count;
            }
            TraceEvent::ObservationGap { .. } => self.rare().observation_gaps += 1,
            TraceEvent::ObservationRefused { .. } => self.rare().observations_refused += 1,
            TraceEvent::RequestSent { .. } => self.rare().requests_sent += 1,
            TraceEvent::RequestEnded { ending, .. } => {
                *self.rare().requests_ended.entry(*ending).or_default() += 1;
            }
            TraceEvent::RequestServed { ending, .. } => {
                *self.rare().requests_served.entry(*ending).or_default() += 1;
            }
            TraceEvent::Refused { reason } => *self.rare().refused.entry(*reason).or_default() += 1,
            TraceEvent::AgentPanicked { .. } => self.rare().agent_panics += 1,
            TraceEvent::PeerCame { .. } | TraceEvent::PeerWent { .. } | TraceEvent::Measured { .. } => {}
        }
    }

    fn rare(&self) -> std::sync::MutexGuard<'_, Counters> {
        // Counting cannot leave the counters half changed, so a poisoned lock is as good as any.
        self.rare.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("node", &self.node).finish_non_exhaustive()
    }
}
