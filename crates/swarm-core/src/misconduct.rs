//! Decides how much a peer may get wrong before it is sent away.
//!
//! One mistake may be an accident; many in a short time are an attack, or a bug that costs as much. [`Misconduct`] is a
//! state machine without IO or clock: each [`Offence`] uses up a part of the patience with its kind, and patience comes
//! back with time. When more than all of it is gone, the peer goes. What was used up of several kinds adds up, but for
//! those that are no more than too much of something that is right in itself.

use std::time::Instant;

/// What is borne of one connection, by kind.
///
/// ```
/// use swarm_core::{Allowance, MisconductConfig};
///
/// let mut config = MisconductConfig::default();
/// config.unreadable_datagrams = Allowance { at_once: 2, per_second: 0.1 };
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MisconductConfig {
    /// Observations in the name of another. Default 2, and one in 10 s: the third within ten seconds ends it. No mistake
    /// of an honest node makes one.
    pub forged: Allowance,
    /// Datagrams that cannot be read. Default 20, and one a second: what arrives is what was sent, so they are a bug or an
    /// attack, but a few may be of a kind that a later version knows.
    pub unreadable_datagrams: Allowance,
    /// Streams whose first frame cannot be read, and feeds. Default 20, and one a second, for the same reason.
    pub unreadable_streams: Allowance,
    /// Streams that end or are reset before they asked for anything. Default 200, and 100 a second: an agent may give up
    /// all its requests at once, and QUIC then forgets what was not sent; it does not do so all the time.
    pub empty_streams: Allowance,
    /// Frames on the control stream, whatever they say. Default 200, and 100 a second: a node sends at most 85 a second.
    pub control_frames: Allowance,
    /// Observations, requests and introductions that the peer's grant does not permit. Default 200, and 20 a second: its
    /// grant may be younger or older than its agent knows.
    pub not_permitted: Allowance,
}

impl Default for MisconductConfig {
    fn default() -> Self {
        let allowance = |at_once, per_second| Allowance { at_once, per_second };
        Self {
            forged: allowance(2, 0.1),
            unreadable_datagrams: allowance(20, 1.0),
            unreadable_streams: allowance(20, 1.0),
            empty_streams: allowance(200, 100.0),
            control_frames: allowance(200, 100.0),
            not_permitted: allowance(200, 20.0),
        }
    }
}

impl MisconductConfig {
    fn of(&self, offence: Offence) -> Allowance {
        match offence {
            Offence::Forged => self.forged,
            Offence::UnreadableDatagram => self.unreadable_datagrams,
            Offence::UnreadableStream => self.unreadable_streams,
            Offence::EmptyStream => self.empty_streams,
            Offence::ControlFrame => self.control_frames,
            Offence::NotPermitted => self.not_permitted,
        }
    }
}

/// How much of one kind is borne.
///
/// ```
/// let never_more_than_one = swarm_core::Allowance { at_once: 1, per_second: 0.0 };
/// # let _ = never_more_than_one;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// So many at once, if there was nothing else.
    pub at_once: u32,
    /// So many in a second are borne for ever.
    pub per_second: f64,
}

/// What a peer can get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offence {
    Forged,
    UnreadableDatagram,
    UnreadableStream,
    /// Right in itself, but not in any number.
    EmptyStream,
    /// The same.
    ControlFrame,
    NotPermitted,
}

impl Offence {
    /// All that there are, in the order of their declaration.
    const ALL: [Self; 6] = [
        Self::Forged,
        Self::UnreadableDatagram,
        Self::UnreadableStream,
        Self::EmptyStream,
        Self::ControlFrame,
        Self::NotPermitted,
    ];

    /// Whether nobody does it who keeps to the rules.
    fn is_wrong_in_itself(self) -> bool {
        !matches!(self, Self::EmptyStream | Self::ControlFrame)
    }

    /// What the peer is told that did it too often.
    pub(crate) fn reproach(self) -> &'static str {
        match self {
            Self::Forged => "observations in the name of another",
            Self::UnreadableDatagram => "too many datagrams that cannot be read",
            Self::UnreadableStream => "too many streams that cannot be read",
            Self::EmptyStream => "too many streams without a request",
            Self::ControlFrame => "too many control frames",
            Self::NotPermitted => "too much that it has no grant for",
        }
    }
}

/// What one connection has got wrong lately.
#[derive(Debug)]
pub(crate) struct Misconduct {
    kinds: [Remembered; Offence::ALL.len()],
    counted_at: Instant,
    last_straw: Option<Offence>,
}

/// How many offences of a kind are not forgotten yet.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    allowance: Allowance,
    count: f64,
}

impl Remembered {
    /// The share of the patience that is gone. Whoever bears none has lost all with the first.
    fn used_up(&self) -> f64 {
        if self.count > 0.0 { self.count / f64::from(self.allowance.at_once) } else { 0.0 }
    }
}

impl Misconduct {
    pub(crate) fn new(config: &MisconductConfig, now: Instant) -> Self {
        let kinds = Offence::ALL.map(|offence| Remembered { allowance: config.of(offence), count: 0.0 });
        Self { kinds, counted_at: now, last_straw: None }
    }

    /// The peer did it. True when that is enough: then, and ever after.
    pub(crate) fn offended(&mut self, now: Instant, offence: Offence) -> bool {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        for kind in &mut self.kinds {
            kind.count = (kind.count - passed * kind.allowance.per_second).max(0.0);
        }
        if let Some(kind) = self.kinds.get_mut(offence as usize) {
            kind.count += 1.0;
        }
        if self.last_straw.is_none() && self.is_too_much() {
            self.last_straw = Some(offence);
        }
        self.last_straw.is_some()
    }

    fn is_too_much(&self) -> bool {
        let (mut together, mut alone) = (0.0, false);
        for (offence, kind) in Offence::ALL.iter().zip(&self.kinds) {
            let used_up = kind.used_up();
            alone |= used_up > 1.0;
            together += if offence.is_wrong_in_itself() { used_up } else { 0.0 };
        }
        alone || together > 1.0
    }

    /// What was too much.
    pub(crate) fn last_straw(&self) -> Option<Offence> {
        self.last_straw
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary beginning of time")]
    fn beginning() -> Instant {
        Instant::now()
    }

    fn misconduct(now: Instant) -> Misconduct {
        Misconduct::new(&MisconductConfig::default(), now)
    }

    /// How many are borne that come one after the other.
    fn borne(offence: Offence, gap: Duration, most: usize) -> usize {
        let start = beginning();
        let mut misconduct = misconduct(start);
        let mut times = std::iter::successors(Some(start), |at| Some(*at + gap)).take(most);
        times.position(|at| misconduct.offended(at, offence)).unwrap_or(most)
    }

    #[test]
    fn kinds_are_where_they_are_looked_for() {
        assert!(Offence::ALL.iter().enumerate().all(|(place, offence)| *offence as usize == place));
    }

    #[test]
    fn the_third_forgery_within_ten_seconds_is_the_last() {
        assert_eq!(borne(Offence::Forged, Duration::ZERO, 100), 2);
        assert_eq!(borne(Offence::Forged, Duration::from_millis(4990), 100), 2);
        assert_eq!(borne(Offence::Forged, Duration::from_secs(10), 100), 100);
    }

    #[test]
    fn requests_that_are_given_up_together_are_borne_and_a_flood_of_them_is_not() {
        assert_eq!(borne(Offence::EmptyStream, Duration::ZERO, 1000), 200);
        assert_eq!(borne(Offence::EmptyStream, Duration::from_millis(10), 5000), 5000);
        assert!(borne(Offence::EmptyStream, Duration::from_millis(1), 5000) < 230);
    }

    #[test]
    fn patience_comes_back() {
        let start = beginning();
        let mut misconduct = misconduct(start);
        for burst in 0..10 {
            let at = start + Duration::from_secs(2 * burst);
            assert!((0..200).all(|_| !misconduct.offended(at, Offence::EmptyStream)), "{burst}");
        }
    }

    #[test]
    fn a_bit_of_everything_is_too_much_as_well() {
        let now = beginning();
        let mut misconduct = misconduct(now);
        let bit = [Offence::Forged, Offence::UnreadableDatagram, Offence::UnreadableStream];

        let borne = bit.iter().cycle().take_while(|offence| !misconduct.offended(now, **offence)).count();

        // A half and two twentieths, and then the second half.
        assert_eq!((borne, misconduct.last_straw()), (3, Some(Offence::Forged)));
    }

    #[test]
    fn once_it_is_enough_it_stays_enough() {
        let now = beginning();
        let mut misconduct = misconduct(now);
        assert!((0..3).any(|_| misconduct.offended(now, Offence::Forged)));

        assert!(misconduct.offended(now + Duration::from_secs(3600), Offence::EmptyStream));
        assert_eq!(misconduct.last_straw(), Some(Offence::Forged));
    }

    #[test]
    fn who_bears_nothing_of_a_kind_loses_patience_with_the_first_and_not_before() {
        let now = beginning();
        let config = MisconductConfig {
            forged: Allowance { at_once: 0, per_second: 0.0 },
            ..MisconductConfig::default()
        };
        let mut misconduct = Misconduct::new(&config, now);

        assert!(!misconduct.offended(now, Offence::UnreadableDatagram));
        assert!(misconduct.offended(now, Offence::Forged));
    }

    proptest! {
        /// Over any stretch of time no more of a kind is borne than the allowance says.
        #[test]
        fn no_more_is_borne_than_is_allowed(
            gaps in proptest::collection::vec((0_u64..2000, 0_usize..Offence::ALL.len()), 1..400),
        ) {
            let start = beginning();
            let mut misconduct = misconduct(start);
            let mut now = start;
            let mut borne = [0_u32; Offence::ALL.len()];
            for (millis, kind) in gaps {
                now += Duration::from_millis(millis);
                if misconduct.offended(now, Offence::ALL[kind]) {
                    break;
                }
                borne[kind] += 1;
                let Allowance { at_once, per_second } = MisconductConfig::default().of(Offence::ALL[kind]);
                let most = f64::from(at_once) + (now - start).as_secs_f64() * per_second;
                prop_assert!(f64::from(borne[kind]) <= most + 0.001);
            }
        }

        /// Whoever does what is right as often as it may uses up no patience with what is wrong.
        #[test]
        fn what_is_right_in_itself_is_borne_beside_all_else(count in 1_usize..400) {
            let start = beginning();
            let mut misconduct = misconduct(start);
            for n in 0..count {
                let at = start + Duration::from_millis(10) * u32::try_from(n).unwrap();
                prop_assert!(!misconduct.offended(at, Offence::EmptyStream));
                prop_assert!(!misconduct.offended(at, Offence::ControlFrame));
            }
            let end = start + Duration::from_millis(10) * u32::try_from(count).unwrap();
            prop_assert!(!misconduct.offended(end, Offence::Forged));
            prop_assert!(!misconduct.offended(end, Offence::Forged));
            prop_assert!(misconduct.offended(end, Offence::Forged));
        }
    }
}
