//! Keeps out of the sources what would let two runs from one seed differ and what no lint sees.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

/// What decides something by itself, why it must not, and the files that may have it all the same.
const SUSPECTS: &[(&str, &str, &[&str])] = &[
    ("HashMap", "its order differs from one process to the next", &[]),
    ("HashSet", "its order differs from one process to the next", &[]),
    ("DashMap", "its order differs from one process to the next", &["node/connection_map.rs"]),
    ("StreamMap", "it begins at a random place", &[]),
    ("SystemRandom", "entropy must be handed in", &[]),
    ("SysRng", "entropy must be handed in", &[]),
    ("OsRng", "entropy must be handed in", &[]),
    ("thread_rng", "entropy must be handed in", &[]),
    ("rand::random", "entropy must be handed in", &[]),
    ("rand::rng(", "entropy must be handed in", &["node/builder.rs"]),
    ("generate_for", "entropy must be handed in", &["identity/certificate.rs"]),
    ("spawn_blocking", "nobody knows when a thread is done", &["node/shared.rs", "inference.rs"]),
    ("lookup_host", "it asks another thread", &["node/peer_url.rs"]),
    ("SystemTime::now", "clocks must be handed in", &["clock.rs"]),
    ("select_biased!", "there is one way to wait for several things", &[]),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of code of each file, by its path below `src`.
fn code() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        (
            path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
            code.map(str::to_owned).collect(),
        )
    };
    files.into_iter().map(read).collect()
}

#[test]
fn nothing_but_a_seed_and_the_order_of_events_decides() {
    for (file, code) in code() {
        for (suspect, why, exempt) in SUSPECTS {
            let found = code.iter().find(|line| line.contains(suspect));
            if let Some(line) = found.filter(|_| !exempt.contains(&file.as_str())) {
                panic!("{file}: {line:?}: {why}");
            }
        }
    }
}

#[test]
fn the_first_of_several_things_that_are_ready_is_always_the_same() {
    let mut selects = 0;
    for (file, code) in code() {
        for (at, line) in code.iter().enumerate().filter(|(_, line)| line.contains("select!")) {
            selects += 1;
            let next = code.get(at + 1).map(String::as_str);
            assert_eq!(next, Some("biased;"), "{file}: {line:?} picks one at random");
        }
    }
    assert!(selects > 20, "the sources were found");
}

#[test]
fn an_exemption_is_one() {
    let code = code();
    for (suspect, _, exempt) in SUSPECTS {
        for file in *exempt {
            let (_, lines) = code.iter().find(|(path, _)| path == file).unwrap();
            assert!(lines.iter().any(|line| line.contains(suspect)), "{file} has no {suspect}");
        }
    }
}
