//! Whom to ask: the less loaded of two candidates drawn at random, which comes close to the least loaded of all without
//! everybody running to the same one (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, RngExt};
use swarm_proto::{Advertisement, AgentId, Capability, CapabilityPattern};

/// Loads that differ by fewer points are alike: peers tell smaller changes late or not at all.
const LOADS_ALIKE: u16 = 10;

/// Round trips that differ by less are alike: within one site the difference is noise, and would send everything to one.
const ROUND_TRIPS_ALIKE: Duration = Duration::from_millis(5);

/// Somebody who could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) peer: AgentId,
    /// What it is asked for.
    pub(crate) capability: Capability,
    /// In percent.
    pub(crate) load: u16,
    pub(crate) round_trip: Duration,
}

/// What is looked for among the offers of peers.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) pattern: CapabilityPattern,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Wanted {
    /// Whether an offer is what is wanted; it may say more of itself.
    pub(crate) fn is_met_by(&self, offer: &Advertisement) -> bool {
        let mut attributes = self.attributes.iter();
        self.pattern.matches(&offer.capability)
            && attributes.all(|(key, value)| offer.attributes.get(key) == Some(value))
    }
}

/// How busy a peer is for us: what it told, and the share of our places there that is taken. What it has told already
/// counts requests of ours that it knows of; that they count twice does no harm where loads are only compared.
pub(crate) fn load(told: u16, places_taken: usize, places: usize) -> u16 {
    told.saturating_add(super::load::percent(places_taken, places))
}

/// The one to ask next, none of those that were tried. `None` once all were.
pub(crate) fn choose<'a>(
    candidates: &'a [Candidate],
    tried: &[AgentId],
    rng: &mut impl Rng,
) -> Option<&'a Candidate> {
    let left: Vec<&Candidate> =
        candidates.iter().filter(|candidate| !tried.contains(&candidate.peer)).collect();
    let first = rng.random_range(0..left.len().max(1));
    let second = rng.random_range(0..left.len().saturating_sub(1).max(1));
    // Whoever was drawn first is left out of the second draw.
    let second = if second >= first { second + 1 } else { second };
    match (left.get(first), left.get(second)) {
        (Some(first), Some(second)) => Some(better(first, second)),
        (first, _) => first.copied(),
    }
}

/// Of two that are alike the first.
fn better<'a>(first: &'a Candidate, second: &'a Candidate) -> &'a Candidate {
    if first.load.abs_diff(second.load) >= LOADS_ALIKE {
        return if first.load < second.load { first } else { second };
    }
    if first.round_trip.abs_diff(second.round_trip) >= ROUND_TRIPS_ALIKE {
        return if first.round_trip < second.round_trip { first } else { second };
    }
    first
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn agent(number: usize) -> AgentId {
        AgentId::from_key_digest([u8::try_from(number).unwrap(); 32])
    }

    fn candidate(number: usize, load: u16, round_trip_ms: u64) -> Candidate {
        Candidate {
            peer: agent(number),
            capability: "vision.classify".parse().unwrap(),
            load,
            round_trip: Duration::from_millis(round_trip_ms),
        }
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        prop::collection::vec((0_u16..200, 0_u64..50), 1..12).prop_map(|all| {
            all.into_iter().enumerate().map(|(number, (load, ms))| candidate(number, load, ms)).collect()
        })
    }

    fn chosen(candidates: &[Candidate], seeds: std::ops::Range<u64>) -> BTreeSet<AgentId> {
        let choose = |seed| choose(candidates, &[], &mut StdRng::seed_from_u64(seed)).unwrap().peer;
        seeds.map(choose).collect()
    }

    proptest! {
        #[test]
        fn whoever_was_tried_is_not_asked_again(all in candidates(), seed: u64, tried: u16) {
            let tried: Vec<AgentId> = (0..16).filter(|bit| tried & (1 << bit) != 0).map(agent).collect();

            let choice = choose(&all, &tried, &mut StdRng::seed_from_u64(seed));

            let all_tried = all.iter().all(|candidate| tried.contains(&candidate.peer));
            prop_assert_eq!(choice.is_none(), all_tried);
            prop_assert!(choice.is_none_or(|choice| !tried.contains(&choice.peer)));
        }

        #[test]
        fn the_busier_of_two_never_wins(all in prop::collection::vec((0_u16..200, 0_u64..50), 2), seed: u64) {
            let pair: Vec<_> = all.iter().enumerate().map(|(n, (load, ms))| candidate(n, *load, *ms)).collect();

            let choice = choose(&pair, &[], &mut StdRng::seed_from_u64(seed)).unwrap();

            let least = pair.iter().map(|candidate| candidate.load).min().unwrap();
            prop_assert!(choice.load < least + LOADS_ALIKE);
            let both_alike = pair[0].load.abs_diff(pair[1].load) < LOADS_ALIKE;
            let nearest = pair.iter().map(|candidate| candidate.round_trip).min().unwrap();
            prop_assert!(!both_alike || choice.round_trip < nearest + ROUND_TRIPS_ALIKE);
        }

        #[test]
        fn everybody_is_chosen_who_is_better_than_somebody(all in candidates()) {
            let beats = |one: &Candidate| {
                all.len() == 1 || all.iter().any(|other| other != one && better(one, other) == one)
            };
            let expected: BTreeSet<AgentId> = all.iter().filter(|one| beats(one)).map(|one| one.peer).collect();

            // Each ordered pair of 12 comes with a chance of 1 in 132.
            prop_assert_eq!(chosen(&all, 0..4000), expected);
        }

        #[test]
        fn the_same_seed_chooses_the_same(all in candidates(), seed: u64) {
            let choose = || choose(&all, &[], &mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(choose(), choose());
        }
    }

    #[test]
    fn those_who_are_alike_are_all_chosen() {
        let alike: Vec<_> = (0..8).map(|number| candidate(number, 40 + number as u16, 1)).collect();
        assert_eq!(chosen(&alike, 0..1000).len(), 8);
    }

    #[test]
    fn of_nobody_nobody_is_chosen() {
        assert_eq!(choose(&[], &[], &mut StdRng::seed_from_u64(1)), None);
    }

    #[test]
    fn an_offer_may_say_more_than_is_wanted_but_not_less() {
        let wanted = Wanted {
            pattern: "vision.*@2".parse().unwrap(),
            attributes: [("gpu".to_owned(), "yes".to_owned())].into(),
        };
        let offer = |name: &str| name.parse::<Advertisement>().unwrap();
        assert!(
            wanted.is_met_by(&offer("vision.classify@2").attribute("gpu", "yes").attribute("model", "v2"))
        );
        assert!(!wanted.is_met_by(&offer("vision.classify@2").attribute("gpu", "no")));
        assert!(!wanted.is_met_by(&offer("vision.classify@2")));
        assert!(!wanted.is_met_by(&offer("vision.classify").attribute("gpu", "yes")));
    }

    #[test]
    fn requests_of_our_own_add_to_the_load() {
        assert_eq!(load(0, 0, 64), 0);
        assert_eq!(load(30, 16, 64), 55);
        assert_eq!(load(u16::MAX, 64, 64), u16::MAX);
        assert_eq!(load(5, 1, 0), 105);
    }
}
