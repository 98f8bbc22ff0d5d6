//! From a connection to a peer: the exchange of hellos.
//!
//! ```text
//! dialler                     acceptor
//!    │── opens stream, Hello ──►│  checks it
//!    │◄─────── Challenge ───────│  only if the dialler is a guest whose token is for a key
//!    │───────── Proof ─────────►│  checks it
//!    │◄──────── Hello ──────────│
//!    │ checks it                │
//! ```
//!
//! Whoever does not agree says goodbye with a code and a reason, and closes.

use std::sync::Arc;

use swarm_proto::{
    AgentId, CloseCode, ControlFrame, Goodbye, Grant, Hello, PublicKey, Role, Signed, TopicPattern, negotiate,
};
use tokio::time::Instant;

use super::control::{ControlStream, GOODBYE_GRACE};
use super::framing::FrameError;
use super::guests::{self, GuestPlace};
use super::peer_connection::Terms;
use super::shared::NodeShared;
use crate::error::HelloError;
use crate::peer::PeerInfo;
use crate::trace::RefusedReason;
use crate::transport::{Connection, ConnectionLost, Credential, StreamError};
use crate::trust::GuestError;

/// A connection whose two ends have said hello.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) connection: Arc<dyn Connection>,
    pub(super) control: ControlStream,
    pub(super) peer: PeerInfo,
    pub(super) terms: Terms,
    /// Its place, if it is a guest.
    pub(super) place: Option<GuestPlace>,
    /// What the peer was told that this node wants to hear of.
    pub(super) told_subscriptions: Vec<TopicPattern>,
}

/// Which side of the connection this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Dialler,
    Acceptor,
}

/// Exchanges hellos until `deadline`. Whoever is not agreed with is told why, which takes a moment more.
pub(super) async fn exchange_hellos(
    shared: &NodeShared,
    connection: Box<dyn Connection>,
    side: Side,
    deadline: Instant,
) -> Result<Established, HelloError> {
    let connection: Arc<dyn Connection> = connection.into();
    let mut control = None;
    let ours = shared.hello();
    let greeting = greet(shared, &ours, &*connection, side, &mut control);
    let agreed = tokio::time::timeout_at(deadline, greeting).await;
    let late = Err(HelloError::DeadlineExceeded(shared.config.handshake_deadline));
    match (agreed.unwrap_or(late), control) {
        (Ok(Agreed { peer, terms, place }), Some(control)) => {
            let told_subscriptions = ours.subscriptions;
            let control = control.greeted();
            Ok(Established { connection, control, peer, terms, place, told_subscriptions })
        }
        (Ok(_), None) => Err(HelloError::OutOfTurn),
        (Err(error), control) => {
            turn_away(&*connection, control, &error).await;
            Err(error)
        }
    }
}

async fn greet(
    shared: &NodeShared,
    ours: &Hello,
    connection: &dyn Connection,
    side: Side,
    control: &mut Option<ControlStream>,
) -> Result<Agreed, HelloError> {
    match side {
        Side::Dialler => {
            let proven = proven(shared, connection, side)?;
            // The acceptor cannot know before it has heard us; there is no need to let it.
            check_agent(ours.agent, proven.agent, proven.agent)?;
            let control = control.insert(ControlStream::new(connection.open_stream().await.map_err(lost)?));
            control.say(&ControlFrame::Hello(ours.clone())).await?;
            agree(ours, connection, proven, hear_hello(control, connection).await?)
        }
        Side::Acceptor => {
            let control = control.insert(ControlStream::new(connection.accept_stream().await.map_err(lost)?));
            let proven = proven(shared, connection, side)?;
            if shared.door().is_sent_away(Instant::now().into_std(), proven.agent) {
                return Err(HelloError::SentAway);
            }
            let must_prove = proven.must_prove;
            let agreed = agree(ours, connection, proven, hear_hello(control, connection).await?)?;
            if let Some(key) = must_prove {
                guests::challenge(shared, &key, control, connection).await?;
            }
            control.say(&ControlFrame::Hello(ours.clone())).await?;
            Ok(agreed)
        }
    }
}

/// A close alone may not carry code and reason to a page or through every library, so they are said on the control
/// stream first.
async fn turn_away(connection: &dyn Connection, control: Option<ControlStream>, error: &HelloError) {
    let (code, reason) = (close_code(error), error.to_string());
    if let Some(mut control) = control {
        let goodbye = ControlFrame::Goodbye(Goodbye { code, reason: reason.clone() });
        let farewell = async {
            // Whoever is gone hears nothing.
            let _ = control.writer.send(&goodbye).await;
            connection.closed().await
        };
        let _ = tokio::time::timeout(GOODBYE_GRACE, farewell).await;
    }
    connection.close(code, &reason);
}

async fn hear_hello(control: &mut ControlStream, connection: &dyn Connection) -> Result<Hello, HelloError> {
    match hear(control, connection).await? {
        ControlFrame::Hello(hello) => Ok(hello),
        _ => Err(HelloError::OutOfTurn),
    }
}

/// The next frame of the handshake, unless it is a goodbye.
pub(super) async fn hear(
    control: &mut ControlStream,
    connection: &dyn Connection,
) -> Result<ControlFrame, HelloError> {
    match control.reader.next().await {
        Some(Ok(ControlFrame::Goodbye(goodbye))) => {
            Err(HelloError::TurnedAway { code: goodbye.code, reason: goodbye.reason })
        }
        Some(Ok(frame)) => Ok(frame),
        None => Err(HelloError::OutOfTurn),
        Some(Err(FrameError::Unreadable(error))) => Err(HelloError::Unreadable(error)),
        Some(Err(FrameError::Cut(StreamError::ConnectionLost))) => Err(lost(connection.closed().await)),
        Some(Err(FrameError::Cut(error))) => Err(HelloError::Lost(Arc::new(error))),
        Some(Err(_)) => Err(HelloError::OutOfTurn),
    }
}

fn lost(error: ConnectionLost) -> HelloError {
    match error {
        ConnectionLost::ClosedByPeer { code, reason } => HelloError::TurnedAway { code, reason },
        other => HelloError::Lost(Arc::new(other)),
    }
}

/// Who is at the other end, and what it may do.
struct Proven {
    agent: AgentId,
    role: Role,
    grant: Arc<Signed<Grant>>,
    /// The key that a guest says that it has.
    must_prove: Option<PublicKey>,
    place: Option<GuestPlace>,
}

/// What both ends have agreed on.
struct Agreed {
    peer: PeerInfo,
    terms: Terms,
    place: Option<GuestPlace>,
}

fn proven(shared: &NodeShared, connection: &dyn Connection, side: Side) -> Result<Proven, HelloError> {
    match connection.credential() {
        Credential::Certificate { agent, grant } => Ok(Proven {
            agent: *agent,
            role: grant.statement().role,
            grant: Arc::clone(grant),
            must_prove: None,
            place: None,
        }),
        // A guest dials, and is not dialled.
        Credential::Token { .. } if side == Side::Dialler => Err(GuestError::NotTaken.into()),
        Credential::Token { token, origin } => {
            let (guest, place) = guests::admit(shared, token.as_deref(), origin.as_deref())?;
            Ok(Proven {
                agent: guest.agent,
                role: guest.role(),
                grant: Arc::new(guest.grant),
                must_prove: guest.must_prove,
                place: Some(place),
            })
        }
    }
}

fn agree(
    ours: &Hello,
    connection: &dyn Connection,
    proven: Proven,
    theirs: Hello,
) -> Result<Agreed, HelloError> {
    negotiate(ours.versions, theirs.versions)
        .ok_or(HelloError::Version { ours: ours.versions, theirs: theirs.versions })?;
    if theirs.swarm != ours.swarm {
        return Err(HelloError::WrongSwarm { ours: ours.swarm.clone(), theirs: theirs.swarm });
    }
    check_agent(ours.agent, theirs.agent, proven.agent)?;
    let permissions = &proven.grant.statement().permissions;
    let beyond = theirs.capabilities.iter().find(|offer| !permissions.may_serve(&offer.capability));
    if let Some(offer) = beyond {
        return Err(HelloError::OfferNotGranted { capability: offer.capability.clone() });
    }
    let peer = PeerInfo {
        id: theirs.agent,
        role: proven.role,
        epoch: theirs.epoch,
        capabilities: theirs.capabilities,
        load: 0,
        address: connection.remote_addr(),
    };
    let terms = Terms { limits: theirs.limits, subscriptions: theirs.subscriptions, grant: proven.grant };
    Ok(Agreed { peer, terms, place: proven.place })
}

fn check_agent(ours: AgentId, claimed: AgentId, proven: AgentId) -> Result<(), HelloError> {
    if claimed != proven {
        return Err(HelloError::OtherAgent { claimed, proven });
    }
    if claimed == ours { Err(HelloError::Itself) } else { Ok(()) }
}

/// What the other side is told.
fn close_code(error: &HelloError) -> CloseCode {
    match error {
        HelloError::Version { .. } => CloseCode::UnsupportedVersion,
        HelloError::WrongSwarm { .. } => CloseCode::WrongSwarm,
        HelloError::OtherAgent { .. } => CloseCode::IdentityMismatch,
        HelloError::DeadlineExceeded(_) => CloseCode::HelloDeadline,
        HelloError::Itself => CloseCode::Duplicate,
        HelloError::Guest(GuestError::TooMany { .. }) | HelloError::SentAway => CloseCode::Overloaded,
        HelloError::Guest(_) | HelloError::OfferNotGranted { .. } => CloseCode::NotPermitted,
        HelloError::TurnedAway { .. } | HelloError::Lost(_) => CloseCode::Normal,
        HelloError::Unreadable(_) | HelloError::OutOfTurn => CloseCode::ProtocolViolation,
    }
}

/// How a failed hello is counted.
pub(super) fn refused_reason(error: &HelloError) -> RefusedReason {
    match error {
        HelloError::Version { .. } => RefusedReason::Version,
        HelloError::WrongSwarm { .. } => RefusedReason::WrongSwarm,
        HelloError::OtherAgent { .. } => RefusedReason::OtherAgent,
        HelloError::DeadlineExceeded(_) => RefusedReason::Deadline,
        HelloError::Itself => RefusedReason::Itself,
        HelloError::SentAway => RefusedReason::SentAway,
        HelloError::Guest(GuestError::TooMany { .. }) => RefusedReason::Overloaded,
        HelloError::Guest(_) | HelloError::OfferNotGranted { .. } => RefusedReason::NotPermitted,
        HelloError::TurnedAway { .. } | HelloError::Lost(_) => RefusedReason::Lost,
        HelloError::Unreadable(_) | HelloError::OutOfTurn => RefusedReason::Nonsense,
    }
}
