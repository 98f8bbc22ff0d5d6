//! Decides who is let in: strangers by what their first packet costs, and agents that were sent away by their name.
//!
//! [`Door`] is a state machine without IO or clock: the time goes in, a [`Verdict`] comes out. What a stranger claims
//! costs it nothing until a packet of ours has reached it, so nothing is remembered of an address before that: anybody
//! can write anybody's address onto a packet.

mod address;
mod sent_away;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use swarm_proto::AgentId;

use self::address::{AddressRates, is_public};
use self::sent_away::SentAway;
use crate::trace::RefusedReason;

/// Who is let in, and how often.
///
/// ```
/// use swarm_core::{AddressRate, DoorConfig, Retry};
///
/// let mut config = DoorConfig::default();
/// config.retry = Retry::Always;
/// config.address_rate = Some(AddressRate { per_second: 20, at_once: 100 });
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DoorConfig {
    /// When a stranger has to prove its address before its handshake begins. Default [`Retry::Crowded`].
    pub retry: Retry,
    /// So many handshakes under way make a crowd. Default 16: what that many cost is lost in what a node costs anyway, and a
    /// mesh that comes up meets fewer at once.
    pub crowd: usize,
    /// How many handshakes may begin from one address, an IPv6 network of 64 bits counting as one. Default 200 a second,
    /// 1,000 at once: a host or a NAT full of agents that restart together stays below. Only addresses that were proven
    /// count, since anybody can write anybody's onto a packet. `None` bears any number.
    pub address_rate: Option<AddressRate>,
    /// How long an agent that was sent away for breaking the rules is turned away when it comes back, and not dialled by
    /// the mesh. Default 60 s: as long as a lost peer is looked for. Zero lets it in at once.
    pub sent_away_for: Duration,
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self {
            retry: Retry::default(),
            crowd: 16,
            address_rate: Some(AddressRate { per_second: 200, at_once: 1000 }),
            sent_away_for: Duration::from_secs(60),
        }
    }
}

/// When a stranger is asked to prove its address with a QUIC Retry (RFC 9000, section 8.1.2): one round trip more for it,
/// and nothing kept here for addresses that are not its own.
///
/// ```
/// assert_eq!(swarm_core::Retry::default(), swarm_core::Retry::Crowded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Retry {
    /// Always on an address that the whole Internet may reach, which is any that is not loopback, private (RFC 1918,
    /// RFC 4193) or link-local, the unspecified one included; elsewhere when there is a crowd.
    #[default]
    Crowded,
    /// Always.
    Always,
    /// Never: packets with made-up senders then cost a handshake each.
    Never,
}

/// How many handshakes may begin.
///
/// ```
/// let rate = swarm_core::AddressRate { per_second: 5, at_once: 20 };
/// # let _ = rate;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRate {
    /// On average, in a second.
    pub per_second: u32,
    /// At once, after a pause.
    pub at_once: u32,
}

/// The most that there may be of what strangers can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) half_open: usize,
    pub(crate) connections: usize,
}

/// What becomes of a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its handshake begins.
    Admit,
    /// It has to come back and show that it is where it says.
    Retry,
    Refuse(RefusedReason),
}

/// The doorman of a node.
#[derive(Debug)]
pub(crate) struct Door {
    most: Places,
    retry: Retry,
    crowd: usize,
    is_public: bool,
    rates: Option<AddressRates>,
    sent_away: SentAway,
}

impl Door {
    /// The door of a node that listens at `local`.
    pub(crate) fn new(config: &DoorConfig, most: Places, local: SocketAddr) -> Self {
        Self {
            most,
            retry: config.retry,
            crowd: config.crowd,
            is_public: is_public(local.ip()),
            rates: config.address_rate.map(AddressRates::new),
            sent_away: SentAway::new(config.sent_away_for),
        }
    }

    /// A stranger's first packet is there, while there are so many handshakes and connections.
    pub(crate) fn knock(
        &mut self,
        now: Instant,
        from: SocketAddr,
        address_validated: bool,
        present: Places,
    ) -> Verdict {
        let full = present.half_open >= self.most.half_open || present.connections >= self.most.connections;
        if full {
            return Verdict::Refuse(RefusedReason::Overloaded);
        }
        if !address_validated {
            return if self.asks_for_proof(present.half_open) { Verdict::Retry } else { Verdict::Admit };
        }
        let within_rate = self.rates.as_mut().is_none_or(|rates| rates.admits(now, from.ip()));
        if within_rate { Verdict::Admit } else { Verdict::Refuse(RefusedReason::AddressRate) }
    }

    fn asks_for_proof(&self, half_open: usize) -> bool {
        match self.retry {
            Retry::Always => true,
            Retry::Never => false,
            Retry::Crowded => self.is_public || half_open >= self.crowd,
        }
    }

    /// An agent broke the rules: it is not to come back for a while.
    pub(crate) fn send_away(&mut self, now: Instant, agent: AgentId) {
        self.sent_away.add(now, agent);
    }

    /// Whether this agent is not to come back yet.
    pub(crate) fn is_sent_away(&self, now: Instant, agent: AgentId) -> bool {
        self.sent_away_until(agent).is_some_and(|until| until > now)
    }

    /// When this agent may come back, if it was sent away lately.
    pub(crate) fn sent_away_until(&self, agent: AgentId) -> Option<Instant> {
        self.sent_away.until(agent)
    }
}

#[cfg(test)]
mod tests;
