//! An agent that hears what it subscribed to, and takes its time for each observation: somebody to be slow.
//!
//! It says nothing and serves nobody. What it misses for being slow it measures.

mod agent;
mod params;

pub use agent::{Listener, MISSED};
pub use params::Params;
