//! Waits: for the next fault to begin or end.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use crate::Fabric;

/// Waits until the fabric's version is another one, and gives it. Cancel safe.
pub(crate) async fn changed(fabric: &Mutex<Fabric>, version: u64) -> u64 {
    poll_fn(|cx| {
        // Whoever broke down while it had the lock has at worst half a fault begun.
        let mut fabric = fabric.lock().unwrap_or_else(PoisonError::into_inner);
        if fabric.version() != version {
            return Poll::Ready(fabric.version());
        }
        fabric.wake_on_change(cx.waker());
        Poll::Pending
    })
    .await
}
