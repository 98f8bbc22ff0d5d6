//! What QUIC takes for a UDP socket.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::wire::{Packet, Wire};
use crate::Host;

/// The socket of one life of a host.
pub(super) struct MemorySocket {
    wire: Arc<Wire>,
    host: Host,
    life: u64,
}

impl MemorySocket {
    /// A socket for the next life of a host. Those of earlier lives are dead from now on.
    pub(super) fn plug_in(wire: &Arc<Wire>, host: Host) -> Self {
        Self { wire: Arc::clone(wire), host, life: wire.plug_in(host) }
    }

    /// Counts from 1.
    pub(super) fn life(&self) -> u64 {
        self.life
    }
}

impl Drop for MemorySocket {
    fn drop(&mut self) {
        self.wire.unplug(self.host, self.life);
    }
}

impl AsyncUdpSocket for MemorySocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for bytes in transmit.contents.chunks(segment) {
            let packet = Packet { from: self.host, ecn: transmit.ecn, bytes: bytes.into() };
            self.wire.send(self.life, transmit.destination, packet);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.wire.poll_received(self.host, self.life, cx, |received| {
            let mut taken = 0;
            for (buf, meta) in bufs.iter_mut().zip(meta) {
                let Some(packet) = received.pop() else { break };
                // What is longer than the buffer is cut off, as a system would.
                let len = packet.bytes.len().min(buf.len());
                buf.iter_mut().zip(&packet.bytes).for_each(|(to, from)| *to = *from);
                *meta =
                    RecvMeta { addr: packet.from.address(), len, stride: len, ecn: packet.ecn, dst_ip: None };
                taken += 1;
            }
            Ok(taken)
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.host.address())
    }

    /// Packets that are too large are lost, which is how QUIC finds out what the path takes.
    fn may_fragment(&self) -> bool {
        false
    }
}

impl fmt::Debug for MemorySocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySocket")
            .field("host", &self.host)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// What cannot be carried is lost, and nobody waits.
#[derive(Debug)]
pub(crate) struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
