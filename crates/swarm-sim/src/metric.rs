//! What a run measures, by name.
//!
//! This is the one place that knows the names; what a name is worth in a given run is `tally`'s business, and whether
//! that is good enough is `check`'s.

use std::fmt;

use swarm_core::{DropReason, Ending, GoneReason, RefusedReason};

/// Something that a run measures.
///
/// Every metric can be narrowed to one group of agents. Which group an item counts for is one rule: **an act counts
/// for the group of the agent that did it**. Sending counts for the origin (`observation.sent`,
/// `observation.delivery_ratio`), hearing for the receiver (`observation.delivered`, `observation.latency`), dropping
/// for the node that drops (`observation.dropped.*`), asking for the requester (`request.*`, `answer.*`), serving for
/// the responder (`request.served.*`), seeing a peer go for whoever sees it (`peer.gone.*`), turning somebody
/// away for whoever does it (`peer.refused.*`), attacking for the rogue (`rogue.*`), and panics
/// (`agent.panics`) and numbers of an agent's own (`measure.*`) for that agent. What is about the swarm as a whole
/// (`overlay.*`, `network.*`, `memory.*`) counts for no group.
///
/// ```
/// use swarm_sim::{Metric, Shape};
///
/// let metric = Metric::from_name("request.latency").unwrap();
/// assert_eq!(metric.shape(), Shape::Durations);
/// assert_eq!(Metric::from_name("measure.tokens").unwrap().to_string(), "measure.tokens");
/// assert_eq!(Metric::from_name("request.lateness"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Metric {
    /// Observations that agents broadcast, however many peers each of them went to.
    ObservationSent,
    /// Copies of observations that were handed to an agent.
    ObservationDelivered,
    /// Copies handed to an agent, of all copies that were sent or meant to be and that no newer one took the place of.
    ObservationDeliveryRatio,
    /// From the moment an observation was made to the moment an agent was handed it.
    ObservationLatency,
    /// Gaps in reliable observations that agents were told of. There ought to be none among peers that keep up.
    ObservationGaps,
    /// Copies that were lost at a node for this reason, whichever way they were going.
    ObservationDropped(DropReason),
    /// Observations that an agent was handed once more. There ought to be none, ever.
    ObservationDuplicated,
    /// Observations that an agent was handed and whose origin is nobody of the run. There ought to be none, ever.
    ObservationStranger,
    /// Requests that agents sent.
    RequestSent,
    /// Requests that ended with a complete answer.
    RequestAnswered,
    /// Requests that ended with a complete answer, of all that were sent.
    RequestAnsweredRatio,
    /// Requests that never ended. There ought to be none, ever.
    RequestOpen,
    /// Requests whose sender was never told of their end, although it lived on. There ought to be none, ever.
    RequestLost,
    /// Requests whose sender was told of their end more than once. There ought to be none, ever.
    RequestDoubled,
    /// From sending a request to the end of its complete answer.
    RequestLatency,
    /// From sending a request to the first chunk of its answer.
    RequestFirstChunk,
    /// From sending a request to its end, of those that ended in this way.
    RequestEnded(Ending),
    /// How long requests of others were served, of those that ended in this way.
    RequestServed(Ending),
    /// Questions of the timeline whose answer was right.
    AnswerRight,
    /// Questions of the timeline whose answer was right, of all that were asked.
    AnswerRightRatio,
    /// Peers that agents were connected to, and that went for this reason. Zero is a number too.
    PeerGone(GoneReason),
    /// Strangers and peers that nodes turned away for this reason. Zero is a number too.
    PeerRefused(RefusedReason),
    /// How many times rogues began their attack, from the start of the run on.
    RogueAttempts,
    /// Attempts of rogues that a node said hello to.
    RogueAdmitted,
    /// Attempts of rogues that a node ended after its hello.
    RogueSentAway,
    /// Attempts of rogues that went on for as long as they wanted.
    RogueBorne,
    /// From the first wrong act of an attempt to its end by the node, whether before or after its hello.
    RogueCutOff,
    /// Into how many parts the agents that run have fallen. One is the whole swarm.
    OverlayComponents,
    /// How many pairs of agents are connected.
    OverlayConnections,
    /// Pairs that are connected, of all that the topology connects and of which both run.
    OverlayConverged,
    /// Packets that the network lost, of all that were sent.
    NetworkLostRatio,
    /// Bytes that the network carried.
    NetworkBytes,
    /// Memory of the whole run, by the number of agents.
    MemoryPerAgent,
    /// Tasks that went on after everybody had stopped. There ought to be none. Only virtual time can tell.
    TaskLeft,
    /// How often the check in Rust of that name did not hold: 0 or 1. Its check asks for it; no other can.
    Custom(String),
    /// Panics of agents, from the start of the run on. Zero is a number too: there is always something to measure.
    AgentPanics,
    /// Numbers that agents measured themselves under this name.
    Measure(String),
}

/// How a metric is read.
///
/// ```
/// use swarm_sim::{Metric, Shape};
///
/// assert!(Shape::Durations.is_distribution());
/// assert_eq!(Metric::RequestOpen.shape(), Shape::Count);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// How many: one plain number.
    Count,
    /// A share of a whole, from 0 to 1: one plain number.
    Ratio,
    /// A number of bytes: one plain number.
    Bytes,
    /// Many durations; an aggregate such as `p99` makes one of them.
    Durations,
    /// Many numbers without a unit that the runner knows; an aggregate such as `mean` makes one of them.
    Numbers,
}

impl Shape {
    /// Whether it takes an aggregate to make one value of it.
    #[must_use]
    pub const fn is_distribution(self) -> bool {
        matches!(self, Self::Durations | Self::Numbers)
    }
}

/// The prefix of the metrics that agents name themselves.
pub(crate) const MEASURE_PREFIX: &str = "measure.";

/// The prefix of what checks in Rust find.
const CUSTOM_PREFIX: &str = "custom.";

/// Metrics that are told apart by a word that the runner knows.
pub(crate) struct Family {
    prefix: &'static str,
    /// What such a word is.
    pub(crate) kind: &'static str,
    /// One for each word.
    metrics: fn() -> Vec<Metric>,
}

const ENDED: Family =
    Family { prefix: "request.ended.", kind: "ending", metrics: || each(Ending::ALL, Metric::RequestEnded) };

const SERVED: Family = Family {
    prefix: "request.served.",
    kind: "ending",
    metrics: || each(Ending::ALL, Metric::RequestServed),
};

const DROPPED: Family = Family {
    prefix: "observation.dropped.",
    kind: "reason",
    metrics: || each(DropReason::ALL, Metric::ObservationDropped),
};

const GONE: Family =
    Family { prefix: "peer.gone.", kind: "reason", metrics: || each(GoneReason::ALL, Metric::PeerGone) };

const REFUSED: Family = Family {
    prefix: "peer.refused.",
    kind: "reason",
    metrics: || each(RefusedReason::ALL, Metric::PeerRefused),
};

fn each<T: Copy>(words: &[T], metric: fn(T) -> Metric) -> Vec<Metric> {
    words.iter().copied().map(metric).collect()
}

impl Family {
    /// The family that a name belongs to, and the word behind its prefix.
    pub(crate) fn of(name: &str) -> Option<(Self, &str)> {
        let families = [ENDED, SERVED, DROPPED, GONE, REFUSED];
        families.into_iter().find_map(|family| {
            let word = name.strip_prefix(family.prefix)?;
            Some((family, word))
        })
    }

    /// All words that there are.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |metric: Metric| metric.to_string().strip_prefix(self.prefix).map(str::to_owned);
        (self.metrics)().into_iter().filter_map(word).collect()
    }
}

/// What is named behind a prefix, with what it means in one line.
pub(crate) const FAMILIES: [(&str, &str); 6] = [
    (
        "observation.dropped.REASON",
        "copies lost at a node of the group: outbox_full, rate_limited, agent_lagged…",
    ),
    ("request.ended.ENDING", "from sending to the end, of those that ended so: completed, busy, cancelled…"),
    ("request.served.ENDING", "how long requests of others took, by the group that served them"),
    ("peer.gone.REASON", "peers that the group saw go: goodbye, lost, misbehaved, too_slow…"),
    ("peer.refused.REASON", "whom nodes of the group turned away: handshake, deadline, not_permitted…"),
    ("measure.NAME", "numbers that agents measure themselves"),
];

/// Every metric that the runner itself names, with what it means in one line.
pub(crate) const CATALOGUE: [(Metric, &str); 30] = [
    (Metric::ObservationSent, "observations broadcast, by the group of their origin"),
    (Metric::ObservationDelivered, "copies handed to an agent, by the group of the receiver"),
    (
        Metric::ObservationDeliveryRatio,
        "copies delivered anywhere, of all of the group that no newer one replaced",
    ),
    (Metric::ObservationLatency, "from making to delivery, by the group of the receiver"),
    (Metric::ObservationGaps, "gaps in reliable observations, by the group of the receiver"),
    (
        Metric::ObservationDuplicated,
        "observations handed to an agent once more, by the group of the receiver",
    ),
    (Metric::ObservationStranger, "observations of nobody in the run, by the group of the receiver"),
    (Metric::RequestSent, "requests sent, by the group of the requester (as all below)"),
    (Metric::RequestAnswered, "requests that ended with a complete answer"),
    (Metric::RequestAnsweredRatio, "requests that ended with a complete answer, of all sent"),
    (Metric::RequestOpen, "requests that never ended"),
    (Metric::RequestLost, "requests of whose end nobody was told"),
    (Metric::RequestDoubled, "requests of whose end somebody was told more than once"),
    (Metric::RequestLatency, "from sending to the end of a complete answer"),
    (Metric::RequestFirstChunk, "from sending to the first chunk of an answer"),
    (Metric::AnswerRight, "questions of the timeline answered rightly"),
    (Metric::AnswerRightRatio, "questions of the timeline answered rightly, of all asked"),
    (Metric::RogueAttempts, "how often rogues of the group began their attack (as all below)"),
    (Metric::RogueAdmitted, "attempts that a node said hello to"),
    (Metric::RogueSentAway, "attempts that a node ended after its hello"),
    (Metric::RogueBorne, "attempts that went on for as long as they wanted"),
    (Metric::RogueCutOff, "from the first wrong act of an attempt to its end by the node"),
    (Metric::AgentPanics, "panics of agents, from the start of the run on"),
    (
        Metric::OverlayComponents,
        "parts that the running agents have fallen into (of the whole swarm, as all below)",
    ),
    (Metric::OverlayConnections, "pairs of agents that are connected"),
    (Metric::OverlayConverged, "pairs that are connected, of those that the topology connects"),
    (Metric::NetworkLostRatio, "packets that the network lost, of all sent"),
    (Metric::NetworkBytes, "bytes that the network carried"),
    (Metric::MemoryPerAgent, "memory of the whole run, by the number of agents"),
    (Metric::TaskLeft, "tasks that went on after everybody had stopped, in virtual time"),
];

impl Metric {
    /// The metric of that name. Any name behind `measure.` is one, as agents choose those; endings and reasons are known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(own) = name.strip_prefix(MEASURE_PREFIX) {
            return is_measure_name(own).then(|| Self::Measure(own.to_owned()));
        }
        if let Some((family, _)) = Family::of(name) {
            return (family.metrics)().into_iter().find(|metric| metric.to_string() == name);
        }
        CATALOGUE.into_iter().map(|(metric, _)| metric).find(|metric| metric.name() == name)
    }

    /// How it is read.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match self {
            Self::ObservationSent
            | Self::ObservationDelivered
            | Self::ObservationGaps
            | Self::ObservationDropped(_)
            | Self::ObservationDuplicated
            | Self::ObservationStranger
            | Self::RequestSent
            | Self::RequestAnswered
            | Self::RequestOpen
            | Self::RequestLost
            | Self::RequestDoubled
            | Self::AnswerRight
            | Self::PeerGone(_)
            | Self::PeerRefused(_)
            | Self::RogueAttempts
            | Self::RogueAdmitted
            | Self::RogueSentAway
            | Self::RogueBorne
            | Self::OverlayComponents
            | Self::OverlayConnections
            | Self::TaskLeft
            | Self::Custom(_)
            | Self::AgentPanics => Shape::Count,
            Self::ObservationDeliveryRatio
            | Self::RequestAnsweredRatio
            | Self::AnswerRightRatio
            | Self::OverlayConverged
            | Self::NetworkLostRatio => Shape::Ratio,
            Self::NetworkBytes | Self::MemoryPerAgent => Shape::Bytes,
            Self::ObservationLatency
            | Self::RequestLatency
            | Self::RequestFirstChunk
            | Self::RequestEnded(_)
            | Self::RequestServed(_)
            | Self::RogueCutOff => Shape::Durations,
            Self::Measure(_) => Shape::Numbers,
        }
    }

    /// Whether it can be told apart by the capability that was asked for.
    pub(crate) const fn is_of_requests(&self) -> bool {
        matches!(
            self,
            Self::RequestSent
                | Self::RequestAnswered
                | Self::RequestAnsweredRatio
                | Self::RequestOpen
                | Self::RequestLost
                | Self::RequestDoubled
                | Self::RequestLatency
                | Self::RequestFirstChunk
                | Self::RequestEnded(_)
                | Self::RequestServed(_)
                | Self::AnswerRight
                | Self::AnswerRightRatio
        )
    }

    /// Whether it can be told apart by group. What is about the whole swarm cannot.
    pub(crate) const fn is_of_groups(&self) -> bool {
        !matches!(
            self,
            Self::OverlayComponents
                | Self::OverlayConnections
                | Self::OverlayConverged
                | Self::NetworkLostRatio
                | Self::NetworkBytes
                | Self::MemoryPerAgent
                | Self::TaskLeft
                | Self::Custom(_)
        )
    }

    /// Whether it can be told apart by topic. What a node drops it cannot always read.
    pub(crate) const fn is_of_topics(&self) -> bool {
        matches!(
            self,
            Self::ObservationSent
                | Self::ObservationDelivered
                | Self::ObservationDeliveryRatio
                | Self::ObservationLatency
        )
    }

    /// The names that the runner itself gives, for suggestions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        CATALOGUE.iter().map(|(metric, _)| metric.name())
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::ObservationSent => "observation.sent",
            Self::ObservationDelivered => "observation.delivered",
            Self::ObservationDeliveryRatio => "observation.delivery_ratio",
            Self::ObservationLatency => "observation.latency",
            Self::ObservationGaps => "observation.gaps",
            Self::ObservationDropped(_) => DROPPED.prefix,
            Self::ObservationDuplicated => "observation.duplicated",
            Self::ObservationStranger => "observation.stranger",
            Self::RequestSent => "request.sent",
            Self::RequestAnswered => "request.answered",
            Self::RequestAnsweredRatio => "request.answered_ratio",
            Self::RequestOpen => "request.open",
            Self::RequestLost => "request.lost",
            Self::RequestDoubled => "request.doubled",
            Self::RequestLatency => "request.latency",
            Self::RequestFirstChunk => "request.first_chunk",
            Self::RequestEnded(_) => ENDED.prefix,
            Self::RequestServed(_) => SERVED.prefix,
            Self::AnswerRight => "answer.right",
            Self::AnswerRightRatio => "answer.right_ratio",
            Self::PeerGone(_) => GONE.prefix,
            Self::PeerRefused(_) => REFUSED.prefix,
            Self::RogueAttempts => "rogue.attempts",
            Self::RogueAdmitted => "rogue.admitted",
            Self::RogueSentAway => "rogue.sent_away",
            Self::RogueBorne => "rogue.borne",
            Self::RogueCutOff => "rogue.cut_off",
            Self::OverlayComponents => "overlay.components",
            Self::OverlayConnections => "overlay.connections",
            Self::OverlayConverged => "overlay.converged",
            Self::NetworkLostRatio => "network.lost_ratio",
            Self::NetworkBytes => "network.bytes",
            Self::MemoryPerAgent => "memory.per_agent",
            Self::TaskLeft => "task.left",
            Self::Custom(_) => CUSTOM_PREFIX,
            Self::AgentPanics => "agent.panics",
            Self::Measure(_) => MEASURE_PREFIX,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Measure(own) | Self::Custom(own) => f.write_str(own),
            Self::RequestEnded(ending) | Self::RequestServed(ending) => ending.fmt(f),
            Self::ObservationDropped(reason) => reason.fmt(f),
            Self::PeerGone(reason) => reason.fmt(f),
            Self::PeerRefused(reason) => reason.fmt(f),
            _ => Ok(()),
        }
    }
}

fn is_measure_name(own: &str) -> bool {
    !own.is_empty() && own.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_catalogue_finds_its_metric() {
        for (metric, summary) in CATALOGUE {
            assert_eq!(Metric::from_name(&metric.to_string()).as_ref(), Some(&metric));
            assert!(!summary.is_empty());
        }
    }

    #[test]
    fn every_ending_and_every_reason_finds_its_metrics() {
        let ended = Ending::ALL.iter().copied().map(Metric::RequestEnded);
        let served = Ending::ALL.iter().copied().map(Metric::RequestServed);
        let dropped = DropReason::ALL.iter().copied().map(Metric::ObservationDropped);
        let gone = GoneReason::ALL.iter().copied().map(Metric::PeerGone);
        let refused = RefusedReason::ALL.iter().copied().map(Metric::PeerRefused);
        for metric in ended.chain(served).chain(dropped).chain(gone).chain(refused) {
            assert_eq!(Metric::from_name(&metric.to_string()), Some(metric));
        }
        assert_eq!(Metric::from_name("request.ended.bored"), None);
        assert_eq!(Metric::from_name("observation.dropped.busy"), None);
    }

    #[test]
    fn a_measure_needs_a_name() {
        assert_eq!(Metric::from_name("measure."), None);
        assert_eq!(Metric::from_name("measure.two words"), None);
    }

    #[test]
    fn what_checks_in_rust_find_is_only_for_them() {
        assert_eq!(Metric::Custom("agreed".to_owned()).to_string(), "custom.agreed");
        assert_eq!(Metric::from_name("custom.agreed"), None);
    }
}
