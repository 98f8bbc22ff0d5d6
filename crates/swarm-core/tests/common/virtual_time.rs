//! Swarms whose time is the test's own: what holds, holds on each network in virtual time, and to the millisecond.

use std::time::Duration;

use swarm_core::{Agent, AgentId, IdleAgent, NodeConfig};
use swarm_sim::{Member, Network, Swarm, SwarmBuilder};

/// What a few crossings of a LAN take at most: an arrival is rounded up to whole milliseconds.
pub(crate) const CROSSINGS: Duration = Duration::from_millis(20);

/// Once on each network, with nodes like those of [`super::node`].
pub(crate) fn on_both(test: impl Fn(SwarmBuilder)) {
    for network in [Network::Model, Network::Quic] {
        test(Swarm::builder().network(network).config(NodeConfig::default()));
    }
}

/// Two that are connected.
pub(crate) fn two<A: Agent, B: Agent>(
    builder: SwarmBuilder,
    a: impl Fn() -> A + Send + 'static,
    b: impl Fn() -> B + Send + 'static,
) -> (Swarm, Member, Member) {
    let mut swarm = builder.build();
    let (a, b) = (swarm.add("a", a), swarm.add("b", b));
    swarm.connect(a, b);
    (swarm, a, b)
}

/// Three of whom each knows the next one; the first has no agent of its own.
pub(crate) fn three<A: Agent, B: Agent>(
    builder: SwarmBuilder,
    between: impl Fn(AgentId) -> A + Send + 'static,
    last: impl Fn() -> B + Send + 'static,
) -> (Swarm, [Member; 3]) {
    let mut swarm = builder.build();
    let last = swarm.add("last", last);
    let last_id = swarm.node(last).id();
    let between = swarm.add("between", move || between(last_id));
    let first = swarm.add("first", || IdleAgent);
    swarm.connect(between, last);
    swarm.connect(first, between);
    (swarm, [first, between, last])
}

/// So long, or as much longer as messages take on their way.
#[track_caller]
pub(crate) fn took(took: Duration, expected: Duration) {
    assert!((expected..expected + CROSSINGS).contains(&took), "{took:?} for {expected:?}");
}
