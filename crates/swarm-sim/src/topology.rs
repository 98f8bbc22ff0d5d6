//! Who dials whom: a pure function of the shape of the mesh, the number of agents and a seed.
//!
//! Nothing here connects anything.

mod random;

use thiserror::Error;

/// The shape of a mesh.
///
/// ```
/// use swarm_sim::Topology;
///
/// assert_eq!(Topology::Ring.pairs(4, 1), [(0, 1), (1, 2), (2, 3), (3, 0)]);
/// assert_eq!(Topology::Star { hub: 1 }.pairs(3, 1), [(0, 1), (2, 1)]);
/// assert_eq!(Topology::Full.pairs(3, 1), [(0, 1), (0, 2), (1, 2)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topology {
    /// Everybody is connected to everybody.
    Full,
    /// Each to the next, and the last to the first.
    Ring,
    /// Everybody to one.
    Star {
        /// The number of that one in the whole swarm, from 0.
        hub: usize,
    },
    /// Each to `degree` others, chosen by the seed, so that all hang together.
    Random {
        /// How many peers each agent has.
        degree: usize,
    },
}

/// Why there is no such mesh of so many agents.
///
/// ```
/// use swarm_sim::Topology;
///
/// let error = Topology::Random { degree: 4 }.check(3).unwrap_err();
/// assert_eq!(error.to_string(), "3 agents cannot have 4 peers each");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct TopologyError {
    /// What is impossible.
    pub message: String,
    /// What was expected instead.
    pub expected: String,
}

impl Topology {
    /// Whether there is such a mesh of so many agents.
    ///
    /// # Errors
    /// For [`Random`](Self::Random), when the degree is not below the number of agents, when both are odd (each
    /// connection has two ends), and when the degree is 1 and there are more than two agents.
    pub fn check(self, agents: usize) -> Result<(), TopologyError> {
        let Self::Random { degree } = self else { return Ok(()) };
        let refuse = |message, expected| Err(TopologyError { message, expected });
        if degree >= agents {
            let expected = format!("expected at most {}", agents.saturating_sub(1));
            return refuse(format!("{agents} agents cannot have {degree} peers each"), expected);
        }
        if degree == 1 && agents > 2 {
            let message = format!("{agents} agents with one peer each do not hang together");
            return refuse(message, "expected at least 2".to_owned());
        }
        if !degree.is_multiple_of(2) && !agents.is_multiple_of(2) {
            let message = format!("{agents} agents cannot have {degree} peers each, as both numbers are odd");
            let (below, above) = (degree.saturating_sub(1), degree.saturating_add(1));
            return refuse(message, format!("expected an even degree, such as {below} or {above}"));
        }
        Ok(())
    }

    /// Who dials whom, as numbers of agents from 0: each pair of peers once, sorted, except that a ring closes with
    /// its last agent dialling the first. Same arguments, same pairs.
    ///
    /// A mesh for which [`check`](Self::check) fails comes out as near to it as possible.
    #[must_use]
    pub fn pairs(self, agents: usize, seed: u64) -> Vec<(usize, usize)> {
        match self {
            Self::Full => {
                (0..agents).flat_map(|a| (a.saturating_add(1)..agents).map(move |b| (a, b))).collect()
            }
            Self::Ring => ring(agents),
            Self::Star { hub } => {
                (0..agents).filter(|agent| *agent != hub).map(|agent| (agent, hub)).collect()
            }
            Self::Random { degree } => random::pairs(agents, degree, seed),
        }
    }
}

fn ring(agents: usize) -> Vec<(usize, usize)> {
    match agents {
        0 | 1 => Vec::new(),
        2 => vec![(0, 1)],
        _ => (0..agents).map(|agent| (agent, agent.saturating_add(1) % agents)).collect(),
    }
}

impl std::fmt::Display for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("full mesh"),
            Self::Ring => f.write_str("ring"),
            Self::Star { .. } => f.write_str("star"),
            Self::Random { degree } => write!(f, "random mesh of degree {degree}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Both directions of every pair; fails on a pair that is there twice and on an agent dialling itself.
    fn peers(pairs: &[(usize, usize)]) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut peers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (dialler, target) in pairs {
            assert_ne!(dialler, target);
            assert!(peers.entry(*dialler).or_default().insert(*target), "{dialler} and {target} twice");
            assert!(peers.entry(*target).or_default().insert(*dialler), "{dialler} and {target} twice");
        }
        peers
    }

    fn hang_together(pairs: &[(usize, usize)], agents: usize) -> bool {
        let peers = peers(pairs);
        let mut reached = BTreeSet::from([0]);
        let mut frontier = vec![0];
        while let Some(agent) = frontier.pop() {
            for peer in peers.get(&agent).into_iter().flatten() {
                if reached.insert(*peer) {
                    frontier.push(*peer);
                }
            }
        }
        reached.len() == agents
    }

    proptest! {
        #[test]
        fn a_full_mesh_has_every_pair_once(agents in 1..80usize, seed: u64) {
            let pairs = Topology::Full.pairs(agents, seed);
            prop_assert_eq!(pairs.len(), agents * (agents - 1) / 2);
            prop_assert!(hang_together(&pairs, agents));
        }

        #[test]
        fn everybody_in_a_ring_has_two_peers(agents in 3..80usize, seed: u64) {
            let pairs = Topology::Ring.pairs(agents, seed);
            prop_assert!(peers(&pairs).values().all(|peers| peers.len() == 2));
            prop_assert!(hang_together(&pairs, agents));
        }

        #[test]
        fn everybody_in_a_star_dials_the_hub(agents in 2..80usize, hub: prop::sample::Index, seed: u64) {
            let hub = hub.index(agents);
            let pairs = Topology::Star { hub }.pairs(agents, seed);
            prop_assert_eq!(pairs.len(), agents - 1);
            prop_assert!(pairs.iter().all(|(_, target)| *target == hub));
            prop_assert!(hang_together(&pairs, agents));
        }

        #[test]
        fn a_random_mesh_hangs_together_and_keeps_its_degree(agents in 2..70usize, degree in 1..12usize, seed: u64) {
            let topology = Topology::Random { degree };
            prop_assume!(topology.check(agents).is_ok());
            let pairs = topology.pairs(agents, seed);
            let peers = peers(&pairs);
            prop_assert_eq!(peers.len(), agents);
            prop_assert!(peers.values().all(|peers| peers.len() == degree), "{:?}", peers);
            prop_assert!(hang_together(&pairs, agents));
            prop_assert_eq!(&pairs, &topology.pairs(agents, seed));
        }

        #[test]
        fn no_shape_and_number_panics(agents in 0..40usize, degree in 0..50usize, hub in 0..50usize, seed: u64) {
            for topology in [Topology::Full, Topology::Ring, Topology::Star { hub }, Topology::Random { degree }] {
                peers(&topology.pairs(agents, seed));
            }
        }
    }

    #[test]
    fn another_seed_makes_another_random_mesh() {
        let topology = Topology::Random { degree: 4 };
        assert_ne!(topology.pairs(30, 1), topology.pairs(30, 2));
    }

    #[test]
    fn the_smallest_meshes_are_what_they_can_be() {
        assert_eq!(Topology::Ring.pairs(1, 1), []);
        assert_eq!(Topology::Ring.pairs(2, 1), [(0, 1)]);
        assert_eq!(Topology::Random { degree: 1 }.pairs(2, 1), [(0, 1)]);
    }

    #[test]
    fn impossible_degrees_are_refused() {
        let refused = |degree, agents| Topology::Random { degree }.check(agents).is_err();
        assert!(refused(5, 5) && refused(3, 5) && refused(1, 4));
        assert!(!refused(4, 5) && !refused(1, 2));
    }
}
