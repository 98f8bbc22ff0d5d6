//! A queue in which the newest of a kind takes the place of what it replaces.

use std::collections::{BTreeMap, VecDeque};

use swarm_proto::{Delivery, Epoch, Key, Observation, Sequence, TopicName};
use tokio::time::Instant;

use crate::deadline::after;

/// What an observation says of how it waits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Waits {
    /// Of those with the same one, only the newest is worth waiting for.
    pub(crate) slot: Option<Slot>,
    /// Nobody wants it after this.
    pub(crate) expires_at: Option<Instant>,
    /// Which of two is the newer: tasks that publish at once may come here in another order.
    pub(crate) made: Option<(Epoch, Sequence)>,
}

/// What the newest observation replaces the one before of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    topic: TopicName,
    key: Key,
}

impl Slot {
    /// `None` if it replaces nothing.
    pub(crate) fn of(observation: &Observation) -> Option<Self> {
        match &observation.delivery {
            Delivery::Latest { key } => Some(Self { topic: observation.topic.clone(), key: key.clone() }),
            Delivery::Lossy | Delivery::Reliable => None,
        }
    }
}

impl Waits {
    /// How an observation waits that came at `now`.
    pub(crate) fn of(observation: &Observation, now: Instant) -> Self {
        let life = observation.expires_ms.map(|ms| std::time::Duration::from_millis(ms.get().into()));
        Self {
            slot: Slot::of(observation),
            expires_at: life.map(|life| after(now, life)),
            made: Some((observation.epoch, observation.sequence)),
        }
    }
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    waits: Waits,
}

/// Items in the order in which they came; one that replaces another takes over its turn.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    entries: VecDeque<Entry<T>>,
    /// The number of the entry at the front; they are counted on behind it.
    first: u64,
    /// Which entry holds a slot.
    slots: BTreeMap<Slot, u64>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), first: 0, slots: BTreeMap::new() }
    }
}

impl<T> Waiting<T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes an item; gives the one that it replaces, or itself if a newer one waits.
    pub(crate) fn push(&mut self, item: T, waits: Waits) -> Option<T> {
        let Some(slot) = &waits.slot else {
            self.entries.push_back(Entry { item, waits });
            return None;
        };
        if let Some(entry) = self.entry_of(slot) {
            if entry.waits.made > waits.made {
                return Some(item);
            }
            entry.waits = waits;
            return Some(std::mem::replace(&mut entry.item, item));
        }
        self.slots.insert(slot.clone(), self.first + self.entries.len() as u64);
        self.entries.push_back(Entry { item, waits });
        None
    }

    fn entry_of(&mut self, slot: &Slot) -> Option<&mut Entry<T>> {
        let number = *self.slots.get(slot)?;
        self.entries.get_mut(usize::try_from(number - self.first).ok()?)
    }

    /// The oldest, unless nobody wants it any more. Most never expire, so the time is only asked for when it matters.
    pub(crate) fn front(&self, now: impl FnOnce() -> Instant) -> Front<'_, T> {
        match self.entries.front() {
            None => Front::Nothing,
            Some(Entry { waits: Waits { expires_at: Some(at), .. }, .. }) if *at <= now() => Front::Expired,
            Some(entry) => Front::Item(&entry.item),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let entry = self.entries.pop_front()?;
        self.first += 1;
        if let Some(slot) = entry.waits.slot {
            self.slots.remove(&slot);
        }
        Some(entry.item)
    }
}

/// What is at the front of a queue.
#[derive(Debug, PartialEq)]
pub(crate) enum Front<'a, T> {
    Nothing,
    /// It waited longer than it is worth.
    Expired,
    Item(&'a T),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn slot(number: u8) -> Slot {
        let key = Key::try_from(number.to_string().as_str()).unwrap();
        Slot { topic: "t".parse().unwrap(), key }
    }

    fn waits(number: Option<u8>) -> Waits {
        Waits { slot: number.map(slot), ..Waits::default() }
    }

    #[test]
    fn the_newest_takes_over_the_turn_of_what_it_replaces() {
        let mut queue = Waiting::default();
        queue.push("a1", waits(Some(1)));
        queue.push("b", waits(None));

        assert_eq!(queue.push("a2", waits(Some(1))), Some("a1"));

        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some("a2"), Some("b"), None));
        assert_eq!(queue.push("a3", waits(Some(1))), None, "nothing waits that it could replace");
    }

    #[test]
    fn what_replaces_lives_as_long_as_it_says_itself() {
        let now = Instant::now();
        let at = |ms| Waits { expires_at: Some(now + Duration::from_millis(ms)), ..waits(Some(1)) };
        let mut queue = Waiting::default();
        queue.push(1, at(5));
        queue.push(2, at(50));

        assert_eq!(queue.front(|| now + Duration::from_millis(49)), Front::Item(&2));
        assert_eq!(queue.front(|| now + Duration::from_millis(50)), Front::Expired);
    }

    #[test]
    fn an_older_one_that_comes_late_takes_nobodys_place() {
        let made = |epoch, sequence| Waits {
            made: Some((Epoch::new(epoch), Sequence::new(sequence))),
            ..waits(Some(1))
        };
        let mut queue = Waiting::default();
        queue.push("newer", made(1, 6));

        assert_eq!(queue.push("older", made(1, 5)), Some("older"));
        assert_eq!(queue.push("of another life", made(2, 1)), Some("newer"));
        assert_eq!(queue.pop(), Some("of another life"));
    }

    proptest! {
        /// The reference is a list that is searched.
        #[test]
        fn it_agrees_with_a_list(steps in proptest::collection::vec(proptest::option::of(proptest::option::of(0_u8..4)), 1..200)) {
            let (mut queue, mut list) = (Waiting::default(), Vec::<(usize, Option<u8>)>::new());
            for (item, step) in steps.into_iter().enumerate() {
                match step {
                    None => {
                        let expected = (!list.is_empty()).then(|| list.remove(0).0);
                        prop_assert_eq!(queue.pop(), expected);
                    }
                    Some(number) => {
                        let same = list.iter_mut().find(|(_, other)| number.is_some() && *other == number);
                        let expected = same.map(|entry| std::mem::replace(&mut entry.0, item));
                        if expected.is_none() {
                            list.push((item, number));
                        }
                        prop_assert_eq!(queue.push(item, waits(number)), expected);
                    }
                }
                prop_assert_eq!(queue.len(), list.len());
            }
        }
    }
}
