//! A search: agents explore a place that none of them knows and find what is hidden there.
//!
//! [`SearcherAgent`] goes to the edge of what it knows, looks, and tells its team what it saw; the members of a team divide
//! the edges among themselves without asking anybody, as each reckons for all of them. [`RefereeAgent`] hears when teams
//! have seen everything and measures how much sooner one had than another. Where to go is decided without a network:
//! map, plan and explorer know neither messages nor clocks.

mod agent;
mod explorer;
mod grid;
mod map;
pub mod messages;
mod params;
mod plan;
mod referee;
mod world;

pub use agent::{FINISHED, FOUND, MISSED, SearcherAgent, WALKED};
pub use grid::Cell;
pub use params::{RefereeParams, SearcherParams};
pub use referee::{RefereeAgent, SPEEDUP};
