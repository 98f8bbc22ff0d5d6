//! Reads `[output]`: what a run leaves behind.

use std::time::Duration;

use toml::Spanned;

use super::{
    problem::Findings,
    reader::{TableReader, positive, report_unknown_name},
};

/// The shortest time from one sample of a run to the next. More would be larger than what it shows.
const SHORTEST_SAMPLE: Duration = Duration::from_millis(10);

/// What a run leaves behind.
///
/// ```
/// assert!(swarm_sim::Output::default().artifacts.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// What is written, each once and in the order of the file.
    pub artifacts: Vec<Artifact>,
    /// From one sample of the figures to the next; as suits the length of the run if absent.
    pub sample: Option<Duration>,
}

/// One of the things that a run can leave behind.
///
/// ```
/// assert_eq!(swarm_sim::Artifact::JUnit.to_string(), "junit");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Artifact {
    /// The summary and the record, for programs.
    Json,
    /// The checks, for a build server.
    JUnit,
    /// The report to look at.
    Html,
    /// The report to read.
    Markdown,
    /// Everything that happened, line by line.
    Events,
    /// Requests and faults on a time axis, for trace viewers.
    Trace,
}

impl Artifact {
    const ALL: [(&'static str, Self); 6] = [
        ("json", Self::Json),
        ("junit", Self::JUnit),
        ("html", Self::Html),
        ("markdown", Self::Markdown),
        ("events", Self::Events),
        ("trace", Self::Trace),
    ];

    /// All names, as a scenario has them.
    pub(super) fn names() -> [&'static str; 6] {
        Self::ALL.map(|(name, _)| name)
    }
}

impl std::fmt::Display for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::ALL.iter().find(|(_, artifact)| artifact == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

pub(super) fn read(document: &mut TableReader<'_, '_>, findings: &mut Findings) -> Option<Output> {
    let Some(mut table) = document.table("output", "[output]", findings) else {
        return Some(Output::default());
    };
    let names = table.texts("artifacts", findings);
    let sample = table.optional::<Duration>("sample", findings);
    table.finish(findings);
    let mut output = Output::default();
    for name in names {
        let artifact = known_artifact(&name, findings)?;
        if !output.artifacts.contains(&artifact) {
            output.artifacts.push(artifact);
        }
    }
    if let Some(sample) = sample {
        let apart = positive("sample", &sample, findings)?;
        if apart < SHORTEST_SAMPLE {
            findings.report(sample.span(), "`sample` is too short", "expected at least 10ms");
        }
        output.sample = Some(apart);
    }
    Some(output)
}

fn known_artifact(name: &Spanned<String>, findings: &mut Findings) -> Option<Artifact> {
    let known =
        Artifact::ALL.iter().find(|(known, _)| known == name.get_ref()).map(|(_, artifact)| *artifact);
    if known.is_none() {
        report_unknown_name("artifact", name, &Artifact::names(), findings);
    }
    known
}
