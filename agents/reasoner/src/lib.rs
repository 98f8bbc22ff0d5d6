//! The mind of a swarm: answers a question about a picture of a digit with the help of peers who see and peers who
//! understand.
//!
//! [`ReasonerAgent`] can do neither itself. It asks both at once, passes their partial results on while they come, and
//! concludes when both are done; what it says on the wire is in [`messages`]. [`Puzzles`] are questions with known
//! answers, to see how well a swarm does. The crate never runs a network and never guesses what its peers did not say.

mod agent;
mod arithmetic;
mod ask;
pub mod messages;
mod params;
mod parts;
mod puzzle;
mod understanding;

pub use agent::ReasonerAgent;
pub use params::ReasonerParams;
pub use puzzle::{Puzzle, Puzzles};
