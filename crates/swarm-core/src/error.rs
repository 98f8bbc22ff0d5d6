//! What can go wrong, one enum per operation.
//!
//! Messages are made to be read after "failed to …"; each variant says what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{
    AgentId, Capability, CloseCode, DecodeError, NameError, SwarmName, TopicName, VersionRange,
};

use crate::identity::CertificateError;
use crate::trust::dev::DevRootError;
use crate::trust::{GrantError, GuestError, RevocationError};

/// The innermost cause of an error, shared so that errors stay cloneable.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A certificate that proves nobody.
///
/// ```
/// assert!(swarm_core::IdentityError::NoCertificate.to_string().contains("no certificate"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The other side showed none. Members of a swarm show one in both directions.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// It showed one that does not hold.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Why an address could not be dialled.
///
/// ```
/// assert_eq!(swarm_core::DialError::NoAnswer.to_string(), "nobody answered");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nothing came back. Check the address, the port, and whether UDP passes the firewalls.
    #[error("nobody answered")]
    NoAnswer,
    /// Somebody answered, and one side did not accept the other's certificate. Check the swarm's name and the clocks.
    #[error("the handshake was refused: {reason}")]
    Refused {
        /// In the words of the side that refused.
        reason: String,
    },
    /// Something below failed.
    #[error("the connection could not be made")]
    Failed(#[source] Cause),
}

impl DialError {
    /// Any other failure, with its cause.
    pub fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(cause))
    }
}

impl From<IdentityError> for DialError {
    fn from(error: IdentityError) -> Self {
        Self::Refused { reason: error.to_string() }
    }
}

/// Why somebody at the door did not get in.
///
/// ```
/// let error = swarm_core::AcceptError::WrongPath { path: "/".into() };
/// assert!(error.to_string().contains("/swarm/v1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// TLS, HTTP/3 or WebTransport was not agreed on.
    #[error("the handshake failed: {reason}")]
    Handshake {
        /// What failed.
        reason: String,
    },
    /// It asked for something else than the swarm.
    #[error("it asked for {path:?}, and there is only {}", swarm_proto::PATH)]
    WrongPath {
        /// What it asked for, at most 64 characters.
        path: String,
    },
    /// It did not prove who it is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Why two nodes did not become peers although they are connected.
///
/// ```
/// assert!(swarm_core::HelloError::Itself.to_string().contains("this node itself"));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// The other side did not say hello in time.
    #[error("no hello came within {0:?}")]
    DeadlineExceeded(Duration),
    /// The connection ended before.
    #[error("the connection ended before the hello: {0}")]
    Lost(Cause),
    /// What it said is no hello.
    #[error("the hello cannot be read")]
    Unreadable(#[from] DecodeError),
    /// It said something else than hello.
    #[error("the first frame was no hello")]
    OutOfTurn,
    /// There is no version that both sides speak. Update the older side.
    #[error("the peer speaks versions {theirs}, this node {ours}")]
    Version {
        /// What this node speaks.
        ours: VersionRange,
        /// What the peer speaks.
        theirs: VersionRange,
    },
    /// It belongs to another swarm.
    #[error("the peer belongs to swarm {theirs:?}, this node to {ours:?}")]
    WrongSwarm {
        /// Our swarm.
        ours: SwarmName,
        /// Theirs.
        theirs: SwarmName,
    },
    /// Its hello names another agent than its certificate or token.
    #[error("the hello names {claimed}, what was shown is for {proven}")]
    OtherAgent {
        /// Who it says it is.
        claimed: AgentId,
        /// Who it is.
        proven: AgentId,
    },
    /// It broke the rules a moment ago.
    #[error("the peer was sent away, and is back too soon")]
    SentAway,
    /// The other end is this node.
    #[error("the address leads to this node itself")]
    Itself,
    /// It shows no certificate, and may not come in as a guest.
    #[error("the guest may not come in: {0}")]
    Guest(#[from] GuestError),
    /// It offers something that its grant does not cover.
    #[error("the peer offers {capability}, which its grant does not cover")]
    OfferNotGranted {
        /// What it offers.
        capability: Capability,
    },
    /// The other side turned us away.
    #[error("the peer said goodbye: {code} ({reason})")]
    TurnedAway {
        /// Its code.
        code: CloseCode,
        /// Its words.
        reason: String,
    },
}

/// Why [`connect`](crate::NodeHandle::connect) gave no peer. The address is not tried again unless you do.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::ConnectError;
///
/// let address = "192.0.2.7:4433".parse().unwrap();
/// let error = ConnectError::DeadlineExceeded { address, within: Duration::from_secs(3) };
/// assert!(error.to_string().starts_with("nobody answered at 192.0.2.7:4433 within 3s"));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host name has no address. Check its spelling and the resolver.
    #[error("{host:?} has no address")]
    NoAddress {
        /// The name that was looked up.
        host: String,
    },
    /// The node was started for local work, and the address is elsewhere.
    #[error("{address} is not a loopback address, and a node started for local work stays on this machine")]
    NotLoopback {
        /// What was to be dialled.
        address: SocketAddr,
    },
    /// Nobody could be reached there, or nobody whom we trust.
    #[error("no connection to {address}")]
    Dial {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: DialError,
    },
    /// The two nodes do not understand or want each other.
    #[error("no agreement with {address}")]
    Hello {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: HelloError,
    },
    /// It took too long: a wrong address, a firewall that lets no UDP pass, or a peer that is overloaded.
    #[error("nobody answered at {address} within {within:?}: check the address, and that UDP passes")]
    DeadlineExceeded {
        /// Where.
        address: SocketAddr,
        /// How long it was waited.
        within: Duration,
    },
    /// Dialling panicked, which is a defect below us; the node goes on.
    #[error("the dial to {address} broke down")]
    Broken {
        /// Where.
        address: SocketAddr,
    },
    /// This node stops or has stopped.
    #[error("this node has shut down")]
    ShutDown,
}

/// Why a node did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The transport could not be made.
    #[cfg(feature = "webtransport")]
    #[error(transparent)]
    Bind(#[from] crate::transport::webtransport::BindError),
    /// The agent offers more, or with longer names, than a hello can carry.
    #[error("the agent's capabilities do not fit into a hello")]
    TooManyCapabilities(#[source] swarm_proto::EncodeError),
    /// Nothing says who belongs to the swarm.
    #[error(
        "a node needs a trust anchor: give the builder `credentials`, or, for local work alone, use `AgentNode::dev` \
         (programs call it `--dev`)"
    )]
    NoTrustAnchor,
    /// Credentials were given, and what they name was given once more.
    #[error("the builder was given credentials, which name the {what} themselves: leave `{what}` out")]
    Contradiction {
        /// What.
        what: &'static str,
    },
    /// The root of local work cannot be used.
    #[error(transparent)]
    DevRoot(#[from] DevRootError),
    /// A node for local work is to be reached from elsewhere.
    #[error("{address} is not a loopback address, and a node started for local work stays on this machine")]
    NotLoopback {
        /// What it was to be bound to.
        address: SocketAddr,
    },
    /// The node's own grant does not count.
    #[error("the node's own grant does not count")]
    Grant(#[from] GrantError),
    /// The list of revocations that the node was given does not count.
    #[error("the list of revocations does not count")]
    Revocations(#[from] RevocationError),
    /// The agent offers something that the node's grant does not cover.
    #[error("the agent offers {capability}, which the node's grant does not cover")]
    OfferNotGranted {
        /// What it offers.
        capability: Capability,
    },
    /// What the node should keep across a restart cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The agent subscribes to more than a node may.
    #[error("the agent subscribes to more than {max} patterns: use wider ones")]
    TooManySubscriptions {
        /// As many as a node may.
        max: usize,
    },
}

/// A file of the [state directory](crate::Builder::state_directory) cannot be read or written.
///
/// ```
/// use std::sync::Arc;
/// use swarm_core::StateError;
///
/// let source = Arc::new(std::io::Error::other("disk full"));
/// let error = StateError { path: "/var/lib/swarm/rover-7.marks".into(), source };
/// assert!(error.to_string().contains("rover-7.marks"));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("the state of the node cannot be kept in {}", path.display())]
pub struct StateError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    pub source: Arc<std::io::Error>,
}

/// Why an observation was not published. Nobody got it.
///
/// ```
/// use swarm_core::PublishError;
///
/// let error = PublishError::TooLarge { size: 2000, max: 1200 };
/// assert!(error.to_string().contains("1200"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is no dotted name.
    #[error("the topic cannot be used: {0}")]
    Topic(NameError),
    /// It fits into no datagram of the path to any peer, or is reliable and has more than 1 MiB of payload. Send less, let
    /// it be reliable, or ask for assistance with a stream.
    #[error("an observation of {size} bytes is too large: {max} can be sent")]
    TooLarge {
        /// Its encoded size in bytes: some 50 more than topic and payload. Of a reliable one, that of its payload.
        size: usize,
        /// What fits.
        max: usize,
    },
    /// This node's grant does not cover the topic.
    #[error("this node may not publish on {topic}: its grant does not cover it")]
    NotPermitted {
        /// The topic.
        topic: TopicName,
    },
    /// It was to be passed on, and its origin has not signed it: nobody would believe it.
    #[error("only what its origin has signed can be passed on")]
    NotSigned,
    /// It was to be passed on, and was so often enough.
    #[error("the observation was passed on {max} times already")]
    HopLimit {
        /// How often it may be.
        max: u8,
    },
    /// It was to be passed on, and this node is a guest.
    #[error("only members pass on what others have made")]
    NotMember,
    /// It was to be passed on, and its origin may not publish it, any more or as far as is known.
    #[error("no grant of {origin} that counts covers the topic")]
    OriginNotPermitted {
        /// Its origin.
        origin: AgentId,
    },
    /// The value or its key cannot be sent.
    #[error("the observation cannot be encoded")]
    Unencodable(#[from] swarm_proto::EncodeError),
    /// This node stops or has stopped.
    #[error("this node has shut down")]
    ShutDown,
}

/// Why a node did not subscribe. It hears what it heard before.
///
/// ```
/// let error = swarm_core::SubscribeError::TooMany { max: 64 };
/// assert!(error.to_string().contains("64"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// What was given is no pattern over topics.
    #[error("the pattern cannot be used: {0}")]
    Pattern(#[from] NameError),
    /// It has as many subscriptions as a node may have. Use a wider pattern, or give one up.
    #[error("a node subscribes to {max} patterns at most")]
    TooMany {
        /// As many.
        max: usize,
    },
}

/// How a request for assistance ended short of completion. A reply stream gives exactly one, as its last item.
///
/// ```
/// use swarm_core::AssistError;
///
/// fn worth_another_try(error: &AssistError) -> bool {
///     matches!(error, AssistError::Busy { .. } | AssistError::PeerLost | AssistError::NotReady { .. })
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssistError {
    /// The capability is no dotted name.
    #[error("the capability cannot be used: {0}")]
    Capability(NameError),
    /// No connection to this agent, and none is being made.
    #[error("not connected to {0}")]
    NotConnected(AgentId),
    /// A connection to this agent is being made; wait for `on_peer` or `ready` and ask again.
    #[error("the connection to {0} is not ready")]
    NotReady(AgentId),
    /// Whoever was asked does not offer the capability, or nobody does: see [`PeerInfo::offers`](crate::PeerInfo::offers).
    #[error("the capability is not offered")]
    NoSuchCapability,
    /// The grant of whoever asks does not cover the capability.
    #[error("the grant does not cover the capability")]
    NotPermitted,
    /// The responder's agent does not want to.
    #[error("declined: {reason}")]
    Declined {
        /// In its words.
        reason: String,
    },
    /// The responder's agent failed at it.
    #[error("the responder's agent failed: {error}")]
    Failed {
        /// In its words.
        error: String,
    },
    /// The responder has as many requests as it takes. Ask again later, or somebody else.
    #[error("the responder is busy; try again in {retry_after:?}")]
    Busy {
        /// Its hint.
        retry_after: Duration,
    },
    /// The deadline passed, here or at the responder.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// Nothing moved for as long as the request allows, here or at the responder.
    #[error("the request was idle for too long")]
    Idle,
    /// The request, or one made for it, would have crossed more agents than it may: they probably ask in a circle.
    #[error("the request would cross more agents than its hop limit allows")]
    HopLimit,
    /// After a lost connection the reply cannot go on where it was: these chunks are lost for good. Ask again.
    #[error("the chunks {from} to {} of the reply were lost with a connection", to.saturating_sub(1))]
    Gap {
        /// The number of the first that is lost, counted from 0.
        from: u64,
        /// The number of the first that is not.
        to: u64,
    },
    /// The connection was lost before the end. What came so far is not all.
    #[error("the peer was lost before the end of its reply")]
    PeerLost,
    /// The responder gave the request up without an outcome.
    #[error("the responder cancelled the request")]
    Cancelled,
    /// A part of the request is larger than the protocol allows. Send less, or in more chunks.
    #[error("the {what} exceed the limit of {max}")]
    TooLarge {
        /// Which part, with its unit.
        what: &'static str,
        /// The most that is allowed.
        max: usize,
    },
    /// This node has as many requests under way as it may. Wait for some to end.
    #[error("this node has {limit} requests under way already")]
    Overloaded {
        /// The limit, `NodeConfig::max_requests_made`.
        limit: usize,
    },
    /// Several were asked, and no answer that came was good enough for whoever asked.
    #[error("no answer was good enough")]
    NoGoodAnswer,
    /// One side does not understand the other.
    #[error("request or reply cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// This node or the responder stops.
    #[error("the node has shut down")]
    ShutDown,
}

/// Why the body of a request could not be read to its end.
///
/// ```
/// assert!(swarm_core::BodyError::TooLarge { max: 10 }.to_string().contains("10 bytes"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than the agent wants to take.
    #[error("the body is longer than {max} bytes")]
    TooLarge {
        /// What the agent takes.
        max: usize,
    },
    /// It was cut off before its end.
    #[error("the body was cut off")]
    CutOff,
    /// It cannot be read.
    #[error("the body cannot be read: {0}")]
    Malformed(String),
}

/// Why a reply could not be sent. The request is over; return.
///
/// ```
/// assert_eq!(swarm_core::ReplyError::Gone.to_string(), "the requester is gone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The requester cancelled or was lost.
    #[error("the requester is gone")]
    Gone,
    /// The chunk breaks a limit of the protocol. The request goes on: send a smaller one.
    #[error("the chunk cannot be sent")]
    Chunk(#[from] swarm_proto::EncodeError),
}

/// Fewer peers than wished for came in time.
///
/// ```
/// let error = swarm_core::ReadyError { wanted: 3, have: 1 };
/// assert_eq!(error.to_string(), "1 of 3 peers came in time");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{have} of {wanted} peers came in time")]
pub struct ReadyError {
    /// How many were wished for.
    pub wanted: usize,
    /// How many there are.
    pub have: usize,
}

/// The node has stopped, but not everything it was doing could finish before the deadline.
///
/// ```
/// let error = swarm_core::ShutdownError { aborted: 2 };
/// assert!(error.to_string().starts_with("2 requests"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{aborted} requests were still being served at the deadline and were given up")]
pub struct ShutdownError {
    /// How many requests from others were given up.
    pub aborted: usize,
}

/// What an agent makes of a request that it does not complete: a refusal or a failure.
///
/// Any error converts into a failure, so `?` works in `on_request`.
///
/// ```
/// use swarm_core::AgentError;
///
/// fn parse(text: &str) -> Result<u8, AgentError> {
///     if text.is_empty() {
///         return Err(AgentError::declined("nothing to parse"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert!(matches!(parse(""), Err(AgentError::Declined(_))));
/// assert!(matches!(parse("x"), Err(AgentError::Failed(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentError {
    /// The agent does not want to; another might.
    Declined(String),
    /// The agent tried and failed.
    Failed(String),
    /// A request that it had to make would have crossed more agents than this one may.
    HopLimit,
}

impl AgentError {
    /// A refusal, with the reason that the requester reads.
    pub fn declined(reason: impl Into<String>) -> Self {
        Self::Declined(reason.into())
    }

    /// A failure, with the error that the requester reads.
    pub fn failed(error: impl Into<String>) -> Self {
        Self::Failed(error.into())
    }
}

impl<E: std::error::Error + 'static> From<E> for AgentError {
    fn from(error: E) -> Self {
        // How far a request may go is for whoever made it to know, however many agents are between.
        if (&error as &(dyn std::error::Error + 'static)).downcast_ref() == Some(&AssistError::HopLimit) {
            return Self::HopLimit;
        }
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Failed(text)
    }
}

impl From<NameError> for PublishError {
    fn from(error: NameError) -> Self {
        Self::Topic(error)
    }
}

impl From<NameError> for AssistError {
    fn from(error: NameError) -> Self {
        Self::Capability(error)
    }
}

impl From<std::convert::Infallible> for PublishError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<std::convert::Infallible> for SubscribeError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<std::convert::Infallible> for AssistError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
