//! A run as a trace that Perfetto (ui.perfetto.dev) and `chrome://tracing` show.
//!
//! The format is the Trace Event Format of Chromium, as JSON. A process is a group, a thread a member; what concerns
//! everybody is a process of its own. Times are microseconds since the start of the run.

mod lanes;

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::lanes::Lanes;
use crate::{GroupSample, LifeState, RecordedRequest, RunRecord};

/// The process of what concerns everybody; groups follow.
const TIMELINE: usize = 1;

/// The run as one JSON object.
///
/// Requests are slices on the thread of whoever asked and of whoever was asked, with an arrow from one to the other; how
/// long the latter worked is not in a record, so its slice is as long. Requests of a member that overlap stand on
/// further threads of its name. Faults are spans of the timeline and moments of those concerned, and figures are
/// counters.
///
/// ```
/// let trace = swarm_sim::report::trace(&swarm_sim::RunRecord::default());
/// assert!(trace.starts_with(r#"{"displayTimeUnit":"ms","traceEvents":["#));
/// ```
#[must_use]
pub fn trace(record: &RunRecord) -> String {
    let mut writer = TraceWriter { record, lanes: Lanes::default(), events: Vec::new() };
    writer.name_process(TIMELINE, "the swarm");
    for (number, group) in record.groups.iter().enumerate() {
        writer.name_process(process_of(number), &group.name);
    }
    let mut requests: Vec<_> = record.requests.iter().enumerate().collect();
    requests.sort_by_key(|(_, request)| request.at_us);
    requests.into_iter().for_each(|(number, request)| writer.write_request(number, request));
    writer.write_happenings();
    writer.write_lives();
    writer.write_samples();
    writer.name_threads();
    let trace = Trace { display_time_unit: "ms", trace_events: writer.events };
    serde_json::to_string(&trace).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    display_time_unit: &'static str,
    trace_events: Vec<TraceEvent>,
}

/// One line of a trace; the letters are those of the format.
#[derive(Serialize, Default)]
struct TraceEvent {
    ph: &'static str,
    name: String,
    pid: usize,
    tid: usize,
    ts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    /// Scope of a moment: `t` is its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// `e` lets an arrow end at the slice around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
}

struct TraceWriter<'r> {
    record: &'r RunRecord,
    lanes: Lanes,
    events: Vec<TraceEvent>,
}

fn process_of(group: usize) -> usize {
    group + TIMELINE + 1
}

impl TraceWriter<'_> {
    fn name_process(&mut self, pid: usize, name: &str) {
        self.name(pid, 0, "process_name", &json!({ "name": name }));
        self.name(pid, 0, "process_sort_index", &json!({ "sort_index": pid }));
    }

    fn name_threads(&mut self) {
        let threads: Vec<_> = self.lanes.threads().collect();
        for (member, lane, tid) in threads {
            let Some(who) = self.record.members.get(member) else { continue };
            let name = match lane {
                0 => who.name.clone(),
                more => format!("{} ({})", who.name, more + 1),
            };
            self.name(process_of(who.group), tid, "thread_name", &json!({ "name": name }));
            self.name(process_of(who.group), tid, "thread_sort_index", &json!({ "sort_index": member }));
        }
    }

    fn name(&mut self, pid: usize, tid: usize, what: &str, args: &Value) {
        self.events.push(TraceEvent {
            ph: "M",
            name: what.to_owned(),
            pid,
            tid,
            args: Some(args.clone()),
            ..TraceEvent::default()
        });
    }

    /// Process and thread of a member.
    fn first_thread(&mut self, member: usize) -> Option<(usize, usize)> {
        let who = self.record.members.get(member)?;
        Some((process_of(who.group), self.lanes.first(member)))
    }

    fn write_request(&mut self, number: usize, request: &RecordedRequest) {
        let until = request.until_us.unwrap_or(self.record.end_us).max(request.at_us);
        let name_of = |member: usize| self.record.members.get(member).map_or("?", |member| &member.name);
        let to = request.to.map_or("nobody", name_of);
        let args = json!({
            "from": name_of(request.from),
            "to": to,
            "ending": request.ending.as_deref().unwrap_or("open"),
            "first_chunk_us": request.first_chunk_us.map(|first| first.saturating_sub(request.at_us)),
        });
        let asked = format!("{} of {to}", request.capability);
        let answered = format!("{} for {}", request.capability, name_of(request.from));
        let asker = self.write_slice(request.from, request.at_us, until, asked, "request", &args);
        let Some(to) = request.to.filter(|to| *to != request.from) else { return };
        let answerer = self.write_slice(to, request.at_us, until, answered, "answer", &args);
        let (Some(asker), Some(answerer)) = (asker, answerer) else { return };
        let arrow = |ph, (pid, tid), bp| TraceEvent {
            ph,
            name: "asks".to_owned(),
            pid,
            tid,
            ts: request.at_us,
            id: Some(number),
            cat: Some("request"),
            bp,
            ..TraceEvent::default()
        };
        self.events.extend([arrow("s", asker, None), arrow("f", answerer, Some("e"))]);
    }

    /// Gives the process and the thread where it stands.
    fn write_slice(
        &mut self,
        member: usize,
        from_us: u64,
        until_us: u64,
        name: String,
        cat: &'static str,
        args: &Value,
    ) -> Option<(usize, usize)> {
        let pid = process_of(self.record.members.get(member)?.group);
        let tid = self.lanes.take(member, from_us, until_us);
        self.events.push(TraceEvent {
            ph: "X",
            name,
            pid,
            tid,
            ts: from_us,
            dur: Some(until_us - from_us),
            cat: Some(cat),
            args: Some(args.clone()),
            ..TraceEvent::default()
        });
        Some((pid, tid))
    }

    fn write_happenings(&mut self) {
        for (number, happening) in self.record.happenings.iter().enumerate() {
            let cat = if happening.is_fault { "fault" } else { "event" };
            let name = happening
                .label
                .as_ref()
                .map_or_else(|| happening.text.clone(), |label| format!("{label}: {}", happening.text));
            let span = |ph, ts| TraceEvent {
                ph,
                name: name.clone(),
                pid: TIMELINE,
                ts,
                id: Some(number),
                cat: Some(cat),
                ..TraceEvent::default()
            };
            let until = happening.until_us.unwrap_or(happening.from_us).max(happening.from_us);
            self.events.extend([span("b", happening.from_us), span("e", until)]);
            for member in &happening.members {
                self.write_moment(*member, happening.from_us, name.clone(), cat);
            }
        }
    }

    fn write_lives(&mut self) {
        for life in &self.record.lives {
            let state = match life.state {
                LifeState::Up => "up",
                LifeState::Left => "left",
                LifeState::Crashed => "crashed",
                LifeState::Paused => "paused",
            };
            self.write_moment(life.member, life.at_us, state.to_owned(), "life");
        }
    }

    fn write_moment(&mut self, member: usize, ts: u64, name: String, cat: &'static str) {
        let Some((pid, tid)) = self.first_thread(member) else { return };
        let moment =
            TraceEvent { ph: "i", name, pid, tid, ts, cat: Some(cat), s: Some("t"), ..TraceEvent::default() };
        self.events.push(moment);
    }

    fn write_samples(&mut self) {
        let mut before = 0;
        for sample in &self.record.samples {
            let seconds = sample.at_us.saturating_sub(before).max(1) as f64 / 1e6;
            let swarm = [
                ("agents", json!(sample.agents)),
                ("connections", json!(sample.connections)),
                ("parts", json!(sample.components)),
                ("packets lost", json!(sample.packets_lost)),
            ];
            for (name, value) in swarm {
                self.write_counter(TIMELINE, before, name, [(name, value)]);
            }
            for (group, figures) in sample.groups.iter().enumerate() {
                self.write_group_sample(process_of(group), before, figures, seconds);
            }
            before = sample.at_us;
        }
    }

    /// A counter holds from its time on, so figures of an interval stand at its begin.
    fn write_group_sample(&mut self, pid: usize, ts: u64, figures: &GroupSample, seconds: f64) {
        let rate = |count: u64| json!(count as f64 / seconds);
        self.write_counter(
            pid,
            ts,
            "observations/s",
            [("sent", rate(figures.sent)), ("heard", rate(figures.delivered))],
        );
        self.write_counter(
            pid,
            ts,
            "requests/s",
            [("answered", rate(figures.answered)), ("failed", rate(figures.failed))],
        );
        for (name, value) in
            [("latency p99 µs", figures.latency_p99_us), ("answer p99 µs", figures.answer_p99_us)]
        {
            if let Some(value) = value {
                self.write_counter(pid, ts, name, [("p99", json!(value))]);
            }
        }
    }

    fn write_counter<const N: usize>(&mut self, pid: usize, ts: u64, name: &str, values: [(&str, Value); N]) {
        let args: Map<String, Value> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.events.push(TraceEvent {
            ph: "C",
            name: name.to_owned(),
            pid,
            ts,
            args: Some(Value::Object(args)),
            ..TraceEvent::default()
        });
    }
}

#[cfg(test)]
mod tests;
