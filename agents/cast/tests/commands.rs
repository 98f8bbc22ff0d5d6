//! The commands that make much of scenarios: many runs, records, reports, replays, sweeps, and smaller scenarios.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A scenario in virtual time that is over at once: beacons, of which one crashes, and a third is cut off for a while.
const SPLIT: &str = r#"# Proves that tests have something to run.
schema = 1

[scenario]
name = "split </script>"
warmup = "500ms"
duration = "6s"

[run]
network = "model"
seed = 5

[params]
beacons = 9
loss = 0.0

[network]
default = { latency = "5ms", loss = "${loss}" }

[groups.beacon]
count = "${beacons}"
agent = "beacon"
params = { rate_hz = 5 }

[groups.greeter]
agent = "greeter"

[timeline]
events = [
  { at = "500ms", do = "ask", from = "beacon", to = "greeter", capability = "hello.greet", payload = "Ada", expect = "Ada", count = 20, every = "200ms" },
  { at = "1s", do = "partition", target = "beacon", pick = "33%", for = "2s", label = "split" },
  { at = "4s", do = "crash", target = "beacon", pick = 1, restart_after = "1s" },
]

[checks]
list = [
  { name = "nobody panics", metric = "agent.panics", check = "== 0" },
  { name = "everything is heard", metric = "observation.delivery_ratio", check = ">= 99.9%", severity = "warn" },
]
"#;

/// A folder of its own for each test, with the scenario in it.
struct Folder(tempfile::TempDir);

/// What came of a command.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("split.toml", SPLIT);
        // Fails: a third of the beacons is not heard for a third of the time.
        folder.write("strict.toml", &SPLIT.replace(", severity = \"warn\"", ""));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    #[track_caller]
    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// What the program says and ends with, in this folder.
    fn swarm_sim(&self, arguments: &[&str]) -> Ended {
        let program = Path::new(env!("CARGO_BIN_EXE_swarm-sim"));
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> Ended {
        let ended = self.swarm_sim(arguments);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended
    }
}

#[test]
fn a_run_leaves_all_reports_behind() {
    let folder = Folder::new();
    let ended = folder.succeeds(&["run", "split.toml", "--report", "out", "--set", "loss=0.01"]);
    assert!(ended.stdout.contains("report: out/report.html"), "{}", ended.stdout);
    let record: Value = serde_json::from_str(&folder.read("out/record.json")).unwrap();
    assert_eq!(record.pointer("/scenario_text"), Some(&Value::from(SPLIT)));
    assert_eq!(record.pointer("/set/0/1"), Some(&Value::from("0.01")));
    let command = "swarm-sim run split.toml --network model --seed 5 --set loss=0.01";
    assert_eq!(record.pointer("/runner/command"), Some(&Value::from(command)));
    let page = folder.read("out/report.html");
    assert!(page.contains("<h1>split &lt;/script&gt;</h1>") && page.contains(command));
    assert!(folder.read("out/report.md").contains("cut 33% of beacon off"));
    assert!(folder.read("out/trace.json").contains("\"hello.greet of greeter[0]\""));
    assert!(folder.read("out/junit.xml").contains("tests=\"3\" failures=\"0\""));
}

#[test]
fn several_runs_end_with_a_table_and_the_worst_of_them() {
    let folder = Folder::new();
    let ended = folder
        .swarm_sim(&["run", ".", "--seeds", "2", "--report", "out", "--junit", "j.xml", "--json", "j.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("2 of 4 runs passed"), "{}", ended.stdout);
    for run in ["split-5", "split-6", "strict-5", "strict-6"] {
        assert!(folder.path(&format!("out/{run}/report.html")).exists(), "{run}");
    }
    assert_eq!(folder.read("j.xml").matches("<testsuite ").count(), 4);
    let summaries: Value = serde_json::from_str(&folder.read("j.json")).unwrap();
    let seeds: Vec<_> =
        summaries.as_array().unwrap().iter().map(|summary| summary["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(5), Some(6), Some(5), Some(6)]);
}

#[test]
fn of_several_files_one_of_which_is_wrong_nothing_runs() {
    let folder = Folder::new();
    folder.write("wrong.toml", "schema = 1\n");
    let ended = folder.swarm_sim(&["run", "split.toml", "wrong.toml", "--junit", "j.xml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(!ended.stderr.contains("starting"), "{}", ended.stderr);
    assert!(folder.read("j.xml").contains("errors=\"1\""));
}

#[test]
fn runs_in_virtual_time_repeat_and_those_in_real_time_cannot() {
    let folder = Folder::new();
    let ended = folder.succeeds(&["run", "split.toml", "--verify", "--events", "first.log"]);
    assert!(ended.stdout.contains("repeats: "), "{}", ended.stdout);
    folder.succeeds(&["run", "split.toml", "--quiet", "--events", "second.log"]);
    assert!(folder.read("first.log") == folder.read("second.log"), "another process writes the same log");
    folder.succeeds(&["run", "split.toml", "--quiet", "--events", "third.log", "--seed", "6"]);
    assert!(folder.read("first.log") != folder.read("third.log"), "another seed is another run");

    let short = SPLIT.replace("\"6s\"", "\"100ms\"").replace("events = [", "events = []\nunused = [");
    let short = short.split("\nunused = [").next().unwrap().to_owned() + "\n";
    folder.write("short.toml", &short);
    let ended = folder.swarm_sim(&["run", "short.toml", "--network", "webtransport", "--verify"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("choose --network model or quic"), "{}", ended.stderr);
}

#[test]
fn a_record_is_replayed_and_compared() {
    let folder = Folder::new();
    folder.succeeds(&["run", "split.toml", "--quiet", "--record", "record.json"]);
    let ended = folder.succeeds(&["replay", "record.json"]);
    assert!(ended.stdout.contains("the same happened: "), "{}", ended.stdout);

    let ended = folder.succeeds(&["replay", "record.json", "--until", "1.5s", "--verbose-from", "1s"]);
    assert!(ended.stdout.contains("stopped early"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("cut 33% of beacon off") && !ended.stderr.contains("crash"),
        "{}",
        ended.stderr
    );

    let mut record: Value = serde_json::from_str(&folder.read("record.json")).unwrap();
    record["digest"] = "0000".into();
    record["runner"]["version"] = "0.0.1".into();
    folder.write("other.json", &record.to_string());
    let ended = folder.swarm_sim(&["replay", "other.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("what happened differs"), "{}", ended.stderr);
    assert!(ended.stderr.contains("recorded by version 0.0.1"), "{}", ended.stderr);
}

#[test]
fn reports_are_written_from_a_record() {
    let folder = Folder::new();
    folder.succeeds(&["run", "split.toml", "--quiet", "--record", "record.json"]);
    let printed = folder.succeeds(&["report", "record.json"]).stdout;
    assert!(printed.starts_with("# split &lt;/script&gt; passed"), "{printed}");
    folder.succeeds(&[
        "report",
        "record.json",
        "--html",
        "r.html",
        "--trace",
        "t.json",
        "--junit",
        "j.xml",
        "--json",
        "s.json",
    ]);
    let summary: Value = serde_json::from_str(&folder.read("s.json")).unwrap();
    assert_eq!(summary["passed"], true);
    assert!(folder.read("r.html").starts_with("<!DOCTYPE html>"));

    let ended = folder.swarm_sim(&["report", "s.json"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("is no record of a run"), "{}", ended.stderr);
}

#[test]
fn a_sweep_runs_every_point_with_every_seed() {
    let folder = Folder::new();
    let ended = folder.succeeds(&[
        "sweep",
        "split.toml",
        "--axis",
        "beacons=3,6",
        "--axis",
        "loss=0.0,0.2",
        "--seeds",
        "2",
        "--jobs",
        "2",
        "--csv",
        "runs.csv",
    ]);
    assert_eq!(ended.stdout.matches("2 of 2").count(), 4, "{}", ended.stdout);
    let csv = folder.read("runs.csv");
    assert_eq!(csv.lines().count(), 9);
    let ratio = |line: &str| line.split(',').nth(5).unwrap().parse::<f64>().unwrap();
    let of = |point: &str| csv.lines().filter(|line| line.starts_with(point)).map(ratio).sum::<f64>();
    assert!(of("6,0.0,") > of("6,0.2,"), "{csv}");

    let alone = Folder::new();
    alone.succeeds(&[
        "sweep",
        "split.toml",
        "--axis",
        "loss=0.0,0.2",
        "--axis",
        "beacons=3,6",
        "--seeds",
        "2",
        "--jobs",
        "1",
        "--csv",
        "runs.csv",
    ]);
    let sorted = |csv: &str, order: [usize; 2]| {
        let mut lines: Vec<_> = csv
            .lines()
            .skip(1)
            .map(|line| {
                let cells: Vec<_> = line.split(',').collect();
                // All but the real time that it took.
                format!("{} {} {:?} {:?}", cells[order[0]], cells[order[1]], &cells[2..9], &cells[10..])
            })
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(&csv, [0, 1]),
        sorted(&alone.read("runs.csv"), [1, 0]),
        "runs beside one another do not differ"
    );
}

#[test]
fn a_sweep_without_axes_or_with_unknown_params_is_refused() {
    let folder = Folder::new();
    let ended = folder.swarm_sim(&["sweep", "split.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--axis NAME=1,2,3"), "{}", ended.stderr);
    let ended = folder.swarm_sim(&["sweep", "split.toml", "--axis", "beacon=1,2"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean `beacons`?"), "{}", ended.stderr);
}

#[test]
fn a_scenario_that_fails_shrinks_to_one_that_fails() {
    let folder = Folder::new();
    let ended = folder.succeeds(&["shrink", "strict.toml", "--out", "small.toml"]);
    assert!(ended.stderr.contains("the check \"everything is heard\" fails"), "{}", ended.stderr);
    let small = folder.read("small.toml");
    assert!(
        small.starts_with("# Shrunk from strict.toml (10 agents, 3 events, 6.50 s) to 2 agents, 1 event"),
        "{small}"
    );
    assert!(!small.contains("hello.greet"), "{small}");
    assert_eq!(folder.swarm_sim(&["run", "small.toml", "--quiet"]).code, Some(1));

    folder.swarm_sim(&["run", "strict.toml", "--quiet", "--record", "record.json"]);
    let from_record = folder.succeeds(&["shrink", "record.json", "--quiet"]).stdout;
    assert_eq!(from_record, small);

    let ended = folder.swarm_sim(&["shrink", "split.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("it does not fail"), "{}", ended.stderr);
}

#[test]
fn a_new_scenario_is_good_and_nothing_is_overwritten() {
    let folder = Folder::new();
    for template in ["basic", "faults", "minimal"] {
        folder.succeeds(&["new", template, "--template", template]);
        let file = format!("{template}.toml");
        folder.succeeds(&["check", &file]);
        folder.succeeds(&["run", &file, "--quiet"]);
    }
    folder.write("mine.toml", "mine");
    let ended = folder.swarm_sim(&["new", "mine.toml"]);
    assert_eq!((ended.code, folder.read("mine.toml").as_str()), (Some(2), "mine"));
    let ended = folder.swarm_sim(&["new", "x", "--template", "bsic"]);
    assert!(ended.stderr.contains("did you mean `basic`?"), "{}", ended.stderr);
    assert!(folder.succeeds(&["new", "--list"]).stdout.contains("minimal"));
}

#[test]
fn times_of_a_record_are_those_of_the_scenario() {
    let folder = Folder::new();
    folder.succeeds(&["run", "split.toml", "--quiet", "--record", "record.json"]);
    let record: Value = serde_json::from_str(&folder.read("record.json")).unwrap();
    let split =
        record["happenings"].as_array().unwrap().iter().find(|what| what["label"] == "split").unwrap();
    let since_warm = |at: &Value| at.as_u64().unwrap().abs_diff(record["warmup_us"].as_u64().unwrap());
    assert!(since_warm(&split["from_us"]).abs_diff(1_000_000) < 5_000, "{split}");
    assert!(since_warm(&split["until_us"]).abs_diff(3_000_000) < 5_000, "{split}");
}
