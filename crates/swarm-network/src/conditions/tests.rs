use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn parse(text: &str) -> Result<Distribution, ConditionsError> {
    text.parse()
}

/// Mean and least and most of many draws, in milliseconds.
fn drawn(distribution: Distribution) -> (f64, f64, f64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let draws: Vec<f64> = (0..100_000).map(|_| distribution.sample(&mut rng).as_secs_f64() * 1e3).collect();
    let mean = draws.iter().sum::<f64>() / draws.len() as f64;
    (mean, draws.iter().copied().fold(f64::MAX, f64::min), draws.iter().copied().fold(0.0, f64::max))
}

#[test]
fn every_way_to_write_a_distribution_is_understood() {
    assert_eq!(parse("20ms"), Ok(Distribution::Constant(ms(20))));
    assert_eq!(parse(" 10ms .. 60ms "), Ok(Distribution::Uniform(ms(10), ms(60))));
    assert_eq!(parse("uniform(10ms, 60ms)"), Ok(Distribution::Uniform(ms(10), ms(60))));
    assert_eq!(parse("normal(20ms, 5ms)"), Ok(Distribution::Normal(ms(20), ms(5))));
    assert_eq!(parse("pareto(5ms,1.5)"), Ok(Distribution::Pareto(ms(5), 1.5)));
}

#[test]
fn what_is_no_distribution_is_refused_with_what_was_expected() {
    for (text, expected) in [
        ("20", "\"20\" is no duration, expected one with its unit, such as 20ms"),
        ("", "\"\" is no duration, expected one with its unit, such as 20ms"),
        ("-5ms", "\"-5ms\" is no duration, expected one with its unit, such as 20ms"),
        ("2h", "\"2h\" is longer than an hour"),
        ("60ms..10ms", "\"60ms..10ms\" ends before it begins"),
        ("normal(20ms, 5ms", "normal takes a mean and a standard deviation: normal(20ms, 5ms)"),
        ("pareto(5ms)", "pareto takes the least and a shape: pareto(5ms, 1.5)"),
        ("pareto(5ms, 0)", "\"0\" is no shape, expected a number greater than 0, such as 1.5"),
        ("pareto(5ms, NaN)", "\"NaN\" is no shape, expected a number greater than 0, such as 1.5"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert!(parse("gauss(1ms, 2ms)").unwrap_err().to_string().starts_with("\"gauss\" is no distribution"));
}

#[test]
fn draws_are_distributed_as_they_say() {
    let (mean, least, most) = drawn(Distribution::Uniform(ms(10), ms(60)));
    assert!((34.5..35.5).contains(&mean) && least >= 10.0 && most <= 60.0, "{mean} {least} {most}");

    let (mean, least, most) = drawn(Distribution::Normal(ms(100), ms(10)));
    assert!((99.5..100.5).contains(&mean) && least > 40.0 && most < 160.0, "{mean} {least} {most}");

    let (mean, least, _) = drawn(Distribution::Pareto(ms(5), 3.0));
    assert!((7.3..7.7).contains(&mean) && least >= 5.0, "{mean} {least}");
}

#[test]
fn no_draw_is_below_zero_or_longer_than_a_minute() {
    let (_, least, _) = drawn(Distribution::Normal(ms(1), ms(100)));
    assert_eq!(least, 0.0);

    let (_, _, most) = drawn(Distribution::Pareto(ms(5), 0.1));
    assert_eq!(most, 60_000.0);
}

#[test]
fn every_profile_that_is_named_exists() {
    for (name, _) in Conditions::PROFILES {
        assert!(Conditions::profile(name).is_some(), "{name}");
    }
}

#[test]
fn more_latency_adds_up_and_another_one_replaces_it() {
    let more = |by| Change { latency: Some(Latency::More(by)), ..Change::default() };
    let set = Change { latency: Some(Latency::Set(Distribution::Constant(ms(5)))), ..Change::default() };

    let twice = Conditions::default().with(&more(ms(10))).with(&more(ms(20)));
    assert_eq!(twice.added, ms(30));

    let anew = twice.with(&set).with(&more(ms(1)));
    assert_eq!((anew.latency, anew.added), (Distribution::Constant(ms(5)), ms(1)));
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (0_u64..3_600_000_000_000).prop_map(Duration::from_nanos)
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    prop_oneof![
        any_duration().prop_map(Distribution::Constant),
        (any_duration(), any_duration()).prop_map(|(a, b)| Distribution::Uniform(a.min(b), a.max(b))),
        (any_duration(), any_duration()).prop_map(|(mean, by)| Distribution::Normal(mean, by)),
        (any_duration(), 0.01_f64..100.0).prop_map(|(least, shape)| Distribution::Pareto(least, shape)),
    ]
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(distribution in any_distribution()) {
        prop_assert_eq!(parse(&distribution.to_string()), Ok(distribution));
    }

    #[test]
    fn reading_never_breaks_down(text in ".{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_change_of_nothing_changes_nothing(mtu in 0_usize..9000) {
        let conditions = Conditions { mtu, ..Conditions::default() };
        prop_assert_eq!(conditions.clone().with(&Change::default()), conditions);
    }
}
