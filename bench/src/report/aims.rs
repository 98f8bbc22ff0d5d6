//! What swarm aims at, next to what came of it. Ratios are those within a round.

use super::{Part, Report};
use crate::spread::Spread;

/// One aim.
pub struct Aim {
    /// What is to be so.
    pub what: String,
    /// What was measured.
    pub measured: Spread,
    /// What it should be.
    pub bound: Bound,
}

/// On which side of a limit.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// Or equal.
    AtMost(f64),
    /// Or equal.
    AtLeast(f64),
}

impl Aim {
    /// Whether the median is within the bound.
    pub fn met(&self) -> bool {
        match self.bound {
            Bound::AtMost(limit) => self.measured.median <= limit,
            Bound::AtLeast(limit) => self.measured.median >= limit,
        }
    }
}

/// Those for which everybody needed took part.
pub fn aims(report: &Report<'_>) -> Vec<Aim> {
    let own = "swarm";
    let mut aims = Aims { report, found: Vec::new() };
    aims.ratio("CPU per delivery", "w1-paced", [own, "quinn"], "cpu_us", Bound::AtMost(1.1));
    for peer in report.contenders.iter().filter(|peer| peer.encrypts()).map(|peer| peer.name()) {
        if !peer.starts_with(own) && peer != "quinn" {
            aims.ratio("CPU per delivery", "w1-paced", [own, peer], "cpu_us", Bound::AtMost(1.0));
        }
    }
    let rate = "deliveries_per_second";
    aims.ratio("deliveries", "w1-flat", [own, "quinn"], rate, Bound::AtLeast(0.9));
    aims.ratio("deliveries", "w1-flat", [own, "wtransport"], rate, Bound::AtLeast(5.0));
    aims.figure("loss in percent", "w1-flat", own, "loss_percent", Bound::AtMost(2.0));
    aims.ratio("CPU per delivery", "w2", ["swarm/50ms", "wtransport"], "cpu_us", Bound::AtMost(0.5));
    aims.above("KB per connection", "w4-32", [own, "wtransport"], "kb_per_pair", Bound::AtMost(20.0));
    aims.figure(
        "idle CPU in percent of a core",
        "w4-32",
        "swarm/quiet",
        "idle_cpu_percent",
        Bound::AtMost(0.1),
    );
    aims.figure("p99 beside a transfer to p99 alone", "w5", own, "p99_ratio", Bound::AtMost(3.0));
    aims.found
}

struct Aims<'a> {
    report: &'a Report<'a>,
    found: Vec<Aim>,
}

impl Aims<'_> {
    fn ratio(&mut self, what: &str, workload: &str, [own, to]: [&str; 2], key: &str, bound: Bound) {
        let measured = self.part(workload).and_then(|part| part.ratio(own, to, key));
        self.push(format!("{workload}: {what}, {own} to {to}"), measured, bound);
    }

    fn figure(&mut self, what: &str, workload: &str, own: &str, key: &str, bound: Bound) {
        let measured = self.part(workload).and_then(|part| part.spread(own, key));
        self.push(format!("{workload}: {what}, {own}"), measured, bound);
    }

    fn above(&mut self, what: &str, workload: &str, [own, other]: [&str; 2], key: &str, bound: Bound) {
        let measured = self.part(workload).and_then(|part| part.difference(own, other, key));
        self.push(format!("{workload}: {what}, {own} above {other}"), measured, bound);
    }

    fn part(&self, workload: &str) -> Option<&Part> {
        self.report.parts.iter().find(|part| part.workload.name() == workload)
    }

    fn push(&mut self, what: String, measured: Option<Spread>, bound: Bound) {
        self.found.extend(measured.map(|measured| Aim { what, measured, bound }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides() {
        let measured = Spread { median: 2.0, min: 1.0, max: 9.0 };
        let aim = |bound| Aim { what: String::new(), measured, bound }.met();

        assert!(aim(Bound::AtMost(2.0)) && aim(Bound::AtLeast(2.0)));
        assert!(!aim(Bound::AtMost(1.9)) && !aim(Bound::AtLeast(2.1)));
    }
}
