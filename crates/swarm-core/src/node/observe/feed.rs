//! The two feeds between this node and one life of a peer: what it is still to get, and how far its own has come here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{Epoch, FeedFrame, Permissions, TopicName, TopicPattern};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::deadline::after;
use crate::mesh::ConnectionKey;
use crate::observe::feed_log::{BeyondEnd, FeedLog};
use crate::observe::feed_position::{Meaning, Position};
use crate::observe::subscriptions::Subscriptions;
use crate::trace::{Direction, PeerTally};

/// Lives beside the connections to the peer, and outlives them.
#[derive(Debug)]
pub(in crate::node) struct Feed {
    epoch: Epoch,
    pub(in crate::node) tally: Arc<PeerTally>,
    wanted: RwLock<Wanted>,
    outgoing: Mutex<Outgoing>,
    /// Something is there to be sent, or another connection is to send it.
    changed: watch::Sender<()>,
    incoming: Mutex<Incoming>,
}

/// What the peer wants to hear of, there or away.
#[derive(Debug)]
struct Wanted {
    subscriptions: Subscriptions,
    /// What of it it may hear.
    permitted: Subscriptions,
    /// The latest connection on which it said so.
    said_on: ConnectionKey,
}

#[derive(Debug)]
struct Outgoing {
    /// `None` while the peer wants none, or is gone for good.
    log: Option<FeedLog>,
    /// The connection in use.
    carrier: Option<ConnectionKey>,
    /// Since when there is none.
    away_since: Option<Instant>,
    /// When the peer last took something, or had nothing to take.
    progress: Instant,
}

#[derive(Debug, Default)]
struct Incoming {
    position: Position,
    /// Of the stream that is read now.
    turn: CancellationToken,
}

/// What became of an observation for one peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is kept until the peer has taken it; so many others made room.
    Kept { lost: u64 },
    /// The peer takes none.
    Refused,
    /// The peer does not want to hear of it.
    Unwanted,
    /// The peer has been away for too long.
    Away,
}

impl Feed {
    pub(super) fn new(epoch: Epoch, tally: Arc<PeerTally>, now: Instant) -> Self {
        let nothing = Subscriptions::new(Vec::new());
        let wanted = Wanted { subscriptions: nothing.clone(), permitted: nothing, said_on: ConnectionKey(0) };
        let outgoing = Outgoing { log: None, carrier: None, away_since: None, progress: now };
        Self {
            epoch,
            tally,
            wanted: RwLock::new(wanted),
            outgoing: Mutex::new(outgoing),
            changed: watch::Sender::new(()),
            incoming: Mutex::default(),
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// From now on this connection carries it; a peer that has none begins with this log.
    pub(super) fn carried_by(&self, connection: ConnectionKey, new_log: impl FnOnce() -> FeedLog) {
        let mut outgoing = self.outgoing();
        outgoing.log.get_or_insert_with(new_log);
        (outgoing.carrier, outgoing.away_since) = (Some(connection), None);
        self.changed.send_replace(());
    }

    /// The last connection has ended; the peer may come back.
    pub(super) fn away(&self, now: Instant) {
        let mut outgoing = self.outgoing();
        (outgoing.carrier, outgoing.away_since) = (None, Some(now));
        self.changed.send_replace(());
    }

    /// Drops what was kept for a peer that has been away for too long, and gives how many; if it is not yet, when.
    pub(super) fn expire(&self, now: Instant, window: Duration) -> (u64, Option<Instant>) {
        let mut outgoing = self.outgoing();
        let since = outgoing.away_since.filter(|_| outgoing.log.is_some());
        match since.map(|since| after(since, window)) {
            Some(expires) if expires <= now => (outgoing.log.take().map_or(0, |log| log.len() as u64), None),
            later => (0, later),
        }
    }

    /// Nothing more is kept until another connection is in use. Gives how many were.
    pub(super) fn close(&self) -> u64 {
        let log = self.outgoing().log.take();
        self.changed.send_replace(());
        log.map_or(0, |log| log.len() as u64)
    }

    /// The peer wants to hear of these from now on, and of nothing else. What it said on an older connection and comes
    /// later does not count.
    pub(in crate::node) fn set_subscriptions(&self, on: ConnectionKey, patterns: Vec<TopicPattern>) {
        let mut wanted = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        if wanted.said_on <= on {
            (wanted.subscriptions, wanted.said_on) = (Subscriptions::new(patterns), on);
        }
    }

    /// The peer may hear of what these permit, and of nothing else.
    pub(in crate::node) fn set_permissions(&self, permissions: &Permissions) {
        let mut wanted = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        wanted.permitted = Subscriptions::new(permissions.subscribe.clone());
    }

    /// Whether the peer, there or away, wants to hear of this, and may.
    pub(in crate::node) fn wants(&self, topic: &TopicName) -> bool {
        let wanted = self.wanted.read().unwrap_or_else(PoisonError::into_inner);
        wanted.subscriptions.wants(topic) && wanted.permitted.wants(topic)
    }

    /// Takes an observation, if the peer is there, or away for a moment, and wants to hear of its topic.
    pub(super) fn offer(&self, topic: &TopicName, encoded: &Bytes, now: Instant) -> Pushed {
        match self.wants(topic) {
            true => self.push(encoded.clone(), now),
            false if self.is_audience() => Pushed::Unwanted,
            false => Pushed::Away,
        }
    }

    /// Whether the peer is there, or away for so short that something is kept for it.
    fn is_audience(&self) -> bool {
        let outgoing = self.outgoing();
        outgoing.carrier.is_some() || outgoing.log.is_some()
    }

    /// Whether the peer is still to take something.
    pub(in crate::node) fn is_busy(&self) -> bool {
        self.outgoing().log.as_ref().is_some_and(|log| !log.is_empty())
    }

    fn push(&self, encoded: Bytes, now: Instant) -> Pushed {
        let mut outgoing = self.outgoing();
        let is_away = outgoing.carrier.is_none();
        let Some(log) = &mut outgoing.log else {
            return if is_away { Pushed::Away } else { Pushed::Refused };
        };
        let (was_empty, could_send) = (log.is_empty(), log.has_next());
        let lost = log.push(encoded);
        if was_empty {
            outgoing.progress = now;
        }
        if !could_send {
            self.changed.send_replace(());
        }
        Pushed::Kept { lost }
    }

    /// Whether a connection that is about to end still has something to deliver, to a peer that has taken something
    /// within `patience`.
    pub(in crate::node) fn is_delivering(&self, on: ConnectionKey, now: Instant, patience: Duration) -> bool {
        self.is_owed(on) && now < after(self.outgoing().progress, patience)
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The number of the feed, if it is this connection that carries it.
    pub(super) fn number(&self, on: ConnectionKey) -> Option<u64> {
        let outgoing = self.outgoing();
        outgoing.log.as_ref().filter(|_| outgoing.carrier == Some(on)).map(FeedLog::feed)
    }

    /// Whether there is something that the peer is not known to have taken, and this connection is to carry it.
    pub(super) fn is_owed(&self, on: ConnectionKey) -> bool {
        self.log(on, |log| !log.is_empty()).unwrap_or_default()
    }

    /// Whether this connection has something to send now.
    pub(super) fn has_next(&self, on: ConnectionKey) -> bool {
        self.log(on, |log| log.has_next()).unwrap_or_default()
    }

    pub(super) fn next(&self, on: ConnectionKey) -> Option<FeedFrame> {
        self.log(on, FeedLog::take).flatten()
    }

    /// The peer says where a new stream goes on. Gives how many are lost for good.
    pub(super) fn resume(&self, on: ConnectionKey, next: u64) -> Result<u64, BeyondEnd> {
        let resumed = self.log(on, |log| {
            let before = log.len() as u64;
            let lost = log.resume(next)?;
            Ok((lost, before - log.len() as u64 - lost))
        });
        let (lost, taken) = resumed.unwrap_or(Ok((0, 0)))?;
        self.tally.passed(Direction::Outgoing, taken);
        Ok(lost)
    }

    pub(super) fn acknowledge(&self, on: ConnectionKey, next: u64, now: Instant) -> Result<(), BeyondEnd> {
        let taken = self.log(on, |log| {
            let before = log.len() as u64;
            log.acknowledge(next).map(|()| before - log.len() as u64)
        });
        let taken = taken.transpose()?.unwrap_or_default();
        if taken > 0 {
            self.tally.passed(Direction::Outgoing, taken);
            self.outgoing().progress = now;
        }
        Ok(())
    }

    /// The log, as long as it is this connection that carries it.
    fn log<T>(&self, on: ConnectionKey, with: impl FnOnce(&mut FeedLog) -> T) -> Option<T> {
        let mut outgoing = self.outgoing();
        if outgoing.carrier != Some(on) {
            return None;
        }
        outgoing.log.as_mut().map(with)
    }

    /// The peer opens a stream with this feed, in place of any other. Gives where to go on, and what ends the reading of
    /// this one.
    pub(super) fn open(&self, feed: u64) -> (u64, CancellationToken) {
        let mut incoming = self.incoming();
        incoming.turn.cancel();
        incoming.turn = CancellationToken::new();
        (incoming.position.open(feed), incoming.turn.clone())
    }

    /// Takes a frame of the stream that is read now; `None` if that is another one.
    pub(super) fn take<T>(
        &self,
        turn: &CancellationToken,
        number: u64,
        take: impl FnOnce(Meaning) -> T,
    ) -> Option<T> {
        let mut incoming = self.incoming();
        // Another stream that goes on from here must not overtake what is taken.
        (!turn.is_cancelled()).then(|| take(incoming.position.take(number)))
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        // It is whole after each of its methods, so a poisoned lock is as good as any.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
