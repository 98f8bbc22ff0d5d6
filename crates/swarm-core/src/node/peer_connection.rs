//! One connection to one peer, as the rest of the node sees it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{
    AgentId, DATAGRAM_OVERHEAD_BYTES, Grant, Lane, PeerLimits, Signed, TopicName, TopicPattern,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::observe::Feed;
use crate::assist::courtesy::Courtesy;
use crate::assist::routing::{self, Candidate, Wanted};
use crate::config::NodeConfig;
use crate::mesh::ConnectionKey;
use crate::misconduct::{Misconduct, Offence};
use crate::observe::outbox::Outbox;
use crate::observe::pace::{Pace, Verdict};
use crate::observe::parked::Parked;
use crate::observe::share::Share;
use crate::observe::waiting::Waits;
use crate::peer::PeerInfo;
use crate::trace::{Direction, DropReason, PeerTally, Recorder};
use crate::transport::{Connection, DatagramError};
use crate::trust::ToldGrants;

/// What waits to be sent, and how much of the path it may take.
#[derive(Debug)]
struct Sending {
    outbox: Outbox,
    share: Share,
}

/// What is to be counted once the lock is free again: whoever watches may publish in turn.
type Lost = Vec<(DropReason, u64)>;

/// What a peer takes, as it said in its hello, and what it may do.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) limits: PeerLimits,
    pub(super) subscriptions: Vec<TopicPattern>,
    pub(super) grant: Arc<Signed<Grant>>,
}

/// A connection with its outbox. Handles publish and open requests on it directly; its connection task does the rest.
pub(crate) struct PeerConnection {
    pub(super) id: ConnectionKey,
    pub(super) peer: PeerInfo,
    pub(super) inner: Arc<dyn Connection>,
    /// What the peer may do.
    grant: RwLock<Arc<Signed<Grant>>>,
    /// What the peer takes, in bytes, whatever the path carries.
    max_datagram_bytes: usize,
    /// What path and peer carried when that was last asked: asking takes the lock of the connection.
    known_max_datagram_bytes: AtomicUsize,
    /// Another connection to this peer replaces it: it ends after its last request.
    pub(super) retired: CancellationToken,
    misconduct: Mutex<Misconduct>,
    /// The peer is to be sent away.
    pub(super) expelled: CancellationToken,
    /// The same, to be looked at for each datagram: the token has a lock.
    is_expelled: AtomicBool,
    /// How often the signatures of what it sends are looked at.
    signatures: Mutex<Pace>,
    parked: Mutex<Parked>,
    told_grants: Mutex<ToldGrants>,
    grants_due: Notify,
    recorder: Arc<Recorder>,
    pub(super) tally: Arc<PeerTally>,
    /// `None` once the connection is over.
    sending: Mutex<Option<Sending>>,
    outbox_filled: Notify,
    /// The outbox is at most half full.
    eased: watch::Sender<bool>,
    /// Somebody waited for it in vain.
    hopeless: AtomicBool,
    half_an_outbox: usize,
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

/// More observations than this wait only where they come faster than they go.
const FLOOD: usize = 64;

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
        terms: Terms,
        inner: Arc<dyn Connection>,
        config: &NodeConfig,
        recorder: Arc<Recorder>,
        feed: Arc<Feed>,
    ) -> Self {
        let Terms { limits, subscriptions, grant } = terms;
        feed.set_subscriptions(id, subscriptions);
        feed.set_permissions(&grant.statement().permissions);
        let outbox = Outbox::new(config.coalescing_window, config.outbox_capacity);
        let sending = Sending { outbox, share: Share::new(Instant::now()) };
        let max_requests = (limits.max_requests as usize).min(Semaphore::MAX_PERMITS);
        let max_datagram_bytes = limits.max_datagram_bytes as usize;
        let known_max_datagram_bytes = AtomicUsize::new(inner.max_datagram_bytes().min(max_datagram_bytes));
        Self {
            id,
            peer,
            inner,
            grant: RwLock::new(grant),
            max_datagram_bytes,
            known_max_datagram_bytes,
            max_requests,
            requests_made: Arc::new(Semaphore::new(max_requests)),
            requests_served: Arc::new(Semaphore::new(
                config.max_requests_per_peer.min(Semaphore::MAX_PERMITS),
            )),
            retired: CancellationToken::new(),
            misconduct: Mutex::new(Misconduct::new(&config.misconduct, Instant::now().into_std())),
            expelled: CancellationToken::new(),
            is_expelled: AtomicBool::new(false),
            signatures: Mutex::new(Pace::new(config.max_signatures_per_second, None, Instant::now())),
            parked: Mutex::default(),
            told_grants: Mutex::default(),
            grants_due: Notify::new(),
            tally: Arc::clone(&feed.tally),
            recorder,
            sending: Mutex::new(Some(sending)),
            outbox_filled: Notify::new(),
            eased: watch::Sender::new(true),
            hopeless: AtomicBool::new(false),
            half_an_outbox: config.outbox_capacity / 2,
            in_flight: AtomicUsize::new(0),
            unused: Notify::new(),
            courtesy: Courtesy::new(Instant::now()),
            load: AtomicU16::new(0),
            leaving: AtomicBool::new(false),
            feed,
        }
    }

    /// What the peer may do.
    pub(super) fn grant(&self) -> Arc<Signed<Grant>> {
        // It is replaced as a whole, so a poisoned lock is as good as any.
        Arc::clone(&self.grant.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The peer may do this from now on.
    pub(super) fn set_grant(&self, grant: Signed<Grant>) {
        self.feed.set_permissions(&grant.statement().permissions);
        *self.grant.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(grant);
    }

    /// Whether one more signature may be looked at for this peer now.
    pub(super) fn may_look_at_signature(&self, now: Instant) -> bool {
        self.signatures.lock().unwrap_or_else(PoisonError::into_inner).came(now) == Verdict::Take
    }

    /// What waits for the grants of its origins.
    pub(super) fn parked(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer is to know this grant, for what is passed on to it next.
    pub(super) fn tell_grant(&self, origin: AgentId, grant: &Arc<Signed<Grant>>) {
        if self.told_grants().tell(origin, grant) {
            self.grants_due.notify_one();
        }
    }

    /// Waits until the peer may have to be told grants. Cancel safe.
    pub(super) async fn grants_due(&self) {
        self.grants_due.notified().await;
    }

    /// The grants that it is to be told next, as many as one frame holds.
    pub(super) fn take_due_grants(&self) -> Vec<Signed<Grant>> {
        self.told_grants().due()
    }

    fn told_grants(&self) -> MutexGuard<'_, ToldGrants> {
        // At worst a grant is told twice, so a poisoned lock is as good as any.
        self.told_grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest encoded observation that the path carries now.
    pub(super) fn max_observation_bytes(&self) -> usize {
        self.max_datagram_bytes().saturating_sub(DATAGRAM_OVERHEAD_BYTES)
    }

    fn max_datagram_bytes(&self) -> usize {
        let max = self.inner.max_datagram_bytes().min(self.max_datagram_bytes);
        self.known_max_datagram_bytes.store(max, Ordering::Relaxed);
        max
    }

    /// Whether a datagram of so many bytes may go. A path that has become narrower meanwhile shows when it is sent.
    fn carries(&self, bytes: usize) -> bool {
        bytes <= self.known_max_datagram_bytes.load(Ordering::Relaxed) || bytes <= self.max_datagram_bytes()
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

    /// The peer got something wrong. When it has been too much, its connection ends.
    pub(super) fn offended(&self, offence: Offence) {
        if self.misconduct().offended(Instant::now().into_std(), offence) {
            self.expel();
        }
    }

    /// The peer is to be sent away.
    pub(super) fn expel(&self) {
        self.is_expelled.store(true, Ordering::Relaxed);
        self.expelled.cancel();
    }

    pub(super) fn is_expelled(&self) -> bool {
        self.is_expelled.load(Ordering::Relaxed)
    }

    /// What was too much; `None` if it was on another connection.
    pub(super) fn last_straw(&self) -> Option<Offence> {
        self.misconduct().last_straw()
    }

    fn misconduct(&self) -> MutexGuard<'_, Misconduct> {
        // It is whole after each of its methods, so a poisoned lock is as good as any.
        self.misconduct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer wants to hear of these from now on, and of nothing else.
    pub(super) fn set_subscriptions(&self, patterns: Vec<TopicPattern>) {
        self.feed.set_subscriptions(self.id, patterns);
    }

    /// Whether the peer wants to hear of this topic.
    pub(super) fn wants(&self, topic: &TopicName) -> bool {
        self.feed.wants(topic)
    }

    /// Takes an encoded observation if the peer wants it, and sends what is due. Never waits. What had to make room is
    /// counted.
    pub(super) fn offer(
        &self,
        now: Instant,
        topic: &TopicName,
        encoded: &Bytes,
        waits: &Waits,
    ) -> Result<(), DropReason> {
        let offered = self.take(now, topic, encoded, waits);
        if let Err(reason) = offered {
            self.dropped(reason, 1);
        }
        offered
    }

    fn take(
        &self,
        now: Instant,
        topic: &TopicName,
        encoded: &Bytes,
        waits: &Waits,
    ) -> Result<(), DropReason> {
        if !self.wants(topic) {
            return Err(DropReason::NotSubscribed);
        }
        if !self.carries(encoded.len() + DATAGRAM_OVERHEAD_BYTES) {
            return Err(DropReason::TooLarge);
        }
        let mut lost = Lost::default();
        let mut sending = self.sending();
        let Some(open) = sending.as_mut() else { return Err(DropReason::PeerLost) };
        let was_empty = open.outbox.is_empty();
        lost.extend(open.outbox.push(now, encoded.clone(), waits.clone()).map(|reason| (reason, 1)));
        self.send_due(open, now, &mut lost);
        if was_empty && !open.outbox.is_empty() {
            self.outbox_filled.notify_one();
        }
        drop(sending);
        self.count(lost);
        Ok(())
    }

    /// Sends what is due now; gives when to come back.
    pub(super) fn flush(&self, now: Instant) -> Option<Instant> {
        let mut lost = Lost::default();
        let next = self.sending().as_mut().and_then(|sending| {
            self.send_due(sending, now, &mut lost);
            sending.outbox.next_due(now)
        });
        self.count(lost);
        next
    }

    /// Sends what waits, due or not, as far as the network has room, and from now on everything as soon as it has.
    pub(super) fn flush_early(&self, now: Instant) {
        if let Some(sending) = self.sending().as_mut() {
            sending.outbox.hurry();
        }
        self.flush(now);
    }

    fn count(&self, lost: Lost) {
        for (reason, count) in lost {
            self.dropped(reason, count);
        }
    }

    /// Whether the outbox has overflowed for longer than this, without having been empty.
    pub(super) fn is_stuck(&self, now: Instant, patience: Duration) -> bool {
        self.sending().as_ref().is_some_and(|sending| sending.outbox.is_stuck(now, patience))
    }

    /// The connection is over: what waits is lost, and nothing more is taken.
    pub(super) fn end(&self) {
        let waiting = self.sending().take().map_or(0, |sending| sending.outbox.len());
        self.eased.send_replace(true);
        self.dropped(DropReason::PeerLost, waiting as u64);
        let parked = self.parked().clear();
        self.recorder.dropped(&self.tally, Direction::Incoming, DropReason::UnknownOrigin, parked);
    }

    /// Waits until the outbox is at most half full or the connection is over, until `deadline`. Whoever was waited for in
    /// vain is not waited for again before its outbox was that empty. Cancel safe.
    pub(super) async fn eased(&self, deadline: Instant) {
        if *self.eased.borrow() || self.hopeless.load(Ordering::Relaxed) {
            return;
        }
        let mut eased = self.eased.subscribe();
        let waited = tokio::time::timeout_at(deadline, eased.wait_for(|eased| *eased)).await;
        self.hopeless.store(waited.is_err(), Ordering::Relaxed);
    }

    fn dropped(&self, reason: DropReason, count: u64) {
        self.recorder.dropped(&self.tally, Direction::Outgoing, reason, count);
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

    fn send_due(&self, sending: &mut Sending, now: Instant, lost: &mut Lost) {
        while sending.outbox.is_due(now, self.known_max_datagram_bytes.load(Ordering::Relaxed)) {
            let max = self.max_datagram_bytes();
            let room = self.room(&mut sending.share, sending.outbox.len(), now);
            let prefix = self.inner.datagram_prefix();
            let taken = sending.outbox.take(now, prefix, max, room, |reason| lost.push((reason, 1)));
            let Some((datagram, inside)) = taken else { break };
            sending.share.spend(datagram.len());
            match self.inner.send_datagram(datagram) {
                Ok(()) => self.tally.passed(Direction::Outgoing, inside),
                Err(DatagramError::TooLarge { .. }) => lost.push((DropReason::TooLarge, inside)),
                Err(DatagramError::ConnectionLost) => lost.push((DropReason::PeerLost, inside)),
            }
        }
        let eased = sending.outbox.len() <= self.half_an_outbox;
        if eased != *self.eased.borrow() {
            self.eased.send_replace(eased);
            self.hopeless.store(false, Ordering::Relaxed);
        }
    }

    /// How many bytes of datagrams may go now. A flood, and whatever goes beside requests and feeds, leaves streams their
    /// share of the path.
    fn room(&self, share: &mut Share, waiting: usize, now: Instant) -> usize {
        let room = self.inner.datagram_room();
        if waiting <= FLOOD && self.requests_in_flight() == 0 && !self.feed.is_busy() {
            return room;
        }
        room.min(share.room(now, self.inner.path()))
    }

    fn sending(&self) -> MutexGuard<'_, Option<Sending>> {
        // What is inside is whole after each of its methods, so a poisoned lock is as good as any.
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
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
