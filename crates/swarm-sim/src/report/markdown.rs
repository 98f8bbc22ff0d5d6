//! A run in Markdown, for comments on changes and summaries of jobs.

use super::facts;
use crate::RunRecord;

/// The run as a short document: verdict, facts, checks, groups, what happened, notices, and how to run it again.
///
/// Texts of the record are shown as they are, whatever they contain.
///
/// ```
/// let mut record = swarm_sim::RunRecord::default();
/// record.name = "a | b".to_owned();
/// assert!(swarm_sim::report::markdown(&record).starts_with("# a \\| b"));
/// ```
#[must_use]
pub fn markdown(record: &RunRecord) -> String {
    let parts = [
        Some(format!("# {} {}", escaped(&record.name), escaped(facts::outcome(record)))),
        record.description.as_deref().map(escaped),
        Some(facts::checks_in_short(record)),
        checks(record),
        Some(facts(record)),
        groups(record),
        happenings(record),
        notices(record),
        command(record),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

fn checks(record: &RunRecord) -> Option<String> {
    let rows = record.checks.iter().map(|check| {
        vec![
            mark(&check.verdict).to_owned() + &escaped(&check.verdict),
            escaped(&check.name),
            escaped(&check.measured),
            escaped(&check.condition),
            facts::window(check, record),
        ]
    });
    table(&["", "Check", "Measured", "Must hold", "Looked at"], rows.collect())
}

/// A mark that is found at a glance.
fn mark(verdict: &str) -> &'static str {
    match verdict {
        "pass" => "✅ ",
        "warn" => "⚠️ ",
        "fail" => "❌ ",
        _ => "",
    }
}

fn facts(record: &RunRecord) -> String {
    let facts = facts::facts(record);
    let lines: Vec<_> = facts.iter().map(|(label, value)| format!("- {label}: {}", escaped(value))).collect();
    lines.join("\n")
}

fn groups(record: &RunRecord) -> Option<String> {
    let rows =
        facts::group_rows(record).into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
    titled("Groups", table(&facts::GROUP_HEADER, rows.collect()))
}

fn happenings(record: &RunRecord) -> Option<String> {
    let rows = record.happenings.iter().map(|happening| {
        let label = happening.label.as_ref().map(|label| format!(" ({})", escaped(label)));
        vec![
            facts::span(happening.from_us, happening.until_us, record),
            escaped(&happening.text) + &label.unwrap_or_default(),
            escaped(&facts::concerned(happening, record)),
        ]
    });
    titled("What happened", table(&["When", "What", "Whom"], rows.collect()))
}

fn notices(record: &RunRecord) -> Option<String> {
    let lines: Vec<_> = record.notices.iter().map(|notice| format!("- {}", escaped(notice))).collect();
    titled("Notices", (!lines.is_empty()).then(|| lines.join("\n")))
}

/// An indented block: nothing that is in it can end it.
fn command(record: &RunRecord) -> Option<String> {
    let command = record.runner.command.lines().collect::<Vec<_>>().join(" ");
    titled("Run it again", (!command.is_empty()).then(|| format!("    {command}")))
}

fn titled(title: &str, body: Option<String>) -> Option<String> {
    body.map(|body| format!("## {title}\n\n{body}"))
}

/// Nothing without rows.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let head = line(header.iter().map(|cell| (*cell).to_owned()).collect());
    let rule = line(vec!["---".to_owned(); header.len()]);
    Some([head, rule].into_iter().chain(rows.into_iter().map(line)).collect::<Vec<_>>().join("\n"))
}

/// Text in which nothing means anything to Markdown, on one line.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '@' => {
                safe.extend(['\\', character])
            }
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Sketch, swarm};

    #[test]
    fn a_run_is_told_with_its_checks_groups_and_faults() {
        let text = markdown(&swarm(Sketch::default()));
        for line in [
            "# partition-heal failed",
            "5 checks: 3 held, 1 warned, 1 failed.",
            "| ❌ fail | answered while split | 88.1 % | request.answered\\_ratio &gt;= 95% | 15.0 s … 30.0 s |",
            "- Seed: 42",
            "| 37.0 s | crash 10% of everybody | camera\\[0\\], text\\[2\\], reasoner\\[4\\] |",
            "    swarm-sim run scenarios/partition-heal.toml --seed 42",
        ] {
            assert!(text.lines().any(|written| written == line), "no {line:?} in\n{text}");
        }
        assert!(text.contains("| camera | camera-service | edge | 8 |"), "{text}");
    }

    #[test]
    fn texts_of_users_stay_in_their_cells() {
        let mut record = swarm(Sketch::default());
        let columns = |text: &str| {
            text.lines().filter(|line| line.contains('|')).map(unescaped_bars).collect::<Vec<_>>()
        };
        let before = columns(&markdown(&record));
        record.checks[0].name = "a | b\n| c <img> `d` [e](f)".into();
        let text = markdown(&record);
        assert_eq!(columns(&text), before);
        assert!(!text.contains("<img>"));
    }

    fn unescaped_bars(line: &str) -> usize {
        line.replace("\\|", "").matches('|').count()
    }
}
