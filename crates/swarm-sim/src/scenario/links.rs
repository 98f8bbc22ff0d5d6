//! What the links between agents are like, as `[network]` says it.

use swarm_network::Conditions;

use super::Target;

/// What the links of a scenario are like without faults.
///
/// ```
/// assert!(swarm_sim::Links::default().between.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Links {
    /// Every link that nothing else is said of.
    pub default: Conditions,
    /// Links between some and others; of several that fit, the last counts.
    pub between: Vec<LinksBetween>,
}

/// What the links from some to others are like.
///
/// ```
/// use swarm_sim::{LinksBetween, Target};
///
/// let uplink = LinksBetween {
///     from: Target::Zone("edge".into()),
///     to: Target::Zone("core".into()),
///     conditions: Default::default(),
/// };
/// assert_ne!(uplink.from, uplink.to);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinksBetween {
    /// Who sends.
    pub from: Target,
    /// Who receives.
    pub to: Target,
    /// What that way is like.
    pub conditions: Conditions,
}
