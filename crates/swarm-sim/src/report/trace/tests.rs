use std::collections::BTreeMap;

use super::*;
use crate::report::sample::{Sketch, swarm};

fn events() -> Vec<Value> {
    let trace: Value = serde_json::from_str(&trace(&swarm(Sketch::default()))).unwrap();
    trace["traceEvents"].as_array().unwrap().clone()
}

fn of_phase<'e>(events: &'e [Value], phase: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["ph"] == phase).collect()
}

#[test]
fn groups_are_processes_and_members_threads() {
    let events = events();
    let names: Vec<_> =
        of_phase(&events, "M").iter().filter_map(|event| event["args"]["name"].as_str()).collect();
    for name in ["the swarm", "camera", "text", "reasoner", "camera[0]", "reasoner[7]"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn slices_of_a_thread_never_overlap() {
    let events = events();
    let mut until: BTreeMap<u64, u64> = BTreeMap::new();
    let slices = of_phase(&events, "X");
    assert_eq!(slices.len(), 400, "one for the asker and one for the asked");
    for slice in slices {
        let (begin, thread) = (slice["ts"].as_u64().unwrap(), slice["tid"].as_u64().unwrap());
        let end = begin + slice["dur"].as_u64().unwrap();
        assert!(until.insert(thread, end).is_none_or(|before| before <= begin), "{slice}");
    }
}

#[test]
fn arrows_lead_from_the_asker_to_the_asked() {
    let events = events();
    let (starts, ends) = (of_phase(&events, "s"), of_phase(&events, "f"));
    assert_eq!((starts.len(), ends.len()), (200, 200));
    for (start, end) in starts.iter().zip(ends) {
        assert_eq!(start["id"], end["id"]);
        assert_ne!(start["tid"], end["tid"]);
    }
}

#[test]
fn faults_are_spans_and_figures_counters() {
    let events = events();
    let begins: Vec<_> = of_phase(&events, "b").iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert!(begins.contains(&"split: cut 33% of everybody off"), "{begins:?}");
    assert_eq!(begins.len(), of_phase(&events, "e").len());
    let counters = of_phase(&events, "C");
    assert!(
        counters.iter().any(|event| event["name"] == "connections" && event["args"]["connections"].is_u64())
    );
    assert!(of_phase(&events, "i").iter().any(|event| event["name"] == "crashed"));
}
