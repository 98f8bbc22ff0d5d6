//! Reads `[node]`, and `node` of a group: the knobs of the nodes.

use std::time::Duration;

use swarm_core::NodeConfig;
use toml::Spanned;

use super::{problem::Findings, reader::TableReader};

/// The longest queue that a scenario may ask for: more observations than a node takes in within a minute.
const LONGEST_QUEUE: u64 = 1_000_000;

/// The most that a scenario may ask to be kept for one peer, in bytes.
const LARGEST_BUFFER: u64 = 1 << 30;

/// Knobs of nodes that a scenario turns. Whatever it leaves alone is as in [`NodeConfig`].
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "1s" }
/// node = { agent_queue = 64 }
/// groups.sitter = { agent = "idle" }
/// groups.sleeper = { agent = "idle", node = { agent_queue = 8 } }
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.groups[0].node.agent_queue, Some(64));
/// assert_eq!(scenario.groups[1].node.agent_queue, Some(8));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSettings {
    /// How long an observation may wait to share a datagram with others.
    pub coalescing_window: Option<Duration>,
    /// How many observations may wait for one peer.
    pub outbox_capacity: Option<usize>,
    /// How long an outbox may overflow before its peer is disconnected.
    pub slow_patience: Option<Duration>,
    /// How many datagrams a peer may send in a second.
    pub max_datagrams_per_second: Option<u32>,
    /// How long a peer may send more than that before it is sent away.
    pub greedy_patience: Option<Duration>,
    /// How many observations may wait for the agent.
    pub agent_queue: Option<usize>,
    /// How many bytes of reliable observations are kept for one peer until it has taken them.
    pub reliable_buffer_bytes: Option<usize>,
}

impl NodeSettings {
    /// Turns the knobs of a node.
    pub(crate) fn apply(&self, config: &mut NodeConfig) {
        let Self {
            coalescing_window,
            outbox_capacity,
            slow_patience,
            max_datagrams_per_second,
            greedy_patience,
            agent_queue,
            reliable_buffer_bytes,
        } = *self;
        config.coalescing_window = coalescing_window.unwrap_or(config.coalescing_window);
        config.outbox_capacity = outbox_capacity.unwrap_or(config.outbox_capacity);
        config.slow_patience = slow_patience.or(config.slow_patience);
        config.max_datagrams_per_second = max_datagrams_per_second.unwrap_or(config.max_datagrams_per_second);
        config.greedy_patience = greedy_patience.or(config.greedy_patience);
        config.agent_queue = agent_queue.unwrap_or(config.agent_queue);
        config.reliable_buffer_bytes = reliable_buffer_bytes.unwrap_or(config.reliable_buffer_bytes);
    }

    /// These, and those of everybody where these say nothing.
    fn or(self, everybody: &Self) -> Self {
        Self {
            coalescing_window: self.coalescing_window.or(everybody.coalescing_window),
            outbox_capacity: self.outbox_capacity.or(everybody.outbox_capacity),
            slow_patience: self.slow_patience.or(everybody.slow_patience),
            max_datagrams_per_second: self.max_datagrams_per_second.or(everybody.max_datagrams_per_second),
            greedy_patience: self.greedy_patience.or(everybody.greedy_patience),
            agent_queue: self.agent_queue.or(everybody.agent_queue),
            reliable_buffer_bytes: self.reliable_buffer_bytes.or(everybody.reliable_buffer_bytes),
        }
    }
}

/// The knobs under `node` of a table. Where it says nothing, those of everybody hold.
pub(super) fn read(
    parent: &mut TableReader<'_, '_>,
    what: &str,
    everybody: &NodeSettings,
    findings: &mut Findings,
) -> NodeSettings {
    let Some(mut table) = parent.table("node", what, findings) else { return everybody.clone() };
    let number = |number: Option<Spanned<u64>>| usize::try_from(number?.into_inner()).ok();
    let settings = NodeSettings {
        coalescing_window: duration(&mut table, "coalescing_window", findings),
        outbox_capacity: number(table.whole("outbox_capacity", 1..=LONGEST_QUEUE, findings)),
        slow_patience: duration(&mut table, "slow_patience", findings),
        max_datagrams_per_second: table
            .whole("max_datagrams_per_second", 1..=u64::from(u32::MAX), findings)
            .and_then(|number| u32::try_from(number.into_inner()).ok()),
        greedy_patience: duration(&mut table, "greedy_patience", findings),
        agent_queue: number(table.whole("agent_queue", 1..=LONGEST_QUEUE, findings)),
        reliable_buffer_bytes: number(table.whole("reliable_buffer_bytes", 1..=LARGEST_BUFFER, findings)),
    };
    table.finish(findings);
    settings.or(everybody)
}

fn duration(table: &mut TableReader<'_, '_>, key: &'static str, findings: &mut Findings) -> Option<Duration> {
    table.optional::<Duration>(key, findings).map(Spanned::into_inner)
}
