//! What a node sees of a connection.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_core::transport::{Connection, ConnectionLost, Credential, DatagramError, Path, Stream};
use swarm_proto::CloseCode;

use super::ModelNetwork;
use super::end::{End, Out};
use super::ends::EndId;
use super::packet::Body;
use super::stream;

/// Holds an end of a connection. When nobody does any more, it is closed.
pub(super) struct Handle {
    pub(super) network: Arc<ModelNetwork>,
    pub(super) id: EndId,
}

impl Handle {
    pub(super) fn new(network: Arc<ModelNetwork>, id: EndId) -> Self {
        Self { network, id }
    }

    /// Does something with the end that may leave something to be said on streams; nothing once the transport is closed,
    /// and the end is gone with it.
    pub(super) fn speak<R>(&self, act: impl FnOnce(&mut End) -> R) -> Option<R> {
        self.network.act(|state, _, _| {
            let did = act(state.ends.get_mut(self.id)?);
            state.queue(self.id);
            Some(did)
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.network.act(|state, fabric, now| state.release(fabric, now, self.id));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.id).finish()
    }
}

pub(super) struct ModelConnection {
    /// As in the handle, and nearer.
    network: Arc<ModelNetwork>,
    id: EndId,
    /// Streams hold it too.
    handle: Arc<Handle>,
    credential: Credential,
    remote_addr: SocketAddr,
}

impl ModelConnection {
    pub(super) fn new(handle: Handle, credential: Credential, remote_addr: SocketAddr) -> Self {
        let (network, id) = (Arc::clone(&handle.network), handle.id);
        Self { network, id, handle: Arc::new(handle), credential, remote_addr }
    }

    /// Does something with the end; nothing once the transport is closed, and the end is gone with it.
    fn act<R>(&self, act: impl FnOnce(&mut End, &mut Out<'_>) -> R) -> Option<R> {
        self.network.act(|state, fabric, now| state.with_end(fabric, now, self.id, act))
    }

    /// What is there once there is something, or why there never will be.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut End, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<Result<R, ConnectionLost>> {
        let mut state = self.network.state();
        let Some(end) = state.ends.get_mut(self.id) else {
            return Poll::Ready(Err(ConnectionLost::ClosedHere));
        };
        match (look(end, cx), end.lost()) {
            (Poll::Ready(found), _) => Poll::Ready(Ok(found)),
            (Poll::Pending, Some(lost)) => Poll::Ready(Err(lost)),
            (Poll::Pending, None) => Poll::Pending,
        }
    }

    /// What the end makes of its path now. Asked for every datagram, so the fabric is left alone if it has not changed.
    fn look<R>(&self, look: impl FnOnce(&End) -> R) -> Option<R> {
        let mut state = self.network.state();
        let faults = state.wire.faults();
        let end = state.ends.get_mut(self.id)?;
        if !end.path.is_fresh(faults) {
            end.path.refresh(faults, &mut self.network.fabric(), end.host, end.peer_host);
        }
        Some(look(end))
    }
}

impl Connection for ModelConnection {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }

    fn round_trip(&self) -> Duration {
        self.look(|end| end.path.round_trip()).unwrap_or_default()
    }

    fn path(&self) -> Path {
        let path = self.look(|end| Path {
            bytes_per_second: end.path.bytes_per_second(),
            round_trip: end.path.round_trip(),
            stream_frames: end.data_frames(),
        });
        path.unwrap_or(Path { bytes_per_second: 0, round_trip: Duration::ZERO, stream_frames: 0 })
    }

    fn datagram_prefix(&self) -> &'static [u8] {
        &[]
    }

    fn send_datagram(&self, datagram: Bytes) -> Result<(), DatagramError> {
        let sent = self.act(|end, out| {
            if end.is_over() {
                return Err(DatagramError::ConnectionLost);
            }
            end.look_at_path(out);
            let max = end.path.most_datagram_bytes();
            if datagram.len() > max {
                return Err(DatagramError::TooLarge { max });
            }
            end.send(self.id, Body::Datagram(datagram), out);
            Ok(())
        });
        sent.unwrap_or(Err(DatagramError::ConnectionLost))
    }

    fn max_datagram_bytes(&self) -> usize {
        self.look(|end| end.path.most_datagram_bytes()).unwrap_or_default()
    }

    fn datagram_room(&self) -> usize {
        self.look(|end| end.datagram_room(|| self.network.now())).unwrap_or_default()
    }

    /// Each is on the wire at once, and a close goes behind it.
    fn datagrams_unsent(&self) -> usize {
        0
    }

    fn receive_datagram(&self) -> BoxFuture<'_, Result<Bytes, ConnectionLost>> {
        std::future::poll_fn(|cx| self.poll(cx, End::poll_datagram)).boxed()
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        let opened = |end: &mut End, cx: &mut Context<'_>| match end.is_over() {
            true => Poll::Pending,
            false => end.streams().poll_open(cx),
        };
        std::future::poll_fn(move |cx| self.poll(cx, opened))
            .map(|opened| Ok(stream::halves(&self.handle, opened?)))
            .boxed()
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        std::future::poll_fn(|cx| self.poll(cx, |end, cx| end.streams().poll_take(cx)))
            .map(|taken| Ok(stream::halves(&self.handle, taken?)))
            .boxed()
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.act(|end, out| end.close(self.id, Some(code), reason, out));
    }

    fn closed(&self) -> BoxFuture<'_, ConnectionLost> {
        let never = |end: &mut End, cx: &mut Context<'_>| {
            if !end.is_over() {
                end.watchers.add(cx.waker());
            }
            Poll::<std::convert::Infallible>::Pending
        };
        std::future::poll_fn(move |cx| self.poll(cx, never))
            .map(|over| match over {
                Ok(never) => match never {},
                Err(lost) => lost,
            })
            .boxed()
    }
}

impl fmt::Debug for ModelConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelConnection")
            .field("credential", &self.credential)
            .field("remote_addr", &self.remote_addr)
            .finish_non_exhaustive()
    }
}
