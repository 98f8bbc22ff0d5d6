//! What crosses between a stage, a fusion and those who watch: names, labels and the MessagePack values behind them. No
//! behaviour.
//!
//! ```text
//! studio.sound    body: Take     reply: frame, one after the other at the pace of the sound
//! studio.words    body: Take     reply: word, one after the other
//! studio.picture  body: Take     reply: layer, one after the other, the coarsest first
//! studio.show     body: the number of a scene, as a text
//!                 reply: sound, words, picture (one byte for each dot), quality Quality
//! ```

use serde::{Deserialize, Serialize};

/// The capability: play the sound of a scene. It takes as long as the scene.
pub const SOUND: &str = "studio.sound";

/// The capability: say the words of a scene.
pub const WORDS: &str = "studio.words";

/// The capability: hand out layers of the picture of a scene.
pub const PICTURE: &str = "studio.picture";

/// The capability: show a scene as well as it can be within a given time.
pub const SHOW: &str = "studio.show";

/// The label of a piece of sound.
pub const FRAME: &str = "frame";

/// The label of a word.
pub const WORD: &str = "word";

/// The label of a layer.
pub const LAYER: &str = "layer";

/// The label of how good a scene was shown, a [`Quality`]; always the last.
pub const QUALITY: &str = "quality";

/// What is wanted of a scene. A map with the fields' names on the wire.
///
/// ```
/// use agent_studio::messages::Take;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let take = Take { scene: 7, first: 1, last: 4 };
/// assert_eq!(from_slice::<Take>(&to_vec(&take)?)?, take);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Which scene.
    pub scene: u64,
    /// The first layer, from 0, if it is a picture.
    pub first: u8,
    /// The last one.
    pub last: u8,
}

/// How good a scene was shown. A map with the fields' names on the wire.
///
/// ```
/// use agent_studio::messages::{QUALITY, Quality};
/// use swarm_core::Chunk;
///
/// let quality = Quality { percent: 80, layers: 4, late: 0, words_missing: 0 };
/// assert_eq!(Chunk::encode(QUALITY, &quality)?.decode::<Quality>()?, quality);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// How many of a hundred layers were there, so to speak; nothing if sound or words are not whole.
    pub percent: u8,
    /// How many layers of the picture were there.
    pub layers: u8,
    /// How many pieces of sound came after it was their turn to be heard, or not at all.
    pub late: u16,
    /// How many words had not come.
    pub words_missing: u16,
}
