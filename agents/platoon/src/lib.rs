//! A platoon with one commander at most, ever.
//!
//! [`MemberAgent`] elects, obeys and, if elected, commands. The election is a small relative of Raft's (Ongaro and Ousterhout,
//! 2014): terms with one vote each, a lease that the orders renew, and a trial before each election, so that whoever was
//! cut off disturbs nobody when it comes back. It knows neither messages nor clocks, only what is said and when.
//! [`WitnessAgent`] belongs to nobody, hears all orders, and measures whether ever two gave them.

mod agent;
mod election;
pub mod messages;
mod params;
mod witness;

pub use agent::{MemberAgent, RESIGNED, TERM, VACANCY};
pub use params::{MemberParams, WitnessParams};
pub use witness::{RIVALS, SILENCE, WitnessAgent};
