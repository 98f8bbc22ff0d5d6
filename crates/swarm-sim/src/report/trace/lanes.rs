//! Threads for slices that overlap: a viewer wants those of one thread beside or within one another.

use std::collections::BTreeMap;

/// Threads by member; each knows until when it is taken.
#[derive(Default)]
pub(super) struct Lanes {
    of_members: BTreeMap<usize, Vec<Lane>>,
    threads: usize,
}

struct Lane {
    tid: usize,
    taken_until_us: u64,
}

impl Lanes {
    /// The first thread of a member.
    pub(super) fn first(&mut self, member: usize) -> usize {
        self.take(member, u64::MAX, 0)
    }

    /// A thread of a member that is free from then on, and taken until then. Slices must come in the order of their
    /// begin.
    pub(super) fn take(&mut self, member: usize, from_us: u64, until_us: u64) -> usize {
        let lanes = self.of_members.entry(member).or_default();
        if let Some(free) = lanes.iter_mut().find(|lane| lane.taken_until_us <= from_us) {
            free.taken_until_us = free.taken_until_us.max(until_us);
            return free.tid;
        }
        self.threads += 1;
        lanes.push(Lane { tid: self.threads, taken_until_us: until_us });
        self.threads
    }

    /// Member, number of the thread among its own, and thread.
    pub(super) fn threads(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let of_member = |(member, lanes): (&usize, &Vec<Lane>)| {
            let member = *member;
            let threads: Vec<_> =
                lanes.iter().enumerate().map(|(number, lane)| (member, number, lane.tid)).collect();
            threads
        };
        self.of_members.iter().flat_map(of_member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_that_overlap_stand_on_threads_of_their_own() {
        let mut lanes = Lanes::default();
        let first = lanes.take(3, 0, 10);
        let beside = lanes.take(3, 5, 20);
        assert_ne!(first, beside);
        assert_eq!(lanes.take(3, 10, 30), first);
        assert_eq!(lanes.first(3), first);
        assert_ne!(lanes.first(4), first);
        assert_eq!(lanes.threads().count(), 3);
    }
}
