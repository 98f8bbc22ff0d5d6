//! Reads what goes wrong.

use std::time::Duration;

use swarm_network::{Distribution, Latency};
use toml::Spanned;

use super::{
    super::{
        Fault, Pick, Rate, Target, Way,
        groups::Groups,
        problem::Findings,
        reader::{FromValue, TableReader, positive, report_unknown_name},
        shape::read_keys,
        start::{MOST_DRIFT, fitting_drift},
        values::{Number, Offset},
    },
    whom,
};

/// The smallest largest packet of a link that gets worse: QUIC gives up on links that are no larger, which may be the point.
const LEAST_MTU: u64 = 64;

/// The fault of that name. `None` if it cannot be understood.
pub(super) fn read(
    word: &str,
    table: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Fault> {
    let mut reading = Reading { table, groups, findings };
    match word {
        "crash" => reading.crash(),
        "pause" => reading.whom().map(|(target, pick)| Fault::Pause { target, pick }),
        "partition" => reading.partition(),
        "flap" => reading.flap(),
        "shape" => reading.shape(),
        "slow" => reading.slow(),
        "churn" => reading.churn(),
        _ => reading.clock(),
    }
}

/// All keys of a fault are read before anything is given up, so that whatever is wrong with it is said at once.
struct Reading<'r, 't, 'i> {
    table: &'r mut TableReader<'t, 'i>,
    groups: &'r Groups,
    findings: &'r mut Findings,
}

impl Reading<'_, '_, '_> {
    fn whom(&mut self) -> Option<(Target, Pick)> {
        whom::agents(self.table, self.groups, self.findings)
    }

    fn from(&mut self) -> Option<Option<Target>> {
        whom::others(self.table, "from", self.groups, self.findings)
    }

    /// `None` if it is there and cannot be understood.
    fn maybe<T: FromValue>(&mut self, key: &'static str) -> Option<Option<Spanned<T>>> {
        let is_there = self.table.raw(key).is_some();
        let value = self.table.optional(key, self.findings);
        if is_there { value.map(Some) } else { Some(None) }
    }

    fn switch(&mut self, key: &'static str) -> Option<bool> {
        Some(self.maybe::<bool>(key)?.is_some_and(Spanned::into_inner))
    }

    fn positive(&mut self, key: &'static str) -> Option<Duration> {
        let duration = self.table.required::<Duration>(key, self.findings)?;
        positive(key, &duration, self.findings)
    }

    fn way(&mut self) -> Option<Way> {
        let Some(word) = self.maybe::<String>("way")? else { return Some(Way::default()) };
        match word.get_ref().as_str() {
            "both" => Some(Way::Both),
            "out" => Some(Way::Out),
            "in" => Some(Way::In),
            _ => {
                report_unknown_name("way", &word, &["both", "out", "in"], self.findings);
                None
            }
        }
    }

    fn crash(&mut self) -> Option<Fault> {
        let whom = self.whom();
        let restart_after = self.maybe::<Duration>("restart_after");
        let keep_state = self.maybe::<bool>("keep_state");
        let (target, pick) = whom?;
        let (restart_after, keep_state) = (restart_after?.map(Spanned::into_inner), keep_state?);
        if let (None, Some(keeps)) = (restart_after, &keep_state) {
            let expected = "expected the time until they start again under `restart_after`";
            self.findings.report(keeps.span(), "`keep_state` needs `restart_after`", expected);
            return None;
        }
        let keep_state = keep_state.is_some_and(Spanned::into_inner);
        Some(Fault::Crash { target, pick, restart_after, keep_state })
    }

    fn partition(&mut self) -> Option<Fault> {
        let (whom, from, way) = (self.whom(), self.from(), self.way());
        let ((target, pick), from) = (whom?, from?);
        let is_everybody = self.groups.count(&target).is_some_and(|count| count == self.groups.members());
        if is_everybody && pick == Pick::All && from.is_none() {
            let expected = "expected fewer, by `target` or `pick`, or a `from`";
            self.findings.warn(self.table.at(), "nobody is left to be cut off from", expected);
        }
        Some(Fault::Partition { target, pick, from, way: way? })
    }

    fn flap(&mut self) -> Option<Fault> {
        let (whom, from) = (self.whom(), self.from());
        let (down, up) = (self.positive("down"), self.positive("up"));
        let (target, pick) = whom?;
        Some(Fault::Flap { target, pick, from: from?, down: down?, up: up? })
    }

    fn shape(&mut self) -> Option<Fault> {
        let (whom, from, way) = (self.whom(), self.from(), self.way());
        let shape = read_keys(self.table, LEAST_MTU, self.findings);
        let ((target, pick), shape) = (whom?, shape?);
        if shape.is_empty {
            let expected = "expected what is different: profile, latency, jitter, loss, duplicate, reorder, bandwidth, \
                            queue or mtu";
            self.findings.report(self.table.at(), "this shape changes nothing", expected);
            return None;
        }
        if shape.profile.is_some() && matches!(shape.change.latency, Some(Latency::More(_))) {
            let expected = "expected a latency of its own beside `profile`";
            let message = "a profile takes the place of the latency, so there is nothing to add to";
            self.findings.report(self.table.at(), message, expected);
            return None;
        }
        Some(Fault::Shape { target, pick, from: from?, way: way?, change: shape.into_change() })
    }

    fn slow(&mut self) -> Option<Fault> {
        let whom = self.whom();
        let delay = self.table.required::<Distribution>("delay", self.findings);
        let (target, pick) = whom?;
        Some(Fault::Slow { target, pick, delay: delay?.into_inner() })
    }

    fn churn(&mut self) -> Option<Fault> {
        let target = whom::others(self.table, "target", self.groups, self.findings);
        let (leave, join) = (self.maybe::<Rate>("leave"), self.maybe::<Rate>("join"));
        let crash = self.switch("crash");
        let Some(target) = target? else {
            let message = format!("{} lacks `target`", self.table.what());
            self.findings.report(self.table.at(), message, "expected a text in quotes under `target`");
            return None;
        };
        let (leave, join) = (leave?, join?);
        if leave.is_none() && join.is_none() {
            let expected = "expected a rate such as \"1%/s\" under `leave`, under `join` or under both";
            self.findings.report(self.table.at(), "this churn changes nobody", expected);
            return None;
        }
        let none = Rate::Count(0.0);
        let rate = |rate: Option<Spanned<Rate>>| rate.map_or(none, Spanned::into_inner);
        Some(Fault::Churn { target, leave: rate(leave), join: rate(join), crash: crash? })
    }

    fn clock(&mut self) -> Option<Fault> {
        let whom = self.whom();
        let (offset, drift) = (self.maybe::<Offset>("offset"), self.maybe::<Number>("drift_ppm"));
        let ((target, pick), offset, drift) = (whom?, offset?, drift?);
        if offset.is_none() && drift.is_none() {
            let expected =
                "expected by how much they are off under `offset`, under `drift_ppm` or under both";
            self.findings.report(self.table.at(), "this changes no clock", expected);
            return None;
        }
        let drift_ppm = match drift {
            Some(drift) => fitting_drift(&drift, -MOST_DRIFT, self.findings)?,
            None => 0.0,
        };
        let offset_micros = offset.map_or(0, |offset| offset.into_inner().0);
        Some(Fault::Clock { target, pick, offset_micros, drift_ppm })
    }
}
