//! The program `swarm`: makes, shows and takes back the keys and grants of a swarm.
//!
//! It works on files and needs no network: what it says about a grant is what a node would say
//! ([`TrustAnchor::admit`](swarm_core::trust::TrustAnchor::admit)). Time, randomness and streams come in as a [`Machine`].
//!
//! What this crate never does: print a secret, write over one, or talk to a node. Nodes look into their directories.

mod answer;
mod arguments;
mod authority;
mod dev;
mod enrol;
mod error;
mod facts;
mod found;
mod grant;
mod inspect;
mod key;
mod moment;
mod place;
mod revoke;
mod root;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use rand::rngs::{StdRng, SysRng};
use rand::{CryptoRng, SeedableRng};
use swarm_proto::UnixSeconds;

use self::answer::Answer;
use self::arguments::{Arguments, Command, KeyCommand, RootCommand};
use self::error::CliError;

/// How the program ends.
///
/// ```
/// assert_eq!(swarm_cli::Status::Mistaken.code(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is done; what was inspected counts.
    Good,
    /// It could not be done, or what was inspected does not count.
    Failed,
    /// The command line is wrong.
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

/// What the commands need of the machine beside its files.
///
/// See [`execute`].
///
/// ```
/// fn is_late(machine: &swarm_cli::Machine<'_>) -> bool {
///     machine.now > swarm_core::proto::UnixSeconds::new(1_900_000_000)
/// }
/// ```
pub struct Machine<'a> {
    /// The time of day.
    pub now: UnixSeconds,
    /// Where keys come from.
    pub rng: &'a mut dyn CryptoRng,
    /// What `-` stands for.
    pub input: &'a mut dyn Read,
    /// Takes what was asked for.
    pub output: &'a mut dyn Write,
    /// Takes what goes wrong, and explanations of what goes to `output`.
    pub errors: &'a mut dyn Write,
}

impl fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Does what the command line of this process says.
#[must_use]
pub fn main() -> ExitCode {
    let (mut input, mut output, mut errors) = (io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
    let mut rng = match StdRng::try_from_rng(&mut SysRng) {
        Ok(rng) => rng,
        Err(error) => {
            let _ = writeln!(errors, "error: the system has no randomness: {error}");
            return Status::Failed.code().into();
        }
    };
    let mut machine =
        Machine { now: now(), rng: &mut rng, input: &mut input, output: &mut output, errors: &mut errors };
    execute(std::env::args_os(), &mut machine).code().into()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn now() -> UnixSeconds {
    UnixSeconds::from_system_time(SystemTime::now())
}

/// Does what a command line says, the name of the program first, and says how that ended.
///
/// ```
/// use rand::SeedableRng;
/// use swarm_cli::{Machine, Status, execute};
/// use swarm_core::proto::UnixSeconds;
///
/// let (mut output, mut errors) = (Vec::new(), Vec::new());
/// let mut machine = Machine {
///     now: UnixSeconds::new(1_800_000_000),
///     rng: &mut rand::rngs::StdRng::seed_from_u64(7),
///     input: &mut std::io::empty(),
///     output: &mut output,
///     errors: &mut errors,
/// };
/// let key = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
///
/// assert_eq!(execute(["swarm", "inspect", key], &mut machine), Status::Good);
/// let said = String::from_utf8(output)?;
/// assert!(said.contains("d8847d91-4101-8863-8914-2419781bbbdd"), "the id of the agent with this key");
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn execute<A>(arguments: impl IntoIterator<Item = A>, machine: &mut Machine<'_>) -> Status
where
    A: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(refused) => {
            let text = refused.render().to_string();
            // Help that was asked for is no complaint.
            return match refused.exit_code() {
                0 => print(machine.output, &text),
                _ => print(machine.errors, &text).max(Status::Mistaken),
            };
        }
    };
    match run(&arguments.command, machine) {
        Ok(answer) => give(&answer, arguments.json, machine),
        Err(error) => print(machine.errors, &error.report()).max(error.status()),
    }
}

fn run(command: &Command, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    match command {
        Command::Root { command: RootCommand::New(arguments) } => root::new(arguments, machine),
        Command::Root { command: RootCommand::Show { path } } => root::show(path),
        Command::Key { command: KeyCommand::New { out } } => key::new(out, machine),
        Command::Key { command: KeyCommand::Show { path } } => key::show(path),
        Command::Grant(arguments) => grant::grant(arguments, machine),
        Command::Renew(arguments) => grant::renew(arguments, machine),
        Command::Enrol(arguments) => enrol::enrol(arguments, machine),
        Command::Revoke(arguments) => revoke::revoke(arguments, machine),
        Command::Inspect(arguments) => inspect::inspect(arguments, machine),
        Command::Dev => dev::dev(machine),
    }
}

/// What goes on to another program is alone on the standard output.
fn give(answer: &Answer, json: bool, machine: &mut Machine<'_>) -> Status {
    let printed = match (json, &answer.token) {
        (true, _) => print(machine.output, &format!("{:#}\n", answer.json)),
        (false, Some(token)) => {
            print(machine.errors, &answer.text).max(print(machine.output, &format!("{token}\n")))
        }
        (false, None) => print(machine.output, &answer.text),
    };
    printed.max(answer.status)
}

/// That nobody reads it any more, as behind `head`, is no failure.
fn print(to: &mut dyn Write, text: &str) -> Status {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Status::Failed,
        _ => Status::Good,
    }
}
