//! The agent as others meet it: over real WebTransport, with an endpoint that does what the test says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod failures;
mod serving;
mod stage;
