//! Params, what is set on the command line, and sweeps.

use super::*;

/// A scenario of idlers with params.
fn of(params: &str, count: &str) -> String {
    format!(
        "schema = 1\nscenario = {{ name = 'x', duration = '9s' }}\nparams = {{ {params} }}\n\
         groups.a = {{ agent = 'idle', count = {count} }}\n"
    )
}

fn parse_with(text: &str, set: &[(&str, &str)]) -> Result<Scenario, ScenarioErrors> {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Scenario::parse_with("x.toml", text, &registry(), &Overrides { set, ..Overrides::default() })
}

#[test]
fn a_param_alone_keeps_its_type_and_within_a_text_its_words() {
    let text = of("n = 3, share = 0.5, word = 'sea', on = false", "'${n}'")
        + "groups.b = { agent = 'beacon', params = { rate_hz = '${share}', topics = ['${word}.${n}.$${n}', 'on=${on}'] } }";
    let scenario = Scenario::parse("x.toml", &text, &registry()).unwrap();
    assert_eq!(scenario.groups[0].count, 3);
    let Members::Agents(agents) = &scenario.groups[1].members else { panic!("{scenario:?}") };
    assert_eq!(agents.params["rate_hz"].as_float(), Some(0.5));
    assert_eq!(agents.params["topics"][0].as_str(), Some("sea.3.${n}"));
    assert_eq!(agents.params["topics"][1].as_str(), Some("on=false"));
}

#[test]
fn what_is_set_goes_before_the_file_and_is_told() {
    let text = of("n = 3, share = 0.5", "'${n}'");
    let scenario = parse_with(&text, &[("n", "7")]).unwrap();
    assert_eq!(scenario.groups[0].count, 7);
    assert_eq!(scenario.params, [("n".to_owned(), "7".to_owned()), ("share".to_owned(), "0.5".to_owned())]);
}

#[test]
fn seeds_and_networks_can_be_overridden_and_are_checked_just_the_same() {
    let overrides = Overrides { network: Some(Network::Model), seed: Some(9), ..Overrides::default() };
    let text = of("", "600") + "mesh = { topology = 'ring' }\nrun = { network = 'quic', seed = 1 }";
    let scenario = Scenario::parse_with("x.toml", &text, &registry(), &overrides).unwrap();
    assert_eq!((scenario.network, scenario.seed), (Network::Model, 9));
    let overrides = Overrides { network: Some(Network::WebTransport), ..Overrides::default() };
    let errors = Scenario::parse_with("x.toml", &text, &registry(), &overrides).unwrap_err();
    assert!(
        errors.to_string().contains("`count` cannot be 600 (expected a whole number from 1 to 512)"),
        "{errors}"
    );
    let overrides = Overrides { network: Some(Network::Model), ..Overrides::default() };
    let errors = Scenario::parse_with("x.toml", WHOLE, &registry(), &overrides).unwrap_err();
    assert!(errors.to_string().contains("there are no rogues on the network `model`"), "{errors}");
}

#[test]
fn an_unknown_param_names_the_nearest_and_makes_no_other_mistake() {
    let (span, said, label, hint) = only_problem(&of("sensors = 3", "'${sensrs}'"));
    assert_eq!((span.as_str(), said.as_str()), ("sensrs", "unknown param `sensrs`"));
    assert_eq!((label.as_str(), hint.as_str()), ("expected one of: sensors", "did you mean `sensors`?"));
    let (span, said, ..) = only_problem(&of("sensors = 3", "'${sensors'"));
    assert_eq!((span.as_str(), said.as_str()), ("${", "`${` is never closed"));
}

#[test]
fn a_complaint_about_a_value_of_params_says_what_they_are() {
    let (span, said, label, hint) = only_problem(&of("n = 0", "'${n}'"));
    assert_eq!((span.as_str(), said.as_str()), ("'${n}'", "`count` cannot be 0"));
    assert_eq!((label.as_str(), hint.as_str()), ("expected a whole number from 1 to 512", "${n} is 0"));
}

#[test]
fn what_cannot_be_set_is_refused_at_the_params() {
    let said = |set| {
        let errors = parse_with(&of("n = 3, word = 'sea'", "'${n}'"), &[set]).unwrap_err();
        let [problem] = errors.problems() else { panic!("{errors}") };
        let hint = problem.help_text().unwrap_or_default();
        (problem.message().to_owned(), problem.expected().to_owned(), hint.to_owned())
    };
    assert_eq!(
        said(("wrd", "lake")),
        (
            "unknown param on the command line `wrd`".to_owned(),
            "expected one of: n, word".to_owned(),
            "did you mean `word`?".to_owned()
        )
    );
    assert_eq!(
        said(("n", "many")),
        (
            "`n` cannot be set to many".to_owned(),
            "expected a number, as in [params]".to_owned(),
            String::new()
        )
    );
}

#[test]
fn a_param_is_one_value_of_its_own() {
    let (span, said, label, _) = only_problem(&of("list = [1]", "1"));
    assert_eq!((span.as_str(), said.as_str()), ("[1]", "the param `list` cannot be a whole array"));
    assert_eq!(label, "expected a text, a number, true or false");
    let (_, said, ..) = only_problem(&of("a = 1, b = '${a}'", "1"));
    assert_eq!(said, "a param is not made of others");
    let (_, said, ..) = only_problem(&of(&format!("long = '{}'", "x".repeat(257)), "1"));
    assert_eq!(said, "the param `long` is too long");
    let (_, said, ..) = only_problem(&of("'A b' = 1", "1"));
    assert_eq!(said, "a param cannot be called `A b`");
}

#[test]
fn an_axis_is_of_a_param_and_its_values_are_of_its_kind() {
    complains(
        "axes = { ships =",
        "axes = { ship =",
        "ship",
        "unknown param `ship`",
        "expected one of: ships, loss, sea",
        "did you mean `ships`?",
    );
    complains(
        "ships = [3, 6]",
        "ships = [3, \"six\"]",
        "\"six\"",
        "`ships` cannot be \"six\"",
        "expected a number, as in [params]",
        "",
    );
    complains(
        "ships = [3, 6]",
        "ships = []",
        "[]",
        "`ships` cannot be an array",
        "expected an array of values",
        "",
    );
}

#[test]
fn a_design_has_what_it_needs_and_nothing_else() {
    complains(
        "design = \"grid\"",
        "design = \"gird\"",
        "\"gird\"",
        "unknown design `gird`",
        "expected one of: grid, zip, random, lhs",
        "did you mean `grid`?",
    );
    complains(
        "design = \"grid\"",
        "design = \"grid\"\nsamples = 5",
        "5",
        "`samples` means nothing to the design `grid`",
        "expected only with design = \"random\" or \"lhs\"",
        "",
    );
    let (_, said, label, _) = only_problem(&with("design = \"grid\"", "design = \"lhs\""));
    assert_eq!(said, "the design `lhs` lacks `samples`");
    assert_eq!(label, "expected how many points there are under `samples`");
    let zip = with("design = \"grid\"", "design = \"zip\"").replace("ships = [3, 6]", "ships = [3]");
    let (_, said, label, _) = only_problem(&zip);
    assert_eq!(said, "the axes have different numbers of values");
    assert_eq!(label, "expected 1 for each, as for the shortest");
    complains(
        "ships = [3, 6]",
        "ships = { from = 3, to = 6 }",
        "{ from = 3, to = 6 }",
        "a range means nothing to the design `grid`",
        "expected an array of values",
        "",
    );
    let values = vec!["3"; 6_000].join(", ");
    let (_, said, _, hint) = only_problem(&with("ships = [3, 6]", &format!("ships = [{values}]")));
    assert_eq!(
        (said.as_str(), hint.as_str()),
        ("a grid of 12 000 points is too large", "draw some of them: design = \"lhs\"")
    );
}

#[test]
fn every_point_of_a_sweep_is_a_scenario() {
    let scenario = Scenario::parse("x.toml", WHOLE, &registry()).unwrap();
    let points = scenario.sweep.unwrap().points(scenario.seed);
    assert_eq!(points.len(), 4);
    for set in points {
        let overrides = Overrides { set, ..Overrides::default() };
        Scenario::parse_with("x.toml", WHOLE, &registry(), &overrides).unwrap();
    }
}
