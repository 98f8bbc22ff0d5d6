//! Bad peers of every kind, for showing what they cost a node.
//!
//! An [`Adversary`] does one [`Attack`] against nodes on this machine and tells in its [`Outcome`] what became of it: how
//! often it was let in, and how soon it was cut off. Everything it does is bounded in number and time by its [`Plan`], and
//! it refuses every target that is not a loopback address: there is no switch for that.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use swarm_adversary::{Adversary, Attack};
//! use swarm_core::trust::RootKey;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn attack() -> Result<(), Box<dyn std::error::Error>> {
//! let root = Arc::new(RootKey::from_seed([1; 32]));
//! let adversary = Adversary::member(Attack::HalfHello, 7, root, vec!["127.0.0.1:4433".parse()?])?;
//! let outcome = adversary.run(CancellationToken::new()).await;
//! assert_eq!(outcome.admitted, 0);
//! # Ok(())
//! # }
//! ```
//!
//! What this crate never does: know how a node defends itself, or be needed by anything but tests and scenarios.

mod adversary;
mod attack;
mod attacks;
mod line;
mod outcome;
mod pace;
mod papers;
mod peer;
mod plan;
mod scene;

pub use adversary::{Adversary, AdversaryError};
pub use attack::{Attack, Standing, UnknownAttack};
pub use outcome::Outcome;
pub use plan::Plan;
