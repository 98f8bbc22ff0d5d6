//! What is under way: sorted by when it arrives, and among equals by when it was sent. No clock: the time is handed in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Things under way, and those that wait because somebody is paused.
#[derive(Debug)]
pub(crate) struct InFlight<T, H = T> {
    due: BTreeMap<(Duration, u64), T>,
    held: VecDeque<H>,
    sent: u64,
}

impl<T, H> InFlight<T, H> {
    pub(crate) fn new() -> Self {
        Self { due: BTreeMap::new(), held: VecDeque::new(), sent: 0 }
    }

    /// Lets it arrive then. True if nothing arrives earlier.
    pub(crate) fn push(&mut self, at: Duration, what: T) -> bool {
        self.sent += 1;
        let first = self.next().is_none_or(|next| at < next);
        self.due.insert((at, self.sent), what);
        first
    }

    /// Keeps it until [`Self::release`].
    pub(crate) fn hold(&mut self, what: H) {
        self.held.push_back(what);
    }

    /// When the next arrives.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next that has arrived by now.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<T> {
        let next = self.due.first_entry()?;
        (next.key().0 <= now).then(|| next.remove())
    }

    /// Those that are held, in the order in which they were.
    pub(crate) fn release(&mut self) -> VecDeque<H> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_arrives_at_the_same_time_comes_in_the_order_of_sending() {
        let mut in_flight = InFlight::<_>::new();

        let first =
            [(3 * MS, 'c'), (MS, 'a'), (3 * MS, 'd'), (2 * MS, 'b')].map(|(at, c)| in_flight.push(at, c));

        assert_eq!(first, [true, true, false, false]);
        assert_eq!((in_flight.next(), in_flight.pop(Duration::ZERO)), (Some(MS), None));
        let came: String = std::iter::from_fn(|| in_flight.pop(3 * MS)).collect();
        assert_eq!((came.as_str(), in_flight.next()), ("abcd", None));
    }

    #[test]
    fn what_is_held_never_arrives_by_itself() {
        let mut in_flight = InFlight::<_>::new();
        in_flight.hold('a');
        in_flight.hold('b');

        assert_eq!((in_flight.next(), in_flight.pop(Duration::MAX)), (None, None));
        assert_eq!(in_flight.release(), ['a', 'b']);
        assert!(in_flight.release().is_empty());
    }
}
