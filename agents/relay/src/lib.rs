//! A place in a line of agents: each passes a request on to the next, the last works on it, and the answer comes back
//! through all of them.
//!
//! [`RelayAgent`] shows what a request that is made for another inherits: its end. Whoever is asked stops when nobody
//! waits for the answer any more, without a line of code for it. The crate decides nothing about the work itself, which
//! is to let time pass and say so.

mod agent;
mod params;

pub use agent::{AT_WORK, NoSuchStage, RelayAgent};
pub use params::RelayParams;
