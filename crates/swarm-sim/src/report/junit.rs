//! Runs as JUnit XML, which systems that build and test read: a suite for each run, a case for each check.

use std::io;

use quick_xml::{events::BytesText, writer::Writer};

use super::facts;
use crate::{RecordedCheck, RunRecord};

/// One run, or a scenario of which none came.
///
/// ```
/// use swarm_sim::report::{Suite, junit};
///
/// let record = swarm_sim::RunRecord::default();
/// let text = junit(&[Suite::Ran(&record), Suite::Broken { file: "x.toml", why: "a port is in use" }]);
/// assert!(text.contains("<testsuite name=\"x.toml\" tests=\"1\" failures=\"0\" errors=\"1\""));
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Suite<'r> {
    /// It ran: whether to its end is a case of its own, besides the checks.
    Ran(&'r RunRecord),
    /// It could not be run.
    Broken {
        /// The scenario file.
        file: &'r str,
        /// Why not.
        why: &'r str,
    },
}

/// All suites as one document. Checks that only warn pass, with the warning in their output.
///
/// See [`Suite`] for an example.
#[must_use]
pub fn junit(suites: &[Suite<'_>]) -> String {
    let mut document = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    let mut writer = Writer::new_with_indent(&mut document, b' ', 2);
    // Nothing fails that writes into memory.
    if write_suites(&mut writer, suites).is_err() {
        return String::new();
    }
    document.push(b'\n');
    String::from_utf8(document).unwrap_or_default()
}

type Xml<'d> = Writer<&'d mut Vec<u8>>;

fn write_suites(xml: &mut Xml<'_>, suites: &[Suite<'_>]) -> io::Result<()> {
    let root = xml.create_element("testsuites").with_attribute(("name", "swarm-sim"));
    root.write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, *suite)))?;
    Ok(())
}

fn write_suite(xml: &mut Xml<'_>, suite: Suite<'_>) -> io::Result<()> {
    match suite {
        Suite::Ran(record) => write_run(xml, record),
        Suite::Broken { file, why } => {
            let element = xml.create_element("testsuite").with_attributes([
                ("name", legal(file).as_str()),
                ("tests", "1"),
                ("failures", "0"),
                ("errors", "1"),
                ("time", "0"),
            ]);
            element.write_inner_content(|xml| {
                write_case(xml, &legal(file), "can be run", "0", Some(("error", why)), None)
            })?;
            Ok(())
        }
    }
}

fn write_run(xml: &mut Xml<'_>, record: &RunRecord) -> io::Result<()> {
    let unfinished = usize::from(record.end != "complete");
    let failures = facts::failed(record).count() + unfinished;
    let time = format!("{:.3}", record.real_seconds);
    let element = xml.create_element("testsuite").with_attributes([
        (
            "name",
            format!("{} seed {} on {}", legal(&record.scenario_file), record.seed, legal(&record.network))
                .as_str(),
        ),
        ("tests", (record.checks.len() + 1).to_string().as_str()),
        ("failures", failures.to_string().as_str()),
        ("errors", "0"),
        ("time", time.as_str()),
    ]);
    element.write_inner_content(|xml| {
        write_properties(xml, record)?;
        let class = legal(&record.name);
        let end = format!("ended: {}", record.end);
        let failure = (unfinished > 0).then_some(("failure", end.as_str()));
        write_case(xml, &class, "runs to its end", &time, failure, None)?;
        record.checks.iter().try_for_each(|check| write_check(xml, &class, check))?;
        write_notices(xml, &record.notices)
    })?;
    Ok(())
}

fn write_properties(xml: &mut Xml<'_>, record: &RunRecord) -> io::Result<()> {
    xml.create_element("properties").write_inner_content(|xml| {
        facts::facts(record).iter().chain([&("Command", record.runner.command.clone())]).try_for_each(
            |(name, value)| {
                let name = name.to_lowercase();
                let property = xml.create_element("property");
                property
                    .with_attributes([("name", name.as_str()), ("value", &legal(value))])
                    .write_empty()
                    .map(drop)
            },
        )
    })?;
    Ok(())
}

fn write_check(xml: &mut Xml<'_>, class: &str, check: &RecordedCheck) -> io::Result<()> {
    let said = format!("measured {}, must hold: {}", check.measured, check.condition);
    let (failure, output) = match check.verdict.as_str() {
        "fail" => (Some(("failure", said.as_str())), None),
        "warn" => (None, Some(format!("warning: {said}"))),
        _ => (None, Some(said.clone())),
    };
    write_case(xml, class, &legal(&check.name), "0", failure, output.as_deref())
}

/// A case with what went wrong, as the name of an element and a message, and with what it printed.
fn write_case(
    xml: &mut Xml<'_>,
    class: &str,
    name: &str,
    time: &str,
    wrong: Option<(&'static str, &str)>,
    output: Option<&str>,
) -> io::Result<()> {
    let element = xml.create_element("testcase");
    let case = element.with_attributes([("classname", class), ("name", name), ("time", time)]);
    if wrong.is_none() && output.is_none() {
        return case.write_empty().map(drop);
    }
    case.write_inner_content(|xml| {
        if let Some((kind, message)) = wrong {
            xml.create_element(kind).with_attribute(("message", legal(message).as_str())).write_empty()?;
        }
        if let Some(output) = output {
            xml.create_element("system-out").write_text_content(BytesText::new(&legal(output)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn write_notices(xml: &mut Xml<'_>, notices: &[String]) -> io::Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    xml.create_element("system-err").write_text_content(BytesText::new(&legal(&notices.join("\n"))))?;
    Ok(())
}

/// Text without what XML 1.0 cannot say, not even escaped: control characters but tab and line ends, and two
/// characters that are none.
fn legal(text: &str) -> String {
    let says = |character: char| match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    };
    text.chars().map(|character| if says(character) { character } else { '\u{FFFD}' }).collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, events::Event};

    use super::*;
    use crate::report::sample::{Sketch, swarm};

    /// Names of elements with the value of their attribute `name`; fails if the document is not well formed.
    fn elements(document: &str) -> Vec<(String, Option<String>)> {
        let mut reader = Reader::from_str(document);
        let mut found = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => return found,
                Event::Start(element) | Event::Empty(element) => {
                    let name = element.try_get_attribute("name").unwrap();
                    let value = name.map(|name| name.value.into_owned());
                    found.push((element.name().as_ref().to_owned(), value));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn each_check_is_a_case_and_so_is_the_end_of_the_run() {
        let record = swarm(Sketch::default());
        let document = junit(&[Suite::Ran(&record)]);
        let cases: Vec<_> =
            elements(&document).into_iter().filter(|(element, _)| element == "testcase").collect();
        assert_eq!(cases.len(), 6);
        assert_eq!(cases[4].1.as_deref(), Some("answered while split"));
        assert!(document.contains("tests=\"6\" failures=\"1\" errors=\"0\""), "{document}");
        assert!(
            document.contains(
                "<failure message=\"measured 88.1 %, must hold: request.answered_ratio &gt;= 95%\""
            )
        );
        assert!(document.contains("<system-out>warning: measured 3"), "{document}");
    }

    #[test]
    fn a_run_that_ended_early_failed() {
        let mut record = swarm(Sketch::default());
        record.end = "timed out".into();
        let document = junit(&[Suite::Ran(&record)]);
        assert!(document.contains("failures=\"2\"") && document.contains("message=\"ended: timed out\""));
    }

    #[test]
    fn whatever_users_write_is_well_formed() {
        let mut record = swarm(Sketch::default());
        record.name = "a\u{0}b\u{1b}[31m <&>\"' \u{FFFE} ]]>".into();
        record.checks[0].name = record.name.clone();
        record.notices = vec![record.name.clone()];
        let document = junit(&[Suite::Ran(&record), Suite::Broken { file: "<x>", why: "\u{8}no" }]);
        assert!(elements(&document).len() > 10);
        assert!(document.chars().all(|c| c == '\n' || !c.is_control()), "{document:?}");
    }
}
