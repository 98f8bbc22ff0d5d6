//! The tasks and handles around observations: publishing them, taking them in. What is decided about them is decided in
//! [`crate::observe`].

mod inbox;
mod outgoing;
mod publish;
mod reader;

pub(crate) use self::inbox::{AgentInbox, Told};
pub use self::outgoing::OutgoingObservation;
pub use self::publish::{NotHanded, Receipt};
pub(super) use self::reader::{Ended, read, take_in};
