//! Whose turn it is among peers that can do the same. Knows no load and no distance: everybody in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use swarm_core::AgentId;

/// Goes round among peers, whoever they are at the time.
#[derive(Debug)]
pub(crate) struct Turns(AtomicUsize);

impl Turns {
    /// Where the first turn falls follows from the seed, so that several askers do not all begin with the same peer.
    pub(crate) fn new(seed: u64) -> Self {
        // Only the remainder by the number of peers matters: half of the seed is more than enough of it.
        Self(AtomicUsize::new(usize::try_from(seed & u64::from(u32::MAX)).unwrap_or_default()))
    }

    /// The peer whose turn it is; `None` of none.
    pub(crate) fn next(&self, peers: &[AgentId]) -> Option<AgentId> {
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        peers.get(turn.checked_rem(peers.len())?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(count: u8) -> Vec<AgentId> {
        (0..count).map(|n| AgentId::from_key_digest([n; 32])).collect()
    }

    #[test]
    fn everybody_has_a_turn_before_anybody_has_two() {
        let (turns, peers) = (Turns::new(7), peers(3));
        let mut asked: Vec<_> = (0..3).filter_map(|_| turns.next(&peers)).collect();
        asked.sort();
        assert_eq!(asked, peers);
    }

    #[test]
    fn the_seed_decides_who_begins() {
        let peers = peers(2);
        assert_eq!(Turns::new(0).next(&peers), Some(peers[0]));
        assert_eq!(Turns::new(1).next(&peers), Some(peers[1]));
    }

    #[test]
    fn of_nobody_nobody_has_a_turn() {
        let turns = Turns::new(0);
        assert_eq!(turns.next(&[]), None);
        assert_eq!(turns.next(&peers(1)), Some(peers(1)[0]));
    }
}
