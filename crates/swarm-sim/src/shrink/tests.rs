use std::time::Duration;

use super::*;
use crate::{Registry, Scenario, scenario::Action};

const LARGE: &str = r#"# Proves that shrinking works.
schema = 1

[scenario]
name = "large"
warmup = "4s"
duration = "60s"

[node]
outbox_capacity = 100

[groups.rover]
count = 40
agent = "idle"
node = { agent_queue = 10 }

[groups.base]
count = 8
agent = "idle"

[groups.spare]
count = 16
agent = "idle"

[timeline]
events = [
  { at = "5s", do = "ask", from = "base", to = "rover", capability = "a.b", count = 10, every = "1s" },
  { at = "12s", do = "stop", target = "spare", pick = 4 },
  { at = "20s", do = "stop", target = "rover", pick = 12 },
  { at = "30s", do = "start", target = "rover", pick = 3 },
  { at = "31s", do = "start", target = "spare" },
]

[checks]
list = [
  { name = "nobody panics", metric = "agent.panics", check = "== 0" },
  { name = "no request hangs", metric = "request.open", check = "== 0" },
]
"#;

/// Shrinks until the end, with a runner that says of a valid scenario whether it fails. Gives what is left and how many
/// runs that took.
fn shrunk(text: &str, fails: impl Fn(&Scenario) -> bool) -> (Scenario, usize) {
    let registry = Registry::new();
    let parsed = |text: &str| Scenario::parse("x.toml", text, &registry).ok();
    assert!(fails(&parsed(text).unwrap()), "it fails to begin with");
    let mut shrinker = Shrinker::new(text, &["no request hangs".into()]).unwrap();
    let mut runs = 0;
    while let Some(candidate) = shrinker.propose() {
        let scenario = parsed(&candidate.text);
        runs += usize::from(scenario.is_some());
        shrinker.tell(scenario.is_some_and(|scenario| fails(&scenario)));
        assert!(runs < 1_000, "it comes to an end");
    }
    (parsed(&shrinker.best()).unwrap(), runs)
}

fn count(scenario: &Scenario, group: &str) -> usize {
    scenario.groups.iter().find(|known| known.name == group).map_or(0, |group| group.count)
}

#[test]
fn what_is_left_is_what_it_takes_to_fail() {
    let stops_rovers = |scenario: &Scenario| {
        scenario.timeline.iter().any(|event| {
            matches!(&event.action, Action::Stop { target, .. } if target.to_string() == "rover")
                && event.at + Duration::from_secs(2) <= scenario.duration
        })
    };
    let (least, runs) = shrunk(LARGE, |scenario| stops_rovers(scenario) && count(scenario, "rover") >= 5);
    assert_eq!((least.groups.len(), count(&least, "rover")), (1, 5));
    assert_eq!((least.timeline.len(), least.checks.len()), (1, 1));
    assert_eq!(least.checks[0].name, "no request hangs");
    assert!(least.duration < Duration::from_millis(2_300), "{:?}", least.duration);
    assert!(least.warmup.is_zero());
    assert_eq!(least.groups[0].node, crate::NodeSettings::default());
    assert!(runs < 120, "{runs} runs");
}

#[test]
fn what_fails_always_shrinks_to_nearly_nothing() {
    let (least, runs) = shrunk(LARGE, |_| true);
    assert_eq!((least.agents(), least.timeline.len()), (1, 0));
    assert!(runs < 60, "{runs} runs");
}

#[test]
fn what_fails_only_as_it_is_stays_so() {
    let whole = Scenario::parse("x.toml", LARGE, &Registry::new()).unwrap();
    let same = |scenario: &Scenario| {
        (scenario.agents(), &scenario.timeline, scenario.duration) == (64, &whole.timeline, whole.duration)
    };
    let (least, _) = shrunk(LARGE, same);
    assert!(same(&least) && least.warmup.is_zero());
}

#[test]
fn a_failure_that_takes_agents_of_two_groups_keeps_both() {
    let (least, _) = shrunk(LARGE, |scenario| count(scenario, "rover") >= 3 && count(scenario, "spare") >= 7);
    assert_eq!((count(&least, "rover"), count(&least, "spare"), least.agents()), (3, 7, 10));
}

#[test]
fn nothing_is_proposed_twice() {
    let mut shrinker = Shrinker::new(LARGE, &[]).unwrap();
    let mut seen = BTreeSet::new();
    while let Some(candidate) = shrinker.propose() {
        assert!(seen.insert(candidate.text));
        shrinker.tell(false);
    }
    assert_eq!(shrinker.best(), LARGE);
}
