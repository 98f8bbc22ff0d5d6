//! One direction of a link: what it is like now, its own randomness, and how long it is busy.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::digest::{finish, nanos};
use super::{Fate, Faults, Host, LostWhy};
use crate::{Conditions, Distribution, Loss};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How many different conditions are looked through for equal ones: most fabrics have a few profiles.
const SHARED: usize = 32;

type Base = Box<dyn Fn(Host, Host) -> Conditions + Send + Sync>;

/// Every direction that was used.
pub(super) struct Links {
    seed: u64,
    base: Base,
    /// By the host that sends.
    outgoing: Vec<Outgoing>,
    /// Conditions that many links have in common.
    shared: Vec<Arc<Conditions>>,
}

/// What one host sends on. Two arrays, so that the search touches few lines of the cache.
#[derive(Default)]
struct Outgoing {
    to: Vec<Host>,
    links: Vec<Link>,
}

impl Outgoing {
    fn find(&self, to: Host) -> Result<usize, usize> {
        // Where it is if this host sends to all others, or to all others but itself.
        let index = to.0 as usize;
        for likely in [index, index.wrapping_sub(1)] {
            if self.to.get(likely) == Some(&to) {
                return Ok(likely);
            }
        }
        self.to.binary_search(&to)
    }
}

impl Links {
    pub(super) fn new(seed: u64, hosts: usize, base: Base) -> Self {
        Self {
            seed,
            base,
            outgoing: std::iter::repeat_with(Outgoing::default).take(hosts).collect(),
            shared: Vec::new(),
        }
    }

    /// This direction, up to date; `None` if one of the hosts does not exist.
    pub(super) fn between(&mut self, from: Host, to: Host, faults: &Faults) -> Option<&mut Link> {
        let hosts = self.outgoing.len();
        let outgoing = self.outgoing.get_mut(from.0 as usize).filter(|_| (to.0 as usize) < hosts)?;
        let index = match outgoing.find(to) {
            Ok(index) => index,
            Err(index) => {
                let base = shared(&mut self.shared, (self.base)(from, to));
                outgoing.to.insert(index, to);
                outgoing.links.insert(index, Link::new(self.seed, from, to, base));
                index
            }
        };
        let link = outgoing.links.get_mut(index)?;
        if link.faults_seen != faults.version {
            link.now = faults.applied(from, to, &link.base).map(|now| shared(&mut self.shared, now));
            link.faults_seen = faults.version;
        }
        Some(link)
    }
}

/// Equal conditions that another link has, or these. Those that nobody has any more make room.
fn shared(known: &mut Vec<Arc<Conditions>>, conditions: impl Into<Arc<Conditions>>) -> Arc<Conditions> {
    let conditions = conditions.into();
    if let Some(equal) = known.iter().find(|other| Arc::ptr_eq(other, &conditions) || **other == conditions) {
        return Arc::clone(equal);
    }
    if known.len() >= SHARED {
        known.retain(|other| Arc::strong_count(other) > 1);
    }
    if known.len() < SHARED {
        known.push(Arc::clone(&conditions));
    }
    conditions
}

#[derive(Debug)]
pub(super) struct Link {
    rng: Xoshiro256PlusPlus,
    /// Without faults.
    base: Arc<Conditions>,
    /// With them; none while it is cut.
    now: Option<Arc<Conditions>>,
    /// Which version of the faults that is.
    faults_seen: u64,
    /// Until when it carries what was sent before, in nanoseconds.
    busy_until: u64,
    in_burst: bool,
}

impl Link {
    fn new(seed: u64, from: Host, to: Host, base: Arc<Conditions>) -> Self {
        let ends = u64::from(from.0) << 32 | u64::from(to.0);
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(finish(seed ^ finish(ends))),
            now: Some(Arc::clone(&base)),
            base,
            faults_seen: 0,
            busy_until: 0,
            in_burst: false,
        }
    }

    pub(super) fn conditions(&self) -> Option<Arc<Conditions>> {
        self.now.clone()
    }

    pub(super) fn on_packet(&mut self, now: Duration, bytes: usize) -> Fate {
        let Some(conditions) = &self.now else { return Fate::Lost(LostWhy::Cut) };
        if bytes > conditions.mtu {
            return Fate::Lost(LostWhy::TooLarge);
        }
        let carried_after = match conditions.bandwidth {
            None => 0,
            Some(bandwidth) => {
                let now = nanos(now);
                let begins = self.busy_until.max(now);
                let takes = (bytes as u64 * 8 * NANOS_PER_SECOND).checked_div(bandwidth);
                let Some(takes) = takes.filter(|_| begins - now <= nanos(conditions.queue)) else {
                    return Fate::Lost(LostWhy::QueueFull);
                };
                self.busy_until = begins.saturating_add(takes);
                self.busy_until - now
            }
        };
        // Nothing is drawn for what cannot happen.
        let rng = &mut self.rng;
        let mut happens = |chance: f64| chance > 0.0 && rng.random::<f64>() < chance;
        let lost = match conditions.loss {
            Loss::Random(share) => happens(share),
            Loss::Bursts(bursts) => {
                let turns = happens(if self.in_burst { bursts.leave } else { bursts.enter });
                self.in_burst ^= turns;
                happens(if self.in_burst { bursts.lost_inside } else { bursts.lost_outside })
            }
        };
        if lost {
            return Fate::Lost(LostWhy::Loss);
        }
        let (copied, held_up) = (happens(conditions.duplicate), happens(conditions.reorder));
        let least = carried_after.saturating_add(nanos(conditions.added));
        let (jitter, mut after) = (nanos(conditions.jitter), least);
        let mut latency = || match conditions.latency {
            Distribution::Constant(always) => nanos(always),
            other => nanos(other.sample(rng)),
        };
        after = after.saturating_add(latency());
        if held_up {
            after = after.saturating_add(latency());
        }
        let copy = copied.then(|| least.saturating_add(latency()));
        let mut arrival = |after: u64| {
            let late = if jitter == 0 { 0 } else { (jitter as f64 * rng.random::<f64>()) as u64 };
            Duration::from_nanos(after.saturating_add(late))
        };
        Fate::Arrives { after: arrival(after), copy_after: copy.map(arrival) }
    }
}
