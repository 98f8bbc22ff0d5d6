//! Who is served at once, who waits, and who is turned away.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_proto::Outcome;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::agent::Capacity;
use crate::assist::load::{self, ServiceTime};

/// The places of one node.
#[derive(Debug)]
pub(crate) struct Admission {
    capacity: Capacity,
    at_once: Arc<Semaphore>,
    /// Places for those who wait and for those who are served together.
    inside: Arc<Semaphore>,
    service_time: Mutex<ServiceTime>,
    load: watch::Sender<u16>,
}

/// Let in, but perhaps not served yet.
#[derive(Debug)]
pub(super) struct Entered {
    admission: Arc<Admission>,
    inside: Option<OwnedSemaphorePermit>,
}

/// A place among the requests that are served. Ends with the service.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    began: Instant,
}

impl Admission {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let at_once = capacity.at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = capacity.waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            capacity: Capacity { at_once, waiting },
            at_once: Arc::new(Semaphore::new(at_once)),
            inside: Arc::new(Semaphore::new(at_once + waiting)),
            service_time: Mutex::default(),
            load: watch::Sender::new(0),
        }
    }

    /// How many requests are being served.
    pub(crate) fn serving(&self) -> usize {
        self.capacity.at_once.saturating_sub(self.at_once.available_permits())
    }

    /// How busy the node is, in percent, now and from now on.
    pub(crate) fn load(&self) -> watch::Receiver<u16> {
        self.load.subscribe()
    }

    /// Lets one more in, or says why not. Never waits.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Entered, Outcome> {
        match Arc::clone(&self.inside).try_acquire_owned() {
            Ok(inside) => {
                self.tell_load();
                Ok(Entered { admission: Arc::clone(self), inside: Some(inside) })
            }
            Err(_) => Err(self.busy()),
        }
    }

    /// The answer to whoever finds no place.
    pub(super) fn busy(&self) -> Outcome {
        let waiting = self.inside().saturating_sub(self.capacity.at_once);
        let retry_after = self.service_time().retry_after(waiting, self.capacity.at_once);
        Outcome::Busy { retry_after_ms: u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX) }
    }

    fn inside(&self) -> usize {
        let places = self.capacity.at_once + self.capacity.waiting;
        places.saturating_sub(self.inside.available_permits())
    }

    fn tell_load(&self) {
        // Within the lock, or what was true a moment ago could be told last.
        self.load.send_if_modified(|told| {
            let load = load::percent(self.inside(), self.capacity.at_once);
            std::mem::replace(told, load) != load
        });
    }

    fn served(&self, took: Duration) {
        self.service_time().served(took);
    }

    fn service_time(&self) -> std::sync::MutexGuard<'_, ServiceTime> {
        // An average is whole after each update, so a poisoned lock is as good as any.
        self.service_time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// Waits for a place, in the order of arrival. Cancel safe, but for the turn.
    pub(super) async fn place(mut self) -> Place {
        let at_once = Arc::clone(&self.admission.at_once).acquire_owned().await;
        // The semaphore is never closed, and whoever has entered has its permit.
        let permits = at_once.ok().zip(self.inside.take());
        Place { admission: Arc::clone(&self.admission), permits, began: Instant::now() }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.inside.take().is_some() {
            self.admission.tell_load();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permits = None;
        self.admission.served(self.began.elapsed());
        self.admission.tell_load();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn however_requests_end_beside_one_another_the_load_comes_back_to_nothing() {
        let admission = Arc::new(Admission::new(Capacity { at_once: 4, waiting: 4 }));
        for round in 0..5000 {
            let barrier = Barrier::new(2);
            let enter = || admission.enter().expect("there is a place");
            std::thread::scope(|threads| {
                for entered in [enter(), enter()] {
                    let barrier = &barrier;
                    threads.spawn(move || {
                        barrier.wait();
                        drop(entered);
                    });
                }
            });
            assert_eq!(*admission.load().borrow(), 0, "in round {round}");
        }
    }
}
