//! Finds out what a file or a text is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use swarm_core::trust::{files, pem};
use swarm_core::{IdentityKey, agent_id_of, agent_id_of_subject};
use swarm_proto::{AgentId, Grant, PublicKey, Revocations, Signed};

use crate::error::CliError;

/// Nothing that is looked at is longer.
const LONGEST_BYTES: u64 = 128 << 10;

/// No grant or list is shorter, with its signature.
const SHORTEST: usize = 140;

/// What it is.
pub(crate) enum Found {
    Directory(PathBuf),
    Secret(IdentityKey),
    Public(Vec<PublicKey>),
    Grant(Signed<Grant>),
    Revocations(Signed<Revocations>),
}

impl Found {
    /// What is named: a file, a directory, the standard input as `-`, or else what it says itself.
    pub(crate) fn find(what: &str, input: &mut dyn Read) -> Result<Self, CliError> {
        if what == "-" {
            let text = read(input).map_err(CliError::Input)?;
            return Self::read("the standard input", &text);
        }
        let path = Path::new(what);
        // Texts may be too long for a path: whatever the system says of it, there is no such file.
        let Ok(metadata) = fs::metadata(path) else {
            return Self::read(what, what).map_err(|error| match error {
                CliError::Unrecognised(what) => CliError::NoFile(what),
                other => other,
            });
        };
        if metadata.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let text = File::open(path).and_then(|mut file| read(&mut file));
        let text = text.map_err(|source| CliError::Io { path: path.to_owned(), source })?;
        match Self::read(what, &text)? {
            // Again, with a look at who else may read it.
            Self::Secret(_) => Ok(Self::Secret(files::read_identity(path)?)),
            found => Ok(found),
        }
    }

    fn read(what: &str, text: &str) -> Result<Self, CliError> {
        let text = text.trim();
        let no_key = |source| CliError::Key { what: what.to_owned(), source };
        if text.contains("-----BEGIN PRIVATE KEY-----") {
            return pem::read_secret(text).map(IdentityKey::from_seed).map(Self::Secret).map_err(no_key);
        }
        if text.contains("-----BEGIN") {
            return pem::read_public(text).map(Self::Public).map_err(no_key);
        }
        if let Ok(key) = text.parse() {
            return Ok(Self::Public(vec![key]));
        }
        if let Ok(list) = text.parse() {
            return Ok(Self::Revocations(list));
        }
        match text.parse() {
            Ok(grant) => Ok(Self::Grant(grant)),
            Err(_) if text.len() < SHORTEST => Err(CliError::Unrecognised(what.to_owned())),
            Err(source) => Err(CliError::Garbled { what: what.to_owned(), source }),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Directory(_) => "a directory",
            Self::Secret(_) => "a secret key",
            Self::Public(_) => "several public keys",
            Self::Grant(_) => "a grant",
            Self::Revocations(_) => "a list of revocations",
        }
    }

    fn instead_of(&self, what: &str, wanted: &'static str) -> CliError {
        CliError::Other { what: what.to_owned(), found: self.name(), wanted }
    }

    /// The one key that it is.
    fn key(&self, what: &str, wanted: &'static str) -> Result<PublicKey, CliError> {
        match self {
            Self::Directory(path) => Ok(files::read_identity(&path.join(files::IDENTITY))?.public_key()),
            Self::Secret(key) => Ok(key.public_key()),
            Self::Public(keys) => match keys.as_slice() {
                [key] => Ok(*key),
                _ => Err(self.instead_of(what, wanted)),
            },
            Self::Grant(_) | Self::Revocations(_) => Err(self.instead_of(what, wanted)),
        }
    }
}

/// The public key that is named.
pub(crate) fn key(what: &str, input: &mut dyn Read) -> Result<PublicKey, CliError> {
    Found::find(what, input)?.key(what, "the key of one agent")
}

/// The grant that is named.
pub(crate) fn grant(what: &str, input: &mut dyn Read) -> Result<Signed<Grant>, CliError> {
    match Found::find(what, input)? {
        Found::Directory(path) => Ok(files::read_signed(&path.join(files::GRANT))?),
        Found::Grant(grant) => Ok(grant),
        other => Err(other.instead_of(what, "a grant")),
    }
}

/// The agent that is named by its id, its key or a grant.
pub(crate) fn agent(what: &str, input: &mut dyn Read) -> Result<AgentId, CliError> {
    if let Ok(agent) = what.parse() {
        return Ok(agent);
    }
    match Found::find(what, input)? {
        Found::Grant(grant) => Ok(agent_id_of_subject(&grant.statement().subject)),
        found => found.key(what, "one agent").map(|key| agent_id_of(&key)),
    }
}

fn read(from: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LONGEST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
