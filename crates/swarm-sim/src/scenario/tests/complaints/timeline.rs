//! What happens when.

use super::*;

/// A scenario of one event among groups in a zone.
fn of(event: &str) -> String {
    format!(
        "schema = 1\nscenario = {{ name = 'x', duration = '10s' }}\n\
         groups.rover = {{ agent = 'idle', count = 4, zone = 'edge' }}\ngroups.base = {{ agent = 'idle' }}\n\
         groups.thief = {{ rogue = 'stolen-id' }}\ntimeline.events = [{{ {event} }}]\n"
    )
}

fn parse(event: &str) -> Scenario {
    Scenario::parse("x.toml", &of(event), &registry()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn refused(event: &str, underlined: &str, message: &str, expected: &str, help: &str) {
    let (span, said, label, hint) = only_problem(&of(event));
    assert_eq!(
        (span.as_str(), said.as_str(), label.as_str(), hint.as_str()),
        (underlined, message, expected, help)
    );
}

#[test]
fn a_target_is_a_group_a_zone_a_member_or_everybody() {
    for (target, members) in [
        ("rover", vec![0, 1, 2, 3]),
        ("zone:edge", vec![0, 1, 2, 3]),
        ("rover[2]", vec![2]),
        ("*", (0..6).collect()),
    ] {
        let scenario = parse(&format!("at = '1s', do = 'stop', target = '{target}'"));
        let Action::Stop { target, .. } = &scenario.timeline[0].action else { panic!("{scenario:?}") };
        assert_eq!(scenario.members_of(target), members);
    }
    let groups = "expected one of: rover, base, thief";
    let stop = |target: &str| format!("at = '1s', do = 'stop', target = '{target}'");
    refused(&stop("rovr"), "'rovr'", "unknown group `rovr`", groups, "did you mean `rover`?");
    refused(
        &stop("zone:egde"),
        "'zone:egde'",
        "unknown zone `egde`",
        "expected one of: edge",
        "did you mean `edge`?",
    );
    refused(
        &stop("edge"),
        "'edge'",
        "unknown group `edge`, but there is a zone of that name",
        groups,
        "did you mean `zone:edge`?",
    );
    let expected = "expected a number from 0 to 3 between the brackets";
    refused(&stop("rover[4]"), "'rover[4]'", "`rover[4]` is nobody", expected, "");
}

#[test]
fn a_pick_is_a_word_a_share_or_no_more_than_there_are() {
    let expected = "expected \"one\", \"all\", \"minority\", \"majority\", a share such as \"20%\" or a whole number, \
                    at least 1";
    let stop = |pick: &str| format!("at = '1s', do = 'stop', target = 'zone:edge', pick = {pick}");
    refused(&stop("'some'"), "'some'", "`pick` cannot be \"some\"", expected, "");
    refused(&stop("5"), "5", "`zone:edge` has only 4 members", "expected at most 4", "");
}

#[test]
fn an_event_can_happen_more_than_once() {
    let times =
        |event: &str| -> Vec<_> { parse(event).timeline.iter().map(|event| event.at.as_millis()).collect() };
    let pause = "do = 'pause', target = 'base', for = '100ms'";
    assert_eq!(times(&format!("at = ['3s', '1s'], {pause}")), [1_000, 3_000]);
    assert_eq!(times(&format!("at = '1s', every = '4s', {pause}")), [1_000, 5_000, 9_000]);
    assert_eq!(times(&format!("at = '1s', every = '4s', times = 2, {pause}")), [1_000, 5_000]);
    refused(
        &format!("at = ['3s', '10s'], {pause}"),
        "['3s', '10s']",
        "the event is after the end of the run",
        "expected less than 10.0 s",
        "",
    );
    let expected = "expected at most 10000 events, each time of each counted";
    refused(&format!("at = '1s', every = '1us', {pause}"), "'1us'", "this happens too often", expected, "");
    let twice = format!("at = '0s', every = '1001us', {pause} }}, {{ at = '0s', every = '1s', {pause}");
    refused(&twice, "'1s'", "this happens too often", expected, "");
    let expected = "expected the time from one to the next under `every`";
    refused(&format!("at = '1s', times = 3, {pause}"), "3", "`times` needs `every`", expected, "");
}

#[test]
fn every_fault_says_what_it_lacks() {
    for (event, said) in [
        ("do = 'flap', target = 'base', up = '1s'", "an event lacks `down`"),
        ("do = 'slow', target = 'base'", "an event lacks `delay`"),
        ("do = 'churn', leave = '1/s'", "an event lacks `target`"),
        ("do = 'churn', target = 'base'", "this churn changes nobody"),
        ("do = 'shape', target = 'base'", "this shape changes nothing"),
        (
            "do = 'shape', target = 'base', profile = 'lan', latency = '+1ms'",
            "a profile takes the place of the latency, so there is nothing to add to",
        ),
        ("do = 'clock', target = 'base'", "this changes no clock"),
        ("do = 'pause'", "an event lacks `target`"),
        ("do = 'crash', target = 'base', keep_state = true", "`keep_state` needs `restart_after`"),
        ("do = 'pause', target = 'base', for = '0s'", "`for` is zero"),
    ] {
        let (_, message, ..) = only_problem(&of(&format!("at = '1s', {event}")));
        assert_eq!(message, said, "{event}");
    }
}

#[test]
fn cutting_everybody_off_from_nobody_is_warned_of() {
    let scenario = parse("at = '1s', do = 'partition', target = '*'");
    assert_eq!(scenario.warnings[0].message, "nobody is left to be cut off from");
    for event in ["target = '*', pick = '50%'", "target = '*', from = 'base'", "target = 'rover'"] {
        assert_eq!(parse(&format!("at = '1s', do = 'partition', {event}")).warnings, []);
    }
}

#[test]
fn a_key_of_a_fault_is_understood_or_refused() {
    let at = |event: &str| format!("at = '1s', do = {event}");
    refused(
        &at("'partition', target = 'rover', way = 'inn'"),
        "'inn'",
        "unknown way `inn`",
        "expected one of: both, out, in",
        "did you mean `in`?",
    );
    let rate = "expected how many in a second, such as \"5/s\" or \"1%/s\"";
    refused(&at("'churn', target = '*', leave = '5'"), "'5'", "`leave` cannot be \"5\"", rate, "");
    let offset = "expected a duration ahead of the true time or behind it, such as \"200ms\" or \"-1s\"";
    refused(
        &at("'clock', target = '*', offset = 'soon'"),
        "'soon'",
        "`offset` cannot be \"soon\"",
        offset,
        "",
    );
    let drift = "expected a number from -100000 to 100000";
    refused(
        &at("'clock', target = '*', drift_ppm = 1e9"),
        "1e9",
        "`drift_ppm` cannot be 1000000000",
        drift,
        "",
    );
    let delay = "expected a duration or a distribution of durations, such as \"20ms\", \"10ms..60ms\", \
                 \"normal(20ms, 5ms)\" or \"pareto(5ms, 1.5)\"";
    refused(&at("'slow', target = '*', delay = 'long'"), "'long'", "`delay` cannot be \"long\"", delay, "");
    let (_, said, ..) = only_problem(&of(&at("'crash', target = 'base', for = '1s'")));
    assert_eq!(said, "unknown key `for` in an event");
    let message = "`thief` is a group of rogues";
    refused(&at("'pause', target = 'thief'"), "'thief'", message, "expected agents", "");
    refused(&at("'partition', target = 'rover', from = 'thief'"), "'thief'", message, "expected agents", "");
}

#[test]
fn a_profile_of_a_shape_changes_everything() {
    let scenario = parse("at = '1s', do = 'shape', target = 'rover', profile = 'satellite', loss = 0.5");
    let Action::Fault(Fault::Shape { change, .. }) = &scenario.timeline[0].action else {
        panic!("{scenario:?}")
    };
    let satellite = Conditions::profile("satellite").unwrap();
    let shaped = Conditions::default().with(change);
    assert_eq!((&shaped.latency, shaped.mtu), (&satellite.latency, satellite.mtu));
    assert_eq!(shaped.loss, Loss::Random(0.5));
}

#[test]
fn a_label_is_known_and_its_own() {
    let events = |events: &str| {
        of("at = '1s', do = 'pause', target = 'base', label = 'nap'")
            .replace(" }]", &format!(" }}, {events}]"))
    };
    let (span, said, label, hint) = only_problem(&events("{ at = '2s', do = 'heal', label = 'nab' }"));
    assert_eq!((span.as_str(), said.as_str()), ("'nab'", "unknown label `nab`"));
    assert_eq!((label.as_str(), hint.as_str()), ("expected one of: nap", "did you mean `nap`?"));
    let again =
        |label: &str| events(&format!("{{ at = '2s', do = 'pause', target = 'base', label = '{label}' }}"));
    assert_eq!(only_problem(&again("nap")).1, "another event is called `nap`");
    assert_eq!(only_problem(&again("steady")).1, "an event cannot be called `steady`");
    assert_eq!(only_problem(&again("after it")).1, "an event cannot be called `after it`");
}

#[test]
fn an_unknown_event_names_the_nearest() {
    let expected =
        "expected one of: ask, stop, start, crash, pause, partition, flap, shape, slow, churn, clock, heal";
    refused(
        "at = '1s', do = 'partion'",
        "'partion'",
        "unknown event `partion`",
        expected,
        "did you mean `partition`?",
    );
}
