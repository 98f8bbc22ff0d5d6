//! The log of a run: one line for each thing that happened, and a hash over all of them.
//!
//! The same seed gives the same log, byte for byte, in every process: that is what `--verify` compares.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use ring::digest::{Context, SHA256};
use swarm_core::TraceEvent;

/// Where lines go, and what they hash to.
pub(crate) struct EventLog {
    hash: Context,
    lines: u64,
    out: Option<Box<dyn Write + Send>>,
    /// The line that is being written, kept for its memory.
    line: String,
    /// Why lines stopped being written.
    failed: Option<std::io::Error>,
}

impl EventLog {
    /// A log whose lines are hashed, and written if there is somewhere to write them to.
    pub(crate) fn new(out: Option<Box<dyn Write + Send>>) -> Self {
        Self { hash: Context::new(&SHA256), lines: 0, out, line: String::new(), failed: None }
    }

    /// What a node told: microseconds since the run began, the number of the member, the event.
    pub(crate) fn event(&mut self, at: Duration, member: usize, event: &TraceEvent) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{} {member} {event:?}", at.as_micros());
        self.write();
    }

    /// What the runner did.
    pub(crate) fn note(&mut self, at: Duration, text: &str) {
        self.line.clear();
        let _ = writeln!(self.line, "{} - {text}", at.as_micros());
        self.write();
    }

    fn write(&mut self) {
        self.hash.update(self.line.as_bytes());
        self.lines += 1;
        if let Some(out) = &mut self.out
            && let Err(error) = out.write_all(self.line.as_bytes())
        {
            self.failed = Some(error);
            self.out = None;
        }
    }

    /// The hash over all lines so far, as hexadecimal digits, and how many lines there are.
    pub(crate) fn digest(&self) -> (String, u64) {
        let digest = self.hash.clone().finish();
        let digits = digest.as_ref().iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        (digits, self.lines)
    }

    /// Writes out what waits to be, and says why not all could be written.
    pub(crate) fn finish(&mut self) -> Option<std::io::Error> {
        let flushed = self.out.take().and_then(|mut out| out.flush().err());
        self.failed.take().or(flushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(values: &[f64]) -> String {
        let mut log = EventLog::new(None);
        for value in values {
            log.event(Duration::from_millis(3), 7, &TraceEvent::Measured { name: "x", value: *value });
        }
        log.digest().0
    }

    #[test]
    fn equal_logs_hash_alike_and_others_do_not() {
        assert_eq!(log(&[1.0, 2.0]), log(&[1.0, 2.0]));
        assert_ne!(log(&[1.0, 2.0]), log(&[2.0, 1.0]));
        assert_ne!(log(&[1.0]), log(&[1.0, 1.0]));
    }
}
