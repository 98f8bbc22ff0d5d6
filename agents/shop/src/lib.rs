//! A shop: clerks sell what customers order, and any clerk will do.
//!
//! [`ClerkAgent`] takes its time for an order and tells everybody what it has sold. [`CustomerAgent`] asks for the capability,
//! not for a clerk, so that clerks may come and go; it hears of all sales, and can tell whether one of its orders was sold
//! twice. Nobody keeps a list of clerks, and nobody asks twice by hand: routing does both.

mod clerk;
mod customer;
pub mod messages;
mod params;
mod receipts;

pub use clerk::ClerkAgent;
pub use customer::{CustomerAgent, LOST, SOLD, TWICE};
pub use params::{ClerkParams, CustomerParams};
