//! What the runner says about files that are wrong: each mistake with its place, what was expected, and the nearest
//! right name.

use super::*;

mod checks;
mod groups;
mod links;
mod mesh;
mod params;
mod timeline;

/// A file in which one line of [`WHOLE`] is another.
fn with(line: &str, instead: &str) -> String {
    assert!(WHOLE.contains(line), "{line}");
    WHOLE.replacen(line, instead, 1)
}

/// The single problem of a text: the text underlined, what is wrong, what was expected, and what to do.
fn only_problem(text: &str) -> (String, String, String, String) {
    let errors = Scenario::parse("x.toml", text, &registry()).unwrap_err();
    let [problem] = errors.problems() else { panic!("{errors}") };
    (
        text[problem.span()].to_owned(),
        problem.message().to_owned(),
        problem.expected().to_owned(),
        problem.help_text().unwrap_or_default().to_owned(),
    )
}

#[track_caller]
fn complains(line: &str, instead: &str, underlined: &str, message: &str, expected: &str, help: &str) {
    let (span, said, label, hint) = only_problem(&with(line, instead));
    assert_eq!(
        (span.as_str(), said.as_str(), label.as_str(), hint.as_str()),
        (underlined, message, expected, help)
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    complains(
        "count = 3",
        "cuont = 3",
        "cuont",
        "unknown key `cuont` in [groups.ship]",
        "expected one of: agent, clock, count, node, params, rogue, start, zone",
        "did you mean `count`?",
    );
}

#[test]
fn a_negative_count_is_out_of_bounds() {
    complains(
        "count = 3",
        "count = -3",
        "-3",
        "`count` cannot be -3",
        "expected a whole number from 1 to 512",
        "",
    );
}

#[test]
fn a_value_of_the_wrong_type_says_which_was_expected() {
    complains(
        "count = 3",
        "count = \"3\"",
        "\"3\"",
        "`count` cannot be \"3\"",
        "expected a whole number",
        "",
    );
    complains(
        "start = false",
        "start = []",
        "[]",
        "`start` cannot be an array",
        "expected true, false, \"at(3s)\", \"spread(10s)\", \"rate(50/s)\" or \"poisson(20/s)\"",
        "",
    );
}

#[test]
fn a_duration_needs_its_unit() {
    let expected = "expected a duration with its unit, such as \"500ms\", \"10s\" or \"2m\"";
    complains(
        "duration = \"10s\"",
        "duration = \"10\"",
        "\"10\"",
        "`duration` cannot be \"10\"",
        expected,
        "",
    );
    complains("duration = \"10s\"", "duration = 10", "10", "`duration` cannot be 10", expected, "");
}

#[test]
fn an_unknown_group_names_the_nearest_wherever_it_is_named() {
    for (line, instead, underlined) in [
        ("hub = \"tower\"", "hub = \"towr\"", "\"towr\""),
        (
            "from = \"tower\", to = \"ship\", capability = \"hello.greet\"",
            "from = \"towr\", to = \"ship\", capability = \"hello.greet\"",
            "\"towr\"",
        ),
        ("{group=tower}", "{group=towr}", "towr"),
    ] {
        complains(
            line,
            instead,
            underlined,
            "unknown group `towr`",
            "expected one of: ship, tower, pirate",
            "did you mean `tower`?",
        );
    }
}

#[test]
fn an_unknown_metric_names_the_nearest_and_is_underlined_alone() {
    complains(
        "request.latency{group=tower}",
        "request.latncy{group=tower}",
        "request.latncy",
        "unknown metric `request.latncy`",
        "expected a metric that the runner or an agent measures",
        "did you mean `request.latency`?",
    );
}

#[test]
fn a_malformed_condition_is_underlined_where_it_stops_making_sense() {
    complains(
        "p99 < 800ms",
        "p99 < 800",
        "800",
        "`request.latency` is a duration, and this number has no unit",
        "expected a unit behind the number: us, ms or s",
        "for example 800ms",
    );
    complains("p99 < 800ms", "p99", "\"", "a comparison is missing", "expected <, <=, >, >= or ==", "");
}

#[test]
fn a_condition_with_escapes_is_underlined_as_a_whole() {
    let (span, ..) = only_problem(&with("\"p99 < 800ms\"", "\"p99 \\u003C 800\""));
    assert_eq!(span, "\"p99 \\u003C 800\"");
}

#[test]
fn an_unknown_source_of_questions_names_the_nearest() {
    complains(
        "questions = \"digits\"",
        "questions = \"digit\"",
        "\"digit\"",
        "unknown source of questions `digit`",
        "expected one of: digits",
        "did you mean `digits`?",
    );
}

#[test]
fn an_unknown_network_names_the_nearest() {
    complains(
        "network = \"webtransport\"",
        "network = \"modell\"",
        "\"modell\"",
        "unknown network `modell`",
        "expected one of: model, quic, webtransport",
        "did you mean `model`?",
    );
}

#[test]
fn artifacts_and_samples_are_known() {
    complains(
        "\"html\"",
        "\"htm\"",
        "\"htm\"",
        "unknown artifact `htm`",
        "expected one of: json, junit, html, markdown, events, trace",
        "did you mean `html`?",
    );
    complains(
        "sample = \"1s\"",
        "sample = \"1ms\"",
        "\"1ms\"",
        "`sample` is too short",
        "expected at least 10ms",
        "",
    );
}

#[test]
fn ports_and_agents_have_their_limits() {
    complains(
        "first_port = 4400",
        "first_port = 65536",
        "65536",
        "`first_port` cannot be 65536",
        "expected a whole number from 0 to 65535",
        "",
    );
    complains(
        "first_port = 4400",
        "first_port = 65534",
        "65534",
        "6 agents from port 65534 on need ports up to 65539",
        "expected at most 65530",
        "",
    );
    let (_, message, ..) = only_problem(&with("count = 3", "count = 512"));
    assert_eq!(message, "515 agents are too many for real sockets on one machine");
}

#[test]
fn a_degree_must_be_possible() {
    let text = with("topology = \"star\"\nhub = \"tower\"", "topology = \"random\"\ndegree = 6");
    let (span, message, expected, _) = only_problem(&text);
    assert_eq!((span.as_str(), message.as_str()), ("6", "6 agents cannot have 6 peers each"));
    assert_eq!(expected, "expected at most 5");
    let (_, message, ..) =
        only_problem(&with("topology = \"star\"\nhub = \"tower\"", "topology = \"ring\"\ndegree = 2"));
    assert_eq!(message, "`degree` means nothing to the topology `ring`");
}

#[test]
fn events_must_fall_into_the_run_and_pick_who_is_there() {
    let (span, message, ..) = only_problem(&with("at = \"3s\"", "at = \"10s\""));
    assert_eq!((span.as_str(), message.as_str()), ("\"10s\"", "the event is after the end of the run"));
    let (span, message, ..) = only_problem(&with("pick = 2", "pick = 4"));
    assert_eq!((span.as_str(), message.as_str()), ("4", "`ship` has only 3 members"));
    let (span, message, ..) = only_problem(&with("do = \"stop\"", "do = \"stopp\""));
    assert_eq!((span.as_str(), message.as_str()), ("\"stopp\"", "unknown event `stopp`"));
}

#[test]
fn a_text_that_is_not_toml_says_where() {
    let errors = Scenario::parse("x.toml", "schema = 1\nname = = 2\n", &registry()).unwrap_err();
    let problem = &errors.problems()[0];
    assert_eq!((problem.line(), problem.message()), (2, "this is not TOML"));
}

#[test]
fn an_empty_file_lacks_what_it_needs() {
    let errors = Scenario::parse("x.toml", "", &registry()).unwrap_err();
    let said: Vec<_> = errors.problems().iter().map(Problem::message).collect();
    assert_eq!(
        said,
        ["a scenario file lacks `schema`", "a scenario file lacks [scenario]", "a scenario needs agents"]
    );
}

#[test]
fn mistakes_are_reported_all_at_once() {
    let text = with("agent = \"beacon\"", "agent = \"becon\"")
        .replace("agent = \"idle\"", "agent = \"idel\"")
        .replace("do = \"stop\"", "do = \"halt\"")
        .replace("p99 < 800ms", "p9 < 800ms")
        .replace("seed = 42", "seed = \"42\"");
    let errors = Scenario::parse("x.toml", &text, &registry()).unwrap_err();
    let lines: Vec<_> = errors.problems().iter().map(Problem::line).collect();
    assert_eq!(lines, [12, 34, 41, 49, 65]);
}

#[test]
fn a_wrong_group_makes_no_mistakes_elsewhere() {
    let (_, message, ..) = only_problem(&with("count = 3", "count = 0"));
    assert_eq!(message, "`count` cannot be 0");
}

#[test]
fn giving_up_must_come_before_the_deadline() {
    complains(
        "cancel_after = \"2s\"",
        "cancel_after = \"5s\"",
        "\"5s\"",
        "`cancel_after` comes when the deadline is over",
        "expected less than the deadline, 5.00 s",
        "",
    );
    complains(
        "cancel_after = \"2s\"",
        "cancel_after = \"0s\"",
        "\"0s\"",
        "`cancel_after` is zero",
        "expected more than nothing",
        "",
    );
}

#[test]
fn an_unknown_lane_names_the_nearest() {
    complains(
        "lane = \"bulk\"",
        "lane = \"bulky\"",
        "\"bulky\"",
        "unknown lane `bulky`",
        "expected one of: control, interactive, bulk",
        "did you mean `bulk`?",
    );
}

#[test]
fn an_open_loop_needs_a_pace() {
    complains(
        "every = \"10ms\", open_loop = true",
        "open_loop = true",
        "true",
        "`open_loop` needs `every`",
        "expected the time from one question to the next under `every`",
        "",
    );
}

#[test]
fn an_unknown_ending_names_the_nearest_and_is_underlined_alone() {
    let (span, said, expected, help) = only_problem(&with("request.ended.busy{", "request.ended.bussy{"));
    assert_eq!((span.as_str(), said.as_str()), ("bussy", "unknown ending `bussy`"));
    assert!(expected.contains("hop_limit") && expected.contains("cancelled"), "{expected}");
    assert_eq!(help, "did you mean `busy`?");
}

#[test]
fn a_selection_is_of_a_group_a_capability_or_both() {
    for (instead, underlined, said) in [
        ("{grup=tower}", "{grup=tower}", "not a selection of a group, a capability or topics"),
        (
            "{group=tower capability=x",
            "{group=tower capability=x",
            "not a selection of a group, a capability or topics",
        ),
        ("{topic=a.*}", "a.*", "`request.ended.busy` cannot be told apart by topic"),
        ("{capability=hello.greet, group=towr}", "towr", "unknown group `towr`"),
        ("{group=tower, capability=Hello}", "Hello", "the capability \"Hello\" is not valid"),
    ] {
        let text = with("{group=tower, capability=hello.greet@2}", instead);
        let (span, message, _, _) = only_problem(&text);
        assert_eq!(span, underlined);
        assert!(message.starts_with(said), "{message}");
    }
}

#[test]
fn what_is_not_about_requests_has_no_capability() {
    let (span, said, _, _) =
        only_problem(&with("\"request.open\"", "\"observation.sent{capability=hello.greet}\""));
    assert_eq!(span, "hello.greet");
    assert_eq!(said, "`observation.sent` is not about requests, so it has no capability");
}

#[test]
fn a_topic_is_a_pattern() {
    let (span, said, _, _) = only_problem(&with("topic=sea.*", "topic=sea.**.x"));
    assert_eq!(span, "sea.**.x");
    assert!(said.starts_with("the topic pattern \"sea.**.x\" is not valid"), "{said}");
}

#[test]
fn an_unknown_reason_names_the_nearest() {
    let (span, said, _, help) = only_problem(&with("dropped.rate_limited", "dropped.rate_limit"));
    assert_eq!((span.as_str(), said.as_str()), ("rate_limit", "unknown reason `rate_limit`"));
    assert_eq!(help, "did you mean `rate_limited`?");
}

#[test]
fn a_knob_of_a_node_has_its_bounds() {
    complains(
        "agent_queue = 64",
        "agent_queue = 0",
        "0",
        "`agent_queue` cannot be 0",
        "expected a whole number from 1 to 1000000",
        "",
    );
    complains(
        "outbox_capacity = 16",
        "outbox_capasity = 16",
        "outbox_capasity",
        "unknown key `outbox_capasity` in [groups.ship].node",
        "expected one of: agent_queue, coalescing_window, greedy_patience, max_datagrams_per_second, \
         outbox_capacity, reliable_buffer_bytes, slow_patience",
        "did you mean `outbox_capacity`?",
    );
}
