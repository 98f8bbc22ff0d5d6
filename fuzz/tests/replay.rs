//! Every input of the corpora, and some that are made to cost as much as they can.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use swarm_fuzz::TARGETS;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora")
}

fn entries(directory: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|target| corpora().join(target.name)).collect();

    assert_eq!(entries(&corpora()), targets);
    assert!(targets.iter().all(|corpus| !entries(corpus).is_empty()));
}

#[test]
fn every_input_of_the_corpora_is_read_or_refused_within_bounds() {
    for target in TARGETS {
        for input in entries(&corpora().join(target.name)) {
            // Said only when it fails.
            println!("{}", input.display());
            (target.run)(&fs::read(&input).unwrap());
        }
    }
}
