//! Random fault search: scenarios drawn from seeds, run against what must hold of every run.
//!
//! A seed gives a scenario file ([`scenario`]), so what fails can be read, run again, shrunk and kept like any other. Its
//! agents (`busybody`) do everything that agents can do to one another, at random, and check what they get back.

mod busybody;
mod draw;
mod search;

use self::busybody::Busybody;
pub use self::draw::scenario;
pub use self::search::{Found, search};
use crate::{Registry, Setup};

/// The kind of the agents of these scenarios.
pub const KIND: &str = "busybody";

/// Adds the agents of the search to a registry, so that what it found can be run like any other scenario.
///
/// ```
/// use swarm_sim::{Registry, soak};
///
/// let registry = soak::register(Registry::new());
/// assert!(registry.kinds().any(|kind| kind == soak::KIND));
/// ```
#[must_use]
pub fn register(registry: Registry) -> Registry {
    let summary = "does everything to everybody, at random, and checks what it gets";
    registry.agent(KIND, summary, |setup: Setup<'_, _>| Ok(Busybody::new(setup.params, setup.seed)))
}

/// The registry that scenarios of the search are read and run with.
///
/// ```
/// use swarm_sim::{Scenario, soak};
///
/// let text = soak::scenario(7);
/// let scenario = Scenario::parse("seed-7.toml", &text, &soak::registry()).unwrap();
/// assert!(scenario.agents() >= 2);
/// ```
#[must_use]
pub fn registry() -> Registry {
    register(Registry::new())
}
