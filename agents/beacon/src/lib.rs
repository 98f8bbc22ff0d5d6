//! An agent that broadcasts payloads of a fixed size at a fixed rate: a load to measure with.
//!
//! It does nothing with what it hears, and serves nobody.

mod agent;
mod params;

pub use agent::{Beacon, TOPIC};
pub use params::{Class, Params};
