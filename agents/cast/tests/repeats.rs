//! Every scenario in the box holds on the network `model`, and again in the same way; some do on `quic`; and a run repeats in
//! another process too.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
};

/// Those that need real sockets: bad peers speak QUIC of their own.
const REAL_ALONE: [&str; 1] = ["rogues.toml"];

/// Those of which every packet is looked at, too: small ones, as QUIC takes its time in a build without optimisation.
const ON_QUIC: [&str; 4] = ["hello.toml", "relay-chain.toml", "gossip.toml", "overload.toml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn swarm_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_swarm-sim")).args(arguments).current_dir(root()).output().unwrap()
}

fn scenarios() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("scenarios")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    names
}

/// Runs each twice and compares, several at once. Gives what did not hold.
fn verify(network: &str, names: &[String]) -> Vec<String> {
    let (left, failed) = (Mutex::new(names.to_vec()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(name) = left.lock().unwrap().pop() else { return };
                    let file = format!("scenarios/{name}");
                    let output = swarm_sim(&["run", "--verify", "--quiet", "--network", network, &file]);
                    if output.status.code() != Some(0) {
                        let said = [output.stdout, output.stderr].concat();
                        failed.lock().unwrap().push(format!("{name}: {}", String::from_utf8_lossy(&said)));
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

#[test]
fn every_scenario_holds_and_repeats_in_the_model() {
    let mut names = scenarios();
    names.retain(|name| !REAL_ALONE.contains(&name.as_str()));
    assert!(names.len() >= 10);
    let failed = verify("model", &names);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn some_scenarios_hold_and_repeat_packet_for_packet() {
    let failed = verify("quic", &ON_QUIC.map(str::to_owned));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_log_of_a_run_is_the_same_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    for network in ["model", "quic"] {
        let log = |number: u8| {
            let file = folder.path().join(format!("{network}-{number}.log"));
            let path = file.display().to_string();
            let output = swarm_sim(&[
                "run",
                "--quiet",
                "--network",
                network,
                "--events",
                &path,
                "scenarios/hello.toml",
            ]);
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::read(file).unwrap()
        };
        let (one, other) = (log(1), log(2));
        assert!(one.len() > 1000);
        assert!(one == other, "the logs on {network} differ");
    }
}
