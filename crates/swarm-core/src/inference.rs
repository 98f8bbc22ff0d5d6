//! Keeps arithmetic off the runtime's threads: one computation at a time, on a thread that may block.
//!
//! Never decides what is computed, and never queues without bound: whoever waits is a request, and a node bounds those.

use std::sync::Arc;

use tokio::sync::{AcquireError, Semaphore};
use tokio::task::JoinError;

use crate::repeats;

/// Where computations of a model take turns, in the order in which they came. Cheap to clone; clones share the turns.
///
/// A model that computes on all cores, or on one of its own, gains nothing from being asked twice at once: further
/// computations would only block more threads while they wait for it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use swarm_core::Inference;
///
/// let inference = Inference::new();
/// assert_eq!(inference.run(|| 6 * 7).await.unwrap(), 42);
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Inference {
    turns: Arc<Semaphore>,
}

/// Why a computation gave no result.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use swarm_core::{Inference, InferenceError};
///
/// let broken = Inference::new().run(|| panic!("out of range")).await;
/// assert!(matches!(broken, Err(InferenceError::Broken(_))));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// Nobody takes turns any more.
    #[error("inference has ended")]
    Ended(#[from] AcquireError),
    /// It panicked, or the runtime stops.
    #[error("inference broke down")]
    Broken(#[from] JoinError),
}

impl Inference {
    /// Turns for one computation at a time.
    #[must_use]
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(1)) }
    }

    /// Computes something that blocks. Cancel safe: dropped while it waits, nothing is computed; dropped later, the
    /// turn lasts until the computation, which cannot be interrupted, has ended. For the agent of a node that
    /// [repeats](crate::Builder::rng_seed) it is computed in place.
    ///
    /// # Errors
    /// When it panicked or the runtime stops.
    pub async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, InferenceError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let compute = move || {
            let _turn = turn;
            compute()
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the runtime must go on meanwhile, and a panic end nothing else"
        )]
        let computed = if repeats::now() {
            tokio::spawn(async move { compute() })
        } else {
            tokio::task::spawn_blocking(compute)
        };
        Ok(computed.await?)
    }
}

impl Default for Inference {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_result_comes_back() {
        assert_eq!(Inference::new().run(|| 6 * 7).await.unwrap(), 42);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_gives_the_turn_back() {
        let inference = Inference::new();
        let broken = inference.run(|| panic!("as asked")).await;
        assert!(matches!(broken, Err(InferenceError::Broken(_))), "{broken:?}");
        assert_eq!(inference.run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_dropped_caller_keeps_the_turn_until_its_computation_has_ended() {
        let inference = Inference::new();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let ended = Arc::new(AtomicBool::new(false));
        let first = inference.run({
            let ended = Arc::clone(&ended);
            move || {
                let _ = begun.send(());
                let _ = released.recv();
                ended.store(true, Ordering::SeqCst);
            }
        });

        tokio::select! {
            biased;
            _ = first => panic!("it is held back"),
            _ = has_begun => {}
        }
        drop(release);

        assert!(inference.run(move || ended.load(Ordering::SeqCst)).await.unwrap());
    }
}
