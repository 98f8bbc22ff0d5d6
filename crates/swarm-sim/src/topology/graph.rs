//! What can be asked of any mesh: who hangs together with whom.

use std::collections::BTreeSet;

/// A pair of peers with the smaller number first.
pub(super) fn sorted(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// The peers of each agent. Pairs of agents that there are not are left out.
pub(super) fn peers(pairs: impl IntoIterator<Item = (usize, usize)>, agents: usize) -> Vec<Vec<usize>> {
    let mut peers = vec![Vec::new(); agents];
    for (a, b) in pairs.into_iter().filter(|(a, b)| *a < agents && *b < agents) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(peers) = peers.get_mut(one) {
                peers.push(other);
            }
        }
    }
    peers
}

/// Whether everybody can be reached from everybody.
pub(super) fn hangs_together(pairs: impl IntoIterator<Item = (usize, usize)>, agents: usize) -> bool {
    let peers = peers(pairs, agents);
    let mut reached = BTreeSet::from([0]);
    let mut frontier = vec![0];
    while let Some(agent) = frontier.pop() {
        let unseen = peers.get(agent).into_iter().flatten().filter(|peer| reached.insert(**peer));
        frontier.extend(unseen.copied());
    }
    reached.len() >= agents
}
