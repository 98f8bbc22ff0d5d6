//! The eyes of a swarm: pictures of digits, and guesses at which digit a picture shows.
//!
//! [`VisionAgent`] reads pictures for others, a guess at once and a better one after; what it says on the wire is in
//! [`messages`]. Behind it stands [`DigitClassifier`], with a coarse pass and a refined pass that is nearly always
//! right; [`DigitPainter`] draws as many different digits as are wanted, each run of a seed alike. The crate never opens
//! a file or a socket: the network it computes with is part of the program.

mod agent;
mod classifier;
mod draw;
mod guess;
mod image;
pub mod messages;
mod params;

pub use agent::VisionAgent;
pub use classifier::{ClassifyError, DigitClassifier, ModelError};
pub use draw::DigitPainter;
pub use guess::{Guess, Guesses, GuessesError};
pub use image::{Image, ImageError};
pub use params::VisionParams;
