//! `swarm key`: the key that makes an agent who it is.

use std::path::Path;

use rand::RngExt;
use swarm_core::IdentityKey;
use swarm_core::trust::files;

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::error::CliError;
use crate::facts::KeyFacts;
use crate::place;

pub(crate) fn new(out: &Path, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let path = place::file_in(out, files::IDENTITY);
    place::must_be_free(&path)?;
    place::make_room(&path)?;
    let key = IdentityKey::from_seed(machine.rng.random());
    files::write_identity(&path, &key)?;
    let facts = KeyFacts::new(&key.public_key()).in_file(&path);
    let mut sheet = Sheet::new("key of an agent");
    facts.describe(&mut sheet);
    sheet.note("The secret stays here. With the public key, `swarm grant` on the root's machine says what the agent may do.");
    Ok(Answer::new(&sheet, &facts))
}

pub(crate) fn show(path: &Path) -> Result<Answer, CliError> {
    let path = place::file_in(path, files::IDENTITY);
    let facts = KeyFacts::new(&files::read_identity(&path)?.public_key()).in_file(&path);
    let mut sheet = Sheet::new("key of an agent");
    facts.describe(&mut sheet);
    Ok(Answer::new(&sheet, &facts))
}
