//! The program `swarm`.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarm_cli::main()
}
