//! The program as people and scripts use it: what it prints, what it writes, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;

use common::Desk;
use serde_json::json;

/// Each line, without what differs from run to run: ids, keys and moments.
fn lines(text: &str) -> Vec<String> {
    let is_digits = |word: &str| word.chars().all(|digit| digit.is_ascii_hexdigit() || digit == '-');
    let masked = |word: &str| match word.trim_matches(|c| "(),".contains(c)) {
        id if id.len() == 36 && is_digits(id) => "ID".to_owned(),
        key if key.len() == 64 && is_digits(key) => "KEY".to_owned(),
        print if print.len() == 19 && print.matches('-').count() == 3 => "FINGERPRINT".to_owned(),
        moment if moment.len() == 20 && moment.ends_with('Z') => "MOMENT".to_owned(),
        _ => word.to_owned(),
    };
    text.lines().map(|line| line.split_whitespace().map(masked).collect::<Vec<_>>().join(" ")).collect()
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[test]
fn a_root_is_made_once() {
    let desk = Desk::new();

    let made = desk.done(&["root", "new", "--swarm", "harbour-7", "--out", "root"]);

    assert_eq!(
        lines(&made),
        [
            "root of harbour-7",
            "public key KEY",
            "fingerprint FINGERPRINT",
            "secret root/root.pem",
            "public half root/root.pub.pem",
            "",
            "Keep root.pem away from the network, and a copy of it in a safe place: whoever has it says who belongs.",
            "Every node gets root.pub.pem as roots.pem, with its own key and grant.",
        ]
    );
    let secret = fs::read_to_string(desk.at("root/root.pem")).unwrap();
    assert!(
        secret.starts_with("-----BEGIN PRIVATE KEY-----") && !made.contains(secret.lines().nth(1).unwrap())
    );
    #[cfg(unix)]
    assert_eq!((mode(&desk.at("root")), mode(&desk.at("root/root.pem"))), (0o700, 0o600));

    let again = ["root", "new", "--swarm", "other", "--out", "root"];
    desk.refused(1, &again, &["root/root.pem is there already", "never written over"]);
    assert_eq!(fs::read_to_string(desk.at("root/root.pem")).unwrap(), secret);

    let shown = desk.json(&["root", "show", "root"]);
    assert_eq!(shown["swarm"], "harbour-7");
    assert_eq!(shown, desk.json(&["root", "show", "root/root.pub.pem"]));
}

#[test]
fn a_key_is_made_once_and_its_public_half_is_all_that_is_shown() {
    let desk = Desk::new();

    let made = desk.done(&["key", "new", "--out", "rover"]);

    assert_eq!(
        lines(&made)[..5],
        [
            "key of an agent",
            "agent ID",
            "public key KEY",
            "fingerprint FINGERPRINT",
            "secret rover/identity.pem"
        ]
    );
    desk.refused(1, &["key", "new", "--out", "rover/identity.pem"], &["is there already"]);
    assert_eq!(lines(&desk.done(&["key", "show", "rover"])), lines(&made)[..5]);

    let shown = desk.json(&["key", "show", "rover"]);
    let inspected = desk.json(&["inspect", "rover/identity.pem"]);
    assert_eq!(inspected["kind"], "secret_key");
    assert_eq!(inspected["keys"][0]["agent"], shown["agent"]);
    #[cfg(unix)]
    {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(desk.at("rover/identity.pem"), open).unwrap();
        desk.refused(1, &["key", "show", "rover"], &["chmod 600"]);
        desk.refused(1, &["inspect", "rover/identity.pem"], &["chmod 600"]);
    }
}

#[test]
fn a_grant_says_what_was_asked_for() {
    let desk = Desk::with_root();
    let key = desk.json(&["key", "new", "--out", "rover"]);
    let grant = [
        &["grant", "--root", "root", "--key", key["public_key"].as_str().unwrap()][..],
        &["--publish", "rover.**", "--publish", "log", "--subscribe", "**", "--call", "vision.**@*"],
        &["--datagrams-per-second", "200", "--days", "30"],
    ]
    .concat();

    let made = desk.done(&[&grant[..], &["--out", "rover.grant"]].concat());

    let described = [
        "grant of harbour-7",
        "agent ID",
        "public key KEY",
        "role member",
        "publish rover.**, log",
        "subscribe **",
        "serve nothing",
        "call vision.**@*",
        "datagrams 200 a second at most",
        "from MOMENT (1 hour ago)",
        "until MOMENT (in 30 days)",
        "signed by FINGERPRINT",
        "counts yes",
    ];
    assert_eq!(lines(&made), [&described[..], &["file rover.grant"]].concat());
    let inspected = desk.done(&["inspect", "rover.grant", "--roots", "root/root.pub.pem"]);
    assert_eq!(lines(&inspected), described);

    let said = desk.json(&["inspect", "rover.grant", "--roots", "root/root.pub.pem"]);
    assert_eq!(said["agent"], key["agent"]);
    assert_eq!(said["publish"], json!(["rover.**", "log"]));
    assert_eq!(
        (&said["role"], &said["datagrams_per_second"], &said["counts"]),
        (&json!("member"), &json!(200), &json!(true))
    );

    // What goes on to another program is alone on the standard output.
    let piped = desk.run(&grant);
    assert_eq!((piped.code, piped.output.lines().count()), (0, 1));
    assert_eq!(lines(&piped.errors), described);
    let read = desk.run_with(&["inspect", "-", "--roots", "root/root.pub.pem"], &piped.output);
    assert_eq!((read.code, lines(&read.output)), (0, described.map(str::to_owned).to_vec()));
}

#[test]
fn what_does_not_count_says_why_and_fails() {
    let desk = Desk::with_root();
    desk.done(&["root", "new", "--swarm", "harbour-7", "--out", "other"]);
    desk.done(&["enrol", "--root", "root", "--out", "rover", "--all", "--days", "30"]);
    let reason = |arguments: &[&str]| {
        let said = desk.run(&[&["inspect", "--json"], arguments].concat());
        let json: serde_json::Value = serde_json::from_str(&said.output).unwrap();
        (said.code, json["counts"].clone(), json["reason"].as_str().unwrap_or_default().to_owned())
    };
    let no = |reason: &str| (1, json!(false), reason.to_owned());

    assert_eq!(reason(&["rover/grant"]), (0, json!(null), String::new()));
    assert_eq!(reason(&["rover/grant", "--roots", "rover/roots.pem"]), (0, json!(true), String::new()));
    assert_eq!(reason(&["rover/grant", "--roots", "other/root.pub.pem"]), no("unknown_root"));
    let elsewhere = ["rover/grant", "--roots", "rover/roots.pem", "--swarm", "elsewhere"];
    assert_eq!(reason(&elsewhere), no("wrong_swarm"));

    // The last letters but one are of the signature.
    let grant = fs::read_to_string(desk.at("rover/grant")).unwrap();
    let (start, end) = grant.trim().split_at(grant.trim().len() - 8);
    let changed = format!("{start}{}", if end.starts_with('A') { "BAAAAAAA" } else { "AAAAAAAA" });
    assert_eq!(reason(&[&changed]), no("bad_signature"));

    desk.done(&["revoke", "--root", "root", "--agent", "rover"]);
    let revoked = ["rover/grant", "--roots", "rover/roots.pem", "--list", "root/revocations"];
    assert_eq!(reason(&revoked), no("revoked"));
    let said = desk.run(&[&["inspect"], &revoked[..]].concat());
    let counts = lines(&said.output).pop().unwrap();
    assert!(counts.starts_with("counts no: the grants of ID were revoked"), "{counts}");
    // Somebody else's list takes nothing back.
    desk.done(&["revoke", "--root", "other", "--agent", "rover"]);
    desk.refused(
        1,
        &["inspect", "rover/grant", "--roots", "rover/roots.pem", "--list", "other/revocations"],
        &["other/revocations does not count", "no root of this swarm"],
    );
}

#[test]
fn a_list_grows_and_shrinks_and_gets_the_next_version() {
    let desk = Desk::with_root();
    let ids = ["d8847d91-4101-8863-8914-2419781bbbdd", "00000000-0000-8000-8000-000000000000"];

    let first = desk.json(&["revoke", "--root", "root", "--agent", ids[0], "--until", "2026-01-31"]);
    assert_eq!((&first["version"], &first["file"]), (&json!(1), &json!("root/revocations")));
    assert_eq!(first["revoked"], json!([{ "agent": ids[0], "until": "2026-01-31T23:59:59Z" }]));

    let earlier = ["--until", "2025-01-01", "--agent", ids[0], "--agent", ids[1]];
    let second = desk.json(&[&["revoke", "--root", "root"], &earlier[..]].concat());
    assert_eq!(second["version"], 2);
    assert_eq!(
        second["revoked"],
        json!([
            { "agent": ids[0], "until": "2026-01-31T23:59:59Z" },
            { "agent": ids[1], "until": "2025-01-01T23:59:59Z" },
        ]),
        "what was revoked stays so"
    );

    let third = desk.done(&["revoke", "--root", "root", "--drop-before", "2026-01-01"]);
    assert_eq!(
        lines(&third)[..5],
        [
            "list of revocations of harbour-7",
            "version 3",
            "revoked ID what holds from MOMENT or earlier",
            "signed by FINGERPRINT",
            "counts yes",
        ]
    );

    // Only what a root of this swarm has signed is signed anew.
    desk.done(&["root", "new", "--swarm", "harbour-7", "--out", "next"]);
    let taken = ["revoke", "--root", "next", "--list", "root/revocations", "--agent", ids[1]];
    desk.refused(1, &taken, &["no root of this swarm", "--old-root"]);
    let taken = desk.json(&[&taken[..], &["--old-root", "root/root.pub.pem"]].concat());
    assert_eq!((&taken["version"], taken["revoked"].as_array().unwrap().len()), (&json!(4), 2));
}

#[test]
fn a_grant_is_renewed_as_it_is_unless_it_was_revoked() {
    let desk = Desk::with_root();
    let enrol = ["enrol", "--root", "root", "--out", "rover", "--publish", "rover.**", "--days", "1"];
    let before = desk.json(&enrol);

    let after = desk.json(&["renew", "--root", "root", "rover", "--days", "30", "--out", "rover"]);

    for same in ["agent", "role", "publish", "subscribe", "serve", "call"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["until"], after["until"]);
    assert_eq!(desk.json(&["inspect", "rover"])["grant"]["until"], after["until"]);

    desk.done(&["root", "new", "--swarm", "harbour-7", "--out", "next"]);
    desk.refused(1, &["renew", "--root", "next", "rover", "--days", "1"], &["no root", "--old-root"]);
    let old_root = ["--old-root", "root/root.pub.pem"];
    let moved = desk.json(&[&["renew", "--root", "next", "rover", "--days", "1"], &old_root[..]].concat());
    assert_eq!(moved["signer"], desk.json(&["root", "show", "next"])["public_key"]);

    desk.done(&["revoke", "--root", "root", "--agent", "rover/grant"]);
    desk.refused(
        1,
        &["renew", "--root", "root", "rover", "--days", "30"],
        &["revoked", "--after-revocation"],
    );
    let again = ["grant", "--root", "root", "--key", "rover", "--all", "--days", "30"];
    desk.refused(1, &again, &["were revoked", "--after-revocation"]);
    let again = desk.json(&[&again[..], &["--after-revocation"]].concat());
    assert_ne!(again["reason"], "revoked");
}

#[test]
fn a_token_is_for_a_guest_and_an_hour_at_most() {
    let desk = Desk::with_root();
    let bearer = ["grant", "--root", "root", "--bearer", "--subscribe", "map.**"];

    let token = desk.run(&[&bearer[..], &["--minutes", "60"]].concat());

    assert_eq!(
        lines(&token.errors)[..8],
        [
            "token of harbour-7",
            "agent ID",
            "for whoever has it, once",
            "role observer",
            "publish nothing",
            "subscribe map.**",
            "serve nothing",
            "call nothing",
        ]
    );
    let said = desk.json(&["inspect", token.output.trim(), "--roots", "root/root.pub.pem"]);
    assert_eq!((&said["kind"], &said["counts"]), (&json!("token"), &json!(true)));

    for wrong in [&["--minutes", "61"][..], &["--days", "1"], &[], &["--minutes", "5", "--out", "token"]] {
        desk.refused(2, &[&bearer[..], wrong].concat(), &[]);
    }
    desk.refused(1, &["renew", "--root", "root", token.output.trim(), "--days", "1"], &["60 minutes"]);
}

#[test]
fn a_wrong_command_line_is_refused_before_anything_is_written() {
    let desk = Desk::with_root();
    desk.done(&["key", "new", "--out", "rover"]);
    let grant = |rest: &[&'static str]| [&["grant", "--root", "root", "--key", "rover"], rest].concat();

    desk.refused(2, &grant(&["--all"]), &["--days"]);
    desk.refused(2, &grant(&["--days", "3"]), &["--publish"]);
    desk.refused(2, &grant(&["--all", "--publish", "a", "--days", "3"]), &["--all"]);
    desk.refused(2, &grant(&["--publish", "Rover..x", "--days", "3"]), &["Rover..x"]);
    desk.refused(2, &grant(&["--all", "--until", "tomorrow"]), &["2027-01-31T12:00:00Z"]);
    desk.refused(2, &grant(&["--all", "--until", "2020-01-31"]), &["2020-01-31T23:59:59Z"]);
    desk.refused(2, &grant(&["--all", "--days", "3", "--swarm", "harbor-7"]), &["harbour-7", "harbor-7"]);
    desk.refused(1, &grant(&["--all", "--days", "3", "--out", "rover/identity.pem"]), &["not written over"]);
    desk.refused(1, &["inspect", "nonsense"], &["\"nonsense\" is no file, and no key"]);
    fs::write(desk.at("empty"), "").unwrap();
    desk.refused(1, &["inspect", "empty"], &["empty holds no key"]);
    desk.refused(1, &["inspect", &"A".repeat(2000)], &["AAA… cannot be read"]);
    desk.refused(1, &["inspect", "empty", "--roots", "nowhere.pem"], &["empty holds no key"]);
    desk.refused(1, &["key", "show", "nowhere"], &["nowhere/identity.pem", "No such file"]);

    fs::remove_file(desk.at("root/root.swarm")).unwrap();
    desk.refused(2, &grant(&["--all", "--days", "3"]), &["--swarm NAME"]);
    assert_eq!(fs::read_dir(desk.at("rover")).unwrap().count(), 1, "only the key is there");
}

#[test]
fn nothing_of_what_a_node_starts_with_is_written_over() {
    let desk = Desk::with_root();
    let enrol = ["enrol", "--root", "root", "--out", "rover", "--all", "--days", "30"];

    let made = desk.json(&enrol);

    assert_eq!(desk.json(&["inspect", "rover"])["grant"]["agent"], made["agent"]);
    desk.refused(1, &enrol, &["rover/identity.pem is there already"]);
    desk.done(&["enrol", "--root", "root", "--out", "other", "--all", "--days", "30"]);
    let grant = ["grant", "--root", "root", "--key", "other", "--all", "--days", "3", "--out", "rover/grant"];
    desk.refused(1, &grant, &["not written over"]);
}

#[test]
fn the_root_of_local_work_is_made_once() {
    let desk = Desk::new();

    let made = desk.done(&["dev"]);

    assert_eq!(lines(&made)[0], "root of local work");
    assert!(made.contains(&desk.at("dev-root.pem").display().to_string()), "{made}");
    assert_eq!(desk.done(&["dev"]), made);
}

#[test]
fn help_is_no_failure() {
    let desk = Desk::new();
    let help = desk.done(&["--help"]);
    for command in ["root", "key", "grant", "renew", "enrol", "revoke", "inspect", "dev"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}\n{help}");
        desk.done(&[command, "--help"]);
    }
    assert_eq!(desk.run(&[]).code, 2);
}
