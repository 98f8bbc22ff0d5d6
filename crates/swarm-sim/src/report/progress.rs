//! Shows how far a run is while it runs: a bar on a terminal, otherwise a plain line per second of real time.

use std::{io::Write, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Paint, facts::show_factor};
use crate::{
    event::{Phase, Progress, RunEvent},
    quantity::{show_count, show_duration},
};

/// How a run is shown while it runs.
pub(crate) struct ProgressReport<W> {
    how: How,
    out: W,
    paint: Paint,
    /// Whole seconds, real ones, of the phase for which there was a line already.
    told: Option<(Phase, u64)>,
}

enum How {
    Bar(ProgressBar),
    Lines,
    Silence,
}

/// Before that much real time has passed a speed-up says nothing.
const FIRST_SPEED_UP: Duration = Duration::from_millis(100);

const BAR: &str = "{prefix:>9} {bar:28.cyan/dim} {msg}";
const PLAIN_BAR: &str = "{prefix:>9} {bar:28} {msg}";

impl<W: Write> ProgressReport<W> {
    /// A bar that draws itself on standard error; other lines go to `out` above it.
    pub(crate) fn bar(out: W, paint: Paint) -> Self {
        let template = if paint == Paint::Always { BAR } else { PLAIN_BAR };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(1).with_style(style.progress_chars("━━╌"));
        Self { how: How::Bar(bar), out, paint, told: None }
    }

    /// Plain lines to `out`.
    pub(crate) fn lines(out: W) -> Self {
        Self { how: How::Lines, out, paint: Paint::Never, told: None }
    }

    /// Nothing at all.
    pub(crate) fn silence(out: W) -> Self {
        Self { how: How::Silence, out, paint: Paint::Never, told: None }
    }

    /// Shows what has happened.
    pub(crate) fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Progress(progress) => self.show_progress(progress),
            other => {
                let line = sentence(other).map(|line| match other {
                    RunEvent::Noticed(_) | RunEvent::Interrupted => self.paint.yellow(&line),
                    _ => self.paint.dim(&line),
                });
                self.say(line);
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let How::Bar(bar) = self.how {
            bar.finish_and_clear();
        }
    }

    fn show_progress(&mut self, progress: &Progress) {
        match &self.how {
            How::Bar(bar) => {
                bar.set_length(millis(progress.length));
                bar.set_position(millis(progress.elapsed));
                bar.set_prefix(progress.phase.to_string());
                bar.set_message(counters(progress));
            }
            How::Lines => {
                // Virtual time may fly.
                let time = if progress.is_virtual { progress.real } else { progress.elapsed };
                let now = (progress.phase, time.as_secs());
                if self.told != Some(now) {
                    self.told = Some(now);
                    self.say(Some(format!("{} {}", progress.phase, counters(progress))));
                }
            }
            How::Silence => {}
        }
    }

    /// A line that cannot be written is not worth ending a run for.
    fn say(&mut self, line: Option<String>) {
        let Some(line) = line else { return };
        let out = &mut self.out;
        match &self.how {
            How::Bar(bar) => bar.suspend(|| drop(writeln!(out, "{line}"))),
            How::Lines => drop(writeln!(out, "{line}")),
            How::Silence => {}
        }
    }
}

fn sentence(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::Starting { agents } => format!("starting {} agents", show_count(*agents as u64)),
        RunEvent::Connected { connections, took } => {
            let connections = show_count(*connections as u64);
            format!("connected: {connections} connections after {}", show_duration(*took))
        }
        RunEvent::Happened { at, what } => format!("{} {what}", clock(*at)),
        RunEvent::Noticed(notice) => notice.clone(),
        RunEvent::Interrupted => "interrupted: ending the run; a second interrupt ends it at once".to_owned(),
        RunEvent::Draining { open_requests: 0 } | RunEvent::Measuring | RunEvent::Progress(_) => return None,
        RunEvent::Draining { open_requests } => format!("waiting for {open_requests} answers"),
        RunEvent::Stopping => "stopping".to_owned(),
    })
}

fn counters(progress: &Progress) -> String {
    let Progress { elapsed, length, agents, sent, delivered, asked, answered, .. } = progress;
    let mut text = format!("{} of {}", clock(*elapsed), clock(*length));
    if progress.is_virtual {
        text += &format!(" in {}{}", clock(progress.real), speed_up(progress));
    }
    text += &format!(", {agents} agents");
    if *sent > 0 || *delivered > 0 {
        text += &format!(", {} sent, {} delivered", show_count(*sent), show_count(*delivered));
    }
    if *asked > 0 {
        text += &format!(", {} of {} answered", show_count(*answered), show_count(*asked));
    }
    text
}

/// How many times faster than real time it goes, once that can be told. The warm-up is not told apart: real time begins
/// with it, so what is shown is a little too low rather than too high.
fn speed_up(progress: &Progress) -> String {
    let factor = progress.elapsed.as_secs_f64() / progress.real.as_secs_f64();
    let tellable = progress.phase == Phase::Measured && progress.real >= FIRST_SPEED_UP && factor.is_finite();
    if tellable { format!(", {} ×", show_factor(factor)) } else { String::new() }
}

/// Minutes and seconds, with tenths, so that lines below one another align.
fn clock(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(phase: Phase, millis: u64) -> RunEvent {
        RunEvent::Progress(Progress {
            phase,
            elapsed: Duration::from_millis(millis),
            length: Duration::from_secs(10),
            real: Duration::from_millis(millis),
            is_virtual: false,
            agents: 3,
            sent: 1_200,
            delivered: 2_400,
            asked: 0,
            answered: 0,
        })
    }

    #[test]
    fn lines_come_once_per_second_and_phase() {
        let mut written = Vec::new();
        let mut report = ProgressReport::lines(&mut written);
        for event in [
            RunEvent::Starting { agents: 3 },
            progress(Phase::Warmup, 0),
            progress(Phase::Measured, 0),
            progress(Phase::Measured, 900),
            progress(Phase::Measured, 1_000),
            RunEvent::Happened { at: Duration::from_millis(1_040), what: "stop 1 of rover".into() },
        ] {
            report.show(&event);
        }
        report.finish();
        let expected = "\
starting 3 agents
warm-up 0:00.0 of 0:10.0, 3 agents, 1 200 sent, 2 400 delivered
measured 0:00.0 of 0:10.0, 3 agents, 1 200 sent, 2 400 delivered
measured 0:01.0 of 0:10.0, 3 agents, 1 200 sent, 2 400 delivered
0:01.0 stop 1 of rover
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn virtual_time_is_told_with_the_real_time_and_the_speed_up() {
        let told = |real| {
            let RunEvent::Progress(progress) = progress(Phase::Measured, 9_000) else { panic!() };
            counters(&Progress {
                real: Duration::from_millis(real),
                is_virtual: true,
                sent: 0,
                delivered: 0,
                ..progress
            })
        };
        assert_eq!(told(300), "0:09.0 of 0:10.0 in 0:00.3, 30 ×, 3 agents");
        assert_eq!(told(50), "0:09.0 of 0:10.0 in 0:00.0, 3 agents");
    }

    #[test]
    fn silence_says_nothing() {
        let mut written = Vec::new();
        let mut report = ProgressReport::silence(&mut written);
        report.show(&RunEvent::Interrupted);
        report.show(&progress(Phase::Measured, 0));
        report.finish();
        assert!(written.is_empty());
    }
}
