//! A scenario file that can be changed without losing how it is written.

use std::time::Duration;

use toml_edit::{ArrayOfTables, DocumentMut, Item, TableLike, TomlError, Value};

use super::ScenarioSize;
use crate::quantity::parse_duration;

/// The text of a scenario, in parts.
#[derive(Debug, Clone)]
pub(crate) struct Document(DocumentMut);

/// Entries of a list, whichever of the two ways it is written in.
enum Entries<'d> {
    Inline(&'d mut toml_edit::Array),
    Tables(&'d mut ArrayOfTables),
}

impl Entries<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Inline(array) => array.len(),
            Self::Tables(tables) => tables.len(),
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(usize, &dyn TableLike) -> bool) {
        let empty = toml_edit::Table::new();
        let mut number = 0;
        let mut wanted = |table: Option<&dyn TableLike>| {
            number += 1;
            keep(number - 1, table.unwrap_or(&empty))
        };
        match self {
            Self::Inline(array) => {
                array.retain(|value| wanted(value.as_inline_table().map(|table| table as _)))
            }
            Self::Tables(tables) => tables.retain(|table| wanted(Some(table))),
        }
    }

    fn get_mut(&mut self, number: usize) -> Option<&mut dyn TableLike> {
        match self {
            Self::Inline(array) => array.get_mut(number)?.as_inline_table_mut().map(|table| table as _),
            Self::Tables(tables) => tables.get_mut(number).map(|table| table as _),
        }
    }
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, TomlError> {
        text.parse().map(Self)
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn size(&self) -> ScenarioSize {
        let agents = self.groups().iter().map(|group| self.count(group)).sum();
        let time = self.time("warmup").unwrap_or_default() + self.time("duration").unwrap_or_default();
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        ScenarioSize { agents, events: self.events(), micros }
    }

    /// Makes what was said on the command line part of the file.
    pub(crate) fn settle(&mut self, network: &str, seed: u64, params: &[(String, String)]) {
        let written = self.0.remove("params");
        let is_text =
            |name: &str| written.as_ref().and_then(|params| params.get(name)).is_some_and(Item::is_str);
        let values: Vec<(String, Value)> = params
            .iter()
            .map(|(name, text)| {
                let number = text.parse::<Value>().ok().filter(|_| !is_text(name));
                (name.clone(), number.unwrap_or_else(|| Value::from(text.as_str())))
            })
            .collect();
        substitute_in(self.0.as_table_mut(), &values);
        self.0.remove("sweep");
        let run = self.0.entry("run").or_insert_with(toml_edit::table);
        if let Some(run) = run.as_table_like_mut() {
            set(run, "network", network);
            // A number beyond what TOML has to have is one that a scenario cannot say.
            set(run, "seed", i64::try_from(seed).unwrap_or(i64::MAX));
            run.remove("repetitions");
        }
    }

    /// The names of the groups.
    pub(super) fn groups(&self) -> Vec<String> {
        let groups = self.0.get("groups").and_then(Item::as_table_like);
        groups.map(|groups| groups.iter().map(|(name, _)| name.to_owned()).collect()).unwrap_or_default()
    }

    pub(super) fn count(&self, group: &str) -> usize {
        let count =
            self.0.get("groups").and_then(|groups| groups.get(group)).and_then(|group| group.get("count"));
        count.and_then(Item::as_integer).and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
    }

    pub(super) fn set_count(&mut self, group: &str, count: usize) {
        if let Some(group) = self.table_mut(&["groups", group]) {
            set(group, "count", i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Takes a group away, and the events and checks that name it.
    pub(super) fn remove_group(&mut self, name: &str) {
        if let Some(groups) = self.table_mut(&["groups"]) {
            groups.remove(name);
        }
        let names = |table: &dyn TableLike, key: &str| {
            let text = table.get(key).and_then(Item::as_str);
            text.is_some_and(|text| text == name || text.starts_with(&format!("{name}[")))
        };
        if let Some(mut events) = self.entries(&["timeline", "events"]) {
            events.retain(|_, event| !["from", "to", "target"].iter().any(|key| names(event, key)));
        }
        if let Some(mut checks) = self.entries(&["checks", "list"]) {
            checks.retain(|_, check| !mentions_group(check, name));
        }
    }

    pub(super) fn events(&self) -> usize {
        self.clone().entries(&["timeline", "events"]).map_or(0, |events| events.len())
    }

    /// Takes some events away.
    pub(super) fn remove_events(&mut self, which: std::ops::Range<usize>) {
        if let Some(mut events) = self.entries(&["timeline", "events"]) {
            events.retain(|number, _| !which.contains(&number));
        }
    }

    /// Takes the checks away that are none of these.
    pub(super) fn keep_checks(&mut self, names: &[String]) {
        if let Some(mut checks) = self.entries(&["checks", "list"]) {
            checks.retain(|_, check| {
                let name = check.get("name").and_then(Item::as_str);
                name.is_some_and(|name| names.iter().any(|kept| kept == name))
            });
        }
    }

    /// A duration of `[scenario]`.
    pub(super) fn time(&self, key: &str) -> Option<Duration> {
        parse_duration(self.0.get("scenario")?.get(key)?.as_str()?)
    }

    /// Sets a duration of `[scenario]`. Events that would come after the end go.
    pub(super) fn set_time(&mut self, key: &str, time: Duration) {
        if let Some(scenario) = self.table_mut(&["scenario"]) {
            set(scenario, key, written(time));
        }
        let Some(end) = self.time("duration") else { return };
        if let Some(mut events) = self.entries(&["timeline", "events"]) {
            events.retain(|_, event| duration_of(event, "at").is_none_or(|at| at < end));
        }
    }

    /// When the first event is.
    pub(super) fn first_event(&self) -> Option<Duration> {
        (0..self.events()).filter_map(|number| self.event_time(number, "at")).min()
    }

    /// Lets all events happen earlier by so much.
    pub(super) fn bring_forward(&mut self, by: Duration) {
        for number in 0..self.events() {
            if let Some(at) = self.event_time(number, "at") {
                self.set_event_time(number, "at", at.saturating_sub(by));
            }
        }
    }

    /// A duration of an event.
    pub(super) fn event_time(&self, number: usize, key: &str) -> Option<Duration> {
        let mut copy = self.clone();
        duration_of(copy.entries(&["timeline", "events"])?.get_mut(number)?, key)
    }

    pub(super) fn set_event_time(&mut self, number: usize, key: &str, time: Duration) {
        if let Some(mut events) = self.entries(&["timeline", "events"])
            && let Some(event) = events.get_mut(number)
        {
            set(event, key, written(time));
        }
    }

    /// A whole number of an event.
    pub(super) fn event_number(&self, number: usize, key: &str) -> Option<usize> {
        let mut copy = self.clone();
        let mut events = copy.entries(&["timeline", "events"])?;
        usize::try_from(events.get_mut(number)?.get(key)?.as_integer()?).ok()
    }

    pub(super) fn set_event_number(&mut self, number: usize, key: &str, to: usize) {
        if let Some(mut events) = self.entries(&["timeline", "events"])
            && let Some(event) = events.get_mut(number)
        {
            set(event, key, i64::try_from(to).unwrap_or(i64::MAX));
        }
    }

    /// Takes a key away; says whether it was there.
    pub(super) fn remove(&mut self, path: &[&str]) -> bool {
        let Some((key, above)) = path.split_last() else { return false };
        self.table_mut(above).is_some_and(|table| table.remove(key).is_some())
    }

    fn table_mut(&mut self, path: &[&str]) -> Option<&mut dyn TableLike> {
        let mut item = self.0.as_item_mut();
        for key in path {
            item = item.as_table_like_mut()?.get_mut(key)?;
        }
        item.as_table_like_mut()
    }

    fn entries(&mut self, path: &[&str]) -> Option<Entries<'_>> {
        let (key, above) = path.split_last()?;
        match self.table_mut(above)?.get_mut(key)? {
            Item::Value(Value::Array(array)) => Some(Entries::Inline(array)),
            Item::ArrayOfTables(tables) => Some(Entries::Tables(tables)),
            _ => None,
        }
    }
}

/// Sets a value and keeps what stands around it.
fn set(table: &mut dyn TableLike, key: &str, value: impl Into<Value>) {
    let mut value = value.into();
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(before) => {
            *value.decor_mut() = before.decor().clone();
            *before = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

fn duration_of(table: &dyn TableLike, key: &str) -> Option<Duration> {
    parse_duration(table.get(key)?.as_str()?)
}

/// A duration as people write it, as exact as it was.
fn written(time: Duration) -> String {
    match time.as_micros() {
        micros if micros.is_multiple_of(1_000_000) => format!("{}s", micros / 1_000_000),
        micros if micros.is_multiple_of(1_000) => format!("{}ms", micros / 1_000),
        micros => format!("{micros}us"),
    }
}

/// Whether a check is about a group: `metric = "x{group=NAME, …}"`.
fn mentions_group(check: &dyn TableLike, name: &str) -> bool {
    let texts =
        ["metric", "always", "eventually"].iter().filter_map(|key| check.get(key).and_then(Item::as_str));
    let selects = |text: &str| {
        let inside = text.split_once('{').map_or("", |(_, rest)| rest);
        inside
            .split(['}', ','])
            .any(|part| part.trim().strip_prefix("group=").is_some_and(|group| group == name))
    };
    texts.into_iter().any(selects)
}

/// Puts values in the place of `${name}` in all texts.
fn substitute_in(table: &mut dyn TableLike, values: &[(String, Value)]) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Value(value) => substitute(value, values),
            Item::Table(table) => substitute_in(table, values),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| substitute_in(table, values)),
            Item::None => {}
        }
    }
}

fn substitute(value: &mut Value, values: &[(String, Value)]) {
    match value {
        Value::String(text) => {
            let filled = filled_in(text.value(), values);
            if let Some(mut filled) = filled {
                *filled.decor_mut() = value.decor().clone();
                *value = filled;
            }
        }
        Value::Array(array) => array.iter_mut().for_each(|value| substitute(value, values)),
        Value::InlineTable(table) => substitute_in(table, values),
        _ => {}
    }
}

/// A text that is one `${name}` and nothing else becomes the value itself.
fn filled_in(text: &str, values: &[(String, Value)]) -> Option<Value> {
    if !text.contains("${") {
        return None;
    }
    if let Some((_, value)) = values.iter().find(|(name, _)| text == format!("${{{name}}}")) {
        return Some(value.clone());
    }
    let filled = values.iter().fold(text.to_owned(), |text, (name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string().trim().to_owned(), str::to_owned);
        text.replace(&format!("${{{name}}}"), &shown)
    });
    Some(Value::from(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# Proves that it fails.
schema = 1
scenario = { name = "x", warmup = "1s", duration = "1m" } # a minute
params = { rovers = 4, loss = 0.1, word = "7" }

[groups.rover]
count = "${rovers}" # as many as you like
agent = "rover"
params = { word = "${word}", loss = "${loss}", both = "${rovers} of ${word}" }

[groups.base]
agent = "base"

[timeline]
events = [
  { at = "10s", do = "ask", from = "base", to = "rover" }, # base asks
  { at = "20s", do = "stop", target = "rover[2]" },
]

[[checks.list]]
name = "answered"
metric = "request.answered_ratio{group=base, capability=x}"

[[checks.list]]
name = "heard"
metric = "observation.sent"
"#;

    fn document() -> Document {
        Document::parse(TEXT).unwrap()
    }

    #[test]
    fn nothing_is_lost_that_is_not_changed() {
        assert_eq!(document().text(), TEXT);
    }

    #[test]
    fn settling_puts_params_network_and_seed_into_the_file() {
        let mut settled = document();
        let params = [("rovers", "9"), ("loss", "0.2"), ("word", "7")]
            .map(|(name, value)| (name.into(), value.into()));
        settled.settle("model", 5, &params);
        let text = settled.text();
        for line in [
            "count = 9 # as many as you like",
            r#"params = { word = "7", loss = 0.2, both = "9 of 7" }"#,
            "network = \"model\"",
            "seed = 5",
        ] {
            assert!(text.contains(line), "no {line:?} in\n{text}");
        }
        assert!(!text.contains("rovers = 4"));
        assert_eq!(settled.size().agents, 10);
    }

    #[test]
    fn a_group_goes_with_what_names_it() {
        let mut less = document();
        less.remove_group("base");
        assert_eq!((less.groups(), less.events()), (vec!["rover".to_owned()], 1));
        assert!(!less.text().contains("answered") && less.text().contains("heard"));
    }

    #[test]
    fn a_shorter_run_loses_the_events_after_its_end() {
        let mut short = document();
        short.set_time("duration", Duration::from_millis(15_500));
        assert_eq!(short.events(), 1);
        assert!(short.text().contains(r#"duration = "15500ms" } # a minute"#), "{}", short.text());
    }

    #[test]
    fn events_can_be_brought_forward() {
        let mut early = document();
        assert_eq!(early.first_event(), Some(Duration::from_secs(10)));
        early.bring_forward(Duration::from_secs(10));
        assert!(
            early.text().contains(r#"{ at = "0s", do = "ask""#)
                && early.text().contains(r#"at = "10s", do = "stop""#)
        );
    }
}
