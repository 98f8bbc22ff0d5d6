//! Where credentials lie on disk: secrets that nobody else may read, and what may be copied about.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use swarm_proto::{PublicKey, Signed, Statement};

use super::pem::{self, KeyFileError};
use super::root::RootKey;
use crate::identity::IdentityKey;

/// In a directory of credentials: the agent's secret key.
pub const IDENTITY: &str = "identity.pem";
/// In a directory of credentials: the public keys of the roots, one or two.
pub const ROOTS: &str = "roots.pem";
/// In a directory of credentials: the agent's grant.
pub const GRANT: &str = "grant";
/// In a directory of credentials: the list of revocations, if there is one.
pub const REVOCATIONS: &str = "revocations";

/// No file of credentials is longer.
const LONGEST_BYTES: u64 = 128 << 10;

/// Why a file of credentials could not be used. Each names the file.
///
/// ```
/// use std::path::Path;
/// use swarm_core::trust::{FileError, files};
///
/// let error = files::read_identity(Path::new("no/such/identity.pem")).unwrap_err();
/// assert!(matches!(error, FileError::Io { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system does not let us read or write it.
    #[error("{}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read a secret.
    #[error("{} is a secret that others may read (mode {mode:o}): run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Who may do what with it, as `chmod` puts it.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} holds {source}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: KeyFileError,
    },
    /// It holds no grant or list.
    #[error("{} cannot be read", path.display())]
    Statement {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: swarm_proto::DecodeError,
    },
}

impl FileError {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads an agent's secret key.
///
/// # Errors
/// If it cannot be read, others may read it, or it is none.
pub fn read_identity(path: &Path) -> Result<IdentityKey, FileError> {
    read_seed(path).map(IdentityKey::from_seed)
}

/// Reads a root's secret key.
///
/// # Errors
/// If it cannot be read, others may read it, or it is none.
pub fn read_root(path: &Path) -> Result<RootKey, FileError> {
    read_seed(path).map(RootKey::from_seed)
}

/// Writes an agent's secret key into a new file that its owner alone may read.
///
/// # Errors
/// If it is there already, or cannot be written.
pub fn write_identity(path: &Path, key: &IdentityKey) -> Result<(), FileError> {
    write_seed(path, key.seed())
}

/// Writes a root's secret key into a new file that its owner alone may read.
///
/// # Errors
/// If it is there already, or cannot be written.
pub fn write_root(path: &Path, key: &RootKey) -> Result<(), FileError> {
    write_seed(path, key.seed())
}

/// Reads public keys.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub fn read_public(path: &Path) -> Result<Vec<PublicKey>, FileError> {
    pem::read_public(&read(path)?).map_err(|source| FileError::Key { path: path.to_owned(), source })
}

/// Writes public keys into a new file.
///
/// # Errors
/// If it is there already, or cannot be written.
pub fn write_public(path: &Path, keys: &[PublicKey]) -> Result<(), FileError> {
    let text = pem::write_public(keys).map_err(|source| FileError::Key { path: path.to_owned(), source })?;
    write_new(path, &text, OpenOptions::new().write(true).create_new(true))
}

/// Reads a grant or a list of revocations. Says nothing about whether it counts.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub fn read_signed<T: Statement>(path: &Path) -> Result<Signed<T>, FileError> {
    let text = read(path)?;
    text.trim().parse().map_err(|source| FileError::Statement { path: path.to_owned(), source })
}

/// Writes a grant or a list of revocations, in place of whatever was there: readers see the one or the other.
///
/// # Errors
/// If it cannot be written.
pub fn write_signed<T: Statement>(path: &Path, signed: &Signed<T>) -> Result<(), FileError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    write_new(&beside, &format!("{signed}\n"), OpenOptions::new().write(true).create(true).truncate(true))?;
    fs::rename(&beside, path).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

fn read_seed(path: &Path) -> Result<[u8; 32], FileError> {
    check_owner_only(path)?;
    pem::read_secret(&read(path)?).map_err(|source| FileError::Key { path: path.to_owned(), source })
}

fn write_seed(path: &Path, seed: &[u8; 32]) -> Result<(), FileError> {
    let text = pem::write_secret(seed).map_err(|source| FileError::Key { path: path.to_owned(), source })?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write_new(path, &text, &options)
}

fn write_new(path: &Path, text: &str, options: &OpenOptions) -> Result<(), FileError> {
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| FileError::Io { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, FileError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_BYTES).read_to_string(&mut text));
    read.map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    Ok(text)
}

#[cfg(unix)]
fn check_owner_only(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = fs::metadata(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(FileError::Exposed { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// Other systems keep files by other means.
#[cfg(not(unix))]
fn check_owner_only(_path: &Path) -> Result<(), FileError> {
    Ok(())
}
