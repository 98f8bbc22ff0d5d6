//! `swarm enrol`: all that a node starts with, in a directory.

use rand::RngExt;
use serde::Serialize;
use swarm_core::IdentityKey;
use swarm_core::trust::files;
use swarm_proto::{Grant, Subject};

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::arguments::EnrolArguments;
use crate::authority::Authority;
use crate::error::CliError;
use crate::facts::{GrantFacts, Verdict};
use crate::grant::validity;
use crate::place;

/// An agent's grant, and where its credentials are.
#[derive(Serialize)]
struct Enrolled {
    #[serde(flatten)]
    facts: GrantFacts,
    directory: String,
}

pub(crate) fn enrol(arguments: &EnrolArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let (authority, now) = (Authority::open(&arguments.authority)?, machine.now);
    let at = |name| arguments.out.join(name);
    let all = [files::IDENTITY, files::ROOTS, files::GRANT, files::REVOCATIONS].map(at);
    all.iter().try_for_each(|path| place::must_be_free(path))?;
    let [identity, roots, grant_file, revocations] = all;

    let key = IdentityKey::from_seed(machine.rng.random());
    let wanted = Grant {
        swarm: authority.swarm(),
        subject: Subject::Key(key.public_key()),
        role: arguments.role.into(),
        permissions: arguments.permissions.permissions(),
        datagrams_per_second: arguments.datagrams_per_second,
        valid: validity(&arguments.term, now),
    };
    let grant = authority.sign(wanted, now)?;

    place::make_room(&identity)?;
    files::write_identity(&identity, &key)?;
    files::write_public(&roots, authority.anchor.roots())?;
    files::write_signed(&grant_file, &grant)?;
    if let Some(list) = &authority.list {
        files::write_signed(&revocations, list)?;
    }

    let verdict = Verdict::of_grant(&grant, Some(&authority.anchor), authority.revocations(), now);
    let facts = GrantFacts::new(&grant, verdict, now);
    let mut sheet = Sheet::new(format!("credentials for {}", authority.swarm()));
    facts.describe(&mut sheet);
    let directory = place::show(&arguments.out);
    sheet.row("directory", &directory);
    sheet.note("A node starts with that directory. It holds a secret: carry it there by a way that nobody else can read.");
    Ok(Answer::new(&sheet, &Enrolled { facts, directory }))
}
