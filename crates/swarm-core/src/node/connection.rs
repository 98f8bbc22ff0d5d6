//! The task of one connection: accepts requests, and speaks on the control stream.
//!
//! It owns the responder tasks of its peer, and the one that moves its datagrams. When it ends, nothing of this connection is left running.

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{
    CloseCode, ControlFrame, Goodbye, Grant, Introduction, Revocations, Role, Signed, TopicPattern,
};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::assist;
use super::control::{ControlStream, GOODBYE_GRACE};
use super::framing::FrameError;
use super::guests::GuestPlace;
use super::observe;
use super::peer_connection::PeerConnection;
use super::shared::NodeShared;
use crate::assist::load::LoadReport;
use crate::deadline::{after, at};
use crate::mesh::ConnectionKey;
use crate::misconduct::Offence;
use crate::peer::GoneReason;
use crate::trace::{RefusedReason, TraceEvent};
use crate::transport::{ConnectionLost, Stream, StreamError};
use crate::trust::RevocationError;

/// What a connection tells the driver.
#[derive(Debug)]
pub(super) enum FromConnection {
    /// The peer told of others.
    Introduced(Vec<Introduction>),
    /// The peer says goodbye: what runs may finish, nothing new should begin.
    Leaving(ConnectionKey, GoneReason),
    /// The peer prefers another connection to this node.
    Replaced(ConnectionKey),
}

/// What the driver tells a connection.
#[derive(Debug)]
pub(super) enum ToConnection {
    /// Tell the peer of others.
    Introduce(Vec<Introduction>),
}

/// One thing that happened on a connection, for [`Task::handle`].
enum Happened {
    Killed,
    Expelled,
    Stopping,
    Lost(ConnectionLost),
    Control(Option<Result<ControlFrame, FrameError>>),
    Told(ToConnection),
    Retired,
    ResponderEnded,
    Unused,
    LingeredOut,
    LoadChanged,
    LoadDue,
    SubscriptionsChanged,
    AccessChanged,
    GrantEnds,
    GrantsDue,
    SubscriptionsPaused,
    Stream(Result<Stream, ConnectionLost>),
    DatagramsEnded(Result<observe::Ended, JoinError>),
}

/// What the task of a connection begins with.
pub(super) struct Begin {
    pub(super) control: ControlStream,
    pub(super) to_driver: mpsc::Sender<FromConnection>,
    pub(super) from_driver: mpsc::Receiver<ToConnection>,
    /// Of a guest.
    pub(super) place: Option<GuestPlace>,
    /// What the peer was told that this node wants to hear of.
    pub(super) told_subscriptions: Vec<TopicPattern>,
}

/// The least that a connection stays open after the last words on it, so that they get through.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Peers are told of subscriptions at most this often: they bear so many control frames and no more.
const SUBSCRIPTIONS_PAUSE: Duration = Duration::from_millis(20);

/// The same for the grants of origins: a frame holds 32.
const GRANTS_PAUSE: Duration = Duration::from_millis(40);

/// Where a connection is in its life. It moves down this list only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// Another connection replaces it: it ends when nothing has run on it for a while.
    Retired,
    /// The peer has said goodbye and closes when it is done; if it does not, we do.
    PeerLeaves,
    /// We stop and have said goodbye: it ends with the last request that this node serves, for whomever.
    WeLeave,
}

struct Task {
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    control: ControlStream,
    to_driver: mpsc::Sender<FromConnection>,
    responders: JoinSet<()>,
    phase: Phase,
    /// The peer has ended its control stream.
    control_ended: bool,
    /// When a connection that is about to end does so, if nothing runs on it then.
    linger_until: Option<Instant>,
    /// How many bytes of datagrams a connection that has nothing else left still had to send, and when that changed.
    unsent: Option<(usize, Instant)>,
    /// Until when requests are taken that were made before our goodbye was heard.
    deaf_from: Option<Instant>,
    load_report: LoadReport,
    /// When to tell the peer how busy this node is.
    load_due: Option<Instant>,
    /// When to look whether the peer's grant still counts.
    grant_ends: Option<Instant>,
    told_grant: Arc<Signed<Grant>>,
    told_revocations: Option<Arc<Signed<Revocations>>>,
    /// Until when the peer is not told of subscriptions again.
    subscriptions_paused: Option<Instant>,
    /// Until when it is not told of grants again.
    grants_paused: Option<Instant>,
    /// The peer showed a token, not a certificate.
    place: Option<GuestPlace>,
}

/// Runs until the connection is over, and says why it is.
pub(super) async fn run(
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    begin: Begin,
) -> GoneReason {
    let Begin { control, to_driver, mut from_driver, place, told_subscriptions } = begin;
    let inner = Arc::clone(&connection.inner);
    let (killed, stopping) = (shared.killed.clone(), shared.stopping.clone());
    let (retired, expelled) = (connection.retired.clone(), connection.expelled.clone());
    let mut load = shared.admission.load();
    let mut subscriptions = shared.subscriptions.subscribe();
    if subscriptions.borrow_and_update().patterns() != told_subscriptions {
        subscriptions.mark_changed();
    }
    let mut access = shared.access_changed.subscribe();
    // What was taken back before has yet to be told.
    access.mark_changed();
    let told_grant = shared.access.grant();
    let mut datagrams = spawn_datagrams(&shared, &connection);
    let mut datagrams_ended = false;
    let mut task = Task {
        shared,
        connection: Arc::clone(&connection),
        control,
        to_driver,
        responders: JoinSet::new(),
        phase: Phase::Open,
        control_ended: false,
        linger_until: None,
        unsent: None,
        deaf_from: None,
        load_report: LoadReport::default(),
        load_due: None,
        grant_ends: None,
        told_grant,
        told_revocations: None,
        subscriptions_paused: None,
        grants_paused: None,
        place,
    };
    task.load_changed();
    let feeding = observe::write_feed(Arc::clone(&task.shared), Arc::clone(&connection));
    let _feeding = AbortOnDropHandle::new(task.shared.tasks.spawn(feeding));
    // Kept across turns of the loop: a future that is made anew at each turn loses its place and costs a lock.
    let mut lost = inner.closed();
    let mut stream = inner.accept_stream();
    let reason = loop {
        let (phase, linger_until) = (task.phase, task.linger_until);
        let (load_due, grant_ends) = (task.load_due, task.grant_ends);
        let (paused, grants_paused) = (task.subscriptions_paused, task.grants_paused);
        let happened = tokio::select! {
            biased;
            () = killed.cancelled() => Happened::Killed,
            () = expelled.cancelled() => Happened::Expelled,
            () = stopping.cancelled(), if phase < Phase::WeLeave => Happened::Stopping,
            error = &mut lost => Happened::Lost(error),
            frame = task.control.reader.next(), if !task.control_ended => Happened::Control(frame),
            Some(told) = from_driver.recv() => Happened::Told(told),
            () = retired.cancelled(), if phase == Phase::Open => Happened::Retired,
            Some(_) = task.responders.join_next() => Happened::ResponderEnded,
            () = connection.unused(), if matches!(phase, Phase::Retired | Phase::WeLeave) => Happened::Unused,
            () = at(linger_until), if linger_until.is_some() => Happened::LingeredOut,
            Ok(()) = load.changed(), if phase == Phase::Open => Happened::LoadChanged,
            () = at(load_due), if load_due.is_some() => Happened::LoadDue,
            Ok(()) = access.changed() => Happened::AccessChanged,
            () = at(grant_ends), if grant_ends.is_some() => Happened::GrantEnds,
            () = connection.grants_due(), if grants_paused.is_none() => Happened::GrantsDue,
            () = at(grants_paused), if grants_paused.is_some() => Happened::GrantsDue,
            () = at(paused), if paused.is_some() => Happened::SubscriptionsPaused,
            Ok(()) = subscriptions.changed(), if phase == Phase::Open && paused.is_none() => {
                Happened::SubscriptionsChanged
            }
            ended = &mut datagrams, if !datagrams_ended => {
                datagrams_ended = true;
                Happened::DatagramsEnded(ended)
            }
            accepted = &mut stream, if task.takes_requests() => {
                stream = inner.accept_stream();
                Happened::Stream(accepted)
            }
        };
        // In a box, because it is rare and large: every connection would keep room for it.
        if let Some(reason) = Box::pin(task.handle(happened)).await {
            break reason;
        }
    };
    connection.end();
    datagrams.abort();
    if !datagrams_ended {
        // Two that read at once would change the order.
        let _ = datagrams.await;
    }
    observe::take_in_what_has_come(&task.shared, &connection);
    task.responders.abort_all();
    // One that never awaits is left behind.
    let _ =
        tokio::time::timeout(GOODBYE_GRACE, async { while task.responders.join_next().await.is_some() {} })
            .await;
    // However the other side takes our goodbye, it is we who left.
    if task.phase == Phase::WeLeave { GoneReason::ShutDown } else { reason }
}

impl Task {
    /// Deals with one thing; gives the reason when the connection is over.
    async fn handle(&mut self, happened: Happened) -> Option<GoneReason> {
        match happened {
            Happened::Killed => Some(self.close(CloseCode::ShutDown, GoneReason::ShutDown)),
            Happened::Expelled => Some(self.expelled()),
            Happened::Stopping => self.say_goodbye().await,
            Happened::Lost(error) | Happened::Stream(Err(error)) => Some(gone_reason(&error)),
            Happened::Control(frame) => self.control_frame(frame).await,
            Happened::Told(ToConnection::Introduce(peers)) => self.introduce(peers).await,
            Happened::Retired => self.retire().await,
            Happened::ResponderEnded => None,
            Happened::Unused => self.linger(),
            Happened::LingeredOut => self.lingered_out(),
            Happened::LoadChanged => self.load_changed(),
            Happened::LoadDue => self.tell_load().await,
            Happened::Stream(Ok(stream)) => self.serve(stream),
            Happened::SubscriptionsChanged => self.tell_subscriptions().await,
            Happened::AccessChanged => match self.check_grant().await {
                None => self.tell_access().await,
                gone => gone,
            },
            Happened::GrantEnds => self.check_grant().await,
            Happened::GrantsDue => self.tell_grants().await,
            Happened::SubscriptionsPaused => {
                self.subscriptions_paused = None;
                None
            }
            Happened::DatagramsEnded(ended) => self.datagrams_ended(ended).await,
        }
    }

    fn close(&self, code: CloseCode, reason: GoneReason) -> GoneReason {
        self.connection.inner.close(code, "");
        reason
    }

    async fn say_goodbye(&mut self) -> Option<GoneReason> {
        self.phase = Phase::WeLeave;
        self.deaf_from = Some(Instant::now() + GOODBYE_GRACE);
        // The peer takes nothing that comes after the goodbye.
        self.connection.flush_early(Instant::now());
        let goodbye = Goodbye { code: CloseCode::ShutDown, reason: String::new() };
        // Whoever does not take it learns the same from the close.
        let _ = self.send_control(ControlFrame::Goodbye(goodbye)).await;
        self.linger()
    }

    /// The other side is told, so that it begins nothing new here either.
    async fn retire(&mut self) -> Option<GoneReason> {
        self.phase = Phase::Retired;
        let goodbye = Goodbye { code: CloseCode::Duplicate, reason: String::new() };
        let _ = self.send_control(ControlFrame::Goodbye(goodbye)).await;
        self.linger()
    }

    /// The peer has said goodbye, or prefers another connection.
    async fn peer_leaves(&mut self, goodbye: &Goodbye) -> Option<GoneReason> {
        let next = if goodbye.code == CloseCode::Duplicate { Phase::Retired } else { Phase::PeerLeaves };
        // Saying it again puts nothing off.
        if self.phase >= next {
            return None;
        }
        tracing::debug!(peer = %self.connection.peer.id, code = %goodbye.code, "the peer says goodbye");
        // Datagrams are not ordered with the control stream: what has arrived already came before a goodbye.
        observe::take_in_what_has_come(&self.shared, &self.connection);
        let told = match goodbye.code {
            CloseCode::Duplicate => FromConnection::Replaced(self.connection.id),
            _ => {
                self.connection.set_leaving();
                FromConnection::Leaving(self.connection.id, why_it_leaves(goodbye.code))
            }
        };
        // The driver never waits for us, so waiting for it ends.
        let _ = self.to_driver.send(told).await;
        self.phase = next;
        self.linger()
    }

    /// Sets the time at which to see whether the connection can end.
    fn linger(&mut self) -> Option<GoneReason> {
        let config = &self.shared.config;
        let pause = match self.phase {
            Phase::Open => return None,
            Phase::Retired => config.linger,
            // As long as a request may take that names no deadline.
            Phase::PeerLeaves => config.request_deadline,
            Phase::WeLeave => (3 * self.connection.inner.round_trip()).clamp(LAST_WORDS, GOODBYE_GRACE),
        };
        self.linger_until = Some(after(Instant::now(), pause));
        None
    }

    fn lingered_out(&mut self) -> Option<GoneReason> {
        let in_use = self.connection.requests_in_flight() > 0;
        match self.phase {
            Phase::Retired if !in_use => Some(self.close(CloseCode::Duplicate, GoneReason::Lost)),
            Phase::WeLeave if self.is_delivering() => self.linger(),
            // Requests that are served elsewhere may still have to ask here.
            Phase::WeLeave if self.responders.is_empty() && self.shared.serving() == 0 => {
                if self.is_sending() {
                    return self.linger();
                }
                Some(self.close(CloseCode::ShutDown, GoneReason::ShutDown))
            }
            Phase::PeerLeaves => Some(self.close(CloseCode::Normal, GoneReason::Goodbye)),
            Phase::Open | Phase::Retired | Phase::WeLeave => self.linger(),
        }
    }

    /// Whether datagrams wait that a close would lose without a count. What the network was not even handed yet has had
    /// its time, and is counted.
    fn is_sending(&mut self) -> bool {
        self.connection.end();
        let (now, unsent) = (Instant::now(), self.connection.inner.datagrams_unsent());
        let since = self.unsent.filter(|(before, _)| *before == unsent).map_or(now, |(_, since)| since);
        self.unsent = Some((unsent, since));
        unsent > 0 && now < after(since, self.shared.config.head_deadline)
    }

    /// Whether the peer still takes what it is owed.
    fn is_delivering(&self) -> bool {
        let patience = self.shared.config.head_deadline;
        self.connection.feed.is_delivering(self.connection.id, Instant::now(), patience)
    }

    async fn control_frame(&mut self, frame: Option<Result<ControlFrame, FrameError>>) -> Option<GoneReason> {
        if matches!(frame, Some(Ok(_))) {
            self.connection.offended(Offence::ControlFrame);
        }
        match frame {
            Some(Ok(ControlFrame::Introduce(_))) if self.is_observer() => {
                self.overstepped("it introduces others");
                None
            }
            Some(Ok(ControlFrame::Introduce(peers))) => {
                // The driver never waits for us, so waiting for it ends.
                let _ = self.to_driver.send(FromConnection::Introduced(peers)).await;
                None
            }
            Some(Ok(ControlFrame::Load(percent))) => {
                self.connection.set_load(percent);
                None
            }
            Some(Ok(ControlFrame::Subscribe(patterns))) => {
                self.connection.set_subscriptions(patterns);
                None
            }
            Some(Ok(ControlFrame::Goodbye(goodbye))) => self.peer_leaves(&goodbye).await,
            Some(Ok(ControlFrame::Grants(grants))) => self.granted(grants).await,
            Some(Ok(ControlFrame::Revocations(list))) => self.revoked(list),
            Some(Ok(ControlFrame::Hello(_))) => Some(self.misbehaved("a second hello")),
            Some(Ok(ControlFrame::Challenge(_) | ControlFrame::Proof(_))) => {
                Some(self.misbehaved("a challenge after the hello"))
            }
            // Whoever has said goodbye has nothing more to say.
            None if self.phase > Phase::Open => {
                self.control_ended = true;
                None
            }
            None => Some(self.misbehaved("the control stream ended")),
            Some(Err(FrameError::Cut(StreamError::ConnectionLost))) => {
                Some(gone_reason(&self.connection.inner.closed().await))
            }
            Some(Err(error)) => Some(self.misbehaved(&error.to_string())),
        }
    }

    fn is_observer(&self) -> bool {
        self.connection.peer.role == Role::Observer
            || self.connection.grant().statement().role == Role::Observer
    }

    /// The peer did what its grant does not cover, which is passed over.
    fn overstepped(&self, what: &str) {
        tracing::debug!(peer = %self.connection.peer.id, what, "a peer goes beyond its grant");
        self.connection.offended(Offence::NotPermitted);
    }

    fn misbehaved(&self, what: &str) -> GoneReason {
        self.send_away(RefusedReason::Nonsense, what)
    }

    /// The peer got too much wrong, here or on another connection.
    fn expelled(&self) -> GoneReason {
        match self.connection.last_straw() {
            Some(offence) => self.send_away(RefusedReason::Misconduct, offence.reproach()),
            None => self.close(CloseCode::ProtocolViolation, GoneReason::Misbehaved),
        }
    }

    fn send_away(&self, reason: RefusedReason, what: &str) -> GoneReason {
        let peer = self.connection.peer.id;
        tracing::warn!(%peer, %reason, what, "a peer broke the rules and is sent away");
        self.shared.recorder.record(TraceEvent::Refused { reason });
        self.shared.door().send_away(Instant::now().into_std(), peer);
        self.connection.inner.close(CloseCode::ProtocolViolation, what);
        GoneReason::Misbehaved
    }

    async fn introduce(&mut self, peers: Vec<Introduction>) -> Option<GoneReason> {
        let sent = self.send_control(ControlFrame::Introduce(peers)).await;
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    fn load_changed(&mut self) -> Option<GoneReason> {
        self.load_due = self.load_report.due(Instant::now(), *self.shared.admission.load().borrow());
        None
    }

    async fn tell_load(&mut self) -> Option<GoneReason> {
        let load = *self.shared.admission.load().borrow();
        self.load_report.told(Instant::now(), load);
        self.load_due = None;
        let sent = self.send_control(ControlFrame::Load(load)).await;
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    /// A peer that does not read its control stream must not hold this task up.
    async fn send_control(&mut self, frame: ControlFrame) -> Result<(), Unheard> {
        let (killed, patience) = (self.shared.killed.clone(), self.shared.config.head_deadline);
        let sending = tokio::time::timeout(patience, self.control.writer.send(&frame));
        match killed.run_until_cancelled(sending).await {
            Some(Ok(Ok(()))) => Ok(()),
            _ => Err(Unheard),
        }
    }

    /// Whoever goes on asking after our goodbye must not put off our end.
    fn takes_requests(&self) -> bool {
        self.deaf_from.is_none_or(|from| Instant::now() < from)
    }

    fn serve(&mut self, stream: Stream) -> Option<GoneReason> {
        let (shared, connection) = (Arc::clone(&self.shared), Arc::clone(&self.connection));
        self.responders.spawn(assist::serve(shared, connection, stream));
        None
    }

    /// The peer has got another grant, or tells those of origins whose observations it passes on.
    async fn granted(&mut self, grants: Vec<Signed<Grant>>) -> Option<GoneReason> {
        let now = self.shared.unix_seconds();
        for grant in grants {
            let learned = self.shared.learn_grant(&grant);
            let admitted = match self.place {
                Some(_) => learned.or_else(|_| self.shared.access.admit_guest(&grant, now)),
                None => learned,
            };
            match admitted {
                Ok(agent) if agent == self.connection.peer.id => self.connection.set_grant(grant),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(peer = %self.connection.peer.id, %error, "a grant does not count")
                }
            }
        }
        observe::take_in_parked(&self.shared, &self.connection);
        self.check_grant().await
    }

    /// Tells the peer the next grants of origins whose observations are passed on to it.
    async fn tell_grants(&mut self) -> Option<GoneReason> {
        let grants = self.connection.take_due_grants();
        self.grants_paused = (!grants.is_empty()).then(|| Instant::now() + GRANTS_PAUSE);
        if grants.is_empty() {
            return None;
        }
        let sent = self.send_control(ControlFrame::Grants(grants)).await;
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    fn revoked(&self, list: Signed<Revocations>) -> Option<GoneReason> {
        match self.shared.revoke(list) {
            Ok(_) | Err(RevocationError::Older { .. }) => None,
            Err(error) => Some(self.misbehaved(&error.to_string())),
        }
    }

    /// Ends the connection if the peer's grant does not count any more, or sees when that will be.
    async fn check_grant(&mut self) -> Option<GoneReason> {
        let (grant, now) = (self.connection.grant(), self.shared.unix_seconds());
        let Err(error) = self.shared.access.holds(grant.statement(), now) else {
            let left = grant.statement().valid.until.get().saturating_sub(now.get()).saturating_add(1);
            self.grant_ends = Some(after(Instant::now(), Duration::from_secs(left)));
            return None;
        };
        tracing::warn!(peer = %self.connection.peer.id, %error, "a peer is sent away");
        self.shared.recorder.record(TraceEvent::Refused { reason: RefusedReason::NotPermitted });
        let goodbye = Goodbye { code: CloseCode::NotPermitted, reason: error.to_string() };
        let last_words = async {
            // A close right behind the words would overtake them.
            if self.send_control(ControlFrame::Goodbye(goodbye)).await.is_ok() {
                tokio::time::sleep(LAST_WORDS).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE_GRACE, last_words).await;
        self.connection.inner.close(CloseCode::NotPermitted, &error.to_string());
        Some(GoneReason::NotPermitted)
    }

    /// Tells the peer what it does not know yet of this node's own grant and of what was taken back.
    async fn tell_access(&mut self) -> Option<GoneReason> {
        let (grant, revocations) = (self.shared.access.grant(), self.shared.access.revocations());
        let mut sent = Ok(());
        if !Arc::ptr_eq(&grant, &self.told_grant) {
            sent = self.send_control(ControlFrame::Grants(vec![Signed::clone(&grant)])).await;
            self.told_grant = grant;
        }
        if let Some(list) = revocations.filter(|list| self.told_revocations.as_ref() != Some(list)) {
            sent = sent.and(self.send_control(ControlFrame::Revocations(Signed::clone(&list))).await);
            self.told_revocations = Some(list);
        }
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    async fn tell_subscriptions(&mut self) -> Option<GoneReason> {
        self.subscriptions_paused = Some(Instant::now() + SUBSCRIPTIONS_PAUSE);
        let patterns = self.shared.subscriptions.borrow().patterns().to_vec();
        let sent = self.send_control(ControlFrame::Subscribe(patterns)).await;
        sent.err().map(|Unheard| self.close(CloseCode::Overloaded, GoneReason::Lost))
    }

    async fn datagrams_ended(&mut self, ended: Result<observe::Ended, JoinError>) -> Option<GoneReason> {
        match ended {
            Ok(observe::Ended::Lost) => Some(gone_reason(&self.connection.inner.closed().await)),
            Ok(observe::Ended::Expelled) => Some(self.expelled()),
            Ok(observe::Ended::Greedy) => {
                let gone = self.misbehaved("it sends too many datagrams");
                observe::refuse_what_has_come(&self.shared, &self.connection);
                Some(gone)
            }
            Ok(observe::Ended::TooSlow) => {
                tracing::warn!(peer = %self.connection.peer.id, "a peer is too slow and is sent away");
                self.connection.inner.close(CloseCode::Overloaded, "too slow for what it subscribed to");
                Some(GoneReason::TooSlow)
            }
            Err(error) => {
                tracing::error!(peer = %self.connection.peer.id, %error, "moving datagrams broke down");
                Some(self.close(CloseCode::Normal, GoneReason::Lost))
            }
        }
    }
}

fn spawn_datagrams(
    shared: &Arc<NodeShared>,
    connection: &Arc<PeerConnection>,
) -> AbortOnDropHandle<observe::Ended> {
    let moving = observe::move_datagrams(Arc::clone(shared), Arc::clone(connection));
    AbortOnDropHandle::new(shared.tasks.spawn(moving))
}

/// The peer does not take what is said on the control stream.
struct Unheard;

/// Orderly leaving is said on the control stream; a connection that just ends was lost.
/// What a goodbye says about who says it. One that has no time or room for us just now is there all the same: what it is
/// owed, and what it has told, is kept.
fn why_it_leaves(code: CloseCode) -> GoneReason {
    match code {
        CloseCode::HelloDeadline | CloseCode::Overloaded | CloseCode::IdleTimeout => GoneReason::Lost,
        _ => GoneReason::Goodbye,
    }
}

fn gone_reason(error: &ConnectionLost) -> GoneReason {
    match error {
        ConnectionLost::ClosedHere => GoneReason::ShutDown,
        _ => GoneReason::Lost,
    }
}
