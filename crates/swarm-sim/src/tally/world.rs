//! What is known of the swarm as a whole, rather than of one of its groups.

use crate::metric::Metric;

/// The swarm as a whole, at a moment.
///
/// ```
/// use swarm_sim::World;
///
/// fn is_whole(world: &World) -> bool {
///     world.components == 1
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct World {
    /// Into how many parts the agents that run have fallen.
    pub components: usize,
    /// How many pairs are connected.
    pub connections: usize,
    /// Pairs that are connected, of those that the topology connects and of which both run; `None` if there are none.
    pub converged: Option<f64>,
    /// Packets that the network lost, of all that were sent; `None` on one that does not count, or before the first.
    pub packets_lost: Option<f64>,
    /// Bytes that the network carried; `None` on one that does not count.
    pub bytes: Option<u64>,
    /// Memory of the run, by the number of agents, in bytes; where the system tells.
    pub memory_per_agent: Option<u64>,
    /// Tasks that went on after everybody had stopped; known at the end, in virtual time.
    pub tasks_left: Option<usize>,
}

impl World {
    /// What a metric of the whole swarm is worth; `None` for others too.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
    pub(crate) fn value(&self, metric: &Metric) -> Option<f64> {
        match metric {
            Metric::OverlayComponents => Some(self.components as f64),
            Metric::OverlayConnections => Some(self.connections as f64),
            Metric::OverlayConverged => self.converged,
            Metric::NetworkLostRatio => self.packets_lost,
            Metric::NetworkBytes => self.bytes.map(|bytes| bytes as f64),
            Metric::MemoryPerAgent => self.memory_per_agent.map(|bytes| bytes as f64),
            Metric::TaskLeft => self.tasks_left.map(|tasks| tasks as f64),
            _ => None,
        }
    }
}
