//! What can go wrong, and how it is said.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use swarm_core::trust::dev::DevRootError;
use swarm_core::trust::{
    AnchorError, CredentialsError, FileError, GrantError, KeyFileError, RevocationError,
};
use swarm_proto::{AgentId, DecodeError, EncodeError, NameError, SwarmName, UnixSeconds};

use crate::{Status, moment};

/// Why a command came to nothing. It left everything as it was, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the standard input cannot be read")]
    Input(#[source] io::Error),
    #[error("{} is there already, and a key is never written over", .0.display())]
    Exists(PathBuf),
    #[error("{} holds something else than a grant of this agent, and is not written over", .0.display())]
    OtherContent(PathBuf),
    #[error("{} names no swarm", path.display())]
    SwarmFile { path: PathBuf, source: NameError },
    #[error("which swarm? There is no {} that names it: say --swarm NAME", .0.display())]
    SwarmUnknown(PathBuf),
    #[error("this is the root of {kept}, not of {given}")]
    OtherSwarm { kept: SwarmName, given: SwarmName },
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    #[error("{} holds no key, grant, token or list of revocations", shortened(.0))]
    Unrecognised(String),
    #[error("{:?} is no file, and no key, grant, token or list of revocations itself", shortened(.0))]
    NoFile(String),
    #[error("{} cannot be read as a grant, a token or a list of revocations", shortened(what))]
    Garbled { what: String, source: DecodeError },
    #[error("{what} holds no key")]
    Key { what: String, source: KeyFileError },
    #[error("{what} is {found}, where {wanted} is wanted")]
    Other { what: String, found: &'static str, wanted: &'static str },
    #[error("a grant until {} would have ended already", moment::show(*.0))]
    Ended(UnixSeconds),
    #[error("the grants of {agent} that hold from {} on or from earlier were revoked", moment::show(*until))]
    Revoked { agent: AgentId, until: UnixSeconds },
    #[error("the grant is not one to renew")]
    NotRenewable(#[source] GrantError),
    #[error("the grant is too large")]
    Encode(#[source] EncodeError),
    #[error("the list of revocations is too long")]
    EncodeList(#[source] EncodeError),
    #[error("the list in {} does not count, and is left as it is", path.display())]
    List { path: PathBuf, source: RevocationError },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Dev(#[from] DevRootError),
}

impl CliError {
    /// Whether another command line would have done.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::SwarmUnknown(_) | Self::OtherSwarm { .. } | Self::Ended(_) => Status::Mistaken,
            _ => Status::Failed,
        }
    }

    /// With all its causes, and with what to do if there is something.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            let said = error.to_string();
            // Some errors say their cause themselves.
            if !text.ends_with(&said) {
                let _ = write!(text, ": {said}");
            }
            cause = error.source();
        }
        text.push('\n');
        if let Some(help) = self.help() {
            let _ = writeln!(text, "  help: {help}");
        }
        text
    }

    fn help(&self) -> Option<&'static str> {
        match self {
            Self::Revoked { .. } | Self::NotRenewable(GrantError::Revoked { .. }) => {
                Some("if it belongs to the swarm again, grant it with --after-revocation what it may do")
            }
            Self::NotRenewable(GrantError::UnknownRoot { .. }) => {
                Some("if another root was the one before this, name its public key with --old-root")
            }
            Self::List { source: RevocationError::UnknownRoot { .. }, .. } => {
                Some("if another root was the one before this, name its public key with --old-root")
            }
            Self::EncodeList(_) => Some(
                "a list has 1,024 entries at most: --drop-before drops those whose grants have all ended",
            ),
            Self::Exists(_) => Some("name another place, or move the file away if nobody needs it any more"),
            _ => None,
        }
    }
}

/// A text may be a whole grant.
fn shortened(what: &str) -> String {
    match what.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", what.get(..end).unwrap_or_default()),
        None => what.to_owned(),
    }
}
