//! `swarm-sim report`: writes reports from the record of a run.

use super::{
    Status,
    arguments::ReportArguments,
    artifacts,
    failure::{load_record, say},
    print,
};
use crate::{
    RunRecord,
    report::{self, Suite},
};

pub(super) fn report(arguments: &ReportArguments) -> Status {
    let record = match load_record(&arguments.record) {
        Ok(record) => record,
        Err(failure) => {
            say(&failure);
            return Status::Mistaken;
        }
    };
    let wanted = [
        (&arguments.html, report::html as fn(&RunRecord) -> String),
        (&arguments.markdown, report::markdown),
        (&arguments.trace, report::trace),
        (&arguments.junit, junit),
        (&arguments.json, summary),
    ];
    let written = wanted
        .iter()
        .filter_map(|(file, make)| file.as_ref().map(|file| artifacts::write(file, &make(&record))));
    written.max().unwrap_or_else(|| print(&report::markdown(&record)))
}

fn junit(record: &RunRecord) -> String {
    report::junit(&[Suite::Ran(record)])
}

fn summary(record: &RunRecord) -> String {
    serde_json::to_string_pretty(&record.summary).map(|text| text + "\n").unwrap_or_default()
}
