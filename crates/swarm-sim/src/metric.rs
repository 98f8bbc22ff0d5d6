//! What a run measures, by name.
//!
//! This is the one place that knows the names; what a name is worth in a given run is `tally`'s business, and whether
//! that is good enough is `check`'s.

use std::fmt;

use swarm_core::Ending;

/// Something that a run measures.
///
/// Every metric can be narrowed to one group of agents. Which group an item counts for is one rule: **an act counts
/// for the group of the agent that did it**. Sending counts for the origin (`observation.sent`,
/// `observation.delivery_ratio`), hearing for the receiver (`observation.delivered`, `observation.latency`), asking
/// for the requester (`request.*`, `answer.*`), serving for the responder (`request.served.*`), and panics (`agent.panics`) and numbers of an agent's own (`measure.*`)
/// for that agent.
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
    /// Copies handed to an agent, of all copies that were sent or meant to be.
    ObservationDeliveryRatio,
    /// From the moment an observation was made to the moment an agent was handed it.
    ObservationLatency,
    /// Requests that agents sent.
    RequestSent,
    /// Requests that ended with a complete answer.
    RequestAnswered,
    /// Requests that ended with a complete answer, of all that were sent.
    RequestAnsweredRatio,
    /// Requests that never ended. There ought to be none, ever.
    RequestOpen,
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

/// The prefix of the metrics of requests made, by ending.
const ENDED_PREFIX: &str = "request.ended.";

/// The prefix of the metrics of requests served, by ending.
const SERVED_PREFIX: &str = "request.served.";

/// What is named behind a prefix, with what it means in one line.
pub(crate) const FAMILIES: [(&str, &str); 3] = [
    ("request.ended.ENDING", "from sending to the end, of those that ended so: completed, busy, cancelled…"),
    ("request.served.ENDING", "how long requests of others took, by the group that served them"),
    ("measure.NAME", "numbers that agents measure themselves"),
];

/// Every metric that the runner itself names, with what it means in one line.
pub(crate) const CATALOGUE: [(Metric, &str); 13] = [
    (Metric::ObservationSent, "observations broadcast, by the group of their origin"),
    (Metric::ObservationDelivered, "copies handed to an agent, by the group of the receiver"),
    (Metric::ObservationDeliveryRatio, "copies delivered anywhere, of all copies of what the group sent"),
    (Metric::ObservationLatency, "from making to delivery, by the group of the receiver"),
    (Metric::RequestSent, "requests sent, by the group of the requester (as all below)"),
    (Metric::RequestAnswered, "requests that ended with a complete answer"),
    (Metric::RequestAnsweredRatio, "requests that ended with a complete answer, of all sent"),
    (Metric::RequestOpen, "requests that never ended"),
    (Metric::RequestLatency, "from sending to the end of a complete answer"),
    (Metric::RequestFirstChunk, "from sending to the first chunk of an answer"),
    (Metric::AnswerRight, "questions of the timeline answered rightly"),
    (Metric::AnswerRightRatio, "questions of the timeline answered rightly, of all asked"),
    (Metric::AgentPanics, "panics of agents, from the start of the run on"),
];

impl Metric {
    /// The metric of that name. Any name behind `measure.` is one, as agents choose those; endings are known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(own) = name.strip_prefix(MEASURE_PREFIX) {
            return is_measure_name(own).then(|| Self::Measure(own.to_owned()));
        }
        if let Some((family, ending)) = by_ending(name) {
            return known_ending(ending).map(family);
        }
        CATALOGUE.into_iter().map(|(metric, _)| metric).find(|metric| metric.name() == name)
    }

    /// How it is read.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match self {
            Self::ObservationSent
            | Self::ObservationDelivered
            | Self::RequestSent
            | Self::RequestAnswered
            | Self::RequestOpen
            | Self::AnswerRight
            | Self::AgentPanics => Shape::Count,
            Self::ObservationDeliveryRatio | Self::RequestAnsweredRatio | Self::AnswerRightRatio => {
                Shape::Ratio
            }
            Self::ObservationLatency
            | Self::RequestLatency
            | Self::RequestFirstChunk
            | Self::RequestEnded(_)
            | Self::RequestServed(_) => Shape::Durations,
            Self::Measure(_) => Shape::Numbers,
        }
    }

    /// Whether it can be told apart by the capability that was asked for.
    pub(crate) const fn is_of_requests(&self) -> bool {
        !matches!(
            self,
            Self::ObservationSent
                | Self::ObservationDelivered
                | Self::ObservationDeliveryRatio
                | Self::ObservationLatency
                | Self::AgentPanics
                | Self::Measure(_)
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
            Self::RequestSent => "request.sent",
            Self::RequestAnswered => "request.answered",
            Self::RequestAnsweredRatio => "request.answered_ratio",
            Self::RequestOpen => "request.open",
            Self::RequestLatency => "request.latency",
            Self::RequestFirstChunk => "request.first_chunk",
            Self::RequestEnded(_) => ENDED_PREFIX,
            Self::RequestServed(_) => SERVED_PREFIX,
            Self::AnswerRight => "answer.right",
            Self::AnswerRightRatio => "answer.right_ratio",
            Self::AgentPanics => "agent.panics",
            Self::Measure(_) => MEASURE_PREFIX,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Measure(own) => f.write_str(own),
            Self::RequestEnded(ending) | Self::RequestServed(ending) => ending.fmt(f),
            _ => Ok(()),
        }
    }
}

/// What makes metrics of endings.
type OfEnding = fn(Ending) -> Metric;

/// What a name behind one of the prefixes of endings stands for, and the ending as it is written.
pub(crate) fn by_ending(name: &str) -> Option<(OfEnding, &str)> {
    let families: [(&str, OfEnding); 2] =
        [(ENDED_PREFIX, Metric::RequestEnded), (SERVED_PREFIX, Metric::RequestServed)];
    families.into_iter().find_map(|(prefix, family)| Some((family, name.strip_prefix(prefix)?)))
}

fn known_ending(name: &str) -> Option<Ending> {
    Ending::ALL.iter().copied().find(|ending| ending.to_string() == name)
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
    fn every_ending_finds_its_metrics() {
        for ending in Ending::ALL {
            for metric in [Metric::RequestEnded(*ending), Metric::RequestServed(*ending)] {
                assert_eq!(Metric::from_name(&metric.to_string()), Some(metric));
            }
        }
        assert_eq!(Metric::from_name("request.ended.bored"), None);
    }

    #[test]
    fn a_measure_needs_a_name() {
        assert_eq!(Metric::from_name("measure."), None);
        assert_eq!(Metric::from_name("measure.two words"), None);
    }
}
