//! What all sockets in memory hang on.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use quinn::udp::EcnCodepoint;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::changes::changed;
use crate::in_flight::InFlight;
use crate::{Fabric, Fate, Host, LostWhy, Power, SharedFabric};

/// What may be on its way to one host or wait there unread: as much as real nodes ask of a system for their sockets.
const ROOM: usize = 4 << 20;

/// A packet, as its receiver will see it.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) from: Host,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) bytes: Box<[u8]>,
}

#[derive(Debug, Clone)]
struct Addressed {
    to: Host,
    packet: Packet,
}

/// What waits for a host that is paused.
#[derive(Debug)]
enum Held {
    /// To be sent, by or to it.
    Sent(Addressed),
    /// To be read by it.
    Arrived(Addressed),
}

/// Sockets and what is under way between them.
#[derive(Debug)]
pub(super) struct Wire {
    fabric: SharedFabric,
    began: Instant,
    state: Mutex<State>,
    /// Something arrives earlier than what is waited for.
    sooner: Notify,
}

#[derive(Debug)]
struct State {
    in_flight: InFlight<Addressed, Held>,
    ports: BTreeMap<Host, Port>,
    overflowed: u64,
}

/// Where a host is plugged in.
#[derive(Debug, Default)]
struct Port {
    /// Which of its sockets is alive; those before are dead.
    life: u64,
    plugged: bool,
    received: Received,
    reader: Option<Waker>,
    /// Bytes that are on their way to the host or wait here.
    taken: usize,
}

/// Packets that wait to be read.
#[derive(Debug, Default)]
pub(super) struct Received {
    packets: VecDeque<Packet>,
    read: usize,
}

impl Received {
    pub(super) fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop_front()?;
        self.read += packet.bytes.len();
        Some(packet)
    }
}

impl Wire {
    pub(super) fn new(fabric: SharedFabric) -> Self {
        let state = State { in_flight: InFlight::new(), ports: BTreeMap::new(), overflowed: 0 };
        Self { fabric, began: Instant::now(), state: Mutex::new(state), sooner: Notify::new() }
    }

    /// Begins the next life of a host, and gives its number.
    pub(super) fn plug_in(&self, host: Host) -> u64 {
        let mut state = self.state();
        let port = state.ports.entry(host).or_default();
        port.life += 1;
        port.plugged = true;
        let (life, unread) = (port.life, port.empty());
        drop(state);
        drop(unread);
        life
    }

    /// What is on its way to it vanishes, unless it has another life already.
    pub(super) fn unplug(&self, host: Host, life: u64) {
        let mut state = self.state();
        let Some(port) = state.ports.get_mut(&host).filter(|port| port.life == life) else { return };
        port.plugged = false;
        let unread = port.empty();
        drop(state);
        drop(unread);
    }

    /// Sends a packet from a life of a host to an address.
    pub(super) fn send(&self, life: u64, to: SocketAddr, packet: Packet) {
        let state = self.state();
        let alive = state.ports.get(&packet.from).is_some_and(|port| port.plugged && port.life == life);
        drop(state);
        let to = self.fabric().host_at(to);
        if let Some(to) = to.filter(|_| alive) {
            self.carry(Addressed { to, packet });
        }
    }

    /// Lets the fabric decide, and does it.
    fn carry(&self, what: Addressed) {
        let (now, from, bytes) = (self.now(), what.packet.from, what.packet.bytes.len());
        let fate = self.fabric().on_packet(now, from, what.to, bytes);
        let mut state = self.state();
        let sooner = match fate {
            Fate::Lost(_) => false,
            Fate::Held => {
                state.hold(what);
                false
            }
            Fate::Arrives { after, copy_after } => {
                let copy = copy_after.map(|after| (arrival(now, after), what.clone()));
                let copy = copy.is_some_and(|(at, copy)| state.push(at, copy));
                state.push(arrival(now, after), what) || copy
            }
        };
        drop(state);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Takes what a socket has received, or waits for it. One of an earlier life waits for ever.
    pub(super) fn poll_received<T>(
        &self,
        host: Host,
        life: u64,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Received) -> T,
    ) -> Poll<T> {
        let mut state = self.state();
        let Some(port) = state.ports.get_mut(&host).filter(|port| port.life == life) else {
            return Poll::Pending;
        };
        if port.received.packets.is_empty() {
            let before = port.reader.replace(cx.waker().clone());
            drop(state);
            drop(before);
            return Poll::Pending;
        }
        let taken = take(&mut port.received);
        port.taken = port.taken.saturating_sub(std::mem::take(&mut port.received.read));
        Poll::Ready(taken)
    }

    /// Moves packets until it is dropped.
    pub(super) async fn run(&self) {
        let mut version = self.fabric().version();
        loop {
            let next = self.deliver().map(|next| self.began + next);
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

    /// Delivers what is due, and tells when more will be.
    fn deliver(&self) -> Option<Duration> {
        let now = self.now();
        if self.state().in_flight.next().is_some_and(|next| next <= now) {
            let mut fabric = self.fabric();
            let mut state = self.state();
            let mut readers = Vec::new();
            while let Some(what) = state.in_flight.pop(now) {
                if fabric.power(what.to) == Power::Paused {
                    state.in_flight.hold(Held::Arrived(what));
                    continue;
                }
                match state.arrive(what) {
                    Ok(reader) => readers.extend(reader),
                    Err(bytes) => fabric.lose(bytes, LostWhy::Down),
                }
            }
            drop((state, fabric));
            // They are woken without the locks, which what they drop may want.
            readers.into_iter().for_each(Waker::wake);
        }
        self.state().in_flight.next()
    }

    /// Hosts that go on see what came meanwhile, and what was held for them is sent.
    fn fabric_changed(&self) {
        let held = self.state().in_flight.release();
        for held in held {
            match held {
                Held::Sent(what) => {
                    self.state().give_room(&what);
                    self.carry(what);
                }
                // It arrives now, or is held once more.
                Held::Arrived(what) => {
                    self.state().in_flight.push(Duration::ZERO, what);
                }
            }
        }
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.state().overflowed
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole after each of its methods, so a poisoned lock is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fabric(&self) -> MutexGuard<'_, Fabric> {
        // Whoever broke down while it had the lock has at worst half a fault begun.
        self.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets it arrive then. True if nothing arrives earlier.
    fn push(&mut self, at: Duration, what: Addressed) -> bool {
        self.make_room(&what) && self.in_flight.push(at, what)
    }

    /// Keeps it while somebody is paused.
    fn hold(&mut self, what: Addressed) {
        if self.make_room(&what) {
            self.in_flight.hold(Held::Sent(what));
        }
    }

    /// Counts a packet to its receiver, or as dropped.
    fn make_room(&mut self, what: &Addressed) -> bool {
        let port = self.ports.entry(what.to).or_default();
        let taken = port.taken + what.packet.bytes.len();
        if taken > ROOM {
            self.overflowed += 1;
            return false;
        }
        port.taken = taken;
        true
    }

    fn give_room(&mut self, what: &Addressed) {
        if let Some(port) = self.ports.get_mut(&what.to) {
            port.taken = port.taken.saturating_sub(what.packet.bytes.len());
        }
    }

    /// Puts a packet where it is read, and gives who waits for it. An error has the size of one that nobody will read.
    fn arrive(&mut self, what: Addressed) -> Result<Option<Waker>, usize> {
        match self.ports.get_mut(&what.to) {
            Some(port) if port.plugged => {
                port.received.packets.push_back(what.packet);
                Ok(port.reader.take())
            }
            _ => {
                self.give_room(&what);
                Err(what.packet.bytes.len())
            }
        }
    }
}

impl Port {
    /// Takes what nobody will read, to be dropped without the lock: a waker may own a socket.
    fn empty(&mut self) -> (Received, Option<Waker>) {
        let unread: usize = self.received.packets.iter().map(|packet| packet.bytes.len()).sum();
        self.taken = self.taken.saturating_sub(unread);
        (std::mem::take(&mut self.received), self.reader.take())
    }
}

/// When a packet arrives that is sent now: on a whole millisecond, as tokio's timers do.
fn arrival(now: Duration, after: Duration) -> Duration {
    let at = now + after;
    let rest = at.subsec_nanos() % 1_000_000;
    if rest == 0 { at } else { at + Duration::from_nanos(u64::from(1_000_000 - rest)) }
}
