//! What is to happen when, in whole milliseconds: what falls into the same one happens in the order in which it was
//! entered.
//!
//! Nearly everything happens within a second, so there is a bucket for each millisecond of the next one, and a map for
//! what comes later.

use std::collections::BTreeMap;

/// How many milliseconds have a bucket each: a power of two.
const RING: u64 = 1024;

const WORDS: usize = (RING / 64) as usize;

/// How many empty buckets are kept to be used again.
const SPARE: usize = 16;

#[derive(Debug)]
pub(super) struct Calendar<T> {
    /// The first millisecond that has a bucket. None before it is occupied.
    now: u64,
    ring: Vec<Vec<T>>,
    /// A bit for each bucket that is not empty.
    occupied: [u64; WORDS],
    later: BTreeMap<u64, Vec<T>>,
    spare: Vec<Vec<T>>,
}

impl<T> Calendar<T> {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            ring: std::iter::repeat_with(Vec::new).take(RING as usize).collect(),
            occupied: [0; WORDS],
            later: BTreeMap::new(),
            spare: Vec::new(),
        }
    }

    /// Enters something for a millisecond; what is past already happens next.
    pub(super) fn enter(&mut self, at: u64, what: T) {
        let at = at.max(self.now);
        if at - self.now >= RING {
            self.later.entry(at).or_default().push(what);
            return;
        }
        let (index, word, bit) = place(at);
        if let (Some(bucket), Some(word)) = (self.ring.get_mut(index), self.occupied.get_mut(word)) {
            if *word & bit == 0 {
                *word |= bit;
                if let Some(spare) = self.spare.pop() {
                    *bucket = spare;
                }
            }
            bucket.push(what);
        }
    }

    /// The next millisecond for which there is something.
    pub(super) fn next(&self) -> Option<u64> {
        let (_, first, bit) = place(self.now);
        for offset in 0..=WORDS {
            let index = (first + offset) % WORDS;
            let mut word = self.occupied.get(index).copied().unwrap_or_default();
            // The word of the first millisecond is looked at twice: its bits from there on, and at the end those before.
            if offset == 0 {
                word &= !(bit - 1);
            } else if offset == WORDS {
                word &= bit - 1;
            }
            if word != 0 {
                let found = index as u64 * 64 + u64::from(word.trailing_zeros());
                return Some(self.now + (found.wrapping_sub(self.now) & (RING - 1)));
            }
        }
        self.later.keys().next().copied()
    }

    /// Takes everything of the next millisecond, if that is no later than `until`.
    pub(super) fn take(&mut self, until: u64) -> Option<(u64, Vec<T>)> {
        let Some(at) = self.next().filter(|at| *at <= until) else {
            self.advance(until.max(self.now));
            return None;
        };
        self.advance(at);
        let (index, word, bit) = place(at);
        if let Some(word) = self.occupied.get_mut(word) {
            *word &= !bit;
        }
        Some((at, std::mem::take(self.ring.get_mut(index)?)))
    }

    /// Gives back what [`Self::take`] gave, emptied.
    pub(super) fn recycle(&mut self, bucket: Vec<T>) {
        if self.spare.len() < SPARE && bucket.is_empty() {
            self.spare.push(bucket);
        }
    }

    /// What was later may have a bucket now, and must be in it before anything else of its millisecond.
    fn advance(&mut self, now: u64) {
        self.now = now;
        while let Some(entry) = self.later.first_entry().filter(|entry| *entry.key() < now + RING) {
            let (at, bucket) = entry.remove_entry();
            let (index, word, bit) = place(at);
            if let (Some(empty), Some(word)) = (self.ring.get_mut(index), self.occupied.get_mut(word)) {
                *word |= bit;
                *empty = bucket;
            }
        }
    }
}

/// The bucket of a millisecond, and the word and bit that say whether it is occupied.
const fn place(at: u64) -> (usize, usize, u64) {
    let index = at & (RING - 1);
    (index as usize, (index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drained(calendar: &mut Calendar<u32>, until: u64) -> Vec<(u64, u32)> {
        let mut all = Vec::new();
        while let Some((at, mut bucket)) = calendar.take(until) {
            all.extend(bucket.drain(..).map(|what| (at, what)));
            calendar.recycle(bucket);
        }
        all
    }

    #[test]
    fn what_falls_into_one_millisecond_keeps_its_order_however_far_away_it_was() {
        let mut calendar = Calendar::new();
        calendar.enter(5000, 1);
        calendar.enter(3, 2);
        assert_eq!(drained(&mut calendar, 4500), [(3, 2)]);
        calendar.enter(5000, 3);

        assert_eq!(calendar.next(), Some(5000));
        assert_eq!(drained(&mut calendar, 4999), []);
        calendar.enter(5000, 4);
        assert_eq!(drained(&mut calendar, 5000), [(5000, 1), (5000, 3), (5000, 4)]);
        assert_eq!(calendar.next(), None);
    }

    proptest! {
        #[test]
        fn it_is_a_stable_queue(steps in proptest::collection::vec((0_u64..3000, 0_u64..400), 0..200)) {
            let (mut calendar, mut model, mut now) = (Calendar::new(), Vec::new(), 0);
            for (number, (ahead, passes)) in (0_u32..).zip(steps) {
                calendar.enter(now + ahead, number);
                model.push((now + ahead, number));
                now += passes;
                let mut due: Vec<_> = model.extract_if(.., |(at, _)| *at <= now).collect();
                due.sort();
                prop_assert_eq!(drained(&mut calendar, now), due);
            }
        }
    }
}
