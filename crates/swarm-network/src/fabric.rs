//! The hosts, the links between them, and every fault: decides the fate of packets. No clock, no socket, no task.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{Change, Conditions};

/// A host, by its number from 0. Each agent of a scenario has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(pub u32);

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It arrives after so long, and a copy of it after so long.
    Arrives {
        /// From now.
        after: Duration,
        /// Of the copy, if there is one.
        copy_after: Option<Duration>,
    },
    /// It never arrives.
    Lost(LostWhy),
    /// One of the two hosts is paused: ask again when it [goes on](Fabric::version).
    Held,
}

/// Why a packet is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LostWhy {
    /// The link loses some.
    Loss,
    /// The link is cut.
    Cut,
    /// The host it came from or was going to is down, or there is none.
    Down,
    /// Too much waits for the link already.
    QueueFull,
    /// It is larger than the link takes.
    TooLarge,
}

/// How a host is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It runs.
    Up,
    /// Nothing leaves it and nothing reaches it, until it goes on.
    Paused,
    /// It is not there.
    Down,
}

/// Which directions of which links a fault concerns: from any of the first hosts to any of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Sorted.
    pub from: Vec<Host>,
    /// Sorted.
    pub to: Vec<Host>,
    /// Also the other way.
    pub both_ways: bool,
}

/// What goes wrong with a link.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing gets through.
    Cut,
    /// It is another link for a while.
    Shape(Change),
}

/// A fault that lasts, for whoever wants to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(u64);

/// What the whole fabric has carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Packets that arrived or will, copies not counted.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that were lost, by reason.
    pub lost: BTreeMap<LostWhy, u64>,
    /// A hash over every packet: its time, ends, size and fate. Equal for equal runs.
    pub digest: u64,
}

/// A fabric that networks and whoever breaks them share.
pub type SharedFabric = Arc<Mutex<Fabric>>;

/// The hosts, the links between them, and every fault.
#[derive(Debug)]
pub struct Fabric {}

impl Fabric {
    /// A fabric of so many hosts, all of them down. `conditions` says what each direction of each link is like without
    /// faults; it is asked once for each that is used. Every direction draws from a generator of its own, derived from the
    /// seed and its two ends: what one carries changes nothing for the others.
    pub fn new(
        seed: u64,
        hosts: usize,
        conditions: impl Fn(Host, Host) -> Conditions + Send + Sync + 'static,
    ) -> Self {
        let _ = (seed, hosts, conditions);
        todo!()
    }

    /// What becomes of a packet of so many bytes.
    pub fn on_packet(&mut self, now: Duration, from: Host, to: Host, bytes: usize) -> Fate {
        let _ = (now, from, to, bytes);
        todo!()
    }

    /// Lets something go wrong from now on. Of several faults of one link each is added to those before.
    pub fn begin(&mut self, scope: Scope, fault: Fault) -> FaultId {
        let _ = (scope, fault);
        todo!()
    }

    /// Ends a fault. One that has ended stays ended.
    pub fn end(&mut self, fault: FaultId) {
        let _ = fault;
        todo!()
    }

    /// Says how a host is doing.
    pub fn set_power(&mut self, host: Host, power: Power) {
        let _ = (host, power);
        todo!()
    }

    /// Says which address a host has, where it does not follow from its number: on real sockets.
    pub fn set_address(&mut self, host: Host, address: SocketAddr) {
        let _ = (host, address);
        todo!()
    }

    /// Whose address it is.
    pub fn host_at(&self, address: SocketAddr) -> Option<Host> {
        let _ = address;
        todo!()
    }

    /// What this direction of a link is like now, with all faults; `None` if it is cut or one end is not up.
    pub fn conditions(&mut self, from: Host, to: Host) -> Option<Conditions> {
        let _ = (from, to);
        todo!()
    }

    /// Changes whenever a fault begins or ends, or a host is doing otherwise.
    pub fn version(&self) -> u64 {
        todo!()
    }

    /// What it has carried.
    pub fn traffic(&self) -> Traffic {
        todo!()
    }
}
