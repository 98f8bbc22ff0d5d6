//! What a node sees of the network: where it accepts and dials.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_core::transport::{Connection, Incoming, Transport};
use swarm_core::{AcceptError, AgentId, DialError};
use swarm_proto::CloseCode;

use super::ModelNetwork;
use super::connection::{Handle, ModelConnection};
use super::end::{Failure, Phase};
use super::endpoint::Knock;
use crate::Host;

pub(super) struct ModelTransport {
    network: Arc<ModelNetwork>,
    host: Host,
    /// Which life of the host's node this is.
    life: u64,
}

impl ModelTransport {
    pub(super) fn new(network: Arc<ModelNetwork>, host: Host, life: u64) -> Self {
        Self { network, host, life }
    }

    fn shut(&self, code: Option<CloseCode>) {
        self.network.act(|state, fabric, now| state.shut(fabric, now, self.host, self.life, code));
    }
}

impl Transport for ModelTransport {
    fn local_addr(&self) -> SocketAddr {
        self.host.address()
    }

    fn dial(
        &self,
        address: SocketAddr,
        expected: Option<AgentId>,
    ) -> BoxFuture<'static, Result<Box<dyn Connection>, DialError>> {
        let (network, from) = (Arc::clone(&self.network), (self.host, self.life));
        async move {
            let begun = network.act(|state, fabric, now| {
                let to = fabric.host_at(address);
                state.dial(fabric, now, from, to, expected)
            });
            let handle = Handle::new(network, begun.map_err(Failure::of_dial)?);
            let connection = shaken(handle, address).await.map_err(Failure::of_dial)?;
            Ok(Box::new(connection) as Box<dyn Connection>)
        }
        .boxed()
    }

    fn accept(&self) -> BoxFuture<'_, Option<Box<dyn Incoming>>> {
        std::future::poll_fn(|cx| {
            let mut state = self.network.state();
            let Some(endpoint) = state.endpoint(self.host, self.life) else { return Poll::Ready(None) };
            let Some(knock) = endpoint.door.pop_front() else {
                endpoint.doorkeepers.add(cx.waker());
                return Poll::Pending;
            };
            let (network, at) = (Arc::clone(&self.network), (self.host, self.life));
            Poll::Ready(Some(Box::new(Stranger { network, at, knock: Some(knock) }) as Box<dyn Incoming>))
        })
        .boxed()
    }

    /// None: there are no certificates here.
    fn certificate_hashes(&self) -> Vec<[u8; 32]> {
        Vec::new()
    }

    fn close(&self, code: CloseCode) -> BoxFuture<'_, ()> {
        async move { self.shut(Some(code)) }.boxed()
    }
}

impl Drop for ModelTransport {
    fn drop(&mut self) {
        self.shut(None);
    }
}

impl fmt::Debug for ModelTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelTransport")
            .field("host", &self.host)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// Waits until the handshake has come to an end.
async fn shaken(handle: Handle, address: SocketAddr) -> Result<ModelConnection, Failure> {
    let credential = std::future::poll_fn(|cx| {
        let mut state = handle.network.state();
        let Some(end) = state.ends.get_mut(handle.id) else { return Poll::Ready(Err(Failure::Closed)) };
        match &end.phase {
            Phase::Shaking(_) => {
                end.watchers.add(cx.waker());
                Poll::Pending
            }
            Phase::Failed(failure) => Poll::Ready(Err(failure.clone())),
            // It may be over again already, which whoever uses it will see.
            Phase::Open | Phase::Over(_) => {
                Poll::Ready(end.shown.take().map(|shown| *shown).ok_or(Failure::GivenUp))
            }
        }
    })
    .await?;
    Ok(ModelConnection::new(handle, credential, address))
}

/// Somebody at the door; turned away when it is dropped.
struct Stranger {
    network: Arc<ModelNetwork>,
    at: (Host, u64),
    knock: Option<Knock>,
}

impl Incoming for Stranger {
    fn remote_addr(&self) -> SocketAddr {
        self.knock.as_ref().map_or(self.at.0, |knock| knock.from).address()
    }

    fn is_address_validated(&self) -> bool {
        self.knock.as_ref().is_some_and(|knock| knock.validated)
    }

    fn retry(mut self: Box<Self>) {
        // Whoever has been asked already is turned away.
        if let Some(knock) = self.knock.take_if(|knock| !knock.validated) {
            self.network.act(|state, fabric, now| state.ask_for_proof(fabric, now, self.at.0, &knock));
        }
    }

    fn accept(mut self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Connection>, AcceptError>> {
        async move {
            let address = self.remote_addr();
            let begun = match self.knock.take() {
                Some(knock) => {
                    self.network.act(|state, fabric, now| state.accept(fabric, now, self.at, &knock))
                }
                None => Err(Failure::Closed),
            };
            let id = begun.map_err(|failure| failure.of_accept())?;
            let handle = Handle::new(Arc::clone(&self.network), id);
            let connection = shaken(handle, address).await.map_err(|failure| failure.of_accept())?;
            Ok(Box::new(connection) as Box<dyn Connection>)
        }
        .boxed()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if let Some(knock) = self.knock.take() {
            self.network.act(|state, fabric, now| {
                // Nobody hears it of a host that does not listen any more.
                if state.endpoint(self.at.0, self.at.1).is_some() {
                    state.turn_away(fabric, now, self.at.0, &knock);
                }
            });
        }
    }
}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stranger").field("remote_addr", &self.remote_addr()).finish_non_exhaustive()
    }
}
