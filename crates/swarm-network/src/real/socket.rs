//! A socket that asks the fabric before it sends.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::shaper::{Shaper, Verdict};
use crate::Host;

/// The socket of a host whose packets are shaped on their way out.
#[derive(Debug)]
pub(super) struct ShapedSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    host: Host,
    shaper: Arc<Shaper>,
}

impl ShapedSocket {
    pub(super) fn wrap(
        inner: Arc<dyn AsyncUdpSocket>,
        host: Host,
        shaper: &Arc<Shaper>,
    ) -> Arc<dyn AsyncUdpSocket> {
        Arc::new(Self { inner, host, shaper: Arc::clone(shaper) })
    }
}

impl AsyncUdpSocket for ShapedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for contents in transmit.contents.chunks(segment) {
            let packet = Transmit { contents, segment_size: None, ..*transmit };
            match self.shaper.judge(self.host, &self.inner, &packet) {
                Verdict::Now => self.inner.try_send(&packet)?,
                Verdict::Taken => {}
            }
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Each packet has a fate of its own. With one in each transmission, one that the system does not take now is asked about
    /// once more, and no other.
    fn max_transmit_segments(&self) -> usize {
        1
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}
