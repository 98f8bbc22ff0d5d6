//! `swarm root`: the key that says who belongs to a swarm.

use std::fs;
use std::path::Path;

use rand::RngExt;
use serde::Serialize;
use swarm_core::trust::{RootKey, files};
use swarm_proto::{PublicKey, SwarmName};

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::arguments::RootNewArguments;
use crate::authority::{PUBLIC, SECRET, SWARM, kept_swarm};
use crate::error::CliError;
use crate::place;

/// A root.
#[derive(Debug, Serialize)]
struct RootFacts {
    swarm: Option<SwarmName>,
    public_key: PublicKey,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<String>,
}

impl RootFacts {
    fn new(swarm: Option<SwarmName>, key: PublicKey) -> Self {
        Self { swarm, public_key: key, fingerprint: key.fingerprint(), secret: None, public: None }
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = match &self.swarm {
            Some(swarm) => Sheet::new(format!("root of {swarm}")),
            None => Sheet::new("root"),
        };
        sheet.row("public key", self.public_key);
        sheet.row("fingerprint", &self.fingerprint);
        self.secret.iter().for_each(|path| sheet.row("secret", path));
        self.public.iter().for_each(|path| sheet.row("public half", path));
        sheet
    }
}

pub(crate) fn new(arguments: &RootNewArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let at = |name| arguments.out.join(name);
    let (secret, public, name) = (at(SECRET), at(PUBLIC), at(SWARM));
    [&secret, &public, &name].into_iter().try_for_each(|path| place::must_be_free(path))?;
    place::make_room(&secret)?;
    let root = RootKey::from_seed(machine.rng.random());
    files::write_root(&secret, &root)?;
    files::write_public(&public, &[root.public_key()])?;
    fs::write(&name, format!("{}\n", arguments.swarm))
        .map_err(|source| CliError::Io { path: name, source })?;
    let facts = RootFacts {
        secret: Some(place::show(&secret)),
        public: Some(place::show(&public)),
        ..RootFacts::new(Some(arguments.swarm.clone()), root.public_key())
    };
    let mut sheet = facts.sheet();
    sheet.note("Keep root.pem away from the network, and a copy of it in a safe place: whoever has it says who belongs.");
    sheet.note("Every node gets root.pub.pem as roots.pem, with its own key and grant.");
    Ok(Answer::new(&sheet, &facts))
}

pub(crate) fn show(path: &Path) -> Result<Answer, CliError> {
    let path = place::file_in(path, SECRET);
    let key = if is_secret(&path) {
        files::read_root(&path)?.public_key()
    } else {
        let keys = files::read_public(&path)?;
        match keys.as_slice() {
            [key] => *key,
            _ => {
                let what = place::show(&path);
                return Err(CliError::Other { what, found: "several public keys", wanted: "one root" });
            }
        }
    };
    let facts = RootFacts::new(kept_swarm(&path)?, key);
    Ok(Answer::new(&facts.sheet(), &facts))
}

/// What cannot be read says so when it is read as a public key.
fn is_secret(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY"))
}
