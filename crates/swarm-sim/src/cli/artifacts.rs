//! Writes what runs leave behind into files.

use std::path::{Path, PathBuf};

use super::{
    Status,
    failure::{Failure, say},
    print,
};
use crate::{
    LogTo, RunRecord,
    report::{self, Suite},
    scenario::Artifact,
};

/// What stands for standard output in place of a file.
pub(super) const STANDARD_OUTPUT: &str = "-";

/// Those that are written unless a scenario names some.
const USUAL: [Artifact; 5] =
    [Artifact::Html, Artifact::Markdown, Artifact::Json, Artifact::Trace, Artifact::JUnit];

/// The folder for the reports of one run.
pub(super) struct Folder {
    path: PathBuf,
    artifacts: Vec<Artifact>,
}

impl Folder {
    /// Makes the folder, if it is not there. Fails before a run that may take long, rather than after it.
    pub(super) fn make(path: PathBuf, artifacts: &[Artifact]) -> Result<Self, Failure> {
        let name = path.display();
        std::fs::create_dir_all(&path)
            .map_err(|error| Failure::plain(format!("failed to make the folder {name}: {error}")))?;
        let artifacts = if artifacts.is_empty() { USUAL.to_vec() } else { artifacts.to_vec() };
        Ok(Self { path, artifacts })
    }

    /// Where the log goes, if there is to be one here.
    pub(super) fn log(&self) -> Option<LogTo> {
        self.artifacts.contains(&Artifact::Events).then(|| LogTo::File(self.path.join("events.log")))
    }

    /// Writes the reports.
    pub(super) fn write(&self, record: &RunRecord) -> Status {
        let written = self.artifacts.iter().map(|artifact| {
            let (name, text) = match artifact {
                Artifact::Html => ("report.html", report::html(record)),
                Artifact::Markdown => ("report.md", report::markdown(record)),
                Artifact::Json => ("record.json", as_json(record)),
                Artifact::Trace => ("trace.json", report::trace(record)),
                Artifact::JUnit => ("junit.xml", report::junit(&[Suite::Ran(record)])),
                // The runner has written it.
                Artifact::Events => return Status::Good,
            };
            write(&self.path.join(name), &text)
        });
        written.max().unwrap_or(Status::Good)
    }

    /// What to look at first.
    pub(super) fn first(&self) -> PathBuf {
        if self.artifacts.contains(&Artifact::Html) {
            self.path.join("report.html")
        } else {
            self.path.clone()
        }
    }
}

/// A record as it is kept.
pub(super) fn as_json(record: &RunRecord) -> String {
    serde_json::to_string(record).map(|text| text + "\n").unwrap_or_default()
}

/// Writes a report into a file, or to standard output.
pub(super) fn write(file: &Path, text: &str) -> Status {
    if file == Path::new(STANDARD_OUTPUT) {
        return print(text);
    }
    match std::fs::write(file, text) {
        Ok(()) => Status::Good,
        Err(error) => {
            say(&Failure::plain(format!("failed to write the report {}: {error}", file.display())));
            Status::Mistaken
        }
    }
}

/// Fails before a run that may take long, rather than after it.
pub(super) fn writable<'f>(files: impl IntoIterator<Item = &'f PathBuf>) -> Result<(), Failure> {
    files.into_iter().filter(|file| *file != Path::new(STANDARD_OUTPUT)).try_for_each(|file| {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let name = file.display();
        opened
            .map(drop)
            .map_err(|error| Failure::plain(format!("failed to write the report {name}: {error}")))
    })
}

/// The record without what only pictures need.
pub(super) fn in_short(record: RunRecord) -> RunRecord {
    RunRecord {
        scenario_text: String::new(),
        connections: Vec::new(),
        lives: Vec::new(),
        happenings: Vec::new(),
        samples: Vec::new(),
        requests: Vec::new(),
        ..record
    }
}
