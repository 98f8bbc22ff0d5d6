//! How much an adversary does.

use std::time::Duration;

use crate::Attack;

/// How much an adversary does, and for how long. Whatever it says, [`Adversary`](crate::Adversary) keeps to the bounds
/// that each field names.
///
/// ```
/// use swarm_adversary::{Attack, Plan};
///
/// let plan = Plan { attempts: 1000, ..Plan::of(Attack::NoCertificate) };
/// assert_eq!(plan.rate, 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many times it begins anew at each target, at most 100,000.
    pub attempts: u64,
    /// How many attempts are under way at each target at once, at most 256.
    pub at_once: usize,
    /// How many acts a second at each target, at most 200,000: datagrams or streams of an attack that goes on and on,
    /// attempts of any other.
    pub rate: u32,
    /// Bytes of each act that has a size, at most 64,000.
    pub size: usize,
    /// The longest that one attempt goes on, at most a minute. Whoever is not cut off by then has been borne.
    pub patience: Duration,
    /// The longest that all of it goes on, at most ten minutes.
    pub within: Duration,
}

impl Plan {
    /// What shows in a few seconds how a node stands an attack.
    #[must_use]
    pub const fn of(attack: Attack) -> Self {
        let soon_over = Self {
            attempts: 10,
            at_once: 4,
            rate: 10,
            size: 200,
            patience: Duration::from_secs(15),
            within: Self::MOST.within,
        };
        match attack {
            Attack::NoCertificate | Attack::ForeignRoot => {
                Self { attempts: 100, at_once: 16, rate: 100, ..soon_over }
            }
            Attack::Silent | Attack::HalfConnect | Attack::HalfHello => {
                Self { attempts: 20, at_once: 20, rate: 100, ..soon_over }
            }
            Attack::GarbagePackets => Self { attempts: 1, at_once: 1, rate: 5000, ..soon_over },
            Attack::DatagramFlood => Self { attempts: 3, at_once: 1, rate: 50_000, ..soon_over },
            Attack::StreamFlood | Attack::ResetFlood => {
                Self { attempts: 3, at_once: 1, rate: 2000, ..soon_over }
            }
            Attack::Replays | Attack::ForgedOrigin | Attack::BeyondGrant => {
                Self { attempts: 3, at_once: 1, rate: 500, ..soon_over }
            }
            Attack::NeverReads => Self { attempts: 1, at_once: 1, rate: 100, size: 60_000, ..soon_over },
            _ => soon_over,
        }
    }

    /// The most that an adversary does.
    pub const MOST: Self = Self {
        attempts: 100_000,
        at_once: 256,
        rate: 200_000,
        size: 64_000,
        patience: Duration::from_secs(60),
        within: Duration::from_secs(600),
    };

    /// The same within the bounds.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            attempts: self.attempts.clamp(1, Self::MOST.attempts),
            at_once: self.at_once.clamp(1, Self::MOST.at_once),
            rate: self.rate.clamp(1, Self::MOST.rate),
            size: self.size.min(Self::MOST.size),
            patience: self.patience.min(Self::MOST.patience),
            within: self.within.min(Self::MOST.within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_plan_exceeds_its_bounds() {
        let endless = Plan {
            attempts: u64::MAX,
            at_once: usize::MAX,
            rate: u32::MAX,
            size: usize::MAX,
            patience: Duration::MAX,
            within: Duration::MAX,
        };
        assert_eq!(endless.bounded(), Plan::MOST);
        for attack in Attack::ALL {
            assert_eq!(Plan::of(*attack).bounded(), Plan::of(*attack));
        }
    }
}
