//! Connections, datagrams and streams in memory, without QUIC: what a packet costs is what the fabric makes of it.
//!
//! | | |
//! |---|---|
//! | `state` | everything that is known, and what arrives: no clock, no task |
//! | `end`, `path`, `streams` | one end of a connection |
//! | `wire`, `calendar`, `packet` | what is under way |
//! | `transport`, `connection`, `stream` | what nodes see of it |
//!
//! It behaves as the real transport does, where a node could tell: handshakes cost three round trips, what is lost of
//! streams comes later, windows fill up, silence ends a connection, a restart is noticed. It leaves out encryption,
//! acknowledgements and congestion control: whoever sends knows what becomes of a packet and what the path carries.

mod calendar;
mod connection;
mod end;
mod endpoint;
mod ends;
mod identity;
mod packet;
mod path;
mod state;
mod stream;
mod streams;
mod time;
mod transport;
mod wakers;
mod wire;

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use swarm_core::NodeConfig;
use swarm_core::transport::webtransport::BindError;
use swarm_core::transport::{Speaker, Transport};
use tokio::time::Instant;

use self::identity::Identity;
use self::state::State;
use self::time::Now;
use self::transport::ModelTransport;
use crate::{Fabric, Host, Network, OpenError, SharedFabric};

/// Connections, datagrams and streams in memory, without QUIC; for thousands of agents.
///
/// Packets arrive in whole milliseconds, and not in the one in which they were sent. Nothing arrives unless
/// [`run`](Self::run) runs. What a node sends before its host is down arrives; to crash one, first set its
/// [power](Fabric::set_power), then drop the node: otherwise its peers hear that it closed its connections.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use swarm_core::trust::RootKey;
/// use swarm_core::{AgentNode, IdleAgent, NodeConfig, PeerUrl};
/// use swarm_network::{Conditions, Fabric, Host, ModelNetwork, Network, Power};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut fabric = Fabric::new(1, 2, |_, _| Conditions::profile("wifi").unwrap_or_default());
/// let hosts = [Host(0), Host(1)];
/// hosts.iter().for_each(|host| fabric.set_power(*host, Power::Up));
/// let network = ModelNetwork::new(Arc::new(Mutex::new(fabric)));
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(Arc::clone(&network).run());
///
/// let mut nodes = Vec::new();
/// for host in hosts {
///     let builder = AgentNode::builder(IdleAgent).dev_root(RootKey::from_seed([1; 32])).rng_seed(host.0.into());
///     let node = builder.start(|speaker| network.open(host, speaker, &NodeConfig::default())).await?;
///     nodes.push(node);
/// }
/// nodes[0].connect(&nodes[1].url()).await?;
/// # Ok(())
/// # }
/// # let mut runtime = tokio::runtime::Builder::new_current_thread();
/// # runtime.enable_time().start_paused(true).build().unwrap().block_on(run()).unwrap();
/// ```
pub struct ModelNetwork {
    fabric: SharedFabric,
    epoch: Instant,
    state: Mutex<State>,
    /// Whoever delivers.
    runner: Mutex<Option<Waker>>,
    /// Itself, for what it gives out.
    this: Weak<Self>,
}

impl ModelNetwork {
    /// A network whose time begins now. Must be called inside a tokio runtime if its clock is paused.
    #[must_use]
    pub fn new(fabric: SharedFabric) -> Arc<Self> {
        let state = State::new(&fabric.lock().unwrap_or_else(PoisonError::into_inner));
        Arc::new_cyclic(|this| Self {
            fabric,
            epoch: Instant::now(),
            state: Mutex::new(state),
            runner: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    /// Delivers what is under way, for ever. One task must do this; dropping it stops every packet.
    pub async fn run(self: Arc<Self>) {
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        std::future::poll_fn(|cx| {
            *self.runner.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            loop {
                let Some(next) = self.turn(cx.waker()) else { return Poll::<()>::Pending };
                let next = self.epoch + Duration::from_millis(next);
                if sleep.deadline() != next {
                    sleep.as_mut().reset(next);
                }
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    /// Delivers what is due.
    fn turn(&self, waker: &Waker) -> Option<u64> {
        let (mut state, mut fabric) = (self.state(), self.fabric());
        let next = state.turn(&mut fabric, self.now());
        if !state.wire.held.is_empty() {
            fabric.wake_on_change(waker);
        }
        next
    }

    /// Does something on the network, and sees to it that what follows is delivered.
    fn act<R>(&self, act: impl FnOnce(&mut State, &mut Fabric, Now) -> R) -> R {
        let mut state = self.state();
        let did = act(&mut state, &mut self.fabric(), self.now());
        if state.wire.takes_wake()
            && let Some(runner) = &*self.runner.lock().unwrap_or_else(PoisonError::into_inner)
        {
            runner.wake_by_ref();
        }
        did
    }

    fn now(&self) -> Now {
        Now::since(self.epoch)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is inside is whole after each of its methods, so a poisoned lock is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fabric(&self) -> MutexGuard<'_, Fabric> {
        self.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network for ModelNetwork {
    fn open(
        &self,
        host: Host,
        speaker: &Speaker,
        config: &NodeConfig,
    ) -> Result<Box<dyn Transport>, OpenError> {
        let address = host.address();
        let refused =
            |kind: io::ErrorKind| OpenError::Bind(BindError::Socket { address, source: kind.into() });
        let network = self.this.upgrade().ok_or_else(|| refused(io::ErrorKind::NotConnected))?;
        if self.fabric().host_at(address) != Some(host) {
            return Err(refused(io::ErrorKind::AddrNotAvailable));
        }
        let identity = Arc::new(Identity::new(speaker, &config.web_transport));
        let life = self.state().open(host, identity).ok_or_else(|| refused(io::ErrorKind::AddrInUse))?;
        Ok(Box::new(ModelTransport::new(network, host, life)))
    }
}

impl fmt::Debug for ModelNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelNetwork").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
