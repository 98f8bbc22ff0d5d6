//! Tells people and programs what came of a run.
//!
//! Reports are made from events, the summary or the record alone; they never touch the runner.

mod catalogue;
mod facts;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod overview;
mod paint;
mod problems;
mod progress;
#[cfg(test)]
pub(crate) mod sample;
mod trace;

pub(crate) use catalogue::catalogue;
pub use html::html;
pub(crate) use human::table as human_table;
pub use human::{human, verdict};
pub use json::{JSON_FORMAT, json};
pub use junit::{Suite, junit};
pub use markdown::markdown;
pub(crate) use overview::{OverviewRow, overview};
pub use paint::Paint;
pub(crate) use problems::render;
pub(crate) use progress::ProgressReport;
pub use trace::trace;
