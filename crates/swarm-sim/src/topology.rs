//! Who dials whom: a pure function of the shape of the mesh, the number of agents and a seed.
//!
//! Nothing here connects anything.

pub(crate) mod edges;
mod geometric;
mod graph;
mod lattice;
mod random;
mod scale_free;
mod small_world;

use std::sync::Arc;

use thiserror::Error;

use crate::quantity::show_count;

/// Most connections of one scenario. A full mesh of real nodes is allowed, and so is one of degree 24 with as many agents
/// as there can be; each connection costs some kilobytes at either end.
pub(crate) const MOST_CONNECTIONS: usize = 250_000;

/// The shape of a mesh.
///
/// ```
/// use swarm_sim::Topology;
///
/// assert_eq!(Topology::Ring.pairs(4, 1), [(0, 1), (1, 2), (2, 3), (3, 0)]);
/// assert_eq!(Topology::Star { hub: 1 }.pairs(3, 1), [(0, 1), (2, 1)]);
/// assert_eq!(Topology::Full.pairs(3, 1), [(0, 1), (0, 2), (1, 2)]);
/// assert_eq!(Topology::Tree { fanout: 2 }.pairs(4, 1), [(0, 1), (0, 2), (1, 3)]);
/// assert_eq!(Topology::Grid { width: 2, wrap: false }.pairs(4, 1), [(0, 1), (0, 2), (1, 3), (2, 3)]);
/// ```
#[derive(Debug, Clone, PartialEq)]
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
    /// Each to its parent; the first is the root.
    Tree {
        /// How many children each has, as far as there are enough.
        fanout: usize,
    },
    /// Row by row, each to its neighbours to the left, to the right, above and below.
    Grid {
        /// How many stand in a row.
        width: usize,
        /// Whether the last of each row and column is a neighbour of the first.
        wrap: bool,
    },
    /// Each to `degree` others, chosen by the seed, so that all hang together.
    Random {
        /// How many peers each agent has.
        degree: usize,
    },
    /// Each to its nearest in a circle, and some of these connections lead elsewhere instead.
    SmallWorld {
        /// How many peers each agent has on average; even, and at least 4.
        degree: usize,
        /// The share of connections that lead elsewhere.
        rewire: f64,
    },
    /// Each to some of those before it, and rather to those who have many peers already.
    ScaleFree {
        /// To how many.
        links: usize,
    },
    /// Each, at a random place of a square with sides of length 1, to whoever is near.
    Geometric {
        /// How far that is.
        radius: f64,
    },
    /// As a file lists them.
    Listed {
        /// The pairs, each once and sorted.
        pairs: Arc<[(usize, usize)]>,
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

impl TopologyError {
    fn new(message: String, expected: String) -> Self {
        Self { message, expected }
    }
}

impl Topology {
    /// Whether there is such a mesh of so many agents.
    ///
    /// # Errors
    /// For [`Random`](Self::Random), when the degree is not below the number of agents, when both are odd (each
    /// connection has two ends), and when the degree is 1 and there are more than two agents. For
    /// [`SmallWorld`](Self::SmallWorld), when the degree is odd, below 4 or not below the number of agents. For
    /// [`ScaleFree`](Self::ScaleFree), when there are no more agents than links of each. For a [`Grid`](Self::Grid) that
    /// wraps, when its last row is not full. For all, when there would be more than 250,000 connections.
    pub fn check(&self, agents: usize) -> Result<(), TopologyError> {
        match self {
            Self::Random { degree } => check_degree(*degree, agents)?,
            Self::SmallWorld { degree, .. } => check_even_degree(*degree, agents)?,
            Self::ScaleFree { links } if *links >= agents => {
                let message = format!("{agents} agents cannot join with {links} connections each");
                let expected = format!("expected at most {}", agents.saturating_sub(1));
                return Err(TopologyError::new(message, expected));
            }
            Self::Grid { width, wrap: true } if !agents.is_multiple_of(*width) => {
                let message = format!("{agents} agents do not fill rows of {width}");
                let expected = format!("expected a width that divides {agents}, as the grid wraps");
                return Err(TopologyError::new(message, expected));
            }
            _ => {}
        }
        let connections = self.connections(agents);
        if connections > MOST_CONNECTIONS {
            let message =
                format!("a {self} of {agents} agents has {} connections", show_count(connections as u64));
            let expected = format!("expected at most {}", show_count(MOST_CONNECTIONS as u64));
            return Err(TopologyError::new(message, expected));
        }
        Ok(())
    }

    /// How many connections so many agents have; about, where that is left to chance.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "it is an estimate, and a number of agents is exact below 2^53"
    )]
    fn connections(&self, agents: usize) -> usize {
        let all = agents.saturating_mul(agents.saturating_sub(1)) / 2;
        match self {
            Self::Full => all,
            Self::Ring | Self::Star { .. } | Self::Tree { .. } => agents,
            Self::Grid { .. } => agents.saturating_mul(2),
            Self::Random { degree } | Self::SmallWorld { degree, .. } => agents.saturating_mul(*degree) / 2,
            Self::ScaleFree { links } => agents.saturating_mul(*links),
            Self::Geometric { radius } => {
                let near = (std::f64::consts::PI * radius * radius).min(1.0);
                (all as f64 * near) as usize
            }
            Self::Listed { pairs } => pairs.len(),
        }
    }

    /// Who dials whom, as numbers of agents from 0: each pair of peers once, sorted, except that a ring closes with
    /// its last agent dialling the first. Same arguments, same pairs.
    ///
    /// A mesh for which [`check`](Self::check) fails comes out as near to it as possible.
    #[must_use]
    pub fn pairs(&self, agents: usize, seed: u64) -> Vec<(usize, usize)> {
        match self {
            Self::Full => lattice::full(agents),
            Self::Ring => lattice::ring(agents),
            Self::Star { hub } => lattice::star(agents, *hub),
            Self::Tree { fanout } => lattice::tree(agents, *fanout),
            Self::Grid { width, wrap } => lattice::grid(agents, *width, *wrap),
            Self::Random { degree } => random::pairs(agents, *degree, seed),
            Self::SmallWorld { degree, rewire } => small_world::pairs(agents, *degree, *rewire, seed),
            Self::ScaleFree { links } => scale_free::pairs(agents, *links, seed),
            Self::Geometric { radius } => geometric::pairs(agents, *radius, seed),
            Self::Listed { pairs } => pairs.iter().copied().filter(|(_, b)| *b < agents).collect(),
        }
    }
}

fn check_degree(degree: usize, agents: usize) -> Result<(), TopologyError> {
    if degree >= agents {
        let expected = format!("expected at most {}", agents.saturating_sub(1));
        return Err(TopologyError::new(format!("{agents} agents cannot have {degree} peers each"), expected));
    }
    if degree == 1 && agents > 2 {
        let message = format!("{agents} agents with one peer each do not hang together");
        return Err(TopologyError::new(message, "expected at least 2".to_owned()));
    }
    if !degree.is_multiple_of(2) && !agents.is_multiple_of(2) {
        let message = format!("{agents} agents cannot have {degree} peers each, as both numbers are odd");
        let (below, above) = (degree.saturating_sub(1), degree.saturating_add(1));
        return Err(TopologyError::new(
            message,
            format!("expected an even degree, such as {below} or {above}"),
        ));
    }
    Ok(())
}

fn check_even_degree(degree: usize, agents: usize) -> Result<(), TopologyError> {
    if !degree.is_multiple_of(2) || degree < 4 {
        let message = format!("a small world cannot begin with {degree} peers for each");
        let expected = "expected an even number, at least 4: half of them on either side of the circle";
        return Err(TopologyError::new(message, expected.to_owned()));
    }
    check_degree(degree, agents)
}

impl std::fmt::Display for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("full mesh"),
            Self::Ring => f.write_str("ring"),
            Self::Star { .. } => f.write_str("star"),
            Self::Tree { fanout } => write!(f, "tree of fanout {fanout}"),
            Self::Grid { width, wrap: false } => write!(f, "grid of width {width}"),
            Self::Grid { width, wrap: true } => write!(f, "grid of width {width} that wraps"),
            Self::Random { degree } => write!(f, "random mesh of degree {degree}"),
            Self::SmallWorld { degree, rewire } => {
                write!(f, "small world of degree {degree}, {} rewired", crate::quantity::show_ratio(*rewire))
            }
            Self::ScaleFree { links } => write!(f, "scale-free mesh of {links} links each"),
            Self::Geometric { radius } => write!(f, "geometric mesh of radius {radius}"),
            Self::Listed { pairs } => write!(f, "mesh of {} listed connections", pairs.len()),
        }
    }
}

#[cfg(test)]
mod tests;
