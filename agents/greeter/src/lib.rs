//! An agent that greets: it broadcasts its greeting now and then, and greets by name whoever asks, word by word.
//!
//! It is the smallest agent that does both, to read first. It keeps no state and asks nobody.

mod agent;
mod params;

pub use agent::{GREET, Greeter, TOPIC};
pub use params::Params;
