//! Counts what happens at every node of a run, per group of agents.
//!
//! Memory is bounded by the number of groups, of capabilities, of topics and of requests under way, not by how long a
//! run takes: latencies go into histograms, numbers of agents into sketches. Nothing here judges.

mod durations;
mod figures;
mod numbers;
mod rogues;
mod topics;
mod trouble;
mod window;
mod world;

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use swarm_adversary::Outcome;
use swarm_core::{Capability, Direction, DropReason, TraceEvent, UnixMicros, WallClock};

pub use durations::Durations;
pub use figures::{Figures, NOT_SENT};
pub use numbers::Numbers;
pub use rogues::RogueFigures;
pub use topics::TopicFigures;
pub(crate) use trouble::Trouble;
pub(crate) use window::Window;
pub use world::World;

/// What happened in the whole swarm.
pub(crate) struct Tally {
    groups: Vec<GroupTally>,
    window: Window,
    clock: Arc<dyn WallClock>,
}

#[derive(Default)]
struct GroupTally {
    figures: Mutex<Figures>,
    trouble: Mutex<Trouble>,
    /// Copies of observations of this group that were delivered, in whichever group. Apart from the rest, so that one
    /// delivery never takes two locks.
    delivered_of: AtomicU64,
    /// The same of those that a newer one took the place of.
    superseded_of: AtomicU64,
}

impl GroupTally {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        // Counting cannot leave figures half changed, so a poisoned lock is as good as any.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// A tally of so many groups. The clock must be the one that the nodes go by.
    pub(crate) fn new(groups: usize, clock: Arc<dyn WallClock>) -> Arc<Self> {
        let groups = (0..groups).map(|_| GroupTally::default()).collect();
        Arc::new(Self { groups, window: Window::default(), clock })
    }

    /// What counts.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// The time by the clock of the run.
    pub(crate) fn now(&self) -> UnixMicros {
        UnixMicros::from_system_time(self.clock.now())
    }

    /// A question with a judge is asked on behalf of a group.
    pub(crate) fn question_asked(&self, group: usize, capability: &Capability) {
        self.with_requests(group, capability, |figures| figures.questions += 1);
    }

    /// The answer to a question was right.
    pub(crate) fn answered_rightly(&self, group: usize, capability: &Capability) {
        self.with_requests(group, capability, |figures| figures.right += 1);
    }

    /// A request that the timeline wanted could not even be sent; no node knows of it.
    pub(crate) fn request_not_sent(&self, group: usize, capability: &Capability) {
        self.with_requests(group, capability, |figures| {
            figures.requests_sent += 1;
            figures.count_ending(NOT_SENT);
        });
    }

    /// What became of what a rogue of a group tried.
    pub(crate) fn rogue(&self, group: usize, outcome: &Outcome) {
        self.with(group, |figures| figures.rogues.enter(outcome));
    }

    /// The figures of each group as they are now.
    pub(crate) fn read(&self) -> Vec<Figures> {
        let mut figures: Vec<_> = self.groups.iter().map(GroupTally::read).collect();
        let mut topics: Vec<_> = figures.iter_mut().map(|figures| mem::take(&mut figures.topics)).collect();
        topics::credit(&mut topics);
        figures.iter_mut().zip(topics).for_each(|(figures, topics)| figures.topics = topics);
        figures
    }

    /// What went wrong in each group so far.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.groups.iter().map(|group| group.trouble().clone()).collect()
    }

    /// Sums over all groups as they are now, cheap enough to be looked at often.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for group in &self.groups {
            counts.add(&group.figures());
            counts.copies_delivered += group.delivered_of.load(Ordering::Relaxed);
        }
        counts
    }

    fn with(&self, group: usize, change: impl FnOnce(&mut Figures)) {
        if let Some(group) = self.groups.get(group) {
            change(&mut group.figures());
        }
    }

    /// Changes the figures of a group and those of one capability within it.
    fn with_requests(&self, group: usize, capability: &Capability, change: impl Fn(&mut Figures)) {
        self.with(group, |figures| {
            change(figures);
            change(figures.by_capability.entry(capability.clone()).or_default());
        });
    }

    fn troubled(&self, group: usize, change: impl FnOnce(&mut Trouble)) {
        if let Some(group) = self.groups.get(group) {
            change(&mut group.trouble());
        }
    }

    /// A node of a group told something, if about an observation then about one of an agent of that other group.
    pub(crate) fn record(&self, group: usize, about: Option<usize>, event: TraceEvent) {
        match event {
            TraceEvent::ObservationSent { topic, sent_at, handed, dropped, .. }
                if self.window.contains(sent_at) =>
            {
                self.with(group, |figures| figures.observation_sent(topic, handed, dropped));
            }
            TraceEvent::ObservationPassedOn { topic, sent_at, handed, .. }
                if self.window.contains(sent_at) =>
            {
                if let Some(origin) = about {
                    self.with(origin, |figures| figures.observation_passed_on(topic, handed));
                }
            }
            TraceEvent::ObservationDelivered { topic, sent_at, latency, .. }
                if self.window.contains(sent_at) =>
            {
                self.with(group, |figures| figures.observation_delivered(topic, about, latency));
                self.credit(about, |group| &group.delivered_of, 1);
            }
            TraceEvent::ObservationDropped { direction, reason, count, .. }
                if self.window.contains(self.now()) =>
            {
                self.with(group, |figures| figures.observations_dropped(reason, count));
                if let DropReason::Replaced | DropReason::Outdated = reason {
                    let origin = match direction {
                        Direction::Outgoing => Some(group),
                        Direction::Incoming => about,
                    };
                    self.credit(origin, |group| &group.superseded_of, count);
                }
            }
            TraceEvent::ObservationGap { .. } if self.window.contains(self.now()) => {
                self.with(group, |figures| figures.observation_gaps += 1);
            }
            TraceEvent::PeerWent { reason, .. } if self.window.contains(self.now()) => {
                self.with(group, |figures| figures.peer_gone(reason));
            }
            TraceEvent::Refused { reason } if self.window.contains(self.now()) => {
                self.with(group, |figures| figures.peer_refused(reason));
            }
            TraceEvent::RequestSent { id, capability, .. } if self.window.contains(self.now()) => {
                self.with_requests(group, &capability, |figures| figures.request_sent(id));
            }
            TraceEvent::RequestEnded { id, capability, ending, first_chunk, elapsed, .. } => {
                self.with_requests(group, &capability, |figures| {
                    figures.request_ended(id, ending, first_chunk, elapsed);
                });
            }
            TraceEvent::RequestServed { capability, ending, elapsed, .. }
                if self.window.contains(before(self.now(), elapsed)) =>
            {
                self.with_requests(group, &capability, |figures| figures.request_served(ending, elapsed));
            }
            TraceEvent::AgentPanicked { method } => {
                self.with(group, |figures| figures.panics += 1);
                self.troubled(group, |trouble| trouble.panicked(method));
            }
            TraceEvent::ObservationRefused { topic, size, max } => {
                self.troubled(group, |trouble| trouble.observation_refused(topic, size, max));
            }
            TraceEvent::Measured { name, value } if self.window.takes_number(self.now()) => {
                self.with(group, |figures| figures.measured(name, value));
            }
            _ => {}
        }
    }

    fn credit(&self, group: Option<usize>, account: impl Fn(&GroupTally) -> &AtomicU64, copies: u64) {
        if let Some(group) = group.and_then(|group| self.groups.get(group)) {
            account(group).fetch_add(copies, Ordering::Relaxed);
        }
    }
}

impl GroupTally {
    fn read(&self) -> Figures {
        let mut figures = self.figures().clone();
        figures.copies_delivered = self.delivered_of.load(Ordering::Relaxed);
        figures.copies_superseded = self.superseded_of.load(Ordering::Relaxed);
        figures
    }
}

fn before(moment: UnixMicros, elapsed: Duration) -> UnixMicros {
    let elapsed = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    UnixMicros::new(moment.get().saturating_sub(elapsed))
}

/// Sums over all groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) copies_sent: u64,
    pub(crate) copies_delivered: u64,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// Requests that have not ended.
    pub(crate) open: usize,
}

impl Counts {
    fn add(&mut self, figures: &Figures) {
        self.sent += figures.observations_sent;
        self.delivered += figures.observations_delivered();
        self.copies_sent += figures.copies_sent;
        self.asked += figures.requests_sent;
        self.answered += figures.requests_answered();
        self.open += figures.open.len();
    }
}

#[cfg(test)]
mod tests;
