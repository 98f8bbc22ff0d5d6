//! Local work: a root of its own, which all programs of one user share through one file.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};
use super::root::RootKey;

/// Names the file, if it is not to be the usual one.
pub const VARIABLE: &str = "SWARM_DEV_ROOT";

/// Why there is no root for local work.
///
/// ```
/// use swarm_core::trust::dev::DevRootError;
///
/// assert!(DevRootError::NoPlace.to_string().contains("SWARM_DEV_ROOT"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevRootError {
    /// Neither a home directory nor the variable tells where it could be.
    #[error("there is no place for the root of local work: set {VARIABLE} to the path of a file")]
    NoPlace,
    /// The file cannot be used.
    #[error("the root of local work cannot be used")]
    File(#[from] FileError),
}

/// Where the file is: what `SWARM_DEV_ROOT` says, else `swarm/dev-root.pem` among the user's state files (`XDG_STATE_HOME`,
/// by default `~/.local/state`).
///
/// # Errors
/// Without a home directory.
pub fn path() -> Result<PathBuf, DevRootError> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set(VARIABLE) {
        return Ok(path);
    }
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("swarm/dev-root.pem")).ok_or(DevRootError::NoPlace)
}

/// Reads the root from this file, or makes it there of these random bytes. Of several that do so at once, all get the
/// same.
///
/// # Errors
/// If the file cannot be read or written, others may read it, or it holds something else.
pub fn root(path: &Path, random: [u8; 32]) -> Result<RootKey, DevRootError> {
    match files::read_root(path) {
        Err(error) if error.is_missing() => make(path, random),
        read => Ok(read?),
    }
}

/// It is written beside its place first, whole, and then linked there, which fails if somebody was faster.
fn make(path: &Path, random: [u8; 32]) -> Result<RootKey, DevRootError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let root = RootKey::from_seed(random);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", root.public_key().fingerprint()));
    let beside = PathBuf::from(beside);
    files::write_root(&beside, &root)?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside).map_err(failed)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(files::read_root(path)?),
        Err(error) => Err(failed(error).into()),
        Ok(()) => Ok(root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_make_it_at_once_get_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/dev-root.pem");

        let roots: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|seed| {
                    scope.spawn({
                        let path = &path;
                        move || root(path, [seed; 32]).unwrap().public_key()
                    })
                })
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });

        assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }
}
