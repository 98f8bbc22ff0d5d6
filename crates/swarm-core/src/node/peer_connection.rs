//! One connection to one peer, as the rest of the node sees it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{DATAGRAM_OVERHEAD_BYTES, Lane, PeerLimits};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::observe::Feed;
use super::outbox::Outbox;
use crate::assist::courtesy::Courtesy;
use crate::assist::routing::{self, Candidate, Wanted};
use crate::config::NodeConfig;
use crate::mesh::ConnectionKey;
use crate::peer::PeerInfo;
use crate::trace::{DropReason, Recorder};
use crate::transport::{Connection, DatagramError};

/// What became of an observation for one peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// It is on its way.
    Taken,
    /// It does not fit into a datagram of this path.
    TooLarge,
    /// The connection is over.
    Gone,
}

/// A connection with its outbox. Handles publish and open requests on it directly; its connection task does the rest.
pub(crate) struct PeerConnection {
    pub(super) id: ConnectionKey,
    pub(super) peer: PeerInfo,
    pub(super) inner: Arc<dyn Connection>,
    /// What the peer takes, in bytes, whatever the path carries.
    max_datagram_bytes: usize,
    /// Another connection to this peer replaces it: it ends after its last request.
    pub(super) retired: CancellationToken,
    recorder: Arc<Recorder>,
    /// `None` once the connection is over.
    outbox: Mutex<Option<Outbox>>,
    outbox_filled: Notify,
    max_requests: usize,
    requests_made: Arc<Semaphore>,
    requests_served: Arc<Semaphore>,
    in_flight: AtomicUsize,
    unused: Notify,
    pub(super) courtesy: Courtesy,
    /// How busy the peer was when it last said so, in percent.
    load: AtomicU16,
    /// The peer has said goodbye.
    leaving: AtomicBool,
    pub(super) feed: Arc<Feed>,
}

/// How long a request beyond the limit waits for one that is about to end. `Busy` must come soon.
const PLACE_GRACE: Duration = Duration::from_millis(5);

/// The order in which streams of one connection are sent. Control frames go before all requests.
pub(super) const CONTROL_STREAM_PRIORITY: i32 = 100;

/// A feed goes before what is meant to wait, and after what somebody waits for.
pub(super) const FEED_STREAM_PRIORITY: i32 = -25;

/// The priority of a request's stream, in either direction.
pub(super) fn priority_of(lane: Lane) -> i32 {
    match lane {
        Lane::Control => 50,
        Lane::Interactive => 0,
        Lane::Bulk => -50,
    }
}

impl PeerConnection {
    pub(super) fn new(
        id: ConnectionKey,
        peer: PeerInfo,
        limits: PeerLimits,
        inner: Arc<dyn Connection>,
        config: &NodeConfig,
        recorder: Arc<Recorder>,
        feed: Arc<Feed>,
    ) -> Self {
        let max_requests = (limits.max_requests as usize).min(Semaphore::MAX_PERMITS);
        Self {
            id,
            peer,
            inner,
            max_datagram_bytes: limits.max_datagram_bytes as usize,
            max_requests,
            requests_made: Arc::new(Semaphore::new(max_requests)),
            requests_served: Arc::new(Semaphore::new(
                config.max_requests_per_peer.min(Semaphore::MAX_PERMITS),
            )),
            retired: CancellationToken::new(),
            recorder,
            outbox: Mutex::new(Some(Outbox::new(config.coalescing_window, config.outbox_capacity))),
            outbox_filled: Notify::new(),
            in_flight: AtomicUsize::new(0),
            unused: Notify::new(),
            courtesy: Courtesy::new(Instant::now()),
            load: AtomicU16::new(0),
            leaving: AtomicBool::new(false),
            feed,
        }
    }

    /// The largest encoded observation that the path carries now.
    pub(super) fn max_observation_bytes(&self) -> usize {
        self.max_datagram_bytes().saturating_sub(DATAGRAM_OVERHEAD_BYTES)
    }

    fn max_datagram_bytes(&self) -> usize {
        self.inner.max_datagram_bytes().min(self.max_datagram_bytes)
    }

    /// A place among the requests that the peer serves at once; `None` when it would answer that it is busy.
    pub(super) fn place_for_request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests_made).try_acquire_owned().ok()
    }

    /// A place for going on with a reply: it was admitted once, so it waits for its turn. `None` never comes, as the
    /// places are never closed. Cancel safe.
    pub(super) async fn place_for_resume(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests_made).acquire_owned().await.ok()
    }

    /// A place among the requests of this peer that are served and wait; `None` if it has as many as it may. A request
    /// that has just ended may still hold its place for a moment, which is waited for. Cancel safe.
    pub(super) async fn place_to_serve(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.requests_served).acquire_owned();
        tokio::time::timeout(PLACE_GRACE, place).await.ok()?.ok()
    }

    /// The peer as it is known now.
    pub(super) fn info(&self) -> PeerInfo {
        PeerInfo { load: self.load.load(Ordering::Relaxed), ..self.peer.clone() }
    }

    /// The peer stops: it has said so.
    pub(super) fn set_leaving(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(super) fn set_load(&self, percent: u16) {
        self.load.store(percent, Ordering::Relaxed);
    }

    /// What the peer offers of what is wanted.
    pub(super) fn candidates(&self, wanted: &Wanted) -> impl Iterator<Item = Candidate> {
        let taken = self.max_requests.saturating_sub(self.requests_made.available_permits());
        // A peer that lets nobody ask has no load to speak of.
        let open = self.max_requests > 0;
        let load = routing::load(self.load.load(Ordering::Relaxed), taken, self.max_requests);
        let (peer, round_trip) = (self.peer.id, self.inner.round_trip());
        let offers = self.peer.capabilities.iter().filter(move |offer| open && wanted.is_met_by(offer));
        offers.map(move |offer| Candidate { peer, capability: offer.capability.clone(), load, round_trip })
    }

    /// Takes an encoded observation and sends what is due. Never waits. What had to make room is counted.
    pub(super) fn publish(&self, now: Instant, encoded: Bytes) -> Handed {
        if encoded.len() > self.max_observation_bytes() {
            self.recorder.dropped(DropReason::TooLarge, 1);
            return Handed::TooLarge;
        }
        let mut outbox = self.outbox();
        let Some(outbox) = outbox.as_mut() else {
            self.recorder.dropped(DropReason::PeerLost, 1);
            return Handed::Gone;
        };
        let was_empty = outbox.is_empty();
        self.recorder.dropped(DropReason::OutboxFull, outbox.push(encoded));
        self.send_due(outbox, now);
        if was_empty && !outbox.is_empty() {
            self.outbox_filled.notify_one();
        }
        Handed::Taken
    }

    /// Sends what is due now; gives when to come back.
    pub(super) fn flush(&self, now: Instant) -> Option<Instant> {
        let mut outbox = self.outbox();
        let outbox = outbox.as_mut()?;
        self.send_due(outbox, now);
        outbox.next_due(now)
    }

    /// The connection is over: what waits is lost, and nothing more is taken.
    pub(super) fn end(&self) {
        let waiting = self.outbox().take().map_or(0, |outbox| outbox.len());
        self.recorder.dropped(DropReason::PeerLost, waiting as u64);
    }

    /// Waits until something waits in the outbox that was empty before. Cancel safe.
    pub(super) async fn outbox_filled(&self) {
        self.outbox_filled.notified().await;
    }

    /// Counts a request on this connection, made or served, until the guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(super) fn requests_in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Waits until the last request in flight has ended. Cancel safe.
    pub(super) async fn unused(&self) {
        self.unused.notified().await;
    }

    fn send_due(&self, outbox: &mut Outbox, now: Instant) {
        let max = self.max_datagram_bytes();
        self.recorder.dropped(DropReason::TooLarge, outbox.drop_oversized(max));
        while let Some((datagram, inside)) = outbox.take(now, max, self.inner.datagram_room()) {
            match self.inner.send_datagram(datagram) {
                Ok(()) => {}
                Err(DatagramError::TooLarge { .. }) => self.recorder.dropped(DropReason::TooLarge, inside),
                Err(DatagramError::ConnectionLost) => self.recorder.dropped(DropReason::PeerLost, inside),
            }
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Option<Outbox>> {
        // The outbox is whole after each of its methods, so a poisoned lock is as good as any.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerConnection")
            .field("id", &self.id)
            .field("peer", &self.peer.id)
            .finish_non_exhaustive()
    }
}

/// A request that runs on a connection.
#[derive(Debug)]
pub(super) struct InFlight(Arc<PeerConnection>);

impl InFlight {
    pub(super) fn connection(&self) -> &PeerConnection {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.unused.notify_one();
        }
    }
}
