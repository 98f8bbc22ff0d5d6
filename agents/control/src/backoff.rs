//! How long to wait before a command is sent again: longer each time, and never alike. Pure: never waits itself.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

/// Before the second attempt at most; a lost answer on a LAN is known to be lost by then.
const FIRST: Duration = Duration::from_millis(50);

/// Before any attempt at most; a rover that returns should not wait long for its command.
const LONGEST: Duration = Duration::from_secs(2);

/// The pauses between the attempts at one command.
#[derive(Debug)]
pub(crate) struct Backoff<'a> {
    rng: &'a mut Xoshiro256PlusPlus,
    ceiling: Duration,
}

impl<'a> Backoff<'a> {
    pub(crate) fn new(rng: &'a mut Xoshiro256PlusPlus) -> Self {
        Self { rng, ceiling: FIRST }
    }

    /// The next pause: between half of the ceiling, which doubles each time, and all of it.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.ceiling.mul_f64(self.rng.random_range(0.5..=1.0));
        self.ceiling = (2 * self.ceiling).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut backoff = Backoff::new(&mut rng);
        let mut ceiling = FIRST;
        for _ in 0..20 {
            let pause = backoff.next();
            assert!((ceiling / 2..=ceiling).contains(&pause), "{pause:?} of {ceiling:?}");
            ceiling = (2 * ceiling).min(LONGEST);
        }
        assert_eq!(ceiling, LONGEST);
    }

    #[test]
    fn seeds_wait_differently() {
        let pause = |seed| Backoff::new(&mut Xoshiro256PlusPlus::seed_from_u64(seed)).next();
        assert_eq!(pause(1), pause(1));
        assert_ne!(pause(1), pause(2));
    }
}
