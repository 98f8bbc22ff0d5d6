//! Nodes of a swarm: agents that share what they see and ask one another for help, peer to peer, over WebTransport.
//!
//! Write an [`Agent`], give it to a node, and connect it to others:
//!
//! ```
//! use std::time::Duration;
//! use swarm_core::{Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Context, Replies};
//!
//! struct Echo;
//!
//! impl Agent for Echo {
//!     fn capabilities(&self) -> Vec<Advertisement> {
//!         Vec::from(["echo.say".parse().expect("a dotted name")])
//!     }
//!
//!     async fn on_request(
//!         &self,
//!         _cx: &Context,
//!         mut request: AssistanceRequest,
//!         replies: &mut Replies,
//!     ) -> Result<(), AgentError> {
//!         while let Some(chunk) = request.next_chunk().await? {
//!             replies.send_chunk(chunk).await?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let echo = AgentNode::dev(Echo).bind("127.0.0.1:0".parse()?).await?;
//! let other = AgentNode::dev(swarm_core::IdleAgent).bind("127.0.0.1:0".parse()?).await?;
//!
//! let peer = other.connect(&echo.url()).await?;
//! let mut replies = other.request_assistance(peer, "echo.say", "hello").await?;
//! while let Some(chunk) = replies.next_chunk().await? {
//!     assert_eq!(chunk.payload, "hello");
//! }
//!
//! other.shutdown(Duration::from_secs(1)).await?;
//! echo.shutdown(Duration::from_secs(1)).await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
//! ```
//!
//! Inside, [`mesh`], `assist` and `observe` decide and never wait, the node's tasks wait and never decide, and
//! [`transport`] is the seam to the network. `docs/architecture.md` shows the house, `docs/observations.md` how to share
//! what is seen, `docs/assistance.md` how to ask for help and give it.

pub mod identity;
pub mod mesh;
mod peer;
pub mod trust;

#[cfg(feature = "node")]
mod agent;
#[cfg(feature = "node")]
mod assist;
#[cfg(feature = "node")]
mod batch;
#[cfg(feature = "node")]
mod clock;
#[cfg(feature = "node")]
mod config;
#[cfg(feature = "node")]
mod context;
#[cfg(feature = "node")]
mod deadline;
#[cfg(feature = "node")]
mod door;
#[cfg(feature = "node")]
mod error;
#[cfg(feature = "node")]
mod inference;
#[cfg(feature = "node")]
mod misconduct;
#[cfg(feature = "node")]
mod node;
#[cfg(feature = "node")]
mod observe;
#[cfg(feature = "node")]
mod repeats;
#[cfg(feature = "node")]
mod topic;
#[cfg(feature = "node")]
mod trace;
#[cfg(feature = "node")]
pub mod transport;

#[cfg(feature = "node")]
pub use self::{
    agent::{Agent, BoxedAgent, Capacity, IdleAgent},
    assist::Reply,
    batch::{BatchConfig, BatchError, Batcher},
    clock::{SystemClock, WallClock},
    config::NodeConfig,
    context::Context,
    door::{AddressRate, DoorConfig, Retry},
    error::{
        AcceptError, AgentError, AssistError, BodyError, Cause, ConnectError, DialError, HelloError,
        IdentityError, PublishError, ReadyError, ReplyError, ShutdownError, StartError, StateError,
        SubscribeError,
    },
    inference::{Inference, InferenceError},
    misconduct::{Allowance, MisconductConfig},
    node::{
        AgentNode, Answer, AssistanceRequest, Builder, FanIn, FanInEvent, FanInItem, NodeHandle, NotHanded,
        OutgoingObservation, OutgoingRequest, PeerUrl, PeerUrlError, Receipt, Replies, ReplyStream, Route,
    },
    observe::Gap,
    topic::Topic,
    trace::{
        Counters, Direction, DropReason, Ending, Flow, PeerCounters, RefusedReason, TraceEvent, TraceSink,
    },
};
pub use identity::{IdentityKey, agent_id_of, agent_id_of_subject};
pub use peer::{GoneReason, PeerEvent, PeerInfo};
#[doc(inline)]
pub use swarm_proto::{
    self as proto, Advertisement, AgentId, Artefact, Capability, CapabilityPattern, Chunk, Delivery, Epoch,
    Key, Lane, NameError, Observation, Progress, RequestId, Sequence, SwarmName, TopicName, TopicPattern,
    TraceContext, UnixMicros,
};

/// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Runs the examples of the guide to assistance.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/assistance.md")]
struct Assistance;

/// Runs the examples of the guide to observations.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/observations.md")]
struct Observations;
