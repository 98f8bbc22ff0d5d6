//! Colours, where they are wanted.

/// Whether a report may use colours.
///
/// ```
/// use swarm_sim::Paint;
///
/// assert_eq!(Paint::Never.green("PASS"), "PASS");
/// assert_eq!(Paint::Always.green("PASS"), "\u{1b}[32mPASS\u{1b}[0m");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// The reader sees colours.
    Always,
    /// The reader is a file, a program or somebody who does not want any.
    Never,
}

impl Paint {
    /// Colours for a terminal, unless the variable `NO_COLOR` is set to anything but nothing (no-color.org).
    #[must_use]
    pub fn on_terminal(is_terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_terminal && !refused { Self::Always } else { Self::Never }
    }

    /// Good.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.with(text, "32")
    }

    /// Bad.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with(text, "31")
    }

    /// Worth a look.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with(text, "33")
    }

    /// Of less interest.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.with(text, "2")
    }

    /// Of most interest.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with(text, "1")
    }

    fn with(self, text: &str, code: &str) -> String {
        match self {
            Self::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Never => text.to_owned(),
        }
    }
}
