use proptest::prelude::*;

use super::*;
use crate::Metric;

fn parse(text: &str, metric: &str) -> Result<Condition, ConditionError> {
    Condition::parse(text, &Metric::from_name(metric).unwrap())
}

#[test]
fn units_become_the_unit_of_the_metric() {
    let bound = |text, metric| parse(text, metric).unwrap().bound.value;
    assert_eq!(bound("p99 < 800ms", "request.latency"), 800_000.0);
    assert_eq!(bound("max<=2s", "request.latency"), 2_000_000.0);
    assert_eq!(bound("mean > 250 us", "request.latency"), 250.0);
    assert_eq!(bound(">= 99%", "request.answered_ratio"), 0.99);
    assert_eq!(bound(">= 0.99", "request.answered_ratio"), 0.99);
    assert_eq!(bound("== 1_000", "request.sent"), 1000.0);
    assert_eq!(bound("< 100KiB", "memory.per_agent"), 102_400.0);
    assert_eq!(bound("<= 1.5 MB", "network.bytes"), 1_500_000.0);
    assert_eq!(bound("count >= 10", "request.latency"), 10.0);
    assert_eq!(bound("mean >= -1.5", "measure.drift"), -1.5);
}

#[test]
fn a_bare_number_is_no_bound_of_a_duration() {
    let error = parse("p99 < 800", "request.latency").unwrap_err();
    assert_eq!(error.message, "`request.latency` is a duration, and this number has no unit");
    assert_eq!(error.span, 6..9);
}

#[test]
fn a_number_of_bytes_needs_its_unit() {
    let error = parse("< 100", "memory.per_agent").unwrap_err();
    assert_eq!(error.message, "`memory.per_agent` is a number of bytes, and this number has no unit");
    assert_eq!(error.help.as_deref(), Some("for example 100KiB"));
    assert!(parse("< 100ms", "memory.per_agent").unwrap_err().expected.contains("KiB"));
}

#[test]
fn a_distribution_needs_an_aggregate_and_a_number_refuses_one() {
    assert!(parse("< 1s", "request.latency").unwrap_err().expected.contains("p50, p90, p99"));
    assert_eq!(parse("p99 > 1", "request.sent").unwrap_err().span, 0..3);
    assert!(parse("> 1", "measure.tokens").is_err());
}

#[test]
fn what_is_wrong_is_underlined() {
    let span = |text, metric| parse(text, metric).unwrap_err().span;
    assert_eq!(span("p99 = 1s", "request.latency"), 4..5);
    assert_eq!(span("p99 1s", "request.latency"), 4..5);
    assert_eq!(span("p99 <", "request.latency"), 5..6);
    assert_eq!(span("> 5 ms", "request.sent"), 2..6);
    assert_eq!(span("> 5 and < 7", "request.sent"), 2..7);
    assert_eq!(span("> 5 < 7", "request.sent"), 4..7);
    assert_eq!(span(">= 99", "request.answered_ratio"), 3..5);
}

#[test]
fn a_percentage_without_its_sign_is_recognised() {
    let error = parse(">= 99", "request.answered_ratio").unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean 99%?"));
}

#[test]
fn a_condition_reads_back_as_it_shows() {
    for (text, metric) in
        [("p99 < 800 ms", "request.latency"), (">= 99 %", "answer.right_ratio"), ("== 0", "request.open")]
    {
        assert_eq!(parse(text, metric).unwrap().to_string(), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_condition_or_an_error_with_a_place(text in ".{0,40}", metric in 0..crate::metric::CATALOGUE.len()) {
        let (metric, _) = &crate::metric::CATALOGUE[metric];
        if let Err(error) = Condition::parse(&text, metric) {
            prop_assert!(error.span.start <= text.len());
            prop_assert!(text.is_char_boundary(error.span.start));
        }
    }

    #[test]
    fn what_looks_like_a_condition_never_panics(text in "(p50|p99|count|mean|)? ?(<|<=|==|=)? ?[0-9._-]{0,6} ?(ms|s|%|µs)?x?") {
        for (metric, _) in &crate::metric::CATALOGUE {
            let _ = Condition::parse(&text, metric);
        }
    }
}
