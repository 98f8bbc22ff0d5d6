//! Runs the program in a directory of its own.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory in which commands run, gone with it.
pub(crate) struct Desk(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With the root of the swarm `harbour-7` in `root`.
    pub(crate) fn with_root() -> Self {
        let desk = Self::new();
        desk.done(&["root", "new", "--swarm", "harbour-7", "--out", "root"]);
        desk
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_swarm"))
            .args(arguments)
            .current_dir(self.directory())
            .env("SWARM_DEV_ROOT", self.at("dev-root.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that reads no input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let ended = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: ended.status.code().unwrap(), output: text(ended.stdout), errors: text(ended.stderr) }
    }

    /// What goes well, and complains about nothing.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!((said.code, said.errors.as_str()), (0, ""), "{said:?}");
        said.output
    }

    /// The same, for programs.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What cannot be done says why, and prints nothing else.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, arguments: &[&str], words: &[&str]) {
        let said = self.run(arguments);
        assert_eq!((said.code, said.output.as_str()), (code, ""), "{said:?}");
        assert!(said.errors.starts_with("error: "), "{said:?}");
        for words in words {
            assert!(said.errors.contains(words), "no {words:?} in\n{}", said.errors);
        }
    }
}
