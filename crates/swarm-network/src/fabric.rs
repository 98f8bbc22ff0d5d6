//! The hosts, the links between them, and every fault: decides the fate of packets. No clock, no socket, no task.

mod digest;
mod link;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use self::digest::Digest;
pub(crate) use self::digest::nanos;
use self::link::Links;
use crate::{Change, Conditions};

/// The port of hosts in virtual networks: that of HTTPS, as far as it matters.
const PORT: u16 = 443;

/// A host, by its number from 0. Each agent of a scenario has one of its own.
///
/// ```
/// use swarm_network::Host;
///
/// assert_eq!(Host(6).address().to_string(), "10.0.0.7:443");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(pub u32);

impl Host {
    /// Where it is in a virtual network, which follows from its number. The first 16 million hosts have one each.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        let [_, a, b, c] = self.0.wrapping_add(1).to_be_bytes();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), PORT)
    }

    /// The host whose [`Self::address`] this is.
    fn of(address: SocketAddr) -> Option<Self> {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let [net, a, b, c] = ip.octets();
                let number = u32::from_be_bytes([0, a, b, c]).checked_sub(1)?;
                (net == 10 && address.port() == PORT).then_some(Self(number))
            }
            IpAddr::V6(_) => None,
        }
    }
}

/// What becomes of a packet.
///
/// ```
/// use std::time::Duration;
/// use swarm_network::{Conditions, Fabric, Fate, Host, LostWhy, Power};
///
/// let mut fabric = Fabric::new(1, 2, |_, _| Conditions::default());
/// fabric.set_power(Host(0), Power::Up);
/// let fate = fabric.on_packet(Duration::ZERO, Host(0), Host(1), 1200);
/// assert_eq!(fate, Fate::Lost(LostWhy::Down));
/// ```
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
///
/// ```
/// assert_eq!(swarm_network::LostWhy::QueueFull.to_string(), "queue full");
/// ```
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

impl LostWhy {
    const ALL: [Self; 5] = [Self::Loss, Self::Cut, Self::Down, Self::QueueFull, Self::TooLarge];
}

impl fmt::Display for LostWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "loss",
            Self::Cut => "cut",
            Self::Down => "down",
            Self::QueueFull => "queue full",
            Self::TooLarge => "too large",
        })
    }
}

/// How a host is doing.
///
/// ```
/// assert_ne!(swarm_network::Power::Paused, swarm_network::Power::Down);
/// ```
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
///
/// ```
/// use swarm_network::{Host, Scope};
///
/// let one_way = Scope { from: vec![Host(0)], to: vec![Host(1), Host(2)], both_ways: false };
/// assert!(one_way.covers(Host(0), Host(2)) && !one_way.covers(Host(2), Host(0)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Sorted.
    pub from: Vec<Host>,
    /// Sorted.
    pub to: Vec<Host>,
    /// Also the other way.
    pub both_ways: bool,
}

impl Scope {
    /// Whether this direction is meant.
    #[must_use]
    pub fn covers(&self, from: Host, to: Host) -> bool {
        let covers = |a, b| self.from.binary_search(a).is_ok() && self.to.binary_search(b).is_ok();
        covers(&from, &to) || (self.both_ways && covers(&to, &from))
    }
}

/// What goes wrong with a link.
///
/// ```
/// use swarm_network::{Change, Fault, Loss};
///
/// let mut lossy = Change::default();
/// lossy.loss = Some(Loss::Random(0.1));
/// assert_ne!(Fault::Shape(lossy), Fault::Cut);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing gets through.
    Cut,
    /// It is another link for a while.
    Shape(Change),
}

/// A fault that lasts, for whoever wants to end it: what [`Fabric::begin`] gives and [`Fabric::end`] takes.
///
/// ```
/// use swarm_network::{Conditions, Fabric, Fault, FaultId, Host, Scope};
///
/// let mut fabric = Fabric::new(1, 2, |_, _| Conditions::default());
/// let scope = Scope { from: vec![Host(0)], to: vec![Host(1)], both_ways: true };
/// let cut: FaultId = fabric.begin(scope, Fault::Cut);
/// fabric.end(cut);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(u64);

/// What the whole fabric has carried.
///
/// ```
/// use std::time::Duration;
/// use swarm_network::{Conditions, Fabric, Host, LostWhy, Traffic};
///
/// let mut fabric = Fabric::new(1, 2, |_, _| Conditions::default());
/// fabric.on_packet(Duration::ZERO, Host(0), Host(1), 1200);
/// let Traffic { packets, lost, .. } = fabric.traffic();
/// assert_eq!((packets, lost[&LostWhy::Down]), (0, 1));
/// ```
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
///
/// ```
/// use std::time::Duration;
/// use swarm_network::{Conditions, Fabric, Fate, Fault, Host, LostWhy, Power, Scope};
///
/// let mut fabric = Fabric::new(42, 3, |_, _| Conditions::profile("wan").unwrap());
/// for host in 0..3 {
///     fabric.set_power(Host(host), Power::Up);
/// }
/// let island = Scope { from: vec![Host(0)], to: vec![Host(1), Host(2)], both_ways: true };
/// let cut = fabric.begin(island, Fault::Cut);
/// let second = Duration::from_secs(1);
/// assert_eq!(fabric.on_packet(second, Host(1), Host(0), 1200), Fate::Lost(LostWhy::Cut));
/// assert!(matches!(fabric.on_packet(second, Host(1), Host(2), 1200), Fate::Arrives { .. }));
/// fabric.end(cut);
/// ```
pub struct Fabric {
    links: Links,
    power: Vec<Power>,
    faults: Faults,
    next_fault: u64,
    addresses: BTreeMap<SocketAddr, Host>,
    version: u64,
    on_change: Vec<Waker>,
    packets: u64,
    bytes: u64,
    lost: [u64; LostWhy::ALL.len()],
    digest: Digest,
}

/// What goes wrong now, in the order in which it began.
#[derive(Debug, Default)]
struct Faults {
    lasting: BTreeMap<FaultId, (Scope, Fault)>,
    /// How often something began or ended.
    version: u64,
    /// The same, for those who look often.
    shown: Arc<AtomicU64>,
}

impl Faults {
    /// What the base becomes for one direction; `None` if it is cut.
    fn applied(&self, from: Host, to: Host, base: &Arc<Conditions>) -> Option<Arc<Conditions>> {
        let mut now = Arc::clone(base);
        for (scope, fault) in self.lasting.values() {
            match fault {
                _ if !scope.covers(from, to) => {}
                Fault::Cut => return None,
                Fault::Shape(change) => now = Arc::new(Conditions::clone(&now).with(change)),
            }
        }
        Some(now)
    }
}

impl Fabric {
    /// A fabric of so many hosts, all of them down. `conditions` says what each direction of each link is like without
    /// faults; it is asked once for each that is used. Every direction draws from a generator of its own, derived from the
    /// seed and its two ends: what one carries changes nothing for the others.
    pub fn new(
        seed: u64,
        hosts: usize,
        conditions: impl Fn(Host, Host) -> Conditions + Send + Sync + 'static,
    ) -> Self {
        Self {
            links: Links::new(seed, hosts, Box::new(conditions)),
            power: vec![Power::Down; hosts],
            faults: Faults::default(),
            next_fault: 0,
            addresses: BTreeMap::new(),
            version: 0,
            on_change: Vec::new(),
            packets: 0,
            bytes: 0,
            lost: [0; LostWhy::ALL.len()],
            digest: Digest::new(),
        }
    }

    /// What becomes of a packet of so many bytes.
    pub fn on_packet(&mut self, now: Duration, from: Host, to: Host, bytes: usize) -> Fate {
        let fate = self.decide(now, from, to, bytes);
        match fate {
            Fate::Arrives { .. } => {
                self.packets += 1;
                self.bytes += bytes as u64;
            }
            Fate::Lost(why) => self.count_lost(why),
            // It is counted when it goes on.
            Fate::Held => return fate,
        }
        self.digest.packet(now, from, to, bytes, fate);
        fate
    }

    fn decide(&mut self, now: Duration, from: Host, to: Host, bytes: usize) -> Fate {
        match (self.power(from), self.power(to)) {
            (Power::Up, Power::Up) => {}
            (Power::Down, _) | (_, Power::Down) => return Fate::Lost(LostWhy::Down),
            _ => return Fate::Held,
        }
        match self.links.between(from, to, &self.faults) {
            Some(link) => link.on_packet(now, bytes),
            None => Fate::Lost(LostWhy::Down),
        }
    }

    /// A packet that was going to arrive does not, after all.
    pub(crate) fn lose(&mut self, bytes: usize, why: LostWhy) {
        self.packets = self.packets.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes as u64);
        self.count_lost(why);
    }

    /// A packet is lost that was never sent.
    pub(crate) fn count_lost(&mut self, why: LostWhy) {
        if let Some(count) = self.lost.get_mut(why as usize) {
            *count += 1;
        }
    }

    /// Lets something go wrong from now on. Of several faults of one link each is added to those before.
    pub fn begin(&mut self, mut scope: Scope, fault: Fault) -> FaultId {
        scope.from.sort_unstable();
        scope.to.sort_unstable();
        let id = FaultId(self.next_fault);
        self.next_fault += 1;
        self.faults.lasting.insert(id, (scope, fault));
        self.faults_changed();
        id
    }

    /// Ends a fault. One that has ended stays ended.
    pub fn end(&mut self, fault: FaultId) {
        if self.faults.lasting.remove(&fault).is_some() {
            self.faults_changed();
        }
    }

    fn faults_changed(&mut self) {
        self.faults.version += 1;
        self.faults.shown.store(self.faults.version, Ordering::Relaxed);
        self.changed();
    }

    fn changed(&mut self) {
        self.version += 1;
        self.on_change.drain(..).for_each(Waker::wake);
    }

    /// Says how a host is doing.
    pub fn set_power(&mut self, host: Host, power: Power) {
        match self.power.get_mut(host.0 as usize) {
            Some(now) if *now != power => *now = power,
            _ => return,
        }
        self.changed();
    }

    /// Pauses a host that runs.
    pub fn pause(&mut self, host: Host) {
        if self.power(host) == Power::Up {
            self.set_power(host, Power::Paused);
        }
    }

    /// Lets a host go on. One that is not paused any more stays as it is. True if it was.
    pub fn resume(&mut self, host: Host) -> bool {
        let was_paused = self.power(host) == Power::Paused;
        if was_paused {
            self.set_power(host, Power::Up);
        }
        was_paused
    }

    /// How a host is doing. Those that do not exist are down.
    #[must_use]
    pub fn power(&self, host: Host) -> Power {
        self.power.get(host.0 as usize).copied().unwrap_or(Power::Down)
    }

    /// Says which address a host has, where it does not follow from its number: on real sockets.
    pub fn set_address(&mut self, host: Host, address: SocketAddr) {
        self.addresses.retain(|_, other| *other != host);
        self.addresses.insert(address, host);
    }

    /// Whose address it is.
    #[must_use]
    pub fn host_at(&self, address: SocketAddr) -> Option<Host> {
        let known = self.addresses.get(&address).copied().or_else(|| Host::of(address));
        known.filter(|host| (host.0 as usize) < self.power.len())
    }

    /// What this direction of a link is like now, with all faults; `None` if it is cut or one end is not up.
    pub fn conditions(&mut self, from: Host, to: Host) -> Option<Conditions> {
        let up = self.power(from) == Power::Up && self.power(to) == Power::Up;
        if up { self.link(from, to).as_deref().cloned() } else { None }
    }

    /// The same without a copy, however the hosts are doing.
    pub(crate) fn link(&mut self, from: Host, to: Host) -> Option<Arc<Conditions>> {
        self.links.between(from, to, &self.faults).and_then(|link| link.conditions())
    }

    /// Changes whenever a fault begins or ends. Costs less to look at than a lock.
    pub(crate) fn faults_version(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.faults.shown)
    }

    /// Changes whenever a fault begins or ends, or a host is doing otherwise.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Wakes at the next change of [`Self::version`], once.
    pub fn wake_on_change(&mut self, waker: &Waker) {
        if !self.on_change.iter().any(|other| other.will_wake(waker)) {
            self.on_change.push(waker.clone());
        }
    }

    /// What it has carried.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let lost = LostWhy::ALL.into_iter().zip(self.lost).filter(|(_, count)| *count > 0);
        Traffic {
            packets: self.packets,
            bytes: self.bytes,
            lost: lost.collect(),
            digest: self.digest.value(),
        }
    }
}

impl fmt::Debug for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fabric")
            .field("hosts", &self.power.len())
            .field("faults", &self.faults)
            .field("traffic", &self.traffic())
            .finish_non_exhaustive()
    }
}
