//! How far this node has come in the feed of one life of an origin.

/// What the number of a frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It was taken already.
    Known,
    /// It is the one that comes next.
    Next,
    /// So many before it are lost; `None` if nobody knows how many.
    AfterGap(Option<u64>),
}

/// Where a feed goes on.
#[derive(Debug, Default)]
pub(crate) struct Position {
    feed: Option<u64>,
    /// The number that is waited for; 0 while nothing of this feed was taken.
    next: u64,
    /// The origin has begun to count anew: what it had left to send before is lost.
    counts_anew: bool,
}

impl Position {
    /// The origin opens a stream with this feed. Gives the answer: where to go on.
    pub(crate) fn open(&mut self, feed: u64) -> u64 {
        if self.feed != Some(feed) {
            *self = Self { feed: Some(feed), next: 0, counts_anew: self.feed.is_some() };
        }
        self.next
    }

    /// Takes the frame with this number, if it is new.
    pub(crate) fn take(&mut self, number: u64) -> Meaning {
        let meaning = match number.checked_sub(self.next) {
            None => return Meaning::Known,
            // Numbers begin with 1.
            Some(0) if self.next == 0 => return Meaning::Known,
            Some(missed) if self.next == 0 => {
                if missed > 1 || self.counts_anew {
                    Meaning::AfterGap(None)
                } else {
                    Meaning::Next
                }
            }
            Some(0) => Meaning::Next,
            Some(missed) => Meaning::AfterGap(Some(missed)),
        };
        self.next = number.saturating_add(1);
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(position: &mut Position, numbers: &[u64]) -> Vec<Meaning> {
        numbers.iter().map(|number| position.take(*number)).collect()
    }

    #[test]
    fn a_feed_that_is_opened_again_goes_on_where_it_was() {
        let mut position = Position::default();
        assert_eq!(position.open(1), 0);
        assert_eq!(take(&mut position, &[1, 2]), [Meaning::Next, Meaning::Next]);

        assert_eq!(position.open(1), 3);
        assert_eq!(take(&mut position, &[2, 3]), [Meaning::Known, Meaning::Next]);
    }

    #[test]
    fn a_jump_says_how_many_are_lost() {
        let mut position = Position::default();
        position.open(1);

        assert_eq!(
            take(&mut position, &[1, 5, 6]),
            [Meaning::Next, Meaning::AfterGap(Some(3)), Meaning::Next]
        );
    }

    #[test]
    fn whoever_comes_late_does_not_know_how_many_were_before() {
        let mut position = Position::default();
        position.open(1);

        assert_eq!(take(&mut position, &[4, 5]), [Meaning::AfterGap(None), Meaning::Next]);
    }

    #[test]
    fn an_origin_that_counts_anew_has_lost_what_it_had_left() {
        let mut position = Position::default();
        position.open(1);
        position.take(1);

        // A connection that carried nothing changes nothing.
        assert_eq!((position.open(2), position.open(2)), (0, 0));

        assert_eq!(take(&mut position, &[1, 2]), [Meaning::AfterGap(None), Meaning::Next]);
    }

    #[test]
    fn numbers_that_no_honest_origin_counts_to_do_no_harm() {
        let mut position = Position::default();
        position.open(1);

        assert_eq!(
            take(&mut position, &[0, 1, u64::MAX]),
            [Meaning::Known, Meaning::Next, Meaning::AfterGap(Some(u64::MAX - 2))]
        );
        assert_eq!(take(&mut position, &[u64::MAX, 2]), [Meaning::Next, Meaning::Known]);
    }
}
