//! Small worlds: mostly neighbours, and a few short cuts (Watts and Strogatz 1998, "Collective dynamics of small-world
//! networks").

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::graph::{hangs_together, sorted};

/// Meshes that are tried until one hangs together. From degree 4 on nearly every one does.
const ROUNDS: usize = 32;

pub(super) fn pairs(agents: usize, degree: usize, rewire: f64, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let lattice = lattice(agents, degree);
    for _ in 0..ROUNDS {
        let mesh = rewired(&lattice, agents, rewire, &mut rng);
        if hangs_together(mesh.iter().copied(), agents) {
            return mesh.into_iter().collect();
        }
    }
    lattice.into_iter().map(|(a, b)| sorted(a, b)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Each agent to the `degree / 2` that follow it, round the circle.
fn lattice(agents: usize, degree: usize) -> Vec<(usize, usize)> {
    let mut known = BTreeSet::new();
    let mut pairs = Vec::new();
    for distance in 1..=degree.min(agents.saturating_sub(1)) / 2 {
        for agent in 0..agents {
            let peer = agent.saturating_add(distance) % agents;
            if agent != peer && known.insert(sorted(agent, peer)) {
                pairs.push((agent, peer));
            }
        }
    }
    pairs
}

/// Each connection keeps its near end; with this chance its far end becomes anybody else.
fn rewired(
    lattice: &[(usize, usize)],
    agents: usize,
    rewire: f64,
    rng: &mut StdRng,
) -> BTreeSet<(usize, usize)> {
    let mut mesh: BTreeSet<_> = lattice.iter().map(|(a, b)| sorted(*a, *b)).collect();
    for (agent, peer) in lattice {
        // Drawn whether needed or not, so that a little more rewiring changes little.
        let (chance, other) = (rng.random::<f64>(), rng.random_range(0..agents.max(1)));
        if chance < rewire && other != *agent && !mesh.contains(&sorted(*agent, other)) {
            mesh.remove(&sorted(*agent, *peer));
            mesh.insert(sorted(*agent, other));
        }
    }
    mesh
}
