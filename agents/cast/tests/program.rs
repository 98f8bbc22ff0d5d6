//! The program as people use it: exit codes, what it complains about, and what it prints.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn swarm_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_swarm-sim"))
        .args(arguments)
        .current_dir(root())
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

/// Where the scenarios of the box lie.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A scenario that is right and takes a moment.
const SHORT: &str = r#"schema = 1
[scenario]
name = "short"
duration = "400ms"
[run]
first_port = 0
[groups.greeter]
count = 2
agent = "greeter"
params = { every = "20ms" }
[groups.guest]
agent = "idle"
[timeline]
events = [{ at = "0s", do = "ask", from = "guest", to = "greeter", capability = "hello.greet", payload = "Ada", expect = "Hello Ada" }]
[checks]
list = [{ name = "heard", metric = "observation.delivered{group=guest}", check = "> 0" }]
"#;

/// A file of its own for each test, gone with it.
struct File {
    _folder: tempfile::TempDir,
    path: String,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scenario.toml");
        std::fs::write(&path, text).unwrap();
        Self { path: path.display().to_string(), _folder: folder }
    }

    /// The short scenario with one piece of it replaced.
    fn with(piece: &str, instead: &str) -> Self {
        assert!(SHORT.contains(piece), "{piece}");
        Self::new(&SHORT.replacen(piece, instead, 1))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a file that is wrong: it ends with 2, starts nothing, and says all of these.
#[track_caller]
fn is_refused(file: &File, said: &[&str]) {
    let output = swarm_sim(&["run", &file.path]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(output.stdout.is_empty() && !complaint.contains("starting"), "{complaint}");
    for words in said {
        assert!(complaint.contains(words), "no {words:?} in\n{complaint}");
    }
}

#[test]
fn an_unknown_kind_is_refused_with_its_place_and_the_nearest_name() {
    let file = File::with("\"greeter\"", "\"greter\"");
    let place = format!("{}:9:9", file.path);
    is_refused(&file, &["unknown agent kind `greter`", &place, "expected one of", "did you mean `greeter`?"]);
}

#[test]
fn a_negative_count_is_refused() {
    let file = File::with("count = 2", "count = -2");
    is_refused(&file, &["`count` cannot be -2", ":8:9", "a whole number from 1 to 512"]);
}

#[test]
fn a_check_on_a_group_that_there_is_not_is_refused() {
    let file = File::with("{group=guest}", "{group=gest}");
    is_refused(&file, &["unknown group `gest`", "greeter, guest", "did you mean `guest`?"]);
}

#[test]
fn an_unknown_key_is_refused() {
    let file = File::with("duration =", "durration =");
    is_refused(&file, &["unknown key `durration` in [scenario]", ":4:1", "did you mean `duration`?"]);
}

#[test]
fn params_that_the_kind_does_not_know_are_refused() {
    let file = File::with("every = \"20ms\"", "evry = \"20ms\"");
    is_refused(&file, &["params of `greeter`: unknown key `evry`", ":10:12", "did you mean `every`?"]);
    let file = File::with("every = \"20ms\"", "every = \"often\"");
    is_refused(&file, &["\"often\" is no pause", ":10:20", "at least 1ms"]);
}

#[test]
fn a_text_that_is_not_toml_is_refused() {
    let file = File::with("[groups.guest]", "[groups.guest");
    is_refused(&file, &["this is not TOML", ":11:"]);
}

#[test]
fn a_port_in_use_is_refused_with_its_place() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = File::with("first_port = 0", &format!("first_port = {port}"));
    let output = swarm_sim(&["run", &file.path]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains(&format!("UDP port {port} for greeter[0] cannot be used")), "{complaint}");
    assert!(complaint.contains(":6:14") && complaint.contains("the ports begin here"), "{complaint}");
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let output = swarm_sim(&["run", "no-such.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("failed to read the scenario no-such.toml"));
}

#[test]
fn an_unknown_flag_is_refused() {
    let output = swarm_sim(&["run", "--sead", "3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--seed"), "the nearest flag is named");
}

#[test]
fn a_check_that_fails_ends_with_1_and_a_warning_does_not() {
    let strict = File::with("\"> 0\" }", "\"> 1000000\" }");
    let output = swarm_sim(&["run", "--quiet", &strict.path]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "short failed: 0 of 1 checks held\n");
    assert_eq!(text(&output.stderr), "");

    let mild = File::with("\"> 0\" }", "\"> 1000000\", severity = \"warn\" }");
    let output = swarm_sim(&["run", "--quiet", &mild.path]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "short passed: 0 of 1 checks held, 1 warning\n");
}

#[test]
fn the_report_is_written_as_json_too() {
    let file = File::new(SHORT);
    let report = format!("{}.json", file.path);
    let output = swarm_sim(&["run", &file.path, "--json", &report, "--seed", "7"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report.pointer("/seed"), Some(&Value::from(7)));
    assert_eq!(report.pointer("/passed"), Some(&Value::from(true)));
    assert_eq!(report.pointer("/groups/1/figures/questions_right"), Some(&Value::from(1)));
    assert_eq!(report.pointer("/checks/0/verdict"), Some(&Value::from("pass")));
}

#[test]
fn json_for_standard_output_stands_there_alone() {
    let output = swarm_sim(&["run", &File::new(SHORT).path, "--json", "-"]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(report.pointer("/scenario"), Some(&Value::from("short")));
    assert!(text(&output.stderr).contains("short passed"));
}

#[test]
fn a_report_that_cannot_be_written_is_noticed_before_the_run() {
    let output = swarm_sim(&["run", &File::new(SHORT).path, "--json", "no/such/folder.json"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = text(&output.stderr);
    assert!(
        complaint.contains("failed to write the report") && !complaint.contains("starting"),
        "{complaint}"
    );
}

#[test]
fn hello_passes_and_prints_its_tables() {
    let output = swarm_sim(&["run", "scenarios/hello.toml"]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    for words in [
        "observations",
        "delivered",
        "greeter",
        "requests",
        "answered",
        "guest",
        "PASS",
        "6 of 6 checks held",
    ] {
        assert!(report.contains(words), "no {words:?} in\n{report}");
    }
    assert!(!report.contains('\u{1b}'), "no colours where there is no terminal");
    assert!(text(&output.stderr).contains("connected: 6 connections"));
}

#[test]
fn every_scenario_in_the_box_is_valid_and_says_what_it_proves() {
    let folder = std::fs::read_dir(root().join("scenarios")).unwrap();
    let files: Vec<_> = folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    assert!(files.len() >= 2);
    for file in files {
        let file = file.display().to_string();
        let output = swarm_sim(&["check", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("# Proves "), "{file}");
    }
}

#[test]
fn the_catalogue_names_what_scenarios_may_name() {
    let catalogue = text(&swarm_sim(&["list"]).stdout);
    for words in
        ["beacon", "rate_hz", "greeter", "every", "idle", "observation.delivery_ratio", "measure.NAME"]
    {
        assert!(catalogue.contains(words), "no {words:?} in\n{catalogue}");
    }
}

#[test]
fn the_schema_is_that_of_the_documentation() {
    let documented = std::fs::read_to_string(root().join("docs/scenario-v1.schema.json")).unwrap();
    assert!(
        text(&swarm_sim(&["schema"]).stdout) == documented,
        "docs/scenario-v1.schema.json is out of date"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_run_with_a_report_and_1() {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
    };

    let file = File::with("duration = \"400ms\"", "duration = \"1h\"");
    let mut run = Command::new(env!("CARGO_BIN_EXE_swarm-sim"))
        .args(["run", &file.path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(run.stderr.take().unwrap()).lines();
    let measured = progress.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("measured")));
    assert!(measured.is_some());
    let interrupted = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    progress.for_each(drop);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("short was interrupted"), "{}", text(&output.stdout));
}
