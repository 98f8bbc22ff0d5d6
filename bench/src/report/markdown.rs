//! The report for people.

use std::fmt::Write;

use super::{Part, Report};

/// A table of who took part, and one for each workload.
pub fn markdown(report: &Report<'_>) -> String {
    let mut text = contenders(report);
    for part in &report.parts {
        text += &table(report, part);
    }
    text
}

fn contenders(report: &Report<'_>) -> String {
    let mut text = "| contender | versions | encrypts | settings |\n|---|---|---|---|\n".to_owned();
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
    let mut text = format!("\n**{}**\n\n", part.workload.title());
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
