//! How much one peer may send, and when it has been too much for too long.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket of tokens, one per datagram, that fills up with time: a burst of as many as come in a quarter of a second, and
/// on average no more than the rate.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    patience: Option<Duration>,
    tokens: f64,
    counted_at: Instant,
    /// Since when more came than was taken, with no second between in which all was.
    greedy_since: Option<Instant>,
    last_refusal: Option<Instant>,
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take,
    Drop,
    /// It has been too much for longer than is borne.
    SendAway,
}

/// So long must all be taken before the patience begins anew.
const CALM: Duration = Duration::from_secs(1);

/// The share of a second that may come at once.
const BURST: f64 = 0.25;

impl Pace {
    /// At most `per_second`; somebody who sends more for longer than `patience` is sent away.
    pub(crate) fn new(per_second: u32, patience: Option<Duration>, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            patience,
            tokens: (per_second * BURST).max(1.0),
            counted_at: now,
            greedy_since: None,
            last_refusal: None,
        }
    }

    /// A datagram has come.
    pub(crate) fn came(&mut self, now: Instant) -> Verdict {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        self.tokens = (self.tokens + passed * self.per_second).min((self.per_second * BURST).max(1.0));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Verdict::Take;
        }
        let calm = self.last_refusal.is_none_or(|last| now.saturating_duration_since(last) > CALM);
        let since = *self.greedy_since.insert(self.greedy_since.filter(|_| !calm).unwrap_or(now));
        self.last_refusal = Some(now);
        match self.patience {
            Some(patience) if now.saturating_duration_since(since) > patience => Verdict::SendAway,
            _ => Verdict::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(pace: &mut Pace, times: impl Iterator<Item = Instant>) -> usize {
        times.filter(|now| pace.came(*now) == Verdict::Take).count()
    }

    #[test]
    fn a_burst_passes_and_what_is_beyond_the_rate_does_not() {
        let start = Instant::now();
        let mut pace = Pace::new(1000, None, start);

        assert_eq!(taken(&mut pace, std::iter::repeat_n(start, 1000)), 250);

        let second = (1..=2000).map(|n| start + Duration::from_micros(500 * n));
        let count = taken(&mut pace, second);
        assert!((998..=1001).contains(&count), "{count} of 2000 in a second");
    }

    #[test]
    fn whoever_is_greedy_for_too_long_is_sent_away_and_a_burst_now_and_then_is_not_greed() {
        let start = Instant::now();
        let patience = Some(Duration::from_secs(3));
        let flood = |pace: &mut Pace, from: Instant, secs: u64| {
            (0..secs * 1000).map(|ms| pace.came(from + Duration::from_millis(ms))).collect::<Vec<_>>()
        };

        let mut greedy = Pace::new(100, patience, start);
        assert!(!flood(&mut greedy, start, 3).contains(&Verdict::SendAway));
        assert!(flood(&mut greedy, start + Duration::from_secs(3), 1).contains(&Verdict::SendAway));

        let mut bursty = Pace::new(100, patience, start);
        for round in 0..10 {
            assert!(
                !flood(&mut bursty, start + Duration::from_secs(4 * round), 2).contains(&Verdict::SendAway)
            );
        }
    }

    proptest! {
        /// Over any stretch of time no more is taken than the rate and a burst.
        #[test]
        fn no_more_is_taken_than_the_rate_allows(gaps in proptest::collection::vec(0_u64..20_000, 1..500)) {
            let start = Instant::now();
            let mut pace = Pace::new(200, None, start);
            let (mut now, mut taken) = (start, 0_u32);
            for gap in gaps {
                now += Duration::from_micros(gap);
                taken += u32::from(pace.came(now) == Verdict::Take);
                let most = 50.0 + (now - start).as_secs_f64() * 200.0;
                prop_assert!(f64::from(taken) <= most + 0.001);
            }
        }
    }
}
