//! The span of time in which what begins counts.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use swarm_core::UnixMicros;

/// From the end of the warm-up to the end of the run, by the clock that all nodes of the run share. Until it is set
/// nothing counts.
///
/// It is set before it begins, so that what is recorded at its very beginning finds it in place.
#[derive(Debug)]
pub(crate) struct Window {
    begin: AtomicU64,
    end: AtomicU64,
    /// Until when numbers of agents count: those of the whole run may still come when it is over.
    last_number: AtomicU64,
}

impl Default for Window {
    fn default() -> Self {
        let never = || AtomicU64::new(u64::MAX);
        Self { begin: never(), end: never(), last_number: never() }
    }
}

impl Window {
    /// Sets when it begins and ends.
    pub(crate) fn set(&self, begin: UnixMicros, length: Duration) {
        let length = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        self.end.store(begin.get().saturating_add(length), Ordering::SeqCst);
        self.begin.store(begin.get(), Ordering::SeqCst);
    }

    /// Sets when it begins and ends, if the run goes on after it.
    pub(crate) fn set_part(&self, begin: UnixMicros, length: Duration) {
        self.set(begin, length);
        self.last_number.store(self.end.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Ends it now, if it did not end before.
    pub(crate) fn cut(&self, now: UnixMicros) {
        self.end.fetch_min(now.get(), Ordering::SeqCst);
    }

    /// Whether that moment lies in it.
    pub(crate) fn contains(&self, moment: UnixMicros) -> bool {
        self.has_begun(moment) && moment.get() < self.end.load(Ordering::SeqCst)
    }

    /// Whether a number that an agent measures at that moment counts.
    pub(crate) fn takes_number(&self, moment: UnixMicros) -> bool {
        self.has_begun(moment) && moment.get() < self.last_number.load(Ordering::SeqCst)
    }

    /// Whether it had begun by that moment.
    pub(crate) fn has_begun(&self, moment: UnixMicros) -> bool {
        moment.get() >= self.begin.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_its_beginning_and_not_its_end() {
        let window = Window::default();
        assert!(!window.contains(UnixMicros::new(5)));
        window.set(UnixMicros::new(10), Duration::from_micros(5));
        let inside: Vec<_> = (0..20).filter(|moment| window.contains(UnixMicros::new(*moment))).collect();
        assert_eq!(inside, [10, 11, 12, 13, 14]);
    }

    #[test]
    fn numbers_count_after_the_whole_run_and_not_after_a_part_of_it() {
        let (whole, part) = (Window::default(), Window::default());
        whole.set(UnixMicros::new(10), Duration::from_micros(5));
        part.set_part(UnixMicros::new(10), Duration::from_micros(5));
        let taken =
            |window: &Window| [9, 10, 14, 15].map(|moment| window.takes_number(UnixMicros::new(moment)));
        assert_eq!(taken(&whole), [false, true, true, true]);
        assert_eq!(taken(&part), [false, true, true, false]);
    }

    #[test]
    fn cutting_it_only_ever_shortens_it() {
        let window = Window::default();
        window.set(UnixMicros::new(10), Duration::from_micros(5));
        window.cut(UnixMicros::new(90));
        assert!(window.contains(UnixMicros::new(14)));
        window.cut(UnixMicros::new(12));
        assert!(!window.contains(UnixMicros::new(12)));
    }
}
