//! Who is served at once, who waits, and who is turned away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_proto::{AgentId, Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::agent::Capacity;
use crate::assist::load::{self, ServiceTime};

/// The places of one node.
#[derive(Debug)]
pub(crate) struct Admission {
    capacity: Capacity,
    at_once: Arc<Semaphore>,
    /// Those who wait and those who are served, by who asks.
    inside: Mutex<Inside>,
    service_time: Mutex<ServiceTime>,
    load: watch::Sender<u16>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_peer: BTreeMap<AgentId, usize>,
}

/// Counts as inside until it is dropped.
#[derive(Debug)]
struct Guest {
    admission: Arc<Admission>,
    peer: AgentId,
}

/// Let in, but perhaps not served yet.
#[derive(Debug)]
pub(super) struct Entered {
    guest: Guest,
}

/// A place among the requests that are served. Ends with the service.
#[derive(Debug)]
pub(super) struct Place {
    // In the order in which they are given back.
    _at_once: Option<OwnedSemaphorePermit>,
    guest: Guest,
    began: Instant,
}

impl Admission {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let at_once = capacity.at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = capacity.waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            capacity: Capacity { at_once, waiting },
            at_once: Arc::new(Semaphore::new(at_once)),
            inside: Mutex::default(),
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

    /// Lets one more request of this peer in, or says why not. Never waits. However many it has being served, one peer
    /// takes at most half of the places to wait, so that it cannot shut out the others.
    pub(super) fn enter(self: &Arc<Self>, peer: AgentId) -> Result<Entered, Outcome> {
        let Capacity { at_once, waiting } = self.capacity;
        let mut inside = self.inside();
        let of_peer = inside.by_peer.get(&peer).copied().unwrap_or_default();
        if inside.total >= at_once + waiting || of_peer >= at_once + waiting.div_ceil(2) {
            drop(inside);
            return Err(self.busy());
        }
        inside.total += 1;
        inside.by_peer.insert(peer, of_peer + 1);
        drop(inside);
        self.tell_load();
        Ok(Entered { guest: Guest { admission: Arc::clone(self), peer } })
    }

    fn leave(&self, peer: AgentId) {
        let mut inside = self.inside();
        inside.total = inside.total.saturating_sub(1);
        if let Some(of_peer) = inside.by_peer.get_mut(&peer) {
            *of_peer = of_peer.saturating_sub(1);
            if *of_peer == 0 {
                inside.by_peer.remove(&peer);
            }
        }
        drop(inside);
        self.tell_load();
    }

    /// The answer to whoever finds no place.
    pub(super) fn busy(&self) -> Outcome {
        let waiting = self.inside().total.saturating_sub(self.capacity.at_once);
        let retry_after = self.service_time().retry_after(waiting, self.capacity.at_once);
        Outcome::Busy { retry_after_ms: u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // The counts are whole after each change, so a poisoned lock is as good as any.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_load(&self) {
        // Within the lock, or what was true a moment ago could be told last.
        self.load.send_if_modified(|told| {
            let load = load::percent(self.inside().total, self.capacity.at_once);
            std::mem::replace(told, load) != load
        });
    }

    fn served(&self, took: Duration) {
        self.service_time().served(took);
    }

    fn service_time(&self) -> MutexGuard<'_, ServiceTime> {
        // An average is whole after each update, so a poisoned lock is as good as any.
        self.service_time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// Waits for a place, in the order of arrival. Cancel safe, but for the turn.
    pub(super) async fn place(self) -> Place {
        // The semaphore is never closed.
        let at_once = Arc::clone(&self.guest.admission.at_once).acquire_owned().await.ok();
        Place { _at_once: at_once, guest: self.guest, began: Instant::now() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.guest.admission.served(self.began.elapsed());
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.admission.leave(self.peer);
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
            let enter = || admission.enter(AgentId::from_key_digest([1; 32])).expect("there is a place");
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

    #[test]
    fn one_peer_leaves_half_of_the_places_to_wait_to_others() {
        let admission = Arc::new(Admission::new(Capacity { at_once: 2, waiting: 4 }));
        let [one, other] = [[1; 32], [2; 32]].map(AgentId::from_key_digest);

        let mut inside: Vec<_> = (0..4).map(|_| admission.enter(one).unwrap()).collect();
        assert!(admission.enter(one).is_err());
        inside.extend((0..2).map(|_| admission.enter(other).unwrap()));
        assert!(admission.enter(other).is_err(), "there are six places in all");

        drop(inside);
        assert_eq!(*admission.load().borrow(), 0);
        assert!(admission.enter(one).is_ok());
    }
}
