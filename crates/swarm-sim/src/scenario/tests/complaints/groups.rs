//! Who takes part.

use super::*;

#[test]
fn rogues_need_real_sockets() {
    complains(
        "network = \"webtransport\"",
        "network = \"quic\"",
        "\"datagram-flood\"",
        "there are no rogues on the network `quic`",
        "rogues need the network webtransport",
        "",
    );
}

#[test]
fn each_network_has_its_limit_and_says_which_has_room() {
    let text = |network: &str, count: usize| {
        format!(
            "schema = 1\nscenario = {{ name = 'x', duration = '1s' }}\nrun.network = '{network}'\n\
             mesh = {{ topology = 'ring' }}\ngroups.a = {{ agent = 'idle', count = {count} }}\n\
             groups.b = {{ agent = 'idle' }}"
        )
    };
    let help = "use the network model, which takes 20 000";
    let (_, said, label, hint) = only_problem(&text("webtransport", 512));
    assert_eq!(said, "513 agents are too many for real sockets on one machine");
    assert_eq!((label.as_str(), hint.as_str()), ("expected at most 512 in all groups together", help));
    let (_, said, label, hint) = only_problem(&text("quic", 1_000));
    assert_eq!(said, "1001 agents are too many for the network `quic`");
    assert_eq!((label.as_str(), hint.as_str()), ("expected at most 1000 in all groups together", help));
    let (_, said, _, hint) = only_problem(&text("model", 20_000));
    assert_eq!((said.as_str(), hint.as_str()), ("20001 agents are too many for the network `model`", ""));
    let scenario = Scenario::parse("x.toml", &text("model", 19_999), &registry()).unwrap();
    assert_eq!(scenario.agents(), 20_000);
}

#[test]
fn zones_starts_and_clocks_are_understood_or_refused() {
    let (span, said, label, _) =
        only_problem(&with("[groups.tower]", "[groups.tower]\nzone = \"The Tower\""));
    assert_eq!((span.as_str(), said.as_str()), ("\"The Tower\"", "a zone cannot be called `The Tower`"));
    assert_eq!(label, "expected 1 to 32 of the characters a-z, 0-9, - and _");
    complains(
        "start = false\n[groups.tower]",
        "start = \"spread(11s)\"\n[groups.tower]",
        "\"spread(11s)\"",
        "they would not all have started when the run ends",
        "expected less than 11.0 s, warm-up included",
        "",
    );
    complains(
        "skew = \"uniform(-200ms, 200ms)\"",
        "skew = \"uniform(-100ms, 200ms)\"",
        "\"uniform(-100ms, 200ms)\"",
        "`skew` cannot be \"uniform(-100ms, 200ms)\"",
        "expected how far clocks are off at most, either way, such as \"200ms\" or \"uniform(-200ms, 200ms)\"",
        "",
    );
    complains(
        "drift_ppm = 50 }\nstart",
        "drift_ppm = -1 }\nstart",
        "-1",
        "`drift_ppm` cannot be -1",
        "expected a number from 0 to 100000",
        "",
    );
    complains(
        "rogue = \"datagram-flood\"",
        "rogue = \"datagram-flood\"\nclock = { skew = \"1s\" }",
        "{ skew = \"1s\" }",
        "`clock` means nothing beside `rogue`",
        "expected either a group of agents or one of rogues",
        "",
    );
}

#[test]
fn an_unknown_attack_names_the_nearest() {
    let (span, said, label, hint) =
        only_problem(&with("rogue = \"datagram-flood\"", "rogue = \"datagramm-flod\""));
    assert_eq!((span.as_str(), said.as_str()), ("\"datagramm-flod\"", "unknown attack `datagramm-flod`"));
    assert!(label.contains("qpack-bomb, half-hello"), "{label}");
    assert_eq!(hint, "did you mean `datagram-flood`?");
}

#[test]
fn a_rogue_is_no_agent_and_has_no_node() {
    complains(
        "rogue = \"datagram-flood\"",
        "rogue = \"datagram-flood\"\nagent = \"idle\"",
        "\"idle\"",
        "`agent` means nothing beside `rogue`",
        "expected either a group of agents or one of rogues",
        "",
    );
    complains(
        "rogue = \"datagram-flood\"",
        "rogue = \"datagram-flood\"\nnode = { agent_queue = 8 }",
        "{ agent_queue = 8 }",
        "`node` means nothing beside `rogue`",
        "expected either a group of agents or one of rogues",
        "",
    );
}

#[test]
fn nobody_asks_a_rogue_or_is_connected_by_it() {
    let message = "`pirate` is a group of rogues";
    let expected = "expected a group of agents";
    complains("hub = \"tower\"", "hub = \"pirate\"", "\"pirate\"", message, expected, "");
    let ask = "do = \"ask\", from = \"tower\", to = ";
    let to_ship = format!("{ask}\"ship\", capability = \"hello.greet@2\"");
    complains(&to_ship, &to_ship.replace("ship", "pirate"), "\"pirate\"", message, expected, "");
}

#[test]
fn params_of_rogues_are_known_and_bounded() {
    let (_, said, label, hint) = only_problem(&with("rate = 50", "rat = 50"));
    assert_eq!(
        (said.as_str(), hint.as_str()),
        ("params of `datagram-flood`: unknown key `rat`", "did you mean `rate`?")
    );
    assert!(label.contains("`attempts`"), "{label}");
    let (_, said, label, _) = only_problem(&with("rate = 50", "rate = 200_001"));
    assert_eq!(said, "params of `datagram-flood` are out of bounds");
    assert!(label.contains("rate 200000"), "{label}");
}

#[test]
fn params_keep_their_place_in_the_file() {
    complains(
        "rate_hz = 2.5",
        "rate_herz = 2.5",
        "rate_herz",
        "params of `beacon`: unknown key `rate_herz`",
        "expected `rate_hz` or `topics`",
        "did you mean `rate_hz`?",
    );
    complains(
        "rate_hz = 2.5",
        "rate_hz = \"fast\"",
        "\"fast\"",
        "params of `beacon`: invalid type: string \"fast\"",
        "expected a number",
        "",
    );
    let (span, message, expected, _) = only_problem(&with("rate_hz = 2.5, ", ""));
    assert_eq!(span, "{ topics = [\"${sea}.deep\"] }");
    assert_eq!(message, "params of `beacon`: missing key `rate_hz`");
    assert_eq!(expected, "expected a value for `rate_hz`");
}

#[test]
fn an_unknown_kind_of_agent_names_the_nearest() {
    complains(
        "agent = \"beacon\"",
        "agent = \"becon\"",
        "\"becon\"",
        "unknown agent kind `becon`",
        "expected one of: beacon, idle",
        "did you mean `beacon`?",
    );
}
