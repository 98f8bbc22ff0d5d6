//! The report for people.

use std::fmt::Write;

use super::aims::{Bound, aims};
use super::{Part, Report, machine};

/// How it was measured, a table for each workload, what was aimed at, and who took part.
pub fn markdown(report: &Report<'_>) -> String {
    let machine = machine();
    let arguments = report.arguments;
    let mut text = format!(
        "{} cores, {}, loopback; {} workers; {} rounds of {} s, median (min..max). A ratio is the median of those \
         within a round.\n",
        machine.cores, machine.system, arguments.workers, arguments.rounds, arguments.seconds
    );
    for part in &report.parts {
        text += &table(report, part);
    }
    text += &aimed_at(report);
    text += &contenders(report);
    text
}

fn aimed_at(report: &Report<'_>) -> String {
    let aims = aims(report);
    if aims.is_empty() {
        return String::new();
    }
    let mut text =
        "\n**What is aimed at**\n\n| aim | at | measured | met |\n|---|---:|---:|---|\n".to_owned();
    for aim in aims {
        let bound = match aim.bound {
            Bound::AtMost(limit) => format!("at most {limit}"),
            Bound::AtLeast(limit) => format!("at least {limit}"),
        };
        let met = if aim.met() { "yes" } else { "no" };
        line(&mut text, [&aim.what, &bound, &format!("{:.2}", aim.measured), met]);
    }
    text
}

fn contenders(report: &Report<'_>) -> String {
    let mut text = "\n**Who took part**\n\n".to_owned();
    text += "| contender | versions | encrypts | settings |\n|---|---|---|---|\n";
    for contender in report.contenders {
        let encrypts = if contender.encrypts() { "yes" } else { "no" };
        let (name, version, settings) = (contender.name(), contender.version(), contender.settings());
        line(&mut text, [name, version, encrypts, settings]);
    }
    text
}

fn table(report: &Report<'_>, part: &Part) -> String {
    let columns = part.workload.columns();
    let first = report.contenders.first().map_or("", |contender| contender.name());
    let mut titles = vec!["contender".to_owned()];
    for column in columns {
        titles.push(column.title.to_owned());
        if column.compared {
            titles.push(format!("to {first}"));
        }
    }
    let mut text = format!("\n**{}**. {}\n\n", part.workload.title(), part.workload.notes());
    line(&mut text, &titles);
    line(&mut text, titles.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }));
    let mut failures = String::new();
    for contender in report.contenders.iter().map(|contender| contender.name()) {
        let rounds = part.rounds(contender);
        if rounds.is_empty() {
            continue;
        }
        let mut cells = vec![contender.to_owned()];
        for column in columns {
            let spread = part.spread(contender, column.key);
            cells.push(spread.map_or_else(dash, |spread| format!("{spread:.*}", column.decimals)));
            if column.compared {
                let ratio = part.ratio(contender, first, column.key);
                cells.push(ratio.map_or_else(dash, |ratio| format!("{ratio:.2}")));
            }
        }
        line(&mut text, &cells);
        let failed: Vec<_> = rounds.iter().filter_map(|round| round.as_ref().err()).collect();
        if let Some(problem) = failed.first() {
            let (failed, of) = (failed.len(), rounds.len());
            let _ = writeln!(failures, "{contender} failed in {failed} of {of} rounds: {problem}");
        }
    }
    if !failures.is_empty() {
        let _ = write!(text, "\n{failures}");
    }
    text
}

fn dash() -> String {
    "-".to_owned()
}

fn line<S: AsRef<str>>(text: &mut String, cells: impl IntoIterator<Item = S>) {
    for cell in cells {
        *text += "| ";
        *text += cell.as_ref();
        *text += " ";
    }
    *text += "|\n";
}
