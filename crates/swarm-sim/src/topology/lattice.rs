//! Meshes that follow from the numbers of the agents alone: nothing is left to chance.

use std::collections::BTreeSet;

use super::graph::sorted;

pub(super) fn full(agents: usize) -> Vec<(usize, usize)> {
    (0..agents).flat_map(|a| (a.saturating_add(1)..agents).map(move |b| (a, b))).collect()
}

pub(super) fn ring(agents: usize) -> Vec<(usize, usize)> {
    match agents {
        0 | 1 => Vec::new(),
        2 => vec![(0, 1)],
        _ => (0..agents).map(|agent| (agent, agent.saturating_add(1) % agents)).collect(),
    }
}

pub(super) fn star(agents: usize, hub: usize) -> Vec<(usize, usize)> {
    (0..agents).filter(|agent| *agent != hub).map(|agent| (agent, hub)).collect()
}

/// Agent 0 is the root, the next `fanout` are its children, and so on, level by level.
pub(super) fn tree(agents: usize, fanout: usize) -> Vec<(usize, usize)> {
    let parent = |agent: usize| agent.saturating_sub(1) / fanout.max(1);
    let mut pairs: Vec<_> = (1..agents).map(|agent| (parent(agent), agent)).collect();
    pairs.sort_unstable();
    pairs
}

/// Row after row; each agent to the one on its right and the one below it.
pub(super) fn grid(agents: usize, width: usize, wrap: bool) -> Vec<(usize, usize)> {
    let width = width.clamp(1, agents.max(1));
    let mut pairs = BTreeSet::new();
    for agent in 0..agents {
        let (row, column) = (agent / width, agent % width);
        let last_in_row = column.saturating_add(1) == width;
        let right = match (last_in_row, wrap) {
            (false, _) => agent.saturating_add(1),
            (true, true) => row.saturating_mul(width),
            (true, false) => agents,
        };
        let below = agent.saturating_add(width);
        let below = if below >= agents && wrap { column } else { below };
        let there = |peer: &usize| *peer < agents && *peer != agent;
        pairs.extend([right, below].into_iter().filter(there).map(|peer| sorted(agent, peer)));
    }
    pairs.into_iter().collect()
}
