//! What one end of a connection makes of its path. It looks the link up where a real one would have to measure it: the
//! estimate of somebody who has used it for a while.

use std::time::Duration;

use super::packet::{DATAGRAM_OVERHEAD_BYTES, STREAM_OVERHEAD_BYTES};
use super::time::Now;
use crate::fabric::nanos;
use crate::{Fabric, Host};

/// What a path without a limit is thought to carry, in bytes per second: 10 Gbit/s.
const MOST_BYTES_PER_SECOND: u64 = 1_250_000_000;

/// QUIC sends packets of 1,200 bytes on every path (RFC 9000, section 14), and looks for no larger ones than fit into
/// Ethernet.
const LEAST_PACKET: usize = 1200;
const MOST_PACKET: usize = 1452;

/// How long the other end may wait with an acknowledgement (RFC 9000, section 18.2).
const ACK_DELAY_NANOS: u64 = 25_000_000;

/// Pieces of streams wait for a path that is busy for longer than this, so that what is more urgent goes before them.
const AHEAD_NANOS: u64 = 5_000_000;

const NANOS_PER_MS: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Path {
    /// Which version of the faults this is from.
    seen: Option<u64>,
    round_trip: u64,
    /// By how much round trips differ.
    variation: u64,
    bytes_per_second: u64,
    packet: usize,
    /// Until when it is busy with what was sent on it.
    busy_until: u64,
}

impl Path {
    pub(super) fn new() -> Self {
        Self {
            seen: None,
            round_trip: 0,
            variation: 0,
            bytes_per_second: MOST_BYTES_PER_SECOND,
            packet: LEAST_PACKET,
            busy_until: 0,
        }
    }

    /// Whether nothing has changed since it was looked at last.
    pub(super) fn is_fresh(&self, version: u64) -> bool {
        self.seen == Some(version)
    }

    /// Looks again. Of a link that is cut it knows what it knew before.
    pub(super) fn refresh(&mut self, version: u64, fabric: &mut Fabric, from: Host, to: Host) {
        self.seen = Some(version);
        let (Some(there), Some(back)) = (fabric.link(from, to), fabric.link(to, from)) else { return };
        let ways = [&*there, &*back];
        let way = |of: &crate::Conditions| nanos(of.latency.median() + of.added + of.jitter / 2);
        // Every packet takes at least a millisecond.
        self.round_trip = ways.iter().map(|of| way(of).max(NANOS_PER_MS)).sum();
        self.variation = ways.iter().map(|of| nanos(of.jitter / 2)).sum::<u64>() + self.round_trip / 8;
        self.bytes_per_second = there.bandwidth.map_or(MOST_BYTES_PER_SECOND, |bits| (bits / 8).max(1));
        self.packet = there.mtu.clamp(LEAST_PACKET, MOST_PACKET);
    }

    pub(super) fn round_trip(&self) -> Duration {
        Duration::from_nanos(self.round_trip)
    }

    pub(super) fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// After how many milliseconds without an answer something counts as lost (RFC 9002, section 6.2.1).
    pub(super) fn probe_timeout(&self) -> u64 {
        let variation = (4 * self.variation).max(NANOS_PER_MS);
        (self.round_trip + variation + ACK_DELAY_NANOS).div_ceil(NANOS_PER_MS)
    }

    pub(super) fn most_datagram_bytes(&self) -> usize {
        self.packet - DATAGRAM_OVERHEAD_BYTES
    }

    pub(super) fn most_piece_bytes(&self) -> usize {
        self.packet - STREAM_OVERHEAD_BYTES
    }

    pub(super) fn sent(&mut self, now: Now, bytes: usize) {
        if self.bytes_per_second == MOST_BYTES_PER_SECOND {
            return;
        }
        let takes = bytes as u64 * NANOS_PER_SECOND / self.bytes_per_second;
        self.busy_until = self.busy_until.max(now.nanos) + takes;
    }

    /// How many bytes wait for it.
    pub(super) fn ahead(&self, now: impl FnOnce() -> Now) -> usize {
        if self.busy_until == 0 {
            return 0;
        }
        let busy = self.busy_until.saturating_sub(now().nanos);
        (u128::from(busy) * u128::from(self.bytes_per_second) / u128::from(NANOS_PER_SECOND)) as usize
    }

    /// When the next piece of a stream may be sent, in milliseconds, if not now.
    pub(super) fn next_piece_at(&self, now: Now) -> Option<u64> {
        let at = self.busy_until.saturating_sub(AHEAD_NANOS);
        (at > now.nanos).then(|| at.div_ceil(NANOS_PER_MS).max(now.ms + 1))
    }
}
