//! A studio: scenes of sound, picture and words, sent at once over one connection, of which something always arrives in time.
//!
//! [`StageAgent`] has the scenes: sound at its own pace, words one by one, and a picture in layers, each of which makes it
//! sharper. [`FusionAgent`] asks for all of it at once, each part in the lane that suits it, and when its time is over shows
//! what it has and says how good that is. Where the way is scarce the finest layers stay out, and the sound is never late.
//! How a picture is taken apart and what came in time is decided without a network.

mod assembly;
mod fusion;
pub mod messages;
mod params;
mod pyramid;
mod scene;
mod stage;

pub use fusion::{AUDIO_LATE, FusionAgent, LAYERS_SHOWN, QUALITY, WORDS_MISSING};
pub use params::{FusionParams, StageParams};
pub use pyramid::{LAYERS, SIDE};
pub use scene::Scene;
pub use stage::StageAgent;
