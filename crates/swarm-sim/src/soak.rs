//! Random fault search: scenarios drawn from seeds, run against what must hold of every run.
//!
//! A seed gives a scenario file ([`scenario`]), so what fails can be read, run again, shrunk and kept like any other. Its
//! agents (`busybody`) do everything that agents can do to one another, at random, and check what they get back.

mod busybody;
mod draw;

pub use self::draw::scenario;
use self::busybody::Busybody;
use crate::{Registry, Setup};

/// The kind of the agents of these scenarios.
pub const KIND: &str = "busybody";

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
    Registry::new().agent(KIND, "does everything to everybody, at random, and checks what it gets", |setup: Setup<'_, _>| {
        Ok(Busybody::new(setup.params, setup.seed))
    })
}
