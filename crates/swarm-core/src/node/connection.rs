//! The task of one connection: reads datagrams, accepts requests, speaks on the control stream, flushes the outbox.
//!
//! It owns the responder tasks of its peer. When it ends, nothing of this connection is left running.

use std::sync::Arc;

use swarm_proto::{CloseCode, ControlFrame, Datagram, Goodbye, Introduction, Observation, decode_datagram};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::assist;
use super::control::{ControlStream, GOODBYE_GRACE};
use super::framing::FrameError;
use super::link::Link;
use super::shared::NodeShared;
use crate::mesh::LinkId;
use crate::peer::GoneReason;
use crate::trace::{DropReason, RefusedReason, TraceEvent};
use crate::transport::{ConnectionLost, Stream, StreamError};

/// What a connection tells the driver.
#[derive(Debug)]
pub(super) enum FromLink {
    /// The peer sent observations.
    Observed { link: LinkId, observations: Vec<Observation> },
    /// The peer told of others.
    Introduced(Vec<Introduction>),
    /// The peer says goodbye: what runs may finish, nothing new should begin.
    Leaving(LinkId),
}

/// What the driver tells a connection.
#[derive(Debug)]
pub(super) enum ToLink {
    /// Tell the peer of others.
    Introduce(Vec<Introduction>),
}

/// One thing that happened on a connection, for [`Task::handle`].
enum Happened {
    Killed,
    Stopping,
    Lost(ConnectionLost),
    Control(Option<Result<ControlFrame, FrameError>>),
    Told(ToLink),
    Retired,
    ResponderEnded,
    Unused,
    LingeredOut,
    Stream(Result<Stream, ConnectionLost>),
    OutboxDue,
    Datagram(Result<bytes::Bytes, ConnectionLost>),
}

/// Where a connection is in its life. It moves down this list only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// Another connection replaces it: it ends when nothing has run on it for a while.
    Retired,
    /// The peer has said goodbye: it ends with the last request.
    PeerLeaves,
    /// We have said goodbye: it ends with the last request that we serve, and the peer's close.
    WeLeave,
}

struct Task {
    shared: Arc<NodeShared>,
    link: Arc<Link>,
    control: ControlStream,
    to_driver: mpsc::Sender<FromLink>,
    responders: JoinSet<()>,
    phase: Phase,
    /// The peer has ended its control stream.
    control_ended: bool,
    /// When a connection that is about to end does so, if nothing runs on it then.
    linger_until: Option<Instant>,
    flush_at: Option<Instant>,
}

/// Runs until the connection is over, and says why it is.
pub(super) async fn run(
    shared: Arc<NodeShared>,
    link: Arc<Link>,
    control: ControlStream,
    to_driver: mpsc::Sender<FromLink>,
    mut from_driver: mpsc::Receiver<ToLink>,
) -> GoneReason {
    let connection = Arc::clone(&link.connection);
    let (killed, stopping) = (shared.killed.clone(), shared.stopping.clone());
    let retired = link.retired.clone();
    let mut task = Task {
        shared,
        link: Arc::clone(&link),
        control,
        to_driver,
        responders: JoinSet::new(),
        phase: Phase::Open,
        control_ended: false,
        linger_until: None,
        flush_at: None,
    };
    // Kept across turns of the loop: a future that is made anew at each turn loses its place and costs a lock.
    let mut lost = connection.closed();
    let mut stream = connection.accept_stream();
    let mut datagram = connection.receive_datagram();
    let reason = loop {
        let (phase, flush_at, linger_until) = (task.phase, task.flush_at, task.linger_until);
        let happened = tokio::select! {
            biased;
            () = killed.cancelled() => Happened::Killed,
            () = stopping.cancelled(), if phase < Phase::WeLeave => Happened::Stopping,
            error = &mut lost => Happened::Lost(error),
            frame = task.control.reader.next(), if !task.control_ended => Happened::Control(frame),
            Some(told) = from_driver.recv() => Happened::Told(told),
            () = retired.cancelled(), if phase == Phase::Open => Happened::Retired,
            Some(_) = task.responders.join_next() => Happened::ResponderEnded,
            () = link.unused(), if phase == Phase::PeerLeaves => Happened::Unused,
            () = at(linger_until), if linger_until.is_some() => Happened::LingeredOut,
            accepted = &mut stream => {
                stream = connection.accept_stream();
                Happened::Stream(accepted)
            }
            () = link.outbox_filled() => Happened::OutboxDue,
            () = at(flush_at), if flush_at.is_some() => Happened::OutboxDue,
            received = &mut datagram => {
                datagram = connection.receive_datagram();
                Happened::Datagram(received)
            }
        };
        if let Some(reason) = task.handle(happened).await {
            break reason;
        }
    };
    task.shared.recorder.dropped(DropReason::PeerLost, link.waiting());
    task.responders.shutdown().await;
    // However the other side takes our goodbye, it is we who left.
    if task.phase == Phase::WeLeave { GoneReason::ShutDown } else { reason }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Task {
    /// Deals with one thing; gives the reason when the connection is over.
    async fn handle(&mut self, happened: Happened) -> Option<GoneReason> {
        match happened {
            Happened::Killed => Some(self.close(CloseCode::ShutDown, GoneReason::ShutDown)),
            Happened::Stopping => self.say_goodbye().await,
            Happened::Lost(error) | Happened::Stream(Err(error)) | Happened::Datagram(Err(error)) => {
                Some(gone_reason(&error))
            }
            Happened::Control(frame) => self.control_frame(frame).await,
            Happened::Told(ToLink::Introduce(peers)) => self.introduce(peers).await,
            Happened::Retired => self.retire(),
            Happened::ResponderEnded if self.phase == Phase::WeLeave => self.await_the_close(),
            Happened::ResponderEnded => None,
            Happened::Unused => self.let_the_peer_go(),
            Happened::LingeredOut => self.lingered_out(),
            Happened::Stream(Ok(stream)) => self.serve(stream),
            Happened::OutboxDue => self.flush(),
            Happened::Datagram(Ok(datagram)) => self.received(&datagram),
        }
    }

    fn close(&self, code: CloseCode, reason: GoneReason) -> GoneReason {
        self.link.connection.close(code, "");
        reason
    }

    async fn say_goodbye(&mut self) -> Option<GoneReason> {
        let peer_leaves_too = self.phase == Phase::PeerLeaves;
        self.phase = Phase::WeLeave;
        self.flush();
        let goodbye = Goodbye { code: CloseCode::ShutDown, reason: String::new() };
        // Whoever does not take it learns the same from the close.
        let _ = self.send_control(ControlFrame::Goodbye(goodbye)).await;
        if peer_leaves_too { self.let_the_peer_go() } else { self.await_the_close() }
    }

    /// Once nothing is served any more, the peer closes; if it does not, we do.
    fn await_the_close(&mut self) -> Option<GoneReason> {
        if self.responders.is_empty() {
            // A retired connection may have had longer to go.
            let grace = Instant::now() + GOODBYE_GRACE;
            self.linger_until = Some(self.linger_until.map_or(grace, |until| until.min(grace)));
        }
        None
    }

    /// Closing tells a peer that said goodbye that it was heard.
    fn let_the_peer_go(&mut self) -> Option<GoneReason> {
        (self.link.requests_in_flight() == 0).then(|| self.close(CloseCode::Normal, GoneReason::Goodbye))
    }

    fn retire(&mut self) -> Option<GoneReason> {
        self.phase = Phase::Retired;
        self.linger_until = Some(Instant::now() + self.shared.config.linger);
        None
    }

    fn lingered_out(&mut self) -> Option<GoneReason> {
        match self.phase {
            Phase::WeLeave => Some(self.close(CloseCode::ShutDown, GoneReason::ShutDown)),
            _ if self.link.requests_in_flight() == 0 => {
                Some(self.close(CloseCode::Duplicate, GoneReason::Lost))
            }
            _ => {
                self.linger_until = Some(Instant::now() + self.shared.config.linger);
                None
            }
        }
    }

    async fn control_frame(&mut self, frame: Option<Result<ControlFrame, FrameError>>) -> Option<GoneReason> {
        match frame {
            Some(Ok(ControlFrame::Introduce(peers))) => {
                // The driver never waits for us, so waiting for it ends.
                let _ = self.to_driver.send(FromLink::Introduced(peers)).await;
                None
            }
            Some(Ok(ControlFrame::Goodbye(goodbye))) => {
                tracing::debug!(peer = %self.link.peer.id, code = %goodbye.code, "the peer says goodbye");
                let _ = self.to_driver.send(FromLink::Leaving(self.link.id)).await;
                self.phase = self.phase.max(Phase::PeerLeaves);
                self.let_the_peer_go()
            }
            Some(Ok(ControlFrame::Hello(_))) => Some(self.misbehaved("a second hello")),
            // Whoever has said goodbye has nothing more to say.
            None if self.phase >= Phase::PeerLeaves => {
                self.control_ended = true;
                None
            }
            None => Some(self.misbehaved("the control stream ended")),
            Some(Err(FrameError::Cut(StreamError::ConnectionLost))) => {
                Some(gone_reason(&self.link.connection.closed().await))
            }
            Some(Err(error)) => Some(self.misbehaved(&error.to_string())),
        }
    }

    fn misbehaved(&self, what: &str) -> GoneReason {
        tracing::warn!(peer = %self.link.peer.id, what, "a peer broke the protocol and is sent away");
        self.shared.recorder.record(TraceEvent::Refused { reason: RefusedReason::Nonsense });
        self.link.connection.close(CloseCode::ProtocolViolation, what);
        GoneReason::Misbehaved
    }

    async fn introduce(&mut self, peers: Vec<Introduction>) -> Option<GoneReason> {
        let sent = self.send_control(ControlFrame::Introduce(peers)).await;
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    /// A peer that does not read its control stream must not hold this task up.
    async fn send_control(&mut self, frame: ControlFrame) -> Result<(), Unheard> {
        let sending = self.control.writer.send(&frame);
        match tokio::time::timeout(self.shared.config.head_deadline, sending).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Unheard),
        }
    }

    fn serve(&mut self, stream: Stream) -> Option<GoneReason> {
        let admitted = self.responders.len() < self.shared.config.max_requests_per_peer;
        let (shared, link) = (Arc::clone(&self.shared), Arc::clone(&self.link));
        self.responders.spawn(assist::serve(shared, link, stream, admitted));
        None
    }

    fn flush(&mut self) -> Option<GoneReason> {
        let (next, lost) = self.link.flush(Instant::now());
        self.flush_at = next;
        self.shared.recorder.dropped(DropReason::OutboxFull, lost);
        None
    }

    fn received(&self, datagram: &bytes::Bytes) -> Option<GoneReason> {
        match decode_datagram(datagram) {
            Ok(Datagram::Observations(observations)) => {
                let count = observations.len() as u64;
                let observed = FromLink::Observed { link: self.link.id, observations };
                if self.to_driver.try_send(observed).is_err() {
                    self.shared.recorder.dropped(DropReason::NodeBusy, count);
                }
            }
            Ok(Datagram::Padding) => {}
            Err(error) => {
                tracing::debug!(peer = %self.link.peer.id, %error, "a datagram cannot be read");
                self.shared.recorder.dropped(DropReason::Malformed, 1);
            }
        }
        None
    }
}

/// The peer does not take what is said on the control stream.
struct Unheard;

fn gone_reason(error: &ConnectionLost) -> GoneReason {
    match error {
        ConnectionLost::ClosedByPeer { code: CloseCode::Normal | CloseCode::ShutDown, .. } => {
            GoneReason::Goodbye
        }
        ConnectionLost::ClosedHere => GoneReason::ShutDown,
        _ => GoneReason::Lost,
    }
}
