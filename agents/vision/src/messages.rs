//! What crosses between this agent and others: names, labels and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! vision.classify   body: 400 grey pixels, row by row
//!                   reply, an artefact: image_feature, revision 1 {pass: coarse}, revision 2 {pass: refined}
//! ```

use serde::{Deserialize, Serialize};

use crate::Guesses;

/// The capability: which digit does a picture show?
pub const CLASSIFY: &str = "vision.classify";

/// The name of the artefact that is the reply; each revision carries an [`ImageFeature`]. Whoever reads chunks finds it
/// as their label. A slow requester may get the last revision only.
pub const IMAGE_FEATURE: &str = "image_feature";

/// How thoroughly a picture was looked at. A string in snake case on the wire.
///
/// ```
/// use agent_vision::messages::Pass;
/// use swarm_core::Chunk;
///
/// let chunk = Chunk::encode("pass", &Pass::Refined)?;
/// assert_eq!(chunk.decode::<String>()?, "refined");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// The first, rough look.
    Coarse,
    /// The last look: what follows from it is the result.
    Refined,
}

/// What one pass made of a picture. A map with the fields' names on the wire; readers ignore keys they do not know.
///
/// ```
/// use agent_vision::{Guess, Guesses};
/// use agent_vision::messages::{IMAGE_FEATURE, ImageFeature, Pass};
/// use swarm_core::Chunk;
///
/// let guesses = Guesses::try_from([(7, 0.9), (1, 0.06), (9, 0.04)].map(|(digit, probability)| Guess { digit, probability }))?;
/// let feature = ImageFeature { pass: Pass::Coarse, guesses };
/// let chunk = Chunk::encode(IMAGE_FEATURE, &feature)?;
/// assert_eq!(chunk.decode::<ImageFeature>()?, feature);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ImageFeature {
    /// Which look at the picture it is.
    pub pass: Pass,
    /// The likeliest digits.
    pub guesses: Guesses,
}
