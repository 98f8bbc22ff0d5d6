//! The one that sends rovers about.
//!
//! [`ControlAgent`] hears where they are and gives each of them a new place to go to, again and again. Telemetry may be
//! lost; a command is sent until it is confirmed, or until its rover has gone. The crate never moves anything itself.

mod agent;
mod backoff;
mod errand;
mod fleet;
mod params;
mod patrol;
mod roll;

pub use agent::ControlAgent;
pub use params::ControlParams;
