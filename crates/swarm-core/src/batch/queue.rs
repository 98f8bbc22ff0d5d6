//! Decides which items go together and when. No IO: the time comes in, batches come out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::after;

/// Items that wait, by key, oldest first.
#[derive(Debug)]
pub(super) struct BatchQueue<K, T> {
    max_items: usize,
    max_wait: Duration,
    waiting: BTreeMap<K, VecDeque<(Instant, T)>>,
}

impl<K: Ord + Clone, T> BatchQueue<K, T> {
    pub(super) fn new(max_items: usize, max_wait: Duration) -> Self {
        Self { max_items, max_wait, waiting: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, now: Instant, key: K, item: T) {
        self.waiting.entry(key).or_default().push_back((now, item));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// When the first batch is due: at once if one is full, else when its oldest item has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.values().filter_map(|items| self.due(items)).min()
    }

    /// The batch that has been due for longest, if one is due at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(K, Vec<T>)> {
        let due = self.waiting.iter().filter_map(|(key, items)| Some((self.due(items)?, key)));
        let (_, key) = due.filter(|(due, _)| *due <= now).min_by_key(|(due, _)| *due)?;
        let key = key.clone();
        let items = self.waiting.get_mut(&key)?;
        let batch = items.drain(..items.len().min(self.max_items)).map(|(_, item)| item).collect();
        if items.is_empty() {
            self.waiting.remove(&key);
        }
        Some((key, batch))
    }

    fn due(&self, items: &VecDeque<(Instant, T)>) -> Option<Instant> {
        let (oldest, _) = items.front()?;
        Some(if items.len() >= self.max_items { *oldest } else { after(*oldest, self.max_wait) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAIT: Duration = Duration::from_millis(5);

    #[test]
    fn a_full_batch_is_due_at_once_and_any_other_when_its_oldest_has_waited() {
        let start = Instant::now();
        let mut queue = BatchQueue::new(2, WAIT);
        queue.push(start, 'a', 1);
        assert_eq!((queue.take_due(start), queue.next_due()), (None, Some(start + WAIT)));

        queue.push(start, 'a', 2);

        assert_eq!(queue.take_due(start), Some(('a', vec![1, 2])));
        queue.push(start, 'b', 3);
        assert_eq!(queue.take_due(start + WAIT), Some(('b', vec![3])));
        assert!(queue.is_empty());
    }

    proptest! {
        #[test]
        fn every_item_comes_out_once_in_order_and_in_time(
            items in proptest::collection::vec((0_u8..4, 0_u64..20), 0..200),
            max_items in 1_usize..10,
        ) {
            let mut now = Instant::now();
            let mut queue = BatchQueue::new(max_items, WAIT);
            let (mut out, mut pushed) = (BTreeMap::new(), BTreeMap::new());
            let mut drain = |queue: &mut BatchQueue<u8, (Instant, usize)>, now| {
                while let Some((key, batch)) = queue.take_due(now) {
                    assert!(!batch.is_empty() && batch.len() <= max_items);
                    assert!(batch.iter().all(|(since, _)| now - *since <= WAIT));
                    out.entry(key).or_insert_with(Vec::new).extend(batch.into_iter().map(|(_, n)| n));
                }
            };
            for (n, (key, pause)) in items.into_iter().enumerate() {
                let later = now + Duration::from_millis(pause);
                while let Some(due) = queue.next_due().filter(|due| *due <= later) {
                    drain(&mut queue, due);
                }
                now = later;
                queue.push(now, key, (now, n));
                pushed.entry(key).or_insert_with(Vec::new).push(n);
                drain(&mut queue, now);
            }
            while let Some(due) = queue.next_due() {
                drain(&mut queue, due.max(now));
            }
            prop_assert!(queue.is_empty());
            prop_assert_eq!(out, pushed);
        }
    }
}
