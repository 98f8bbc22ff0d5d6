//! The tasks and handles around observations: publishing them, taking them in. What is decided about them is decided in
//! [`crate::observe`].

mod datagrams;
mod inbox;
mod outgoing;
mod publish;

pub(super) use self::datagrams::{Ended, move_datagrams, refuse_what_has_come, take_in_what_has_come};
pub(crate) use self::inbox::{AgentInbox, Told};
pub use self::outgoing::OutgoingObservation;
pub use self::publish::{NotHanded, Receipt};
