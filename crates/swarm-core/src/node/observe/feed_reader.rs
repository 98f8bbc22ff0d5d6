//! Takes the feed of a peer: hands each observation to the agent once there is room for it, and says how far it is.

use std::sync::Arc;

use futures_util::FutureExt;
use swarm_proto::{FeedFrame, FeedPosition, Observation, ResetCode, Seal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::reliable_inbox::{ReliableItem, Room, Stopped};
use super::sealed::{self, Signature};
use crate::misconduct::Offence;
use crate::node::framing::{FrameError, FrameReader, FrameWriter};
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::observe::Gap;
use crate::observe::feed_position::Meaning;
use crate::observe::parked::PATIENCE;
use crate::trace::{Direction, DropReason};

/// How many observations are taken without an acknowledgement.
const UNACKNOWLEDGED: u32 = 16;

/// How many bytes of them.
const UNACKNOWLEDGED_BYTES: usize = 64 * 1024;

/// Reads a feed whose first frame has come, until it ends, another stream replaces it, or the agent has stopped.
pub(in crate::node) async fn read_feed(
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    feed: u64,
    mut reader: FrameReader<FeedFrame>,
    mut writer: FrameWriter<FeedPosition>,
) {
    let (next, turn) = connection.feed.open(feed);
    let acknowledged = Acknowledged { next, observations: 0, bytes: 0 };
    let mut reading = Reading {
        shared,
        connection,
        turn: turn.clone(),
        reader: &mut reader,
        writer: &mut writer,
        acknowledged,
    };
    let ended = tokio::select! {
        biased;
        () = turn.cancelled() => Err(ResetCode::Cancelled),
        ended = reading.run() => ended,
    };
    match ended {
        // What was acknowledged last must get there.
        Ok(()) | Err(ResetCode::ShutDown) => {
            reader.stop(ResetCode::ShutDown);
            let _ = writer.finish().now_or_never();
        }
        Err(code) => {
            reader.stop(code);
            writer.reset(code);
        }
    }
}

/// What was taken since the peer was last told.
struct Acknowledged {
    next: u64,
    observations: u32,
    bytes: usize,
}

struct Reading<'a> {
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    turn: CancellationToken,
    reader: &'a mut FrameReader<FeedFrame>,
    writer: &'a mut FrameWriter<FeedPosition>,
    acknowledged: Acknowledged,
}

impl Reading<'_> {
    /// Gives `Ok` when the peer has ended the feed in order.
    async fn run(&mut self) -> Result<(), ResetCode> {
        self.tell_position().await?;
        loop {
            let frame = match self.reader.next().now_or_never() {
                Some(frame) => frame,
                None => self.wait_for_frame().await?,
            };
            match frame {
                Some(Ok(frame)) => self.take(frame).await?,
                Some(Err(FrameError::Cut(_))) => return Err(ResetCode::Cancelled),
                Some(Err(error)) => return Err(self.malformed(&error)),
                None => return Ok(()),
            }
        }
    }

    async fn wait_for_frame(&mut self) -> Result<Option<Result<FeedFrame, FrameError>>, ResetCode> {
        self.acknowledge().await?;
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            biased;
            () = shared.reliable_inbox.stopped() => Err(ResetCode::ShutDown),
            frame = self.reader.next() => Ok(frame),
        }
    }

    async fn take(&mut self, frame: FeedFrame) -> Result<(), ResetCode> {
        let (number, bytes) = (frame.number, frame.encoded.len());
        let observation = frame.observation().map_err(|error| self.malformed(&error))?;
        let shared = Arc::clone(&self.shared);
        let looked = match &observation.seal {
            Some(seal) => self.look_at(&observation, seal).await,
            None => self.is_wanted(&observation),
        };
        if looked == Err(DropReason::Forged) {
            tracing::debug!(peer = %self.connection.peer.id, "a reliable observation in the name of another");
            self.refuse(DropReason::Forged);
            self.connection.offended(Offence::Forged);
            return Err(ResetCode::Malformed);
        }
        if looked == Err(DropReason::NotPermitted) && observation.origin == self.connection.peer.id {
            self.connection.offended(Offence::NotPermitted);
        }
        let room = self.room(&shared, bytes).await?;
        // Of whomever something is missing, it is this peer's feed that lacks it.
        let origin = self.connection.peer.id;
        let taken = self.connection.feed.take(&self.turn, number, |meaning| {
            let gap = match meaning {
                Meaning::Known => return (false, Some(DropReason::Duplicate)),
                Meaning::Next => None,
                Meaning::AfterGap(missed) => Some(Gap { origin, missed }),
            };
            let refused = looked.and_then(|()| self.is_new(&observation)).err();
            let wanted = refused.is_none();
            // What is missing may have been wanted, whatever follows it.
            if wanted || gap.is_some() {
                room.fill(ReliableItem { gap, observation: wanted.then_some(observation) });
            }
            (true, refused)
        });
        let (is_next, refused) = taken.ok_or(ResetCode::Cancelled)?;
        if is_next {
            self.acknowledged.took(number, bytes);
        }
        if let Some(reason) = refused {
            self.refuse(reason);
        }
        if self.acknowledged.is_due() { self.acknowledge().await } else { Ok(()) }
    }

    /// Whether what the peer says it has made itself should go on to the agent, and if not, why.
    fn is_wanted(&self, observation: &Observation) -> Result<(), DropReason> {
        let (peer, topic) = (&self.connection.peer, &observation.topic);
        if (observation.origin, observation.epoch) != (peer.id, peer.epoch) {
            Err(DropReason::Forged)
        } else if !self.connection.grant().statement().permissions.may_publish(topic) {
            Err(DropReason::NotPermitted)
        } else if !self.shared.subscriptions.borrow().wants(topic) {
            Err(DropReason::NotSubscribed)
        } else {
            Ok(())
        }
    }

    /// Whether its origin has made it, and may have. The grant of the origin was told on another stream, and may come
    /// a moment later.
    async fn look_at(&mut self, observation: &Observation, seal: &Seal) -> Result<(), DropReason> {
        let mut origins_changed = self.shared.origins_changed.subscribe();
        let looked = self.judge(Signature::Unseen, observation, seal);
        if looked != Err(DropReason::UnknownOrigin) {
            return looked;
        }
        let is_told = async {
            while self.shared.grant_of(observation.origin).is_none() {
                // The sender lives as long as the node, so there is no error to wait out.
                let _ = origins_changed.changed().await;
            }
        };
        match tokio::time::timeout(PATIENCE, is_told).await {
            Ok(()) => self.judge(Signature::Right, observation, seal),
            Err(_) => Err(DropReason::UnknownOrigin),
        }
    }

    fn judge(&self, signature: Signature, observation: &Observation, seal: &Seal) -> Result<(), DropReason> {
        let at = self.shared.unix_micros();
        sealed::judge(&self.shared, &self.connection, Instant::now(), at, signature, observation, seal)
    }

    /// Whether it has come by no other way. What is plain comes by this one alone.
    fn is_new(&self, observation: &Observation) -> Result<(), DropReason> {
        if observation.seal.is_none() {
            return Ok(());
        }
        self.shared.intake().admit_sealed(self.shared.unix_micros(), observation)?;
        self.shared.holders().add(observation, self.connection.peer.id);
        Ok(())
    }

    /// Room for what was read. The peer does not wait for an acknowledgement meanwhile.
    async fn room<'s>(&mut self, shared: &'s NodeShared, bytes: usize) -> Result<Room<'s>, ResetCode> {
        let inbox = &shared.reliable_inbox;
        if let Some(room) = inbox.try_room(bytes) {
            return Ok(room);
        }
        self.acknowledge().await?;
        inbox.room(bytes).await.map_err(|Stopped| ResetCode::ShutDown)
    }

    fn refuse(&self, reason: DropReason) {
        self.shared.recorder.dropped(&self.connection.feed.tally, Direction::Incoming, reason, 1);
    }

    fn malformed(&self, error: &dyn std::error::Error) -> ResetCode {
        tracing::debug!(peer = %self.connection.peer.id, %error, "a feed cannot be read");
        self.refuse(DropReason::Malformed);
        self.connection.offended(Offence::UnreadableStream);
        ResetCode::Malformed
    }

    async fn acknowledge(&mut self) -> Result<(), ResetCode> {
        if self.acknowledged.observations == 0 { Ok(()) } else { self.tell_position().await }
    }

    /// A peer that does not listen is read no more.
    async fn tell_position(&mut self) -> Result<(), ResetCode> {
        let position = FeedPosition(self.acknowledged.tell());
        let telling = tokio::time::timeout(self.shared.config.head_deadline, self.writer.send(&position));
        match telling.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ResetCode::Cancelled),
            Err(_) => Err(ResetCode::DeadlineExceeded),
        }
    }
}

impl Acknowledged {
    fn took(&mut self, number: u64, bytes: usize) {
        self.next = number.saturating_add(1);
        self.observations += 1;
        self.bytes += bytes;
    }

    fn is_due(&self) -> bool {
        self.observations >= UNACKNOWLEDGED || self.bytes >= UNACKNOWLEDGED_BYTES
    }

    fn tell(&mut self) -> u64 {
        (self.observations, self.bytes) = (0, 0);
        self.next
    }
}
