//! What one attempt works with, and what it notes down.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::Plan;
use crate::papers::{self, Papers};

/// One attempt at one target.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) target: SocketAddr,
    pub(crate) plan: &'a Plan,
    pub(crate) papers: &'a Papers,
    /// Which attempt at this target it is.
    pub(crate) attempt: u64,
    acts: &'a AtomicU64,
    admitted: AtomicBool,
    offended: OnceLock<Instant>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        target: SocketAddr,
        plan: &'a Plan,
        papers: &'a Papers,
        acts: &'a AtomicU64,
        attempt: u64,
    ) -> Self {
        let (admitted, offended) = (AtomicBool::new(false), OnceLock::new());
        Self { target, plan, papers, attempt, acts, admitted, offended }
    }

    /// Which of its identities it goes by: attempts that are under way at once are not the same agent.
    pub(crate) fn identity(&self) -> u64 {
        self.attempt % self.identities()
    }

    pub(crate) fn identities(&self) -> u64 {
        self.plan.at_once as u64
    }

    /// It does something wrong now, so many times. The first of them is when the clock starts.
    pub(crate) fn acts(&self, times: u64) {
        self.offended.get_or_init(Instant::now);
        self.acts.fetch_add(times, Ordering::Relaxed);
    }

    pub(crate) fn admit(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
    }

    /// When the first wrong act was, if there was one.
    pub(crate) fn offended(&self) -> Option<Instant> {
        self.offended.get().copied()
    }

    /// Noise that is the same in every run.
    pub(crate) fn rng(&self) -> StdRng {
        StdRng::from_seed(papers::seed(self.papers.seed, self.attempt))
    }
}
