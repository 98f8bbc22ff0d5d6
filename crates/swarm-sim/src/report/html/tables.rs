//! The parts of a page that are text: they can be read without scripts, and by people who do not see pictures.

use super::escaped;
use crate::{RecordedCheck, RunRecord, report::facts};

/// Links to the checks that failed.
pub(super) fn failed(record: &RunRecord) -> String {
    let failed = record.checks.iter().enumerate().filter(|(_, check)| check.verdict == "fail");
    let links: String = failed
        .map(|(number, check)| format!("<li><a href=\"#check-{number}\">{}</a></li>", escaped(&check.name)))
        .collect();
    if links.is_empty() { links } else { format!("<ul class=\"failed\">{links}</ul>") }
}

pub(super) fn facts(record: &RunRecord) -> String {
    let facts = facts::facts(record);
    facts
        .iter()
        .map(|(label, value)| format!("<div><dt>{label}</dt><dd>{}</dd></div>", escaped(value)))
        .collect()
}

/// How many notices there are, with a link to them.
pub(super) fn noticed(record: &RunRecord) -> String {
    match record.notices.len() {
        0 => String::new(),
        1 => " <a href=\"#notices\">1 notice</a>".to_owned(),
        many => format!(" <a href=\"#notices\">{many} notices</a>"),
    }
}

pub(super) fn notices(record: &RunRecord) -> String {
    let notices: String =
        record.notices.iter().map(|notice| format!("<li>{}</li>", escaped(notice))).collect();
    match notices.as_str() {
        "" => String::new(),
        notices => {
            format!("<section id=\"notices\" class=\"notices\"><h2>Notices</h2><ul>{notices}</ul></section>")
        }
    }
}

pub(super) fn checks(record: &RunRecord) -> String {
    let rows: String =
        record.checks.iter().enumerate().map(|(number, check)| check_row(number, check, record)).collect();
    section(
        "Checks",
        &["", "Check", "Measured", "Must hold", "Looked at"],
        &rows,
        "This scenario checks nothing.",
    )
}

fn check_row(number: usize, check: &RecordedCheck, record: &RunRecord) -> String {
    let (name, measured) = (escaped(&check.name), escaped(&check.measured));
    let (condition, verdict) = (escaped(&check.condition), escaped(&check.verdict));
    let window = format!("{}{}", strip(check, record), escaped(&facts::window(check, record)));
    format!(
        "<tr id=\"check-{number}\" data-check=\"{number}\" class=\"{verdict}\"><td><span class=\"verdict {verdict}\">{verdict}</span></td>\
         <th scope=\"row\">{name}</th><td class=\"number\">{measured}</td><td><code>{condition}</code></td>\
         <td class=\"window\">{window}</td></tr>"
    )
}

/// Which part of the run a check looked at, drawn.
fn strip(check: &RecordedCheck, record: &RunRecord) -> String {
    let end = record.end_us.max(1) as f64;
    let share = |at: u64| (at as f64 / end * 100.0).clamp(0.0, 100.0);
    let from = share(check.from_us.unwrap_or(record.warmup_us));
    let width = share(check.until_us.unwrap_or(record.end_us)) - from;
    format!(
        "<svg class=\"strip\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"whole\" width=\"100\" height=\"6\"/><rect class=\"part\" x=\"{from:.1}\" width=\"{:.1}\" height=\"6\"/></svg>",
        width.max(1.0)
    )
}

pub(super) fn groups(record: &RunRecord) -> String {
    const TEXTS: usize = 3;
    let rows: String = facts::group_rows(record)
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let mut cells = row.iter().enumerate();
            let name = cells.next().map_or("", |(_, name)| name);
            let rest: String = cells
                .map(|(column, cell)| {
                    let class = if column < TEXTS { "" } else { " class=\"number\"" };
                    format!("<td{class}>{}</td>", escaped(cell))
                })
                .collect();
            format!(
                "<tr><th scope=\"row\"><span class=\"dot\" data-group=\"{number}\"></span>{}</th>{rest}</tr>",
                escaped(name)
            )
        })
        .collect();
    section("Groups", &facts::GROUP_HEADER, &rows, "There is no group.")
}

pub(super) fn happenings(record: &RunRecord) -> String {
    let rows: String = record
        .happenings
        .iter()
        .map(|happening| {
            let class = if happening.is_fault { " class=\"fault\"" } else { "" };
            let label = happening.label.as_ref();
            let label = label.map(|label| format!(" <span class=\"label\">{}</span>", escaped(label)));
            format!(
                "<tr{class} data-at=\"{}\"><td class=\"number\">{}</td><td>{}</td><th scope=\"row\">{}{}</th><td>{}</td></tr>",
                happening.from_us,
                facts::span(happening.from_us, happening.until_us, record),
                escaped(&happening.kind),
                escaped(&happening.text),
                label.unwrap_or_default(),
                escaped(&facts::concerned(happening, record)),
            )
        })
        .collect();
    section("What happened", &["When", "Kind", "What", "Whom"], &rows, "The timeline is empty.")
}

/// A table with its title, or a sentence in its place.
fn section(title: &str, header: &[&str], rows: &str, otherwise: &str) -> String {
    let id = title.to_lowercase().replace(' ', "-");
    let body = match rows {
        "" => format!("<p>{otherwise}</p>"),
        rows => {
            let head: String = header.iter().map(|cell| format!("<th scope=\"col\">{cell}</th>")).collect();
            format!(
                "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
            )
        }
    };
    format!("<section id=\"{id}\" class=\"table\"><h2>{title}</h2>{body}</section>")
}
