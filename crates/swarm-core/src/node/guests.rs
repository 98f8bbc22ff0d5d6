//! The guests of a running node: whoever is admitted takes a place, and leaves it when its connection ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use swarm_proto::{ControlFrame, PublicKey};

use super::control::ControlStream;
use super::handshake::hear;
use super::shared::NodeShared;
use crate::error::HelloError;
use crate::transport::Connection;
use crate::trust::{Admitted, GuestError, Guests, is_proof};

/// Who is there, shared by all handshakes.
#[derive(Debug)]
pub(crate) struct GuestBook(Mutex<Guests>);

/// The place of a guest, until it is dropped.
#[derive(Debug)]
pub(super) struct GuestPlace(Arc<GuestBook>);

impl GuestBook {
    pub(super) fn new(guests: Guests) -> Arc<Self> {
        Arc::new(Self(Mutex::new(guests)))
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        // They are whole after each of their methods, so a poisoned lock is as good as any.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GuestPlace {
    fn drop(&mut self) {
        self.0.guests().left();
    }
}

/// Whose token this is, if it counts.
pub(super) fn admit(
    shared: &NodeShared,
    token: Option<&str>,
    origin: Option<&str>,
) -> Result<(Admitted, GuestPlace), GuestError> {
    let book = shared.guests.as_ref().ok_or(GuestError::NotTaken)?;
    let admitted = book.guests().admit(&shared.access, token, origin, shared.unix_seconds())?;
    Ok((admitted, GuestPlace(Arc::clone(book))))
}

/// Lets the guest sign something that nobody can have signed before.
pub(super) async fn challenge(
    shared: &NodeShared,
    key: &PublicKey,
    control: &mut ControlStream,
    connection: &dyn Connection,
) -> Result<(), HelloError> {
    let nonce = shared.new_nonce();
    control.say(&ControlFrame::Challenge(nonce)).await?;
    match hear(control, connection).await? {
        ControlFrame::Proof(signature) if is_proof(key, &nonce, shared.id, &signature) => Ok(()),
        ControlFrame::Proof(_) => Err(GuestError::NotProven.into()),
        _ => Err(HelloError::OutOfTurn),
    }
}
