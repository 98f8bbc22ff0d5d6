//! Tells people and programs what came of a run.
//!
//! Reports are made from events and the summary alone; they never touch the runner.

mod catalogue;
mod human;
mod json;
mod paint;
mod problems;
mod progress;

pub(crate) use catalogue::catalogue;
pub use human::{human, verdict};
pub use json::{JSON_FORMAT, json};
pub use paint::Paint;
pub(crate) use problems::render;
pub(crate) use progress::ProgressReport;
