//! Keeps arithmetic off the runtime's threads: one computation at a time, on a thread that may block.
//!
//! Never decides what is computed, and never queues without bound: whoever waits is a request, and a node bounds those.

use std::sync::Arc;

use tokio::sync::{AcquireError, Semaphore};
use tokio::task::JoinError;

/// The classifier computes on a single thread; further ones would only block more threads while they wait for it.
const AT_ONCE: usize = 1;

/// Where computations take turns, in the order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct Inference {
    turns: Arc<Semaphore>,
}

/// Why a computation gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InferenceError {
    /// Nobody takes turns any more.
    #[error("inference has ended")]
    Ended(#[from] AcquireError),
    /// It panicked, or the runtime stops.
    #[error("inference broke down")]
    Broken(#[from] JoinError),
}

impl Inference {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Computes something that blocks. Cancel safe: dropped while it waits, nothing is computed; dropped later, the
    /// turn lasts until the computation, which cannot be interrupted, has ended.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, InferenceError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let computed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            compute()
        });
        Ok(computed.await?)
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
