//! The ears of a swarm: what an English sentence asks about a digit.
//!
//! [`LanguageAgent`] listens for others, with a guess after each word; what it says on the wire is in [`messages`].
//! Behind it stands [`IntentClassifier`], which tells the [`Intent`] of a [`Sentence`]; [`SentenceWriter`] writes as
//! many sentences as are wanted, each run of a seed alike. The crate never opens a file or a socket, and never answers
//! the question itself: the network it computes with is part of the program, and answers are for other agents.

mod agent;
mod classifier;
mod corpus;
mod features;
mod guess;
mod intent;
pub mod messages;
mod params;
mod sentence;

pub use agent::LanguageAgent;
pub use classifier::{ClassifyError, IntentClassifier, ModelError, TokenGuess};
pub use corpus::SentenceWriter;
pub use features::Features;
pub use guess::{IntentGuess, IntentGuesses, IntentGuessesError};
pub use intent::Intent;
pub use params::LanguageParams;
pub use sentence::{Sentence, SentenceError};
