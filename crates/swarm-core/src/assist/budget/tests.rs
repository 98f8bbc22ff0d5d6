//! What a request inherits, drawn at random, and the rules one by one.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const DEFAULTS: Defaults = Defaults {
    deadline: Duration::from_secs(30),
    longest: Duration::from_secs(3600),
    idle_limit: Some(Duration::from_secs(7)),
    hop_limit: 8,
};

fn span(number: u8) -> TraceContext {
    TraceContext::new([number; 16], [number; 8], true).unwrap()
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[a-d]", "[a-z]{0,3}", 0..4)
}

fn lanes() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Control), Just(Lane::Interactive), Just(Lane::Bulk)]
}

prop_compose! {
    fn wishes()(
        deadline in proptest::option::of(0_u64..100),
        idle in proptest::option::of(0_u64..100),
        hop_limit: Option<u8>,
        lane in proptest::option::of(lanes()),
        traced: bool,
        key in proptest::option::of("[a-z]{1,3}"),
        metadata in texts(),
        (resumable, bounds_only) in any::<(bool, bool)>(),
    ) -> Wish {
        Wish {
            deadline: deadline.map(Duration::from_secs),
            idle_limit: idle.map(Duration::from_secs),
            hop_limit,
            lane,
            trace: traced.then(|| span(9)),
            idempotency_key: key,
            metadata,
            resumable,
            bounds_only,
        }
    }
}

fn root(wish: Wish, now: Instant) -> Budget {
    Budget::of_wish(wish, None, DEFAULTS, &span(1), now).unwrap()
}

proptest! {
    #[test]
    fn what_bounds_a_request_only_ever_shrinks(outer in wishes(), inner in wishes(), later in 0_u64..200) {
        let now = Instant::now();
        let outer = root(outer, now);
        let made = Budget::of_wish(inner.clone(), Some(&outer), DEFAULTS, &span(2), now + SECOND * later as u32);

        let Ok(made) = made else {
            prop_assert_eq!(outer.hop_limit, 0);
            return Ok(());
        };
        prop_assert!(made.deadline <= outer.deadline);
        prop_assert!(made.hop_limit < outer.hop_limit);
        if let Some(limit) = outer.idle_limit {
            prop_assert!(made.idle_limit.is_some_and(|own| own < limit || limit.is_zero()));
        }
        prop_assert!(inner.idle_limit.is_none_or(|wished| made.idle_limit.is_some_and(|own| own <= wished)));
        prop_assert!(inner.hop_limit.is_none_or(|wished| made.hop_limit <= wished));
        prop_assert_eq!(made.resumable, inner.resumable);
    }

    #[test]
    fn the_rest_is_inherited_unless_said_otherwise(outer in wishes(), inner in wishes()) {
        let now = Instant::now();
        let outer = Budget { hop_limit: 3, ..root(outer, now) };
        let made = Budget::of_wish(inner.clone(), Some(&outer), DEFAULTS, &span(2), now).unwrap();

        let shared = (!inner.bounds_only).then_some(&outer);
        let inherited = shared.map(|outer| outer.lane).unwrap_or_default();
        prop_assert_eq!(made.lane, inner.lane.unwrap_or(inherited));
        let inherited = shared.and_then(|outer| outer.idempotency_key.clone());
        prop_assert_eq!(made.idempotency_key, inner.idempotency_key.or(inherited));
        for (key, value) in &inner.metadata {
            prop_assert_eq!(made.metadata.get(key), Some(value));
        }
        for (key, value) in &made.metadata {
            let inherited = shared.and_then(|outer| outer.metadata.get(key));
            prop_assert_eq!(Some(value), inner.metadata.get(key).or(inherited));
        }
        let parent = inner.trace.or_else(|| shared.map(|outer| outer.trace.clone()));
        prop_assert_eq!(made.trace.trace_id(), parent.unwrap_or_else(|| span(2)).trace_id());
        prop_assert_eq!(made.trace.parent_id(), span(2).parent_id());
    }

    #[test]
    fn a_budget_arrives_as_it_was_sent(wish in wishes(), left in 0_u64..50) {
        let now = Instant::now();
        let sent = root(wish, now);
        let head = sent.head(RequestId::from_random([1; 16]), "test.echo".parse().unwrap(), now + SECOND * left as u32);

        let there = Budget::of_head(&head, DEFAULTS, span(5), now + SECOND * left as u32);

        let deadline = sent.deadline.max(now + SECOND * left as u32);
        prop_assert_eq!(there, Budget { deadline, ..sent });
    }
}

#[test]
fn what_a_root_leaves_open_is_the_node_s_default() {
    let now = Instant::now();
    let budget = root(Wish::default(), now);

    assert_eq!(
        (budget.deadline, budget.idle_limit, budget.hop_limit),
        (now + SECOND * 30, Some(SECOND * 7), 8)
    );
    assert_eq!((budget.lane, budget.trace, budget.idempotency_key), (Lane::Interactive, span(1), None));
}

#[test]
fn what_a_nested_request_leaves_open_is_what_is_left_and_not_a_default() {
    let now = Instant::now();
    let wish = Wish { deadline: Some(SECOND * 600), hop_limit: Some(20), ..Wish::default() };
    let outer = Budget { idle_limit: None, ..root(wish, now) };

    let made = Budget::of_wish(Wish::default(), Some(&outer), DEFAULTS, &span(2), now).unwrap();

    assert_eq!((made.deadline, made.idle_limit, made.hop_limit), (outer.deadline, None, 19));
}

#[test]
fn with_no_hops_left_there_is_no_nested_request() {
    let now = Instant::now();
    let outer = root(Wish { hop_limit: Some(0), ..Wish::default() }, now);
    let wish = Wish { hop_limit: Some(200), ..Wish::default() };

    assert_eq!(Budget::of_wish(wish, Some(&outer), DEFAULTS, &span(2), now), Err(HopLimitReached));
}

#[test]
fn whoever_is_further_in_gives_up_first() {
    let now = Instant::now();
    let outer = root(Wish { idle_limit: Some(SECOND * 10), ..Wish::default() }, now);

    let made = Budget::of_wish(Wish::default(), Some(&outer), DEFAULTS, &span(2), now).unwrap();

    assert_eq!(made.idle_limit, Some(SECOND * 9));
}

#[test]
fn the_longest_times_are_times_like_any_other() {
    let now = Instant::now();
    let (deadline, idle_limit) = (Some(Duration::MAX), Some(Duration::MAX));
    let budget = root(Wish { deadline, idle_limit, ..Wish::default() }, now);

    let head = budget.head(RequestId::from_random([1; 16]), "test.echo".parse().unwrap(), now);

    assert_eq!((head.deadline_ms, head.idle_ms), (Some(u32::MAX), Some(u32::MAX)));
}
