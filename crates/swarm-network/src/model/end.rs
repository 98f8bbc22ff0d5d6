//! One end of a connection: where it is in its life, when it was last heard of, and what waits to be read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use swarm_core::transport::{ConnectionLost, Credential};
use swarm_core::{AcceptError, AgentId, DialError};
use swarm_proto::CloseCode;

use super::ends::EndId;
use super::identity::Identity;
use super::packet::{Body, DATAGRAM_OVERHEAD_BYTES, Farewell, Packet};
use super::path::Path;
use super::streams::{Streams, Windows};
use super::time::Now;
use super::wakers::Wakers;
use super::wire::{Event, Wire};
use crate::{Fabric, Host};

/// Datagrams wait for no longer than the path takes to carry them in this time: one part in so many of a second.
const MOST_AHEAD_PART: u64 = 100;

/// Two datagrams of an Ethernet path may always wait.
const LEAST_AHEAD_BYTES: usize = 2 * 1500;

/// Keep-alives go out after a quarter of the idle timeout.
const KEEP_ALIVE_PART: u64 = 4;

/// Whoever only listens says that it does so often within the idle timeout, so that the other end knows.
const ACK_PART: u64 = 12;

/// What is heard of a reason for closing.
const MAX_REASON_CHARS: usize = 256;

/// What an end works with: the network around it, and the time.
pub(super) struct Out<'a> {
    pub(super) wire: &'a mut Wire,
    pub(super) fabric: &'a mut Fabric,
    pub(super) now: Now,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) host: Host,
    pub(super) peer_host: Host,
    pub(super) is_dialler: bool,
    /// Unknown to a dialler at first.
    pub(super) peer: Option<EndId>,
    pub(super) ours: Arc<Identity>,
    /// Known as soon as the other has said who it is.
    pub(super) theirs: Option<Arc<Identity>>,
    /// What the other has shown, until somebody asks.
    pub(super) shown: Option<Box<Credential>>,
    pub(super) phase: Phase,
    /// Whether somebody holds the connection.
    pub(super) in_use: bool,
    pub(super) path: Path,
    /// When something was heard last, in milliseconds.
    heard_at: u64,
    /// When something was sent last.
    sent_at: u64,
    /// From when on silence counts.
    idle_from: u64,
    /// Whether the next packet that asks for an answer puts that off.
    may_put_off: bool,
    /// How many keep-alives were sent since something was heard.
    pings: u8,
    /// When its timer goes off.
    pub(super) timer_at: u64,
    /// It waits for its turn to send.
    pub(super) is_queued: bool,
    /// It waits for room on the path.
    pub(super) waits_for_room: bool,
    datagrams: VecDeque<Bytes>,
    datagram_bytes: usize,
    readers: Wakers,
    /// Who waits for the handshake, or for the end.
    pub(super) watchers: Wakers,
    streams: Option<Box<Streams>>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Shaking(Box<Shaking>),
    Failed(Failure),
    Open,
    Over(Box<Over>),
}

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Shaking {
    /// How many of the own steps were answered.
    pub(super) step: u8,
    /// Whom a dialler wants to reach.
    pub(super) expected: Option<AgentId>,
    pub(super) validated: bool,
    /// When the last step is repeated, and how often it was.
    pub(super) repeat_at: u64,
    pub(super) repeated: u8,
    /// When it is given up.
    pub(super) until: u64,
}

/// Why a handshake failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("timed out")]
    Silence,
    /// This side does not accept the other.
    #[error("{0}")]
    Refused(String),
    /// The other side does not accept this one.
    #[error("aborted by peer: {0}")]
    RefusedByPeer(String),
    #[error("the peer gave up")]
    GivenUp,
    #[error("the peer accepts no connections now")]
    TurnedAway,
    #[error("the transport is closed")]
    Closed,
}

impl Failure {
    pub(super) fn of_dial(self) -> DialError {
        match self {
            Self::Silence => DialError::NoAnswer,
            Self::Refused(reason) => DialError::Refused { reason },
            other => DialError::failed(other),
        }
    }

    pub(super) fn of_accept(&self) -> AcceptError {
        AcceptError::Handshake { reason: self.to_string() }
    }
}

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) why: ConnectionLost,
    /// What is said to whoever goes on, if this end closed it.
    pub(super) farewell: Option<Farewell>,
    /// Until when it is.
    pub(super) until: u64,
}

impl End {
    pub(super) fn new(now: Now, host: Host, peer_host: Host, ours: Arc<Identity>, is_dialler: bool) -> Self {
        let shaking = Shaking {
            step: 0,
            expected: None,
            validated: false,
            repeat_at: u64::MAX,
            repeated: 0,
            until: now.ms + ours.limits.idle,
        };
        Self {
            host,
            peer_host,
            is_dialler,
            peer: None,
            ours,
            theirs: None,
            shown: None,
            phase: Phase::Shaking(Box::new(shaking)),
            in_use: true,
            path: Path::new(),
            heard_at: now.ms,
            sent_at: now.ms,
            idle_from: now.ms,
            may_put_off: true,
            pings: 0,
            timer_at: u64::MAX,
            is_queued: false,
            waits_for_room: false,
            datagrams: VecDeque::new(),
            datagram_bytes: 0,
            readers: Wakers::default(),
            watchers: Wakers::default(),
            streams: None,
        }
    }

    pub(super) fn shaking(&mut self) -> Option<&mut Shaking> {
        match &mut self.phase {
            Phase::Shaking(shaking) => Some(shaking),
            _ => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Failed(_) | Phase::Over(_))
    }

    /// Why the connection is over, if it is.
    pub(super) fn lost(&self) -> Option<ConnectionLost> {
        match &self.phase {
            Phase::Over(over) => Some(over.why.clone()),
            Phase::Failed(failure) => Some(ConnectionLost::Failed(failure.to_string())),
            Phase::Shaking(_) | Phase::Open => None,
        }
    }

    pub(super) fn streams(&mut self) -> &mut Streams {
        let (ours, theirs) = (&self.ours.limits, &self.theirs.as_ref().unwrap_or(&self.ours).limits);
        let windows = |of: &super::identity::Limits| Windows {
            stream: of.stream_window,
            connection: of.connection_window,
            streams: of.streams,
        };
        let (is_dialler, ours, theirs) = (self.is_dialler, windows(ours), windows(theirs));
        self.streams.get_or_insert_with(|| Box::new(Streams::new(is_dialler, ours, theirs)))
    }

    pub(super) fn data_frames(&self) -> u64 {
        self.streams.as_ref().map_or(0, |streams| streams.data_frames())
    }

    pub(super) fn look_at_path(&mut self, out: &mut Out<'_>) {
        let faults = out.wire.faults();
        if !self.path.is_fresh(faults) {
            self.path.refresh(faults, out.fabric, self.host, self.peer_host);
        }
    }

    /// Sends something to the other end.
    pub(super) fn send(&mut self, id: EndId, body: Body, out: &mut Out<'_>) {
        let asks = body.asks_for_answer();
        let packet = Packet { from: self.host, to: self.peer_host, source: id, target: self.peer, body };
        self.resend(packet, asks, out);
    }

    pub(super) fn resend(&mut self, packet: Packet, asks: bool, out: &mut Out<'_>) {
        self.look_at_path(out);
        self.path.sent(out.now, packet.bytes());
        self.sent_at = out.now.ms;
        if asks && std::mem::take(&mut self.may_put_off) {
            self.idle_from = out.now.ms;
        }
        out.wire.send(out.fabric, out.now, self.path.probe_timeout(), packet);
    }

    /// Something came from the other end.
    pub(super) fn heard(&mut self, id: EndId, asks: bool, out: &mut Out<'_>) {
        self.heard_at = out.now.ms;
        self.idle_from = out.now.ms;
        self.may_put_off = true;
        self.pings = 0;
        let silent_for = out.now.ms.saturating_sub(self.sent_at);
        if asks && matches!(self.phase, Phase::Open) && silent_for >= self.ours.limits.idle / ACK_PART {
            self.send(id, Body::Ack, out);
        }
    }

    pub(super) fn received_datagram(&mut self, datagram: Bytes, out: &mut Out<'_>) {
        self.datagram_bytes += datagram.len();
        self.datagrams.push_back(datagram);
        while self.datagram_bytes > self.ours.limits.datagrams_received
            && let Some(oldest) = self.datagrams.pop_front()
        {
            self.datagram_bytes -= oldest.len();
            out.fabric.lose(DATAGRAM_OVERHEAD_BYTES + oldest.len(), crate::LostWhy::QueueFull);
        }
        self.readers.wake();
    }

    pub(super) fn poll_datagram(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        match self.datagrams.pop_front() {
            Some(datagram) => {
                self.datagram_bytes -= datagram.len();
                Poll::Ready(datagram)
            }
            None => {
                self.readers.add(cx.waker());
                Poll::Pending
            }
        }
    }

    /// How many bytes of datagrams may be sent now.
    pub(super) fn datagram_room(&self, now: impl FnOnce() -> Now) -> usize {
        let ahead = self.path.ahead(now);
        let room = self.ours.limits.datagrams_sent.saturating_sub(ahead);
        if ahead < LEAST_AHEAD_BYTES {
            return room;
        }
        let most_ahead =
            usize::try_from(self.path.bytes_per_second() / MOST_AHEAD_PART).unwrap_or(usize::MAX);
        room.min(most_ahead.saturating_sub(ahead))
    }

    /// Sends what streams have to say, as far as the path has room.
    pub(super) fn send_streams(&mut self, id: EndId, out: &mut Out<'_>) {
        self.is_queued = false;
        if self.is_over() {
            return;
        }
        self.look_at_path(out);
        let most_bytes = self.path.most_piece_bytes();
        while let Some(streams) = self.streams.as_deref_mut().filter(|streams| streams.has_frames()) {
            let mut next = streams.next_control();
            if next.is_none() {
                if let Some(at) = self.path.next_piece_at(out.now) {
                    if !std::mem::replace(&mut self.waits_for_room, true) {
                        out.wire.enter(at, Event::Room(id));
                    }
                    return;
                }
                next = streams.next_data(most_bytes);
            }
            let Some(kind) = next else { return };
            self.send(id, Body::Frame(Box::new(super::packet::Frame { lost: 0, kind })), out);
        }
    }

    /// How long silence is borne, in milliseconds.
    fn idle_timeout(&self) -> u64 {
        let ours = self.ours.limits.idle;
        let agreed = self.theirs.as_ref().map_or(ours, |theirs| theirs.limits.idle.min(ours));
        agreed.max(3 * self.path.probe_timeout())
    }

    /// When something is to be done if nothing happens before.
    fn next_timeout(&self) -> u64 {
        match &self.phase {
            Phase::Shaking(shaking) => shaking.until.min(shaking.repeat_at),
            Phase::Failed(_) => u64::MAX,
            Phase::Open => self.next_ping_at().min(self.idle_from + self.idle_timeout()),
            Phase::Over(over) => over.until,
        }
    }

    fn next_ping_at(&self) -> u64 {
        let interval = self.ours.limits.idle / KEEP_ALIVE_PART;
        match self.pings {
            0 => self.heard_at + interval,
            // The ones before may have been lost.
            sent => self.sent_at + (self.path.probe_timeout() << (sent - 1).min(8)).min(interval),
        }
        .max(self.heard_at + 1)
    }

    /// Sees to it that the timer goes off in time.
    pub(super) fn arm(&mut self, id: EndId, out: &mut Out<'_>) {
        let at = self.next_timeout();
        if at < self.timer_at {
            self.timer_at = at.max(out.now.ms + 1);
            out.wire.enter(self.timer_at, Event::Timer(id));
        }
    }

    /// Looks whether the connection is idle, and sends a keep-alive if it is time.
    pub(super) fn check_silence(&mut self, id: EndId, out: &mut Out<'_>) {
        if out.now.ms >= self.idle_from + self.idle_timeout() {
            self.over(ConnectionLost::Silent("idle timeout".to_owned()), None, out.now);
        } else if out.now.ms >= self.next_ping_at() {
            self.pings = self.pings.saturating_add(1);
            self.send(id, Body::Ping, out);
        }
    }

    /// The handshake has come to its end.
    pub(super) fn open(&mut self, id: EndId, out: &mut Out<'_>) {
        self.phase = Phase::Open;
        self.watchers.wake();
        self.arm(id, out);
    }

    /// The handshake has come one step further.
    pub(super) fn next_step(&mut self, now: Now) {
        let until = now.ms + self.idle_timeout();
        if let Some(shaking) = self.shaking() {
            shaking.step += 1;
            shaking.repeated = 0;
            shaking.until = until;
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.phase = Phase::Failed(failure);
        self.wake_all();
    }

    /// Closes it, if it is not over yet.
    pub(super) fn close(&mut self, id: EndId, code: Option<CloseCode>, reason: &str, out: &mut Out<'_>) {
        if self.is_over() {
            return;
        }
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        let farewell = Farewell { code, reason };
        if self.peer.is_some() {
            self.send(id, Body::Close(Box::new(farewell.clone())), out);
        }
        if matches!(self.phase, Phase::Open) {
            self.over(ConnectionLost::ClosedHere, Some(farewell), out.now);
        } else {
            self.fail(Failure::Closed);
        }
    }

    /// The other end has closed it.
    pub(super) fn closed_by_peer(&mut self, farewell: Farewell, now: Now) {
        match (&self.phase, farewell.code) {
            (Phase::Shaking(shaking), _) if self.is_dialler && shaking.step == 0 => {
                self.fail(Failure::TurnedAway);
            }
            (Phase::Shaking(_), _) => self.fail(Failure::GivenUp),
            (Phase::Open, Some(code)) => {
                self.over(ConnectionLost::ClosedByPeer { code, reason: farewell.reason }, None, now);
            }
            // Nobody closed it, it was dropped.
            (Phase::Open, None) => {
                self.over(ConnectionLost::Failed("closed with QUIC code 0".to_owned()), None, now);
            }
            (Phase::Failed(_) | Phase::Over(_), _) => {}
        }
    }

    pub(super) fn over(&mut self, why: ConnectionLost, farewell: Option<Farewell>, now: Now) {
        let until = now.ms + 3 * self.path.probe_timeout();
        self.phase = Phase::Over(Box::new(Over { why, farewell, until }));
        self.wake_all();
    }

    pub(super) fn wake_all(&mut self) {
        self.readers.wake();
        self.watchers.wake();
        self.streams.iter_mut().for_each(|streams| streams.wake_all());
    }
}
