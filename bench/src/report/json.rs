//! The report for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::aims::aims;
use super::{Part, Report, machine};
use crate::workload::Figures;

/// Every figure of every round, with the medians of those that have a column.
pub fn json(report: &Report<'_>) -> Value {
    let contenders = report.contenders.iter().map(|contender| {
        json!({
            "name": contender.name(),
            "version": contender.version(),
            "settings": contender.settings(),
            "encrypts": contender.encrypts(),
        })
    });
    let names: Vec<_> = report.contenders.iter().map(|contender| contender.name()).collect();
    let machine = machine();
    json!({
        "rounds": report.arguments.rounds,
        "seconds": report.arguments.seconds,
        "workers": report.arguments.workers,
        "cores": machine.cores,
        "system": machine.system,
        "contenders": contenders.collect::<Value>(),
        "workloads": report.parts.iter().map(|part| workload(part, &names)).collect::<Value>(),
        "aims": aims(report).iter().map(|aim| {
            json!({ "what": aim.what, "measured": aim.measured, "met": aim.met() })
        }).collect::<Value>(),
    })
}

fn workload(part: &Part, contenders: &[&str]) -> Value {
    let results = contenders.iter().filter(|name| !part.rounds(name).is_empty());
    json!({
        "name": part.workload.name(),
        "title": part.workload.title(),
        "notes": part.workload.notes(),
        "results": results.map(|name| result(part, name)).collect::<Value>(),
    })
}

fn result(part: &Part, contender: &str) -> Value {
    let columns = part.workload.columns().iter();
    let spreads: BTreeMap<_, _> =
        columns.filter_map(|column| Some((column.key, part.spread(contender, column.key)?))).collect();
    let rounds = part.rounds(contender);
    let figures: Vec<&Figures> = rounds.iter().filter_map(|round| round.as_ref().ok()).collect();
    let failures: Vec<&String> = rounds.iter().filter_map(|round| round.as_ref().err()).collect();
    json!({ "contender": contender, "summary": spreads, "rounds": figures, "failures": failures })
}
