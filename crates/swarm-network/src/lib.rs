//! Networks for swarms that can be broken on purpose.
//!
//! A [`Fabric`] knows the hosts, the links between them and every fault, and decides the fate of each packet: it takes
//! the packet's size and the time, and returns what becomes of it. Three networks ask it:
//!
//! - `model`: connections, datagrams and streams in memory, without QUIC; for thousands of agents;
//! - `quic`: the real QUIC stack over sockets in memory;
//! - `real`: the real QUIC stack over real sockets, whose packets are held up or dropped before they are sent.
//!
//! The first two run in virtual time, on a tokio runtime of one thread whose clock is paused, and the same seed gives the
//! same run. What this crate never does: know a scenario, an agent, or who is connected to whom.

mod changes;
mod conditions;
mod fabric;
mod in_flight;
mod model;
mod network;
mod quic;
mod real;

pub use conditions::{Bursts, Change, Conditions, ConditionsError, Distribution, Latency, Loss};
pub use fabric::{Fabric, Fate, Fault, FaultId, Host, LostWhy, Power, Scope, SharedFabric, Traffic};
pub use model::ModelNetwork;
pub use network::{Network, OpenError};
pub use quic::QuicNetwork;
pub use real::RealNetwork;
