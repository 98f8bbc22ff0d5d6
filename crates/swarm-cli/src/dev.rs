//! `swarm dev`: the root of local work.

use rand::RngExt;
use serde::Serialize;
use swarm_core::trust::dev;
use swarm_proto::PublicKey;

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::error::CliError;
use crate::place;

#[derive(Serialize)]
struct DevFacts {
    file: String,
    public_key: PublicKey,
    fingerprint: String,
}

pub(crate) fn dev(machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let path = dev::path()?;
    let key = dev::root(&path, machine.rng.random())?.public_key();
    let facts = DevFacts { file: place::show(&path), public_key: key, fingerprint: key.fingerprint() };
    let mut sheet = Sheet::new("root of local work");
    sheet.row("file", &facts.file);
    sheet.row("public key", facts.public_key);
    sheet.row("fingerprint", &facts.fingerprint);
    sheet.note(format!(
        "Nodes of `AgentNode::dev` trust it, on this machine alone. {} names another file.",
        dev::VARIABLE
    ));
    Ok(Answer::new(&sheet, &facts))
}
