//! Ends runs that hang. In virtual time nothing else can: its clock stands still while an agent computes, and deadlines
//! with it.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a run may take to end and report once it was told to.
const GRACE: Duration = Duration::from_secs(20);

/// Watches over a run for as long as it lives.
pub(crate) struct Watchdog {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// After `timeout` of real time the run is told to end, by `barked`. When it does not, it hangs for good: `bite` has to
    /// end the process, as nobody can end a thread.
    pub(crate) fn guard(
        timeout: Duration,
        barked: CancellationToken,
        bite: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (done, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if ended.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            barked.cancel();
            if ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                bite();
            }
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The thread hears it and ends.
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_barks_when_the_time_is_up_and_not_before() {
        let barked = CancellationToken::new();
        drop(Watchdog::guard(Duration::from_secs(600), barked.clone(), || ()));
        assert!(!barked.is_cancelled());

        let (dog, waited) = (Watchdog::guard(Duration::ZERO, barked.clone(), || ()), barked.cancelled());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(waited);
        drop(dog);
    }
}
