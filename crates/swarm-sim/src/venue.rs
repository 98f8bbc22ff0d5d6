//! Where a run takes place: its runtime and its network.
//!
//! Real networks run in real time, agents on a runtime of their own. Virtual ones run on one thread whose clock stands
//! still while there is anything to do, and jumps to the next timer when there is not.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use swarm_network::{
    Fabric, Fault, FaultId, Host, ModelNetwork, Network, Power, QuicNetwork, RealNetwork, Scope, SharedFabric,
};
use tokio::runtime::{Builder, Runtime};

use crate::Scenario;
use crate::scenario::{self, Action};
use crate::seed::derive;

/// The network of a run and, unless it is as it is, what can be done to it.
pub(crate) struct Venue {
    network: Arc<dyn Network>,
    fabric: Option<SharedFabric>,
}

impl Venue {
    /// The network that a scenario runs on, and what moves its packets. Must be called on the runtime that its nodes run on.
    pub(crate) fn of(scenario: &Scenario) -> (Self, BoxFuture<'static, ()>) {
        let fabric = needs_fabric(scenario).then(|| Arc::new(Mutex::new(fabric_of(scenario))));
        let (network, carrier): (Arc<dyn Network>, BoxFuture<'static, ()>) = match (scenario.network, &fabric)
        {
            (scenario::Network::Model, Some(fabric)) => {
                let network = ModelNetwork::new(fabric.clone());
                (network.clone(), Box::pin(network.run()))
            }
            (scenario::Network::Quic, Some(fabric)) => {
                let network = QuicNetwork::new(fabric.clone(), derive(scenario.seed, "quic", 0));
                (network.clone(), Box::pin(network.run()))
            }
            (_, fabric) => {
                let network = RealNetwork::new(fabric.clone(), scenario.ports.first);
                (network.clone(), Box::pin(network.run()))
            }
        };
        (Self { network, fabric }, carrier)
    }

    pub(crate) fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// Lets something go wrong with links. `None` on a network that is as it is.
    pub(crate) fn begin(&self, scope: Scope, fault: Fault) -> Option<FaultId> {
        Some(self.fabric()?.begin(scope, fault))
    }

    /// Ends what went wrong.
    pub(crate) fn end(&self, fault: FaultId) {
        if let Some(mut fabric) = self.fabric() {
            fabric.end(fault);
        }
    }

    /// Pauses the host of a member.
    pub(crate) fn pause(&self, member: usize) {
        if let Some(mut fabric) = self.fabric() {
            fabric.pause(host(member));
        }
    }

    /// Lets the host of a member go on. True if it was paused.
    pub(crate) fn resume(&self, member: usize) -> bool {
        self.fabric().is_some_and(|mut fabric| fabric.resume(host(member)))
    }

    /// Says how the host of a member is doing.
    pub(crate) fn set_power(&self, member: usize, power: Power) {
        if let Some(mut fabric) = self.fabric() {
            fabric.set_power(host(member), power);
        }
    }

    /// What the network can be asked and told.
    pub(crate) fn fabric(&self) -> Option<MutexGuard<'_, Fabric>> {
        self.fabric.as_ref().map(|fabric| fabric.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The host of a member: they have the same number.
pub(crate) fn host(member: usize) -> Host {
    Host(u32::try_from(member).unwrap_or(u32::MAX))
}

/// Virtual networks are nothing else; real sockets carry packets by themselves unless the scenario interferes.
fn needs_fabric(scenario: &Scenario) -> bool {
    let interferes = scenario.timeline.iter().any(|event| matches!(event.action, Action::Fault(_)));
    scenario.network.is_virtual() || interferes || scenario.links != scenario::Links::default()
}

fn fabric_of(scenario: &Scenario) -> Fabric {
    let (seed, members, links) =
        (derive(scenario.seed, "links", 0), scenario.members(), Arc::new(scenario.clone()));
    Fabric::new(seed, members, move |from, to| links.conditions(from.0 as usize, to.0 as usize))
}

/// A runtime in virtual time, whose own choices follow from the seed.
pub(crate) fn virtual_runtime(seed: u64) -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&derive(seed, "runtime", 0).to_be_bytes()));
    #[cfg(not(tokio_unstable))]
    let _ = seed;
    builder.enable_time().start_paused(true).build()
}

/// One for the run itself and one for the agents. Signals, deadlines and the report do not depend on agents that block
/// every thread they can get.
pub(crate) fn real_runtimes() -> io::Result<(Runtime, Runtime)> {
    Ok((Builder::new_current_thread().enable_all().build()?, Runtime::new()?))
}
