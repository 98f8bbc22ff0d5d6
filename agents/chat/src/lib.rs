//! A language model for a swarm: any endpoint that speaks the chat protocol of OpenAI, served to peers token by token.
//!
//! [`ChatAgent`] answers conversations for others with the model behind an endpoint; what it says on the wire is in
//! [`messages`]. [`ChatParams`] says which endpoint, and is the one place that reads the environment. The crate keeps no
//! conversation, runs no model, and opens one HTTP request for each that it serves: whatever ends the one ends the other.

mod agent;
mod completion;
mod endpoint;
mod events;
pub mod messages;
mod params;

pub use agent::{ChatAgent, MAX_REQUEST_BYTES};
pub use endpoint::ClientError;
pub use params::{ChatParams, ChatParamsError};
