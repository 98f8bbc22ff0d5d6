//! What links are like.

use super::*;

#[test]
fn a_link_is_what_the_last_that_fits_says_and_else_as_all() {
    let scenario = Scenario::parse("x.toml", WHOLE, &registry()).unwrap();
    let (ship, tower) = (0, 3);
    let (up, down) = (scenario.conditions(ship, tower), scenario.conditions(tower, ship));
    assert_eq!(down, scenario.links.default);
    assert_eq!(down.latency.to_string(), "normal(20ms, 5ms)");
    assert_eq!((down.jitter, down.loss), (Duration::from_millis(1), Loss::Random(0.01)));
    assert_eq!((down.duplicate, down.reorder), (0.01, 0.02));
    assert_eq!((up.bandwidth, up.queue, up.mtu), (Some(5_000_000), Duration::from_millis(100), 1300));
    assert!(matches!(up.loss, Loss::Bursts(bursts) if bursts.leave == 0.5 && bursts.lost_outside == 0.001));
    assert_eq!((up.jitter, up.duplicate), (down.jitter, down.duplicate), "what is not said is as in default");
    assert_eq!((up.added, down.added), (Duration::from_millis(10), Duration::ZERO));
    assert_eq!(scenario.conditions(99, ship), scenario.links.default, "nobody has no links of their own");
}

#[test]
fn both_ways_are_two_links_and_zones_come_behind_groups() {
    let text = "schema = 1
        scenario = { name = 'x', duration = '1s' }
        groups.a = { agent = 'idle', zone = 'b' }
        groups.b = { agent = 'idle' }
        network.links = { 'a<->zone:b' = { mtu = 1200 }, 'a->b' = { mtu = 1300 }, '*->b[0]' = { profile = 'satellite' } }";
    let scenario = Scenario::parse("x.toml", text, &registry()).unwrap();
    assert_eq!(scenario.conditions(0, 0).mtu, 1200);
    assert_eq!(scenario.conditions(0, 1), Conditions::profile("satellite").unwrap());
    assert_eq!(scenario.conditions(1, 0).mtu, 1500);
    let between: Vec<_> =
        scenario.links.between.iter().map(|link| format!("{}->{}", link.from, link.to)).collect();
    assert_eq!(between, ["zone:b->a", "a->zone:b", "a->b", "everybody->b[0]"]);
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    let (span, said, label, hint) = only_problem(&with("profile = \"lan\"", "profile = \"lann\""));
    assert_eq!((span.as_str(), said.as_str()), ("\"lann\"", "unknown profile `lann`"));
    assert!(label.contains("wifi") && label.contains("satellite"), "{label}");
    assert_eq!(hint, "did you mean `lan`?");
}

#[test]
fn what_a_link_is_like_is_understood_or_refused() {
    complains(
        "jitter = \"1ms\"",
        "jitter = 1",
        "1",
        "`jitter` cannot be 1",
        "expected a duration with its unit, such as \"500ms\", \"10s\" or \"2m\"",
        "",
    );
    complains(
        "\"normal(20ms, 5ms)\"",
        "\"norml(20ms, 5ms)\"",
        "\"norml(20ms, 5ms)\"",
        "`latency` cannot be \"norml(20ms, 5ms)\"",
        "expected a duration, a distribution or how much more, such as \"20ms\", \"10ms..60ms\", \
         \"normal(20ms, 5ms)\" or \"+100ms\"",
        "",
    );
    complains(
        "duplicate = \"1%\"",
        "duplicate = 1.5",
        "1.5",
        "`duplicate` cannot be 1.5",
        "expected a share from 0 to 1, or from \"0%\" to \"100%\"",
        "",
    );
    complains(
        "bandwidth = \"5mbit\"",
        "bandwidth = \"5mb\"",
        "\"5mb\"",
        "`bandwidth` cannot be \"5mb\"",
        "expected a bandwidth with its unit, such as \"800kbit\" or \"5mbit\"",
        "",
    );
    complains(
        "mtu = 1300",
        "mtu = 1199",
        "1199",
        "`mtu` cannot be 1199",
        "expected a whole number from 1200 to 65507",
        "",
    );
    complains(
        "leave = \"50%\"",
        "leave = 0",
        "0",
        "a burst would never end",
        "expected more than nothing under `leave`",
        "",
    );
    let (_, said, ..) = only_problem(&with("enter = 0.01, ", ""));
    assert_eq!(said, "`loss` lacks `enter`");
    let (_, said, _, hint) = only_problem(&with("jitter = \"1ms\"", "jiter = \"1ms\""));
    assert_eq!((said.as_str(), hint.as_str()), ("unknown key `jiter` in a link", "did you mean `jitter`?"));
}

#[test]
fn a_link_has_two_ends_that_there_are() {
    complains(
        "\"coast->tower\"",
        "\"coast-tower\"",
        "\"coast-tower\"",
        "`coast-tower` is not a link",
        "expected \"FROM->TO\" or \"A<->B\", with zones or groups",
        "",
    );
    complains(
        "\"coast->tower\"",
        "\"coast->towr\"",
        "\"coast->towr\"",
        "unknown group `towr`",
        "expected one of: ship, tower, pirate",
        "did you mean `tower`?",
    );
    complains(
        "\"coast->tower\"",
        "\"zone:cost->tower\"",
        "\"zone:cost->tower\"",
        "unknown zone `cost`",
        "expected one of: coast",
        "did you mean `coast`?",
    );
}
