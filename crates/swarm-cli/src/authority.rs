//! A root with what is known of its swarm: it signs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use swarm_core::agent_id_of_subject;
use swarm_core::trust::{RootKey, TrustAnchor, files};
use swarm_proto::{AgentId, Grant, Revocation, Revocations, Signed, Subject, SwarmName, UnixSeconds};

use crate::arguments::AuthorityArguments;
use crate::error::CliError;
use crate::place;

/// In the directory of a root: its secret key.
pub(crate) const SECRET: &str = "root.pem";
/// In the directory of a root: its public half.
pub(crate) const PUBLIC: &str = "root.pub.pem";
/// In the directory of a root: the name of its swarm.
pub(crate) const SWARM: &str = "root.swarm";

/// A root, its swarm, and what it has revoked.
pub(crate) struct Authority {
    pub(crate) key: RootKey,
    /// This root, and the one before it if there is one.
    pub(crate) anchor: TrustAnchor,
    pub(crate) list_path: PathBuf,
    pub(crate) list: Option<Signed<Revocations>>,
}

impl Authority {
    pub(crate) fn open(arguments: &AuthorityArguments) -> Result<Self, CliError> {
        let path = place::file_in(&arguments.root, SECRET);
        let key = files::read_root(&path)?;
        let swarm = swarm_of(&path, arguments.swarm.as_ref())?;
        let mut roots = vec![key.public_key()];
        if let Some(old) = &arguments.old_root {
            roots.extend(files::read_public(old)?);
        }
        let anchor = TrustAnchor::new(swarm, roots)?;
        let list_path = arguments.list.clone().unwrap_or_else(|| path.with_file_name(files::REVOCATIONS));
        let list = read_list(&list_path, &anchor)?;
        Ok(Self { key, anchor, list_path, list })
    }

    pub(crate) fn swarm(&self) -> SwarmName {
        self.anchor.swarm().clone()
    }

    pub(crate) fn revocations(&self) -> Option<&Revocations> {
        self.list.as_ref().map(Signed::statement)
    }

    /// Until when the grants of this agent were revoked, if they were.
    pub(crate) fn revoked_until(&self, agent: AgentId) -> Option<UnixSeconds> {
        let revoked = self.revocations().map_or(&[][..], |list| &list.revoked);
        revoked.iter().filter(|entry| entry.agent == agent).map(|entry| entry.until).max()
    }

    /// Signs a grant that counts.
    pub(crate) fn sign(&self, grant: Grant, now: UnixSeconds) -> Result<Signed<Grant>, CliError> {
        let (agent, valid) = (agent_id_of_subject(&grant.subject), grant.valid);
        if valid.until <= now || valid.until < valid.from {
            return Err(CliError::Ended(valid.until));
        }
        match self.revoked_until(agent) {
            Some(until) if until >= valid.from => Err(CliError::Revoked { agent, until }),
            _ => self.key.grant(grant).map_err(CliError::Encode),
        }
    }

    /// Signs the next list, in which the grants of these agents are void too, without what it said of those that hold
    /// from before a moment.
    pub(crate) fn revoke(
        &self,
        agents: &[AgentId],
        until: UnixSeconds,
        drop_before: Option<UnixSeconds>,
    ) -> Result<Signed<Revocations>, CliError> {
        let mut list = self.revocations().cloned().unwrap_or_else(|| Revocations {
            swarm: self.swarm(),
            version: 0,
            revoked: Vec::new(),
        });
        list.version = list.version.saturating_add(1);
        list.revoked.retain(|entry| drop_before.is_none_or(|before| entry.until >= before));
        for agent in agents {
            match list.revoked.iter_mut().find(|entry| entry.agent == *agent) {
                // What was revoked stays so.
                Some(entry) => entry.until = entry.until.max(until),
                None => list.revoked.push(Revocation { agent: *agent, until }),
            }
        }
        self.key.revoke(list).map_err(CliError::EncodeList)
    }
}

/// The swarm that is given or written beside the key; both, if they are the same.
fn swarm_of(key: &Path, given: Option<&SwarmName>) -> Result<SwarmName, CliError> {
    match (kept_swarm(key)?, given) {
        (Some(kept), Some(given)) if kept != *given => {
            Err(CliError::OtherSwarm { kept, given: given.clone() })
        }
        (Some(swarm), _) => Ok(swarm),
        (None, Some(swarm)) => Ok(swarm.clone()),
        (None, None) => Err(CliError::SwarmUnknown(key.with_file_name(SWARM))),
    }
}

/// The swarm that is written beside the key of a root.
pub(crate) fn kept_swarm(key: &Path) -> Result<Option<SwarmName>, CliError> {
    let path = key.with_file_name(SWARM);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|source| CliError::SwarmFile { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CliError::Io { path, source }),
    }
}

fn read_list(path: &Path, anchor: &TrustAnchor) -> Result<Option<Signed<Revocations>>, CliError> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let list = files::read_signed(path)?;
    // Whoever could slip a list in here would have it signed with the next version.
    anchor.check(&list).map_err(|source| CliError::List { path: path.to_owned(), source })?;
    Ok(Some(list))
}

/// Whom a grant is for, for somebody who puts it in place of another.
pub(crate) fn same_subject(one: &Subject, other: &Subject) -> bool {
    agent_id_of_subject(one) == agent_id_of_subject(other)
}
