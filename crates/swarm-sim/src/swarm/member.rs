//! A member of a swarm of a test, through all of its lives.

use std::sync::Arc;

use swarm_core::trust::RootKey;
use swarm_core::{AgentId, AgentNode, BoxedAgent, Builder, IdentityKey, NodeHandle};

use super::witness::Sights;
use super::{Member, Swarm, SwarmBuilder};
use crate::clock::{self, MemberClock};
use crate::gate::{Gate, Gated};
use crate::seed::{derive, key_seed};

/// A member, whether it runs or not.
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) agent_id: AgentId,
    pub(super) life: Option<Life>,
    pub(super) seen: Arc<Sights>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: MemberClock,
    make: Box<dyn Fn() -> BoxedAgent + Send>,
    number: u64,
    lives: u64,
}

/// A member that runs.
pub(super) struct Life {
    pub(super) node: AgentNode,
}

impl Seat {
    pub(super) fn new(
        swarm: &Swarm,
        member: Member,
        name: &str,
        make: Box<dyn Fn() -> BoxedAgent + Send>,
    ) -> Self {
        let number = member.0 as u64;
        Self {
            name: name.to_owned(),
            agent_id: identity(swarm.seed, number).agent_id(),
            life: None,
            seen: Arc::new(Sights::new(swarm.clock.clone())),
            gate: Arc::new(Gate::new(derive(swarm.seed, "gate", number))),
            clock: MemberClock::new(swarm.clock.clone(), clock::Error::default()),
            make,
            number,
            lives: 0,
        }
    }

    pub(super) fn node(&self) -> Option<NodeHandle> {
        self.life.as_ref().map(|life| life.node.handle())
    }

    /// The node of its next life, yet to be started.
    pub(super) fn starting(&mut self, builder: &SwarmBuilder, seed: u64) -> Builder {
        self.lives += 1;
        let agent = Gated { agent: (self.make)(), gate: self.gate.clone(), seen: Some(self.seen.clone()) };
        AgentNode::builder(agent)
            .dev_root(RootKey::from_seed(key_seed(derive(seed, "root", 0))))
            .identity(identity(seed, self.number))
            .rng_seed(derive(derive(seed, "node", self.number), "life", self.lives))
            .config(builder.config.clone())
            .wall_clock(self.clock.clone())
    }
}

fn identity(seed: u64, number: u64) -> IdentityKey {
    IdentityKey::from_seed(key_seed(derive(seed, "identity", number)))
}
