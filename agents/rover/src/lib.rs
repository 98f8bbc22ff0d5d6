//! A vehicle of a swarm: drives about in a plane, tells everybody where it is, and takes commands.
//!
//! [`RoverAgent`] broadcasts telemetry, of which only the newest counts, and events, of which none may be lost, and takes
//! commands, of which none may either: each is executed once however often it is sent. What it says on the wire is in [`messages`]. The crate never decides where to go.

mod agent;
mod command_log;
pub mod messages;
mod motion;
mod params;
mod topics;

pub use agent::{OVERTAKEN, RoverAgent};
pub use params::{RateHz, RateHzError, RoverParams};
pub use topics::RoverTopics;
