//! Packets that are held back until their time has come.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use quinn::AsyncUdpSocket;
use quinn::udp::{EcnCodepoint, Transmit};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::changes::changed;
use crate::in_flight::InFlight;
use crate::{Fabric, Fate, Host, SharedFabric};

/// What may be held back at once, of all hosts together: a second of a gigabit per second would be eight times as much.
const ROOM: usize = 16 << 20;

/// What is to be done with a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it.
    Now,
    /// Nothing: it is lost, or sent later by somebody else.
    Taken,
}

#[derive(Debug, Clone)]
struct Packet {
    from: Host,
    to: Host,
    /// Nothing here keeps a socket open: its address is to be free when its node has closed it.
    socket: Weak<dyn AsyncUdpSocket>,
    destination: SocketAddr,
    src_ip: Option<IpAddr>,
    ecn: Option<EcnCodepoint>,
    bytes: Box<[u8]>,
}

/// Asks the fabric, and keeps what is to be sent later.
#[derive(Debug)]
pub(super) struct Shaper {
    fabric: SharedFabric,
    began: Instant,
    held_back: Mutex<HeldBack>,
    /// Something is to be sent earlier than what is waited for.
    sooner: Notify,
}

#[derive(Debug)]
struct HeldBack {
    packets: InFlight<Packet>,
    bytes: usize,
    overflowed: u64,
}

impl Shaper {
    pub(super) fn new(fabric: SharedFabric) -> Self {
        let held_back = HeldBack { packets: InFlight::new(), bytes: 0, overflowed: 0 };
        Self { fabric, began: Instant::now(), held_back: Mutex::new(held_back), sooner: Notify::new() }
    }

    pub(super) fn set_address(&self, host: Host, address: SocketAddr) {
        self.fabric().set_address(host, address);
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.held_back().overflowed
    }

    /// What becomes of one packet that a host is about to send.
    pub(super) fn judge(
        &self,
        from: Host,
        socket: &Arc<dyn AsyncUdpSocket>,
        packet: &Transmit<'_>,
    ) -> Verdict {
        let now = self.began.elapsed();
        let (to, fate) = {
            let mut fabric = self.fabric();
            let Some(to) = fabric.host_at(packet.destination) else { return Verdict::Now };
            (to, fabric.on_packet(now, from, to, packet.contents.len()))
        };
        if fate == (Fate::Arrives { after: Duration::ZERO, copy_after: None }) {
            return Verdict::Now;
        }
        let packet = Packet {
            from,
            to,
            socket: Arc::downgrade(socket),
            destination: packet.destination,
            src_ip: packet.src_ip,
            ecn: packet.ecn,
            bytes: packet.contents.into(),
        };
        self.keep(now, packet, fate);
        Verdict::Taken
    }

    fn keep(&self, now: Duration, packet: Packet, fate: Fate) {
        let mut held_back = self.held_back();
        let sooner = match fate {
            Fate::Lost(_) => false,
            Fate::Held => {
                held_back.hold(packet);
                false
            }
            Fate::Arrives { after, copy_after } => {
                let copy = copy_after.is_some_and(|after| held_back.push(now + after, packet.clone()));
                held_back.push(now + after, packet) || copy
            }
        };
        drop(held_back);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Sends what is due until it is dropped.
    pub(super) async fn run(&self) {
        let mut version = self.fabric().version();
        loop {
            let next = self.send_due().map(|next| self.began + next);
            tokio::select! {
                biased;
                now = changed(&self.fabric, version) => {
                    version = now;
                    self.fabric_changed();
                }
                () = self.sooner.notified() => {}
                () = sleep_until(next.unwrap_or(self.began)), if next.is_some() => {}
            }
        }
    }

    /// Sends what is due, and tells when more will be.
    fn send_due(&self) -> Option<Duration> {
        let now = self.began.elapsed();
        loop {
            let mut held_back = self.held_back();
            let Some(packet) = held_back.pop(now) else { return held_back.packets.next() };
            drop(held_back);
            self.send(&packet);
        }
    }

    /// What was held for a host that goes on is sent.
    fn fabric_changed(&self) {
        let released = self.held_back().release();
        for packet in released {
            let now = self.began.elapsed();
            let fate = self.fabric().on_packet(now, packet.from, packet.to, packet.bytes.len());
            self.keep(now, packet, fate);
        }
    }

    /// What the system does not take now it would not have taken from the node either: it is lost, and counted.
    fn send(&self, packet: &Packet) {
        let Some(socket) = packet.socket.upgrade() else { return };
        let transmit = Transmit {
            destination: packet.destination,
            ecn: packet.ecn,
            contents: &packet.bytes,
            segment_size: None,
            src_ip: packet.src_ip,
        };
        if socket.try_send(&transmit).is_err() {
            self.held_back().overflowed += 1;
        }
    }

    fn held_back(&self) -> MutexGuard<'_, HeldBack> {
        // It is whole after each of its methods, so a poisoned lock is as good as any.
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fabric(&self) -> MutexGuard<'_, Fabric> {
        // Whoever broke down while it had the lock has at worst half a fault begun.
        self.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldBack {
    /// Keeps it until then. True if nothing is to be sent earlier.
    fn push(&mut self, at: Duration, packet: Packet) -> bool {
        self.make_room(packet.bytes.len()) && self.packets.push(at, packet)
    }

    /// Keeps it while somebody is paused.
    fn hold(&mut self, packet: Packet) {
        if self.make_room(packet.bytes.len()) {
            self.packets.hold(packet);
        }
    }

    fn make_room(&mut self, bytes: usize) -> bool {
        let room = self.bytes + bytes <= ROOM;
        if room {
            self.bytes += bytes;
        } else {
            self.overflowed += 1;
        }
        room
    }

    fn pop(&mut self, now: Duration) -> Option<Packet> {
        let packet = self.packets.pop(now)?;
        self.bytes = self.bytes.saturating_sub(packet.bytes.len());
        Some(packet)
    }

    fn release(&mut self) -> impl IntoIterator<Item = Packet> + use<> {
        let released = self.packets.release();
        let bytes: usize = released.iter().map(|packet| packet.bytes.len()).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        released
    }
}
