use proptest::prelude::*;
use swarm_proto::{Key, PublicKey, SwarmName};

use super::*;

const START: UnixMicros = UnixMicros::new(1_000_000_000);
const FRESHNESS: Duration = Duration::from_secs(60);

fn intake() -> Intake {
    Intake::new(START, FRESHNESS, &[])
}

/// So many seconds after the start.
fn at(seconds: u64) -> UnixMicros {
    later(START, Duration::from_secs(seconds))
}

/// Made by agent 1 then, with a seal that nobody looks at here.
fn sealed(made: UnixMicros, sequence: u64) -> Observation {
    let lossy = Observation { delivery: Delivery::Lossy, sent_at: made, ..latest(1, sequence, "") };
    lossy.sealed(&SwarmName::default(), PublicKey::from_bytes([1; 32]), |_| [0; 64])
}

fn agent(number: u8) -> AgentId {
    AgentId::from_key_digest([number; 32])
}

fn latest(epoch: u64, sequence: u64, key: &str) -> Observation {
    Observation {
        origin: agent(1),
        epoch: Epoch::new(epoch),
        sequence: Sequence::new(sequence),
        topic: "t".parse().unwrap(),
        sent_at: UnixMicros::new(0),
        hops: 0,
        payload: bytes::Bytes::new(),
        delivery: Delivery::Latest { key: Key::try_from(key).unwrap() },
        expires_ms: None,
        seal: None,
    }
}

#[test]
fn an_older_value_does_not_follow_a_newer_one() {
    let mut intake = intake();
    let mut admit = |observation| intake.admit(agent(1), &observation);

    assert_eq!(admit(latest(1, 2, "arm")), Ok(()));
    assert_eq!(admit(latest(1, 1, "leg")), Ok(()), "another key");
    assert_eq!(admit(latest(1, 2, "arm")), Err(DropReason::Duplicate));
    assert_eq!(admit(latest(1, 0, "arm")), Err(DropReason::Outdated));
    assert_eq!(admit(latest(2, 1, "arm")), Ok(()), "another life");
    assert_eq!(admit(latest(1, 9, "arm")), Err(DropReason::Duplicate), "of a life that is over");
}

#[test]
fn one_that_overtakes_thousands_costs_nobody_behind_it() {
    let mut intake = intake();
    let lossy = |sequence| Observation { delivery: Delivery::Lossy, ..latest(1, sequence, "") };

    for observation in [latest(1, 5000, "busy"), latest(1, 2, "quiet"), lossy(3)] {
        assert_eq!(intake.admit(agent(1), &observation), Ok(()));
    }
    for observation in [latest(1, 5000, "busy"), latest(1, 2, "quiet"), lossy(3)] {
        assert_eq!(intake.admit(agent(1), &observation), Err(DropReason::Duplicate));
    }
}

#[test]
fn a_new_life_begins_anew_in_every_class() {
    let mut intake = intake();
    let lossy = |epoch, sequence| Observation { delivery: Delivery::Lossy, ..latest(epoch, sequence, "") };
    let mut admit = |observation| intake.admit(agent(1), &observation);

    assert_eq!(admit(lossy(1, 9)), Ok(()));
    assert_eq!(admit(latest(2, 1, "arm")), Ok(()));
    assert_eq!(admit(lossy(2, 9)), Ok(()));
    assert_eq!(admit(lossy(1, 10)), Err(DropReason::Duplicate), "of a life that is over");
}

#[test]
fn what_is_lossy_may_come_in_any_order() {
    let mut intake = intake();
    for sequence in [5, 3, 4] {
        let lossy = Observation { delivery: Delivery::Lossy, ..latest(1, sequence, "") };
        assert_eq!(intake.admit(agent(1), &lossy), Ok(()));
    }
}

#[test]
fn nobody_speaks_for_another() {
    assert_eq!(intake().admit(agent(2), &latest(1, 1, "")), Err(DropReason::Forged));
}

#[test]
fn what_is_remembered_of_one_origin_is_bounded() {
    let mut intake = intake();
    for sequence in 1..=3000 {
        intake.admit(agent(1), &latest(1, sequence, &sequence.to_string())).unwrap();
    }

    // Of one that was forgotten, or of several with one number, nothing comes twice or stays for ever.
    assert_eq!(intake.admit(agent(1), &latest(1, 7, "7")), Err(DropReason::Outdated));
    for key in 0..3000 {
        intake.admit(agent(1), &latest(1, 9999, &format!("same {key}"))).unwrap_or_default();
    }

    let newest = &intake.origins[&agent(1)].newest;
    assert_eq!((newest.by_slot.len(), newest.by_age.len()), (SLOTS_PER_ORIGIN, SLOTS_PER_ORIGIN));
    intake.forget(agent(1));
    assert!(intake.origins.is_empty());
}

#[test]
fn what_is_sealed_counts_from_whomever_once_and_while_it_is_fresh() {
    let mut intake = intake();

    assert_eq!(intake.admit_sealed(at(1), &sealed(at(1), 1)), Ok(()));
    for seconds in [1, 2, 61] {
        assert_eq!(intake.admit_sealed(at(seconds), &sealed(at(1), 1)), Err(DropReason::Duplicate));
    }
    assert_eq!(intake.admit_sealed(at(62), &sealed(at(1), 1)), Err(DropReason::Stale));
    assert_eq!(intake.admit_sealed(at(61), &sealed(at(1), 2)), Ok(()), "old, and never seen");
    assert_eq!(intake.admit_sealed(at(100), &sealed(at(161), 3)), Err(DropReason::Stale), "too far ahead");
    assert_eq!(intake.admit_sealed(at(100), &sealed(at(160), 3)), Ok(()));
}

#[test]
fn what_was_sealed_before_the_start_does_not_count() {
    let mut intake = intake();
    let before = UnixMicros::new(START.get() - 1);

    assert_eq!(intake.admit_sealed(at(1), &sealed(before, 1)), Err(DropReason::Stale));
    assert_eq!(intake.admit_sealed(at(1), &sealed(START, 1)), Ok(()));
}

#[test]
fn an_origin_that_is_forgotten_is_remembered_while_somebody_may_pass_on_what_it_made() {
    let mut intake = intake();
    intake.admit(agent(1), &latest(1, 1, "")).unwrap();
    intake.admit_sealed(at(1), &sealed(at(1), 2)).unwrap();

    intake.forget(agent(1));

    assert_eq!(intake.admit_sealed(at(50), &sealed(at(1), 2)), Err(DropReason::Duplicate));
    let other = Observation { origin: agent(2), ..sealed(at(62), 1) };
    intake.admit_sealed(at(62), &other).unwrap();
    assert!(!intake.origins.contains_key(&agent(1)), "nothing that it made is fresh any more");
}

#[test]
fn a_peer_whose_seals_are_stale_is_still_a_peer() {
    let mut intake = intake();
    intake.admit_sealed(at(1), &sealed(at(1), 2)).unwrap();
    intake.admit(agent(1), &latest(1, 3, "")).unwrap();

    let other = Observation { origin: agent(2), ..sealed(at(62), 1) };
    intake.admit_sealed(at(62), &other).unwrap();

    assert_eq!(intake.admit(agent(1), &latest(1, 3, "")), Err(DropReason::Duplicate));
}

#[test]
fn sealed_or_not_an_observation_has_one_number() {
    let mut intake = intake();
    let plain = |sequence| Observation { seal: None, ..sealed(at(1), sequence) };

    assert_eq!(intake.admit(agent(1), &plain(1)), Ok(()));
    assert_eq!(intake.admit_sealed(at(1), &sealed(at(1), 1)), Err(DropReason::Duplicate));
    assert_eq!(intake.admit_sealed(at(1), &sealed(at(1), 2)), Ok(()));
    assert_eq!(intake.admit(agent(1), &plain(2)), Err(DropReason::Duplicate));
}

#[test]
fn of_a_life_that_is_over_nothing_counts_and_a_new_one_begins_anew() {
    let mut intake = intake();
    let of_life = |epoch, sequence| Observation { epoch: Epoch::new(epoch), ..sealed(at(1), sequence) };

    assert_eq!(intake.admit_sealed(at(1), &of_life(1, 9)), Ok(()));
    assert_eq!(intake.admit_sealed(at(1), &of_life(2, 1)), Ok(()));
    assert_eq!(intake.admit_sealed(at(1), &of_life(1, 10)), Err(DropReason::Duplicate));
    let mark = Mark { origin: agent(1), epoch: Epoch::new(2), sequence: Sequence::new(1) };
    assert_eq!(intake.marks(), Some(vec![mark]));
}

#[test]
fn what_is_reliable_comes_once_by_two_ways_and_in_order() {
    let mut intake = intake();
    let reliable = |sequence| Observation { delivery: Delivery::Reliable, ..sealed(at(1), sequence) };

    for (sequence, admitted) in [
        (5, Ok(())),
        (5, Err(DropReason::Duplicate)),
        (9_000, Ok(())),
        (6, Err(DropReason::Duplicate)),
        (9_001, Ok(())),
    ] {
        assert_eq!(intake.admit_sealed(at(1), &reliable(sequence)), admitted, "{sequence}");
    }
}

#[test]
fn what_was_known_before_a_restart_is_known_after_it() {
    let mut before = intake();
    for sequence in [1, 2, 7] {
        before.admit_sealed(at(1), &sealed(at(30), sequence)).unwrap();
    }
    let marks = before.marks().unwrap();
    assert_eq!(before.marks(), None, "nothing has changed");

    // The clock of the origin is ahead: what it made before looks as if it were new.
    let mut after = Intake::new(at(10), FRESHNESS, &marks);

    for sequence in [1, 2, 5, 7] {
        let again = after.admit_sealed(at(11), &sealed(at(30), sequence));
        assert_eq!(again, Err(DropReason::Duplicate), "{sequence}");
    }
    let newest = Observation { delivery: Delivery::Latest { key: Key::default() }, ..sealed(at(30), 7) };
    assert_eq!(after.admit_sealed(at(11), &newest), Err(DropReason::Outdated));
    assert_eq!(after.admit_sealed(at(11), &sealed(at(30), 8)), Ok(()));
    let fresh = Intake::new(at(10), FRESHNESS, &[]).admit_sealed(at(11), &sealed(at(30), 7));
    assert_eq!(fresh, Ok(()), "nobody would have known");
}

#[test]
fn with_too_many_origins_what_is_forgotten_of_one_is_not_taken_again() {
    let mut intake = intake();
    let of = |number: u32, sequence| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        let made = UnixMicros::new(at(1).get() + u64::from(number));
        Observation { origin: AgentId::from_key_digest(digest), ..sealed(made, sequence) }
    };
    let origins = u32::try_from(MAX_SEALED_ORIGINS).unwrap() + 3;
    for number in 0..origins {
        assert_eq!(intake.admit_sealed(at(2), &of(number, 1)), Ok(()));
    }

    assert_eq!((intake.sealed.len(), intake.origins.len()), (MAX_SEALED_ORIGINS, MAX_SEALED_ORIGINS));
    for number in 0..origins {
        let again = intake.admit_sealed(at(2), &of(number, 1));
        let expected = if number < 3 { DropReason::Stale } else { DropReason::Duplicate };
        assert_eq!(again, Err(expected), "{number}");
    }
    assert_eq!(intake.admit_sealed(at(2), &of(origins, 1)), Ok(()), "another one that is younger");
}

#[derive(Debug, Clone)]
enum Step {
    Sealed { origin: u8, epoch: u64, sequence: u64, ahead: u64 },
    Again(prop::sample::Index),
    Plain { origin: u8, sequence: u64 },
    Forget(u8),
    Pass(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..4, 1_u64..3, 1_u64..20, 0_u64..120)
            .prop_map(|(origin, epoch, sequence, ahead)| Step::Sealed { origin, epoch, sequence, ahead }),
        4 => any::<prop::sample::Index>().prop_map(Step::Again),
        1 => (1_u8..4, 1_u64..20).prop_map(|(origin, sequence)| Step::Plain { origin, sequence }),
        1 => (1_u8..4).prop_map(Step::Forget),
        2 => (0_u64..100).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    /// Whatever happens in between, restarts included, no sealed observation is taken twice.
    #[test]
    fn nothing_sealed_is_taken_twice(steps in proptest::collection::vec(step(), 1..300)) {
        let (mut intake, mut now) = (intake(), START);
        let (mut made, mut taken) = (Vec::new(), BTreeSet::new());
        for step in steps {
            let observation: Observation = match step {
                Step::Sealed { origin, epoch, sequence, ahead } => {
                    let sent_at = UnixMicros::new(later(now, Duration::from_secs(ahead)).get() - 60_000_000);
                    let of = Observation { origin: agent(origin), epoch: Epoch::new(epoch), ..sealed(sent_at, sequence) };
                    // Of one number there is one observation.
                    if made.iter().any(|other: &Observation| {
                        (other.origin, other.epoch, other.sequence) == (of.origin, of.epoch, of.sequence)
                    }) {
                        continue;
                    }
                    made.push(of.clone());
                    of
                }
                Step::Again(_) if made.is_empty() => continue,
                Step::Again(index) => index.get(&made).clone(),
                Step::Plain { origin, sequence } => {
                    let plain = Observation { origin: agent(origin), ..latest(2, sequence, "") };
                    let _ = intake.admit(agent(origin), &plain);
                    continue;
                }
                Step::Forget(origin) => {
                    intake.forget(agent(origin));
                    continue;
                }
                Step::Pass(seconds) => {
                    now = later(now, Duration::from_secs(seconds));
                    continue;
                }
                Step::Restart => {
                    intake.marks_changed = true;
                    let marks = intake.marks().unwrap();
                    now = later(now, Duration::from_micros(1));
                    intake = Intake::new(now, FRESHNESS, &marks);
                    continue;
                }
            };
            if intake.admit_sealed(now, &observation).is_ok() {
                prop_assert!(taken.insert((observation.origin, observation.epoch, observation.sequence)));
            }
        }
    }
}
