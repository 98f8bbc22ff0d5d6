//! Random fault search in every run of the tests: what must hold, held under the faults of 200 seeds, and under those that
//! once were too much.

use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;

use swarm_sim::{RunOptions, Scenario, soak};
use tokio_util::sync::CancellationToken;

#[test]
fn the_faults_of_two_hundred_seeds_are_got_over() {
    let (failed, tried) = (Mutex::new(Vec::new()), Mutex::new(0));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    soak::search(1..=200, threads, &CancellationToken::new(), |_, found| {
        *tried.lock().unwrap() += 1;
        failed.lock().unwrap().extend(found);
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|found| found.seed);
    let lines = failed.iter().map(|found| {
        format!("seed {}: {}\n  again: just soak --first {0} --seeds 1\n", found.seed, found.why.join("; "))
    });
    assert!(failed.is_empty(), "{}", lines.collect::<String>());
    assert_eq!(tried.into_inner().unwrap(), 200);
}

#[test]
fn what_once_was_too_much_is_not_any_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/regressions");
    let registry = soak::registry();
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no regressions in {}", folder.display());
    for file in files {
        let (name, text) = (file.display().to_string(), std::fs::read_to_string(&file).unwrap());
        let scenario = Scenario::parse(&name, &text, &registry).unwrap_or_else(|errors| panic!("{errors}"));
        let summary = swarm_sim::run(scenario, &registry, RunOptions::default(), |_| {}).unwrap();
        let failed = summary.checks.iter().filter(|check| check.verdict == swarm_sim::Verdict::Failed);
        let failed: Vec<_> = failed.map(|check| (&check.check.name, check.measured_text())).collect();
        assert!(summary.passed(), "{name}: {failed:?}");
    }
}
