//! Programs with agents that misbehave: whatever they do, the program says what is wrong and ends.
//!
//! The tests run this very file as a program of its own, by way of the one test that is ignored otherwise.

#![cfg(unix)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use swarm_core::{Advertisement, Agent, AgentError, AssistanceRequest, Context, Replies};
use swarm_sim::{BuildError, NoParams, Registry, Setup, cli};

/// What the program does, one argument per line.
const ARGUMENTS: &str = "SWARM_SIM_TEST_ARGUMENTS";

/// Much longer than any of the programs takes, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// Holds on to the thread that it is called on for longer than any test takes.
#[expect(clippy::disallowed_methods, reason = "this is what must not hold up the program")]
fn block() {
    std::thread::sleep(Duration::from_hours(1));
}

/// Blocks its thread when it is asked.
struct Sleeper;

impl Agent for Sleeper {
    fn capabilities(&self) -> Vec<Advertisement> {
        "sleep.well".parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        _request: AssistanceRequest,
        _replies: &mut Replies,
    ) -> Result<(), AgentError> {
        block();
        Ok(())
    }
}

/// Blocks its thread when it starts.
struct Sloth;

impl Agent for Sloth {
    async fn on_start(&self, _cx: &Context) {
        block();
    }
}

/// Does not know what it can.
struct Doubter;

impl Agent for Doubter {
    fn capabilities(&self) -> Vec<Advertisement> {
        panic!("what can anybody do?")
    }
}

fn registry() -> Registry {
    Registry::new()
        .agent("sleeper", "sleeps when asked", |_: Setup<'_, NoParams>| Ok(Sleeper))
        .agent("sloth", "sleeps from the start", |_: Setup<'_, NoParams>| Ok(Sloth))
        .agent("doubter", "panics in capabilities", |_: Setup<'_, NoParams>| Ok(Doubter))
        .agent("bomb", "panics when made", |setup: Setup<'_, NoParams>| -> Result<Sloth, BuildError> {
            panic!("there is no {}", setup.group)
        })
        .agent("shy", "cannot be made", |_: Setup<'_, NoParams>| -> Result<Sloth, BuildError> {
            Err("too shy".into())
        })
}

#[test]
#[ignore = "the program that the other tests run"]
fn the_program() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let status = cli::execute(&registry(), std::iter::once("program").chain(arguments.lines()));
    std::process::exit(status.code().into());
}

/// More agents than there are threads to run them.
fn many() -> usize {
    std::thread::available_parallelism().map_or(8, |threads| threads.get() * 2).min(200)
}

/// The program at work on a scenario of its own.
struct Program {
    child: Child,
    _folder: tempfile::TempDir,
}

/// What came of it.
struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Program {
    fn start(command: &str, scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.toml");
        std::fs::write(&file, format!("schema = 1\n{scenario}")).unwrap();
        let arguments = format!("{command}\n{}", file.display());
        let child = program(&arguments, folder.path()).spawn().unwrap();
        Self { child, _folder: folder }
    }

    fn interrupt(&self) {
        let interrupted = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(interrupted.success());
    }

    /// Waits for its end; fails the test, and ends it, if that does not come.
    fn ended(self) -> Ended {
        let id = self.child.id().to_string();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(self.child.wait_with_output()));
        let Ok(output) = receiver.recv_timeout(PATIENCE) else {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            panic!("the program does not end");
        };
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

fn program(arguments: &str, folder: &Path) -> Command {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program
        .args(["--exact", "the_program", "--ignored", "--nocapture"])
        .env(ARGUMENTS, arguments)
        .env_remove("NO_COLOR")
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

fn sleepers(duration: &str) -> String {
    let many = many();
    format!(
        "
        scenario = {{ name = 'sleepers', duration = '{duration}' }}
        mesh = {{ topology = 'star', hub = 'client' }}
        groups.client = {{ agent = 'idle' }}
        groups.sleeper = {{ agent = 'sleeper', count = {many} }}
        timeline.events = [
          {{ at = '0s', do = 'ask', from = 'client', to = 'sleeper', capability = 'sleep.well', count = {many}, in_flight = {many} }},
        ]"
    )
}

#[test]
fn agents_that_block_their_threads_do_not_keep_a_run_from_its_report() {
    let ended = Program::start("run", &sleepers("500ms")).ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("without an answer yet at the end of the run"), "{}", ended.stdout);
    assert!(ended.stdout.contains("an agent may block its thread"), "{}", ended.stdout);
}

#[test]
fn agents_that_block_their_threads_from_the_start_end_with_the_timeout() {
    let scenario = format!(
        "scenario = {{ name = 'sloths', duration = '1s', timeout = '3s' }}\ngroups.sloth = {{ agent = 'sloth', count = {} }}",
        many()
    );
    let ended = Program::start("run", &scenario).ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the timeout of 3s passed"), "{}", ended.stderr);
}

#[test]
fn a_second_interrupt_ends_the_program_whatever_its_agents_do() {
    let mut program = Program::start("run", &sleepers("1h"));
    let mut lines = BufReader::new(program.child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("0 of ") && line.contains("answered")));
    program.interrupt();
    assert!(lines.any(|line| line.contains("a second interrupt ends it at once")));
    program.interrupt();
    let rest: Vec<_> = lines.collect();
    assert_eq!(program.ended().status.code(), Some(130), "{rest:?}");
}

#[test]
fn an_agent_that_cannot_be_made_is_found_by_check_and_run_with_its_place() {
    for (kind, said) in [
        ("shy", "could not be made: too shy"),
        ("bomb", "it panicked: there is no g"),
        ("doubter", "it panicked: what can anybody do?"),
    ] {
        let scenario = format!(
            "scenario = {{ name = 'x', duration = '1s' }}\n[groups.g]\nagent = '{kind}'\nparams = {{}}\nstart = false"
        );
        for command in ["check", "run"] {
            let ended = Program::start(command, &scenario).ended();
            assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
            // Where lines are broken depends on the length of the name of the file.
            let words: Vec<_> = ended.stderr.split(|c: char| c.is_whitespace() || c == '│').collect();
            let complaint = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            for words in [&format!("agent g[0] of kind `{kind}`"), said, "scenario.toml:5:10"] {
                assert!(complaint.contains(words), "no {words:?} in\n{complaint}");
            }
        }
    }
}

#[test]
fn without_a_file_and_a_default_a_file_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = program("run", folder.path()).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("name a file: run FILE"), "{complaint}");
}

#[test]
fn questions_that_do_not_fit_into_the_run_are_warned_of_and_run_all_the_same() {
    let scenario = "
        scenario = { name = 'x', duration = '300ms' }
        groups.client = { agent = 'idle', count = 2 }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'client', capability = 'no.such', count = 30, every = '100ms' },
        ]";
    let checked = Program::start("check", scenario).ended();
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stderr);
    assert!(checked.stderr.contains("at most 3 can be asked"), "{}", checked.stderr);
    let ran = Program::start("run", scenario).ended();
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("of 30, then the run ended"), "{}", ran.stdout);
}
