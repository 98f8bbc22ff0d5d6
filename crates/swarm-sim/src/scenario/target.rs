//! Whom a fault is meant for, and how many of them.

use std::fmt;

use super::Group;

/// Whom something is meant for: `*`, a group, `zone:NAME`, or one member of a group, as in `rover[3]`.
///
/// ```
/// use swarm_sim::Target;
///
/// assert_eq!(Target::Member("rover".into(), 3).to_string(), "rover[3]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// All agents of all groups.
    Everybody,
    /// The members of a group.
    Group(String),
    /// The members of all groups of a zone.
    Zone(String),
    /// One member of a group, by its number from 0.
    Member(String, usize),
}

impl Target {
    /// Whether it means the member of that number of a group.
    #[must_use]
    pub fn means(&self, group: &Group, index: usize) -> bool {
        match self {
            Self::Everybody => true,
            Self::Group(name) => *name == group.name,
            Self::Zone(zone) => group.zone.as_ref() == Some(zone),
            Self::Member(name, number) => *name == group.name && *number == index,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Group(name) => f.write_str(name),
            Self::Zone(name) => write!(f, "zone:{name}"),
            Self::Member(group, number) => write!(f, "{group}[{number}]"),
        }
    }
}

/// How many of those that it is meant for an event concerns. Which, the seed decides.
///
/// ```
/// use swarm_sim::Pick;
///
/// assert_eq!(Pick::Some(3).of(2), 2);
/// assert_eq!(Pick::All.of(7), 7);
/// assert_eq!(Pick::Share(0.2).of(10), 2);
/// assert_eq!(Pick::Minority.of(7), 3);
/// assert_eq!(Pick::Majority.of(7), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Pick {
    /// All that there are.
    All,
    /// So many; all if there are fewer.
    Some(usize),
    /// This share, rounded to the nearest whole number, at least one.
    Share(f64),
    /// As many as there can be without being half of them.
    Minority,
    /// As few as there can be that are more than half of them.
    Majority,
}

impl Pick {
    /// How many that is, of so many candidates.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a number of agents fits that number's type"
    )]
    pub fn of(self, candidates: usize) -> usize {
        match self {
            Self::All => candidates,
            Self::Some(wanted) => wanted.min(candidates),
            Self::Share(share) => ((candidates as f64 * share).round() as usize).max(1).min(candidates),
            Self::Minority => candidates.saturating_sub(1) / 2,
            Self::Majority => (candidates / 2).saturating_add(1).min(candidates),
        }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Some(wanted) => write!(f, "{wanted}"),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
            Self::Minority => f.write_str("a minority"),
            Self::Majority => f.write_str("a majority"),
        }
    }
}
