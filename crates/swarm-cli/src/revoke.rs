//! `swarm revoke`: what was granted is void.

use serde::Serialize;
use swarm_core::trust::files;

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::arguments::RevokeArguments;
use crate::authority::Authority;
use crate::error::CliError;
use crate::facts::{ListFacts, Verdict};
use crate::found;
use crate::place;

/// A list and where it is.
#[derive(Serialize)]
struct Revoked {
    #[serde(flatten)]
    facts: ListFacts,
    file: String,
}

pub(crate) fn revoke(arguments: &RevokeArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let authority = Authority::open(&arguments.authority)?;
    let agents = arguments.agent.iter().map(|what| found::agent(what, machine.input));
    let agents = agents.collect::<Result<Vec<_>, _>>()?;
    let list = authority.revoke(&agents, arguments.until.unwrap_or(machine.now), arguments.drop_before)?;
    place::make_room(&authority.list_path)?;
    files::write_signed(&authority.list_path, &list)?;

    let facts = ListFacts::new(&list, Verdict::of_list(&list, Some(&authority.anchor)));
    let (mut sheet, file) = (Sheet::new(facts.title()), place::show(&authority.list_path));
    facts.describe(&mut sheet);
    sheet.row("file", &file);
    sheet.note("Put it into the credentials of any node as the file `revocations`: the node heeds it and passes it on.");
    Ok(Answer::new(&sheet, &Revoked { facts, file }))
}
