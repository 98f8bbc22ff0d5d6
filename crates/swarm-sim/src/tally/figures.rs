//! What was counted, for one group or for several together.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use swarm_core::{
    Capability, DropReason, Ending, GoneReason, RefusedReason, RequestId, TopicName, TopicPattern,
};

use super::{
    Durations, Numbers, RogueFigures, World,
    topics::{MOST_TOPICS, TopicFigures},
};
use crate::{check::Aggregate, metric::Metric, watch::Broken};

/// How a request of the timeline is said to have ended that could not even be sent.
pub const NOT_SENT: &str = "not_sent";

/// What was counted in a run, for one group or for several together.
///
/// ```
/// use swarm_sim::{Figures, Metric};
///
/// // Nothing was sent, so there is nothing to say about delivery.
/// assert_eq!(Figures::default().value(&Metric::ObservationDeliveryRatio, None), None);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Figures {
    /// Observations broadcast by the group.
    pub observations_sent: u64,
    /// Copies of them that went to a peer or were meant to, those included that others passed on.
    pub copies_sent: u64,
    /// Copies of them that were handed to an agent of any group.
    pub copies_delivered: u64,
    /// Copies of them that were given up because a newer one of the same topic and key took their place, wherever.
    pub copies_superseded: u64,
    /// Copies of anybody's that were handed to an agent of this group, and how long they took.
    pub observation_latency: Durations,
    /// Observations lost at a node of the group, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Copies that were not sent, or not taken, because their receiver had not subscribed to them.
    pub observations_unwanted: u64,
    /// Gaps in reliable observations that its agents were told of.
    pub observation_gaps: u64,
    /// What of this is about one topic.
    pub topics: BTreeMap<TopicName, TopicFigures>,
    /// Requests that the group sent, those included that could not be sent.
    pub requests_sent: u64,
    /// How many of them ended, by ending; [`NOT_SENT`] is one.
    pub endings: BTreeMap<String, u64>,
    /// From sending to the end of those that were sent, by ending.
    pub ended: BTreeMap<Ending, Durations>,
    /// How long the group served requests of others, by ending.
    pub served: BTreeMap<Ending, Durations>,
    /// From sending to the end of a complete answer.
    pub request_latency: Durations,
    /// From sending to the first chunk, however the request ended.
    pub first_chunk: Durations,
    /// Questions with a judge that the timeline asked on behalf of the group.
    pub questions: u64,
    /// How many of them were answered rightly.
    pub right: u64,
    /// Numbers that its agents measured themselves, by name.
    pub measures: BTreeMap<String, Numbers>,
    /// Peers of its agents that went, by reason.
    pub gone: BTreeMap<GoneReason, u64>,
    /// Strangers and peers that its nodes turned away, by reason.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Panics of its agents.
    pub panics: u64,
    /// What its rogues tried.
    pub rogues: RogueFigures,
    /// How often it was broken what must hold of every run, if that was looked at.
    pub broken: Option<Broken>,
    /// The swarm as a whole, in the figures of all groups together.
    pub world: Option<World>,
    /// Requests that have not ended.
    pub(super) open: BTreeSet<RequestId>,
    /// What of this is about the requests for one capability.
    pub(super) by_capability: BTreeMap<Capability, Figures>,
}

impl Figures {
    /// Copies of anybody's observations that were handed to an agent of this group.
    #[must_use]
    pub fn observations_delivered(&self) -> u64 {
        self.observation_latency.count()
    }

    /// Requests that ended with a complete answer.
    #[must_use]
    pub fn requests_answered(&self) -> u64 {
        self.endings.get(COMPLETED).copied().unwrap_or_default()
    }

    /// Requests that have not ended.
    #[must_use]
    pub fn requests_open(&self) -> usize {
        self.open.len()
    }

    /// The figures of the requests for one capability; `None` if nobody of the group asked for it or served it.
    #[must_use]
    pub fn of_capability(&self, capability: &Capability) -> Option<&Self> {
        self.by_capability.get(capability)
    }

    /// The figures of the observations of these topics; `None` if nobody of the group sent or heard any.
    #[must_use]
    pub fn of_topics(&self, topics: &TopicPattern) -> Option<Self> {
        let mut matching = self.topics.iter().filter(|(topic, _)| topics.matches(topic)).peekable();
        matching.peek()?;
        let mut sum = TopicFigures::default();
        matching.for_each(|(_, figures)| sum.merge(figures));
        let TopicFigures { observations_sent, copies_sent, copies_delivered, observation_latency, .. } = sum;
        Some(Self {
            observations_sent,
            copies_sent,
            copies_delivered,
            observation_latency,
            ..Self::default()
        })
    }

    /// What the metric is worth, in the unit that its checks compare in: microseconds, a ratio from 0 to 1, or a plain
    /// number. `None` when there was nothing to measure, or when a distribution lacks its aggregate.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a run counts far less than 2^53 of anything")]
    pub fn value(&self, metric: &Metric, aggregate: Option<Aggregate>) -> Option<f64> {
        let observed = |count: u64| (self.heard_or_sent_anything()).then_some(count as f64);
        let asked = |count: u64| (self.requests_sent > 0).then_some(count as f64);
        let tried = |count: u64| (self.rogues.attempts > 0).then_some(count as f64);
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        match metric {
            Metric::ObservationSent => observed(self.observations_sent),
            Metric::ObservationDelivered => observed(self.observations_delivered()),
            Metric::ObservationDeliveryRatio => {
                // What was sent before the window may be superseded within it: hence never more than all.
                let due = self.copies_sent.saturating_sub(self.copies_superseded);
                share(self.copies_delivered.min(due), due)
            }
            Metric::ObservationLatency => self.observation_latency.micros(aggregate?),
            Metric::ObservationGaps => observed(self.observation_gaps),
            Metric::ObservationDropped(DropReason::NotSubscribed) => observed(self.observations_unwanted),
            Metric::ObservationDropped(reason) => {
                observed(self.dropped.get(&reason.to_string()).copied().unwrap_or_default())
            }
            Metric::RequestSent => asked(self.requests_sent),
            Metric::RequestAnswered => asked(self.requests_answered()),
            Metric::RequestAnsweredRatio => share(self.requests_answered(), self.requests_sent),
            Metric::RequestOpen => asked(self.open.len() as u64),
            Metric::RequestLatency => self.request_latency.micros(aggregate?),
            Metric::RequestFirstChunk => self.first_chunk.micros(aggregate?),
            Metric::RequestEnded(ending) => {
                of_ending(&self.ended, *ending, aggregate?, self.requests_sent > 0)
            }
            Metric::RequestServed(ending) => {
                of_ending(&self.served, *ending, aggregate?, !self.served.is_empty())
            }
            Metric::AnswerRight => (self.questions > 0).then_some(self.right as f64),
            Metric::AnswerRightRatio => share(self.right, self.questions),
            Metric::PeerGone(reason) => Some(self.gone.get(reason).copied().unwrap_or_default() as f64),
            Metric::PeerRefused(reason) => Some(self.refused.get(reason).copied().unwrap_or_default() as f64),
            Metric::RogueAttempts => tried(self.rogues.attempts),
            Metric::RogueAdmitted => tried(self.rogues.admitted),
            Metric::RogueSentAway => tried(self.rogues.sent_away),
            Metric::RogueBorne => tried(self.rogues.borne),
            Metric::RogueCutOff => self.rogues.cut_off.micros(aggregate?),
            Metric::ObservationDuplicated => self.broken.map(|broken| broken.duplicated as f64),
            Metric::ObservationStranger => self.broken.map(|broken| broken.strangers as f64),
            Metric::RequestLost => self.broken.map(|broken| broken.lost as f64),
            Metric::RequestDoubled => self.broken.map(|broken| broken.doubled as f64),
            Metric::OverlayComponents
            | Metric::OverlayConnections
            | Metric::OverlayConverged
            | Metric::NetworkLostRatio
            | Metric::NetworkBytes
            | Metric::MemoryPerAgent
            | Metric::TaskLeft => self.world.as_ref()?.value(metric),
            // Nothing counts for it: whoever wrote it judges.
            Metric::Custom(_) => None,
            Metric::AgentPanics => Some(self.panics as f64),
            Metric::Measure(name) => self.measures.get(name)?.value(aggregate?),
        }
    }

    /// Counts all of the others too.
    pub fn merge(&mut self, others: &Self) {
        self.broken = match (self.broken, others.broken) {
            (Some(ours), Some(theirs)) => Some(ours.and(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.observations_sent += others.observations_sent;
        self.copies_sent += others.copies_sent;
        self.copies_delivered += others.copies_delivered;
        self.copies_superseded += others.copies_superseded;
        self.observations_unwanted += others.observations_unwanted;
        self.observation_gaps += others.observation_gaps;
        self.observation_latency.merge(&others.observation_latency);
        self.requests_sent += others.requests_sent;
        self.request_latency.merge(&others.request_latency);
        self.first_chunk.merge(&others.first_chunk);
        self.questions += others.questions;
        self.right += others.right;
        self.panics += others.panics;
        self.open.extend(&others.open);
        add_counts(&mut self.dropped, &others.dropped);
        add_counts(&mut self.endings, &others.endings);
        add_durations(&mut self.ended, &others.ended);
        add_durations(&mut self.served, &others.served);
        for (capability, figures) in &others.by_capability {
            self.by_capability.entry(capability.clone()).or_default().merge(figures);
        }
        for (topic, figures) in &others.topics {
            self.topics.entry(topic.clone()).or_default().merge(figures);
        }
        for (reason, count) in &others.gone {
            *self.gone.entry(*reason).or_default() += count;
        }
        for (reason, count) in &others.refused {
            *self.refused.entry(*reason).or_default() += count;
        }
        self.rogues.merge(&others.rogues);
        for (name, numbers) in &others.measures {
            self.measures.entry(name.clone()).or_default().merge(numbers);
        }
    }

    fn heard_or_sent_anything(&self) -> bool {
        self.observations_sent > 0 || self.observations_delivered() > 0
    }

    pub(super) fn observation_sent(&mut self, topic: TopicName, handed: usize, dropped: usize) {
        self.observations_sent += 1;
        let copies = u64::try_from(handed.saturating_add(dropped)).unwrap_or(u64::MAX);
        self.copies_sent = self.copies_sent.saturating_add(copies);
        if let Some(figures) = self.of_topic(topic) {
            figures.sent(copies);
        }
    }

    /// Somebody has passed on one of the group's.
    pub(super) fn observation_passed_on(&mut self, topic: TopicName, handed: usize) {
        let copies = u64::try_from(handed).unwrap_or(u64::MAX);
        self.copies_sent = self.copies_sent.saturating_add(copies);
        if let Some(figures) = self.of_topic(topic) {
            figures.passed_on(copies);
        }
    }

    /// An observation of a member of the group of that number.
    pub(super) fn observation_delivered(
        &mut self,
        topic: TopicName,
        origin: Option<usize>,
        latency: Duration,
    ) {
        self.observation_latency.record(latency);
        if let Some(figures) = self.of_topic(topic) {
            figures.delivered(origin, latency);
        }
    }

    /// `None` for a new topic when there are enough.
    fn of_topic(&mut self, topic: TopicName) -> Option<&mut TopicFigures> {
        let has_room = self.topics.len() < MOST_TOPICS;
        match self.topics.entry(topic) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(new) => has_room.then(|| new.insert(TopicFigures::default())),
        }
    }

    pub(super) fn observations_dropped(&mut self, reason: DropReason, count: u64) {
        match reason {
            // Nobody lost what nobody wanted.
            DropReason::NotSubscribed => self.observations_unwanted += count,
            _ => *self.dropped.entry(reason.to_string()).or_default() += count,
        }
    }

    pub(super) fn peer_gone(&mut self, reason: GoneReason) {
        *self.gone.entry(reason).or_default() += 1;
    }

    pub(super) fn peer_refused(&mut self, reason: RefusedReason) {
        *self.refused.entry(reason).or_default() += 1;
    }

    pub(super) fn request_sent(&mut self, id: RequestId) {
        self.requests_sent += 1;
        self.open.insert(id);
    }

    /// A request that was sent outside the window is not among the open ones, and does not count here either.
    pub(super) fn request_ended(
        &mut self,
        id: RequestId,
        ending: Ending,
        first_chunk: Option<Duration>,
        elapsed: Duration,
    ) {
        if !self.open.remove(&id) {
            return;
        }
        self.count_ending(&ending.to_string());
        self.ended.entry(ending).or_default().record(elapsed);
        if ending == Ending::Completed {
            self.request_latency.record(elapsed);
        }
        if let Some(first_chunk) = first_chunk {
            self.first_chunk.record(first_chunk);
        }
    }

    pub(super) fn request_served(&mut self, ending: Ending, elapsed: Duration) {
        self.served.entry(ending).or_default().record(elapsed);
    }

    pub(super) fn count_ending(&mut self, ending: &str) {
        *self.endings.entry(ending.to_owned()).or_default() += 1;
    }

    pub(super) fn measured(&mut self, name: &str, value: f64) {
        match self.measures.get_mut(name) {
            Some(numbers) => numbers.record(value),
            None => self.measures.entry(name.to_owned()).or_default().record(value),
        }
    }
}

/// How [`Ending::Completed`] shows.
const COMPLETED: &str = "completed";

/// That none ended so is something to say as soon as there were any at all.
fn of_ending(
    durations: &BTreeMap<Ending, Durations>,
    ending: Ending,
    aggregate: Aggregate,
    any: bool,
) -> Option<f64> {
    let none = (any && aggregate == Aggregate::Count).then_some(0.0);
    durations.get(&ending).map_or(none, |durations| durations.micros(aggregate))
}

fn add_durations(durations: &mut BTreeMap<Ending, Durations>, others: &BTreeMap<Ending, Durations>) {
    for (ending, others) in others {
        durations.entry(*ending).or_default().merge(others);
    }
}

fn add_counts(counts: &mut BTreeMap<String, u64>, others: &BTreeMap<String, u64>) {
    for (name, count) in others {
        *counts.entry(name.clone()).or_default() += count;
    }
}
