//! What happened at a node, for whoever watches: a simulation, a test, a metrics exporter.
//!
//! A [`TraceSink`] is called where things happen, so it sees every single event in order; [`Counters`] are the sums.

mod counters;

use std::fmt;
use std::time::Duration;

use swarm_proto::{AgentId, Capability, Delivery, RequestId, Sequence, TopicName, TraceContext, UnixMicros};

pub use self::counters::{Counters, Flow, PeerCounters};
pub(crate) use self::counters::{PeerTally, Recorder};
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
        /// How it travels.
        delivery: Delivery,
        /// For how many peers it was taken: a reliable one also for those that are away and may come back.
        handed: usize,
        /// For how many it was not: those that want it, but cannot have it.
        dropped: usize,
    },
    /// The agent passed on an observation of another origin.
    ObservationPassedOn {
        /// Who made it.
        origin: AgentId,
        /// What it is about.
        topic: TopicName,
        /// Its number.
        sequence: Sequence,
        /// When it was made, by the origin's wall clock.
        sent_at: UnixMicros,
        /// How often it was passed on now.
        hops: u8,
        /// For how many peers it was taken.
        handed: usize,
    },
    /// The agent tried to broadcast something that is too large for everybody. Nobody got it.
    ObservationRefused {
        /// What it is about.
        topic: TopicName,
        /// Its encoded size in bytes; of a reliable one, that of its payload.
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
        /// Which way they were going.
        direction: Direction,
        /// The peer that they were for, or came from.
        peer: AgentId,
        /// Why.
        reason: DropReason,
        /// How many; datagrams, if they were not read: rate-limited or malformed ones.
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

/// Which way an observation was going.
///
/// ```
/// assert_ne!(swarm_core::Direction::Outgoing, swarm_core::Direction::Incoming);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From this node's agent to a peer.
    Outgoing,
    /// From a peer to this node's agent.
    Incoming,
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
        /// The peer does not want to hear of the topic; or this node does not, any more.
        NotSubscribed = "not_subscribed",
        /// The peer or the path to it is too slow: the oldest in its outbox made room, or among the reliable ones that are
        /// kept for it.
        OutboxFull = "outbox_full",
        /// A newer one of the same topic and key took its place while it waited.
        Replaced = "replaced",
        /// A newer one of the same topic and key had come before it.
        Outdated = "outdated",
        /// It waited longer than it is worth.
        Expired = "expired",
        /// It does not fit into a datagram of the path to this peer.
        TooLarge = "too_large",
        /// The connection ended before it was sent. A reliable one: the peer does not come back for it, or takes none. One
        /// that came in: its sender had said goodbye.
        PeerLost = "peer_lost",
        /// The peer sends more than this node takes from one. Counts datagrams, which are not read, and observations whose
        /// signatures would have been too many.
        RateLimited = "rate_limited",
        /// The agent was too slow: the oldest of whoever has most in its queue made room.
        AgentLagged = "agent_lagged",
        /// The agent had stopped.
        ShutDown = "shut_down",
        /// It was known already.
        Duplicate = "duplicate",
        /// Its sender was not its origin, and its origin had not signed it.
        Forged = "forged",
        /// Signed too long ago, or not yet by this node's clock, or before this node started.
        Stale = "stale",
        /// It was passed on more often than it may be.
        HopLimit = "hop_limit",
        /// Whoever passed it on did not tell the grant of its origin.
        UnknownOrigin = "unknown_origin",
        /// The grant of whoever made it does not cover its topic.
        NotPermitted = "not_permitted",
        /// The datagram, or the stream of reliable ones, could not be read.
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
        /// Its grant does not count, or it went beyond it.
        NotPermitted = "not_permitted",
        /// It is this node itself.
        Itself = "itself",
        /// Too many strangers or peers at once.
        Overloaded = "overloaded",
        /// Too many strangers in a short time at the same address.
        AddressRate = "address_rate",
        /// An agent that was sent away has come back too soon.
        SentAway = "sent_away",
        /// A peer got wrong more than is borne, and was sent away.
        Misconduct = "misconduct",
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
        /// The requester's grant does not cover it.
        NotPermitted = "not_permitted",
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
