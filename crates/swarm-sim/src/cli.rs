//! The command line of the runner, for any registry of agents.
//!
//! It reads files, prints, and turns outcomes into exit codes; everything else is the library's.

mod arguments;
mod artifacts;
mod check;
mod failure;
mod files;
mod log;
mod new;
mod play;
mod replay;
mod report;
mod run;
mod shrink;
mod soak;
mod sweep;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;

use self::arguments::{Arguments, Command};
use crate::{Paint, Registry, report::catalogue};

/// How the program ends.
///
/// ```
/// assert_eq!(swarm_sim::cli::Status::Mistaken.code(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Everything held.
    Good,
    /// A check failed, or the run ended early.
    Failed,
    /// The file or the command line is wrong, or a port is in use.
    Mistaken,
}

impl Status {
    /// The exit code: 0, 1 or 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Mistaken => 2,
        }
    }
}

/// Does what the command line of this process says, with these agents and questions.
///
/// See the [crate] for a whole program.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     swarm_sim::cli::main(&swarm_sim::Registry::new())
/// }
/// ```
#[must_use]
pub fn main(registry: &Registry) -> ExitCode {
    ExitCode::from(execute(registry, std::env::args_os()).code())
}

/// Does what a command line says, the name of the program first, and says how that ended. What it prints goes to the
/// standard output and error of this process.
///
/// Help, and complaints about the command line, end the process. Agents that block their threads may outlive this
/// call; they end with the process.
///
/// ```
/// use swarm_sim::{Registry, cli};
///
/// assert_eq!(cli::execute(&Registry::new(), ["swarm-sim", "list"]), cli::Status::Good);
/// ```
#[must_use]
pub fn execute<A>(registry: &Registry, arguments: impl IntoIterator<Item = A>) -> Status
where
    A: Into<OsString> + Clone,
{
    // clap prints help and complaints itself, and ends with 2 for the latter.
    let arguments = Arguments::parse_from(arguments);
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments, registry),
        Command::Check(arguments) => check::check(&arguments, registry),
        Command::New(arguments) => new::new(&arguments, registry),
        Command::List => print(&catalogue(registry, output_paint())),
        Command::Schema => print(&crate::json_schema()),
        Command::Report(arguments) => report::report(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments, registry),
        Command::Sweep(arguments) => sweep::sweep(&arguments, registry),
        Command::Shrink(arguments) => shrink::shrink(&arguments, registry),
        Command::Soak(arguments) => soak::soak(&arguments),
    }
}

/// Prints to standard output. That nobody reads it any more, as behind `head`, is no failure.
fn print(text: &str) -> Status {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Status::Failed,
        _ => Status::Good,
    }
}

/// Prints to standard error, for as long as there is one.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn output_paint() -> Paint {
    Paint::on_terminal(io::stdout().is_terminal())
}

fn error_paint() -> Paint {
    Paint::on_terminal(io::stderr().is_terminal())
}
