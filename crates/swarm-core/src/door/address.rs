//! Addresses: which of them anybody may reach, and how often each may knock.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::AddressRate;

/// How many addresses are remembered. The one that knocked first is forgotten: with so many at once the number of
/// handshakes is the bound, and whoever can be reached at so many addresses is not held up by a rate for each.
pub(super) const MOST_ADDRESSES: usize = 4096;

/// Whether a socket bound to this address may hear from the whole Internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// Who is counted as one: an IPv4 address, or an IPv6 network, of which one host has 2^64 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// A bucket of tokens for each address.
#[derive(Debug)]
pub(super) struct AddressRates {
    rate: AddressRate,
    buckets: BTreeMap<IpAddr, Bucket>,
    /// In the order in which they came.
    order: VecDeque<IpAddr>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted_at: Instant,
}

impl AddressRates {
    pub(super) fn new(rate: AddressRate) -> Self {
        Self { rate, buckets: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Whether one more from this address is within its rate.
    pub(super) fn admits(&mut self, now: Instant, address: IpAddr) -> bool {
        let network = network(address);
        let full = f64::from(self.rate.at_once);
        if !self.buckets.contains_key(&network) {
            self.make_room();
            self.order.push_back(network);
        }
        let bucket = self.buckets.entry(network).or_insert(Bucket { tokens: full, counted_at: now });
        let passed = now.saturating_duration_since(bucket.counted_at).as_secs_f64();
        bucket.counted_at = now;
        bucket.tokens = (bucket.tokens + passed * f64::from(self.rate.per_second)).min(full);
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }

    fn make_room(&mut self) {
        while self.order.len() >= MOST_ADDRESSES {
            if let Some(oldest) = self.order.pop_front() {
                self.buckets.remove(&oldest);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        debug_assert_eq!(self.buckets.len(), self.order.len());
        self.buckets.len()
    }
}
