//! An agent that hears what it subscribed to, and takes its time for each observation: somebody to be slow.
//!
//! It says nothing of its own and serves nobody, but it may pass on what others have signed. What it misses for being
//! slow it measures.

mod agent;
mod params;

pub use agent::{Listener, MISSED};
pub use params::Params;
