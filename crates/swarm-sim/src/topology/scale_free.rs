//! Meshes with a few well connected agents and many that are hardly connected (Barabási and Albert 1999, "Emergence of
//! scaling in random networks").

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{graph::sorted, lattice::full};

/// One agent after the other joins and is connected to `links` of those before it; whoever has many peers is likelier to
/// get another.
pub(super) fn pairs(agents: usize, links: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = StdRng::seed_from_u64(seed);
    // Who joins when, and with that who is well connected, is for the seed to say and not for the order of the groups.
    let mut order: Vec<usize> = (0..agents).collect();
    order.shuffle(&mut rng);
    let first = links.saturating_add(1).min(agents);
    let mut pairs = full(first);
    // Every agent stands here once for each of its peers, so that drawing from it is drawing by their number.
    let mut ends: Vec<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    for newcomer in first..agents {
        let mut chosen = BTreeSet::new();
        while chosen.len() < links.min(newcomer) && !ends.is_empty() {
            chosen.extend(ends.get(rng.random_range(0..ends.len())).copied());
        }
        ends.extend(chosen.iter().flat_map(|peer| [*peer, newcomer]));
        pairs.extend(chosen.iter().map(|peer| (*peer, newcomer)));
    }
    let place = |agent: usize| order.get(agent).copied().unwrap_or(agent);
    let mut pairs: Vec<_> = pairs.into_iter().map(|(a, b)| sorted(place(a), place(b))).collect();
    pairs.sort_unstable();
    pairs
}
