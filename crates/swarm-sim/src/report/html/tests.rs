use super::*;
use crate::{
    Happening, RecordedCheck, RecordedGroup, RecordedMember,
    report::sample::{Sketch, swarm},
};

/// What a hostile or careless user may call things.
const NASTY: &str = "</script><script>alert(1)</script> <!-- \"' & {{data}} \u{2028} \u{0}";

fn nasty() -> RunRecord {
    let mut record = swarm(Sketch::default());
    record.name = NASTY.into();
    record.description = Some(NASTY.into());
    record.scenario_file = NASTY.into();
    record.scenario_text = NASTY.into();
    record.network = NASTY.into();
    record.set = vec![(NASTY.into(), NASTY.into())];
    record.runner.command = NASTY.into();
    record.end = NASTY.into();
    record.notices = vec![NASTY.into()];
    record.groups.push(RecordedGroup {
        name: NASTY.into(),
        kind: NASTY.into(),
        rogues: true,
        zone: Some(NASTY.into()),
    });
    record.members.push(RecordedMember { name: NASTY.into(), group: 3, agent: NASTY.into() });
    record.happenings.push(Happening {
        kind: NASTY.into(),
        text: NASTY.into(),
        label: Some(NASTY.into()),
        members: vec![24, 9_999],
        ..Happening::default()
    });
    record.checks.push(RecordedCheck {
        name: NASTY.into(),
        condition: NASTY.into(),
        measured: NASTY.into(),
        verdict: NASTY.into(),
        ..RecordedCheck::default()
    });
    record
}

#[test]
fn texts_of_users_never_become_part_of_the_page() {
    let page = html(&nasty());
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<!--").count(), 0);
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn the_data_of_a_page_is_the_record() {
    let page = html(&nasty());
    let (_, data) = page.split_once("id=\"record\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data.pointer("/groups/3/name"), Some(&NASTY.into()));
    assert_eq!(data.pointer("/samples/at_us").unwrap().as_array().unwrap().len(), 60);
    let rest: Vec<_> =
        ["{{", "}}"].iter().filter(|mark| page.replace("{{data}}", "").contains(**mark)).collect();
    assert!(rest.len() < 2, "all places of the template are filled");
}

#[test]
fn a_page_needs_nothing_from_anywhere() {
    let page = html(&swarm(Sketch::default()));
    for outside in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses: Vec<_> =
        page.match_indices("http").map(|(at, _)| &page[at..(at + 30).min(page.len())]).collect();
    let only_names = |address: &&str| {
        address.starts_with("http-equiv") || address.starts_with("http://www.w3.org/2000/svg")
    };
    assert!(addresses.iter().all(only_names), "{addresses:?}");
}

#[test]
fn every_check_and_group_stands_in_the_page_itself() {
    let record = swarm(Sketch::default());
    let page = html(&record);
    for check in &record.checks {
        assert!(page.contains(&format!("<th scope=\"row\">{}</th>", check.name)));
    }
    assert!(page.contains("<a href=\"#check-3\">answered while split</a>"));
    assert!(page.contains("15.0 s … 30.0 s"), "the window of a check");
}

#[test]
fn an_empty_record_is_a_page_too() {
    let page = html(&RunRecord::default());
    assert!(page.contains("This scenario checks nothing.") && page.contains("The timeline is empty."));
}

#[test]
fn a_thousand_agents_fit_into_ten_megabytes() {
    let sketch = Sketch { agents: 1_000, degree: 8, groups: 4, samples: 120, requests: 10_000 };
    let page = html(&swarm(sketch));
    assert!(page.len() < 10_000_000, "{} bytes", page.len());
}

/// Writes pages to look at into the folder that `PAGES` names.
#[test]
#[ignore = "writes files"]
fn pages_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var("PAGES").unwrap());
    let sketch =
        |agents, degree, groups| Sketch { agents, degree, groups, samples: 120, requests: agents * 10 };
    for (name, record) in [
        ("two", swarm(sketch(2, 2, 1))),
        ("dozen", swarm(sketch(12, 12, 2))),
        ("swarm", swarm(sketch(48, 4, 4))),
        ("hundreds", swarm(sketch(300, 6, 6))),
        ("thousand", swarm(sketch(1_000, 8, 4))),
        ("nasty", nasty()),
        ("empty", RunRecord::default()),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), html(&record)).unwrap();
        std::fs::write(folder.join(format!("{name}.json")), serde_json::to_string(&record).unwrap()).unwrap();
    }
}
