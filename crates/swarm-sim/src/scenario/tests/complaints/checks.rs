//! What must hold, and when.

use super::*;
use crate::{After, CheckKind, Window};

/// A scenario of a split and a nap with one check.
fn of(check: &str) -> String {
    format!(
        "schema = 1\nscenario = {{ name = 'x', duration = '60s' }}\ngroups.a = {{ agent = 'idle', count = 4 }}\n\
         timeline.events = [\n\
         {{ at = '10s', do = 'partition', target = 'a', pick = 1, for = '10s', label = 'split' }},\n\
         {{ at = '30s', do = 'stop', target = 'a', pick = 1, label = 'leaving' }},\n\
         {{ at = '40s', do = 'slow', target = 'a', delay = '1ms', label = 'slow' }}]\n\
         checks.list = [{{ name = 'y', {check} }}]\n"
    )
}

fn parse(check: &str) -> Scenario {
    Scenario::parse("x.toml", &of(check), &registry()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn refused(check: &str, underlined: &str, message: &str, expected: &str, help: &str) {
    let (span, said, label, hint) = only_problem(&of(check));
    assert_eq!(
        (span.as_str(), said.as_str(), label.as_str(), hint.as_str()),
        (underlined, message, expected, help)
    );
}

#[test]
fn a_check_looks_at_its_part_of_the_run() {
    let windows = |during: &str| {
        let scenario = parse(&format!("metric = 'request.open', check = '== 0'{during}"));
        let windows = scenario.checks[0].windows(&scenario);
        windows.map(|(from, until)| (from.as_secs(), until.as_secs()))
    };
    assert_eq!(windows(""), None);
    assert_eq!(windows(", during = 'steady'"), Some((0, 10)));
    assert_eq!(windows(", during = '20s..40s'"), Some((20, 40)));
    assert_eq!(windows(", during = '0s..60s'"), None);
    assert_eq!(windows(", during = 'split'"), Some((10, 20)));
    assert_eq!(windows(", during = 'after(split)'"), Some((20, 60)));
    assert_eq!(windows(", during = 'slow'"), Some((40, 60)));
}

#[test]
fn what_must_become_true_has_its_time() {
    let check = |rest: &str| {
        let scenario = parse(&format!("eventually = 'overlay.components == 1'{rest}"));
        let windows = scenario.checks[0].windows(&scenario);
        (scenario.checks[0].to_string(), windows.map(|(from, until)| (from.as_secs(), until.as_secs())))
    };
    assert_eq!(check(""), ("eventually overlay.components == 1".to_owned(), None));
    let (said, windows) = check(", after = 'split', within = '5s'");
    assert_eq!(said, "eventually overlay.components == 1 after split within 5.00 s");
    assert_eq!(windows, Some((20, 25)));
    let (said, windows) = check(", after = '58s', within = '5s'");
    assert_eq!(said, "eventually overlay.components == 1 after 58.0 s within 5.00 s");
    assert_eq!(windows, Some((58, 60)));
    let scenario = parse("eventually = 'overlay.converged >= 99%'");
    assert_eq!(scenario.checks[0].kind, CheckKind::Eventually { after: After::default(), within: None });
}

#[test]
fn an_expression_is_a_metric_its_selection_and_a_condition() {
    for (expression, shown) in [
        ("request.lost == 0", "always request.lost == 0"),
        ("request.lost==0", "always request.lost == 0"),
        (
            "request.latency{group=a, capability=b.c} p99<800ms",
            "always request.latency{group=a, capability=b.c} p99 < 800 ms",
        ),
        ("memory.per_agent < 100KiB", "always memory.per_agent < 100 KiB"),
        ("network.lost_ratio <= 5%", "always network.lost_ratio <= 5 %"),
        ("measure.steps {group=a} mean > 1", "always measure.steps{group=a} mean > 1"),
    ] {
        let scenario = parse(&format!("always = '{expression}', during = 'split', abort_on_fail = true"));
        let check = &scenario.checks[0];
        assert_eq!(check.to_string(), format!("{shown} during split"));
        assert!(check.abort_on_fail && check.window == Window::During("split".into()));
    }
    let metric = "expected a metric that the runner or an agent measures";
    let meant = "did you mean `request.lost`?";
    refused("always = 'request.lots == 0'", "request.lots", "unknown metric `request.lots`", metric, meant);
    let comparison = "expected <, <=, >, >= or ==";
    refused("always = 'request.lost = 0'", "=", "`=` is no comparison", comparison, "write `==` for equal");
    refused("always = 'request.lost'", "'", "a comparison is missing", comparison, "");
    let (span, said, ..) = only_problem(&of("always = 'request.lost{group=b} == 0'"));
    assert_eq!((span.as_str(), said.as_str()), ("b", "unknown group `b`"));
    let (span, said, ..) = only_problem(&of("always = 'request.latency{group=a} p99 < 8'"));
    assert_eq!(span, "8");
    assert!(said.contains("this number has no unit"), "{said}");
}

#[test]
fn what_is_about_the_whole_swarm_has_no_group() {
    refused(
        "always = 'overlay.components{group=a} == 1'",
        "a",
        "`overlay.components` is about the whole swarm, so it has no group",
        "expected no selection",
        "",
    );
    refused(
        "always = 'network.bytes{topic=a.b} < 1MB'",
        "a.b",
        "`network.bytes` cannot be told apart by topic",
        "expected no selection",
        "",
    );
}

#[test]
fn a_check_has_one_way_to_say_what_must_hold() {
    let expected =
        "expected one of metric, always, eventually and custom in each check, and what belongs to it";
    let always = "always = 'request.lost == 0'";
    refused(
        &format!("{always}, within = '1s'"),
        "'1s'",
        "`within` means nothing beside `always`",
        expected,
        "",
    );
    refused(
        &format!("{always}, check = '== 0'"),
        "'== 0'",
        "`check` means nothing beside `always`",
        expected,
        "",
    );
    refused(
        &format!("{always}, custom = 'z'"),
        "'z'",
        "`custom` means nothing beside `always`",
        expected,
        "",
    );
    let eventually = "eventually = 'request.lost == 0', during = 'steady'";
    refused(eventually, "'steady'", "`during` means nothing beside `eventually`", expected, "");
    assert!(parse("metric = 'request.lost', check = '== 0', abort_on_fail = true").checks[0].abort_on_fail);
    for hopeful in [
        "metric = 'request.sent', check = '> 5'",
        "metric = 'request.latency', check = 'p99 < 1s'",
        "metric = 'overlay.components', check = '== 1'",
    ] {
        refused(
            &format!("{hopeful}, abort_on_fail = true"),
            "true",
            "`abort_on_fail` means nothing here: only at the end it is known whether this holds",
            "expected only with `always`, `eventually` or a count that has an upper bound",
            "",
        );
    }
    let errors = Scenario::parse("x.toml", &of("severity = 'warn'"), &registry()).unwrap_err();
    let said: Vec<_> = errors.problems().iter().map(Problem::message).collect();
    assert_eq!(said, ["a check lacks `metric`", "a check lacks `check`"]);
}

#[test]
fn a_window_is_known_and_has_something_in_it() {
    let of_metric = |during: &str| format!("metric = 'request.open', check = '== 0', during = '{during}'");
    refused(
        &of_metric("stedy"),
        "stedy",
        "unknown label `stedy`",
        "expected one of: steady, split, leaving, slow",
        "did you mean `steady`?",
    );
    refused(
        &of_metric("after(splt)"),
        "splt",
        "unknown label `splt`",
        "expected one of: split, leaving, slow",
        "did you mean `split`?",
    );
    refused(
        &of_metric("20..40"),
        "'20..40'",
        "`during` cannot be \"20..40\"",
        "expected two durations, such as \"20s..40s\"",
        "",
    );
    for window in ["40s..20s", "20s..61s"] {
        let message = "the window is empty or reaches beyond the end of the run";
        let expected = "expected two times in their order, up to 60.0 s";
        refused(&of_metric(window), &format!("'{window}'"), message, expected, "");
    }
    refused(
        &of_metric("leaving"),
        "'leaving'",
        "`leaving` is over at once, so nothing can be measured while it lasts",
        "expected the label of what takes time, by `for`",
        "",
    );
    let endless = "`slow` lasts to the end of the run, so nothing comes after it";
    let expected = "expected the label of what ends before, by `for` or by a heal";
    refused(&of_metric("after(slow)"), "'after(slow)'", endless, expected, "");
    let eventually = |rest: &str| format!("eventually = 'overlay.components == 1', {rest}");
    refused(&eventually("after = 'slow'"), "'slow'", endless, expected, "");
    let late = "the check begins after the end of the run";
    refused(&eventually("after = '60s'"), "'60s'", late, "expected less than 60.0 s", "");
    refused(&eventually("within = '0s'"), "'0s'", "`within` is zero", "expected more than nothing", "");
    let never =
        of(&of_metric("steady")).replace("at = '10s', do = 'partition'", "at = '0s', do = 'partition'");
    let never = never.replace("for = '10s', ", "");
    assert_eq!(only_problem(&never).1, "the run has no steady time");
}

#[test]
fn a_check_in_rust_is_registered_and_understands_its_params() {
    let scenario = parse("custom = 'agreement', params = { rate_hz = 1.0 }, severity = 'warn'");
    let check = &scenario.checks[0];
    assert_eq!(check.to_string(), "agreement");
    assert!(
        matches!(&check.kind, CheckKind::Custom { name, params } if name == "agreement" && params.len() == 1)
    );
    refused(
        "custom = 'agrement', params = { rate_hz = 1.0 }",
        "'agrement'",
        "unknown check in Rust `agrement`",
        "expected one of: agreement",
        "did you mean `agreement`?",
    );
    refused(
        "custom = 'agreement', params = { rat_hz = 1.0 }",
        "rat_hz",
        "params of `agreement`: unknown key `rat_hz`",
        "expected `rate_hz` or `topics`",
        "did you mean `rate_hz`?",
    );
}
