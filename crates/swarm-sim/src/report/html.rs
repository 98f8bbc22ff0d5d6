//! A run as one page that needs nothing but a browser: no network, no other file.
//!
//! What can be said in words stands in the page itself; pictures are drawn by its scripts from the data beside them.

mod layout;
mod tables;
mod view;

use crate::{RunRecord, report::facts};

const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");

/// They share one scope, in this order.
const SCRIPTS: [&str; 5] = [
    include_str!("assets/model.js"),
    include_str!("assets/swarm.js"),
    include_str!("assets/charts.js"),
    include_str!("assets/lanes.js"),
    include_str!("assets/page.js"),
];

/// The whole page.
///
/// It shows the swarm as a graph at any time of the run, latencies, deliveries, requests and connections over time with
/// the faults behind them, the checks and the groups. Texts of the record are shown as they are, whatever they contain.
///
/// ```
/// let mut record = swarm_sim::RunRecord::default();
/// record.name = "</script> & co".to_owned();
/// let page = swarm_sim::report::html(&record);
/// assert!(page.contains("<h1>&lt;/script&gt; &amp; co</h1>"));
/// ```
#[must_use]
pub fn html(record: &RunRecord) -> String {
    let data = serde_json::to_string(&view::View::of(record)).unwrap_or_else(|_| "null".to_owned());
    let verdict = facts::outcome(record);
    let standing = if facts::passed(record) { "pass" } else { "fail" };
    let description = record.description.as_deref().map(|text| format!("<p>{}</p>", escaped(text)));
    fill(
        PAGE,
        &[
            ("title", &escaped(&format!("{} {verdict}", record.name))),
            ("name", &escaped(&record.name)),
            ("description", &description.unwrap_or_default()),
            ("standing", standing),
            ("verdict", &escaped(verdict)),
            ("checks_in_short", &escaped(&facts::checks_in_short(record))),
            ("failed", &tables::failed(record)),
            ("facts", &tables::facts(record)),
            ("noticed", &tables::noticed(record)),
            ("notices", &tables::notices(record)),
            ("checks", &tables::checks(record)),
            ("groups", &tables::groups(record)),
            ("happenings", &tables::happenings(record)),
            ("command", &escaped(&record.runner.command)),
            ("text", &escaped(&record.scenario_text)),
            ("style", STYLE),
            ("data", &without_tags(&data)),
            ("script", &SCRIPTS.concat()),
        ],
    )
}

/// Puts values into the `{{places}}` of a template. Values are not looked into, whatever they contain.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled =
        String::with_capacity(template.len() + values.iter().map(|value| value.1.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (place, after) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(name, _)| *name == place);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Text that means nothing to a browser, in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON that cannot end the element that it stands in: there, `<` only occurs in strings.
fn without_tags(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests;
