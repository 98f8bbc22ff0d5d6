//! Where files go.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The file itself if the path ends in `.pem` or is a file, else the file of this name in it as a directory.
pub(crate) fn file_in(path: &Path, name: &str) -> PathBuf {
    let is_file = path.extension().is_some_and(|extension| extension == "pem") || path.is_file();
    if is_file && !path.is_dir() { path.to_owned() } else { path.join(name) }
}

/// Makes the directory that a file goes into, for its owner alone.
pub(crate) fn make_room(file: &Path) -> Result<(), CliError> {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => make_directory(directory),
        _ => Ok(()),
    }
}

fn make_directory(path: &Path) -> Result<(), CliError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| CliError::Io { path: path.to_owned(), source })
}

/// Asked of all files before the first one is written.
pub(crate) fn must_be_free(path: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(CliError::Exists(path.to_owned())),
        // Whatever else stands in the way shows when it is written.
        Err(_) => Ok(()),
    }
}

pub(crate) fn show(path: &Path) -> String {
    path.display().to_string()
}
