//! Files that a scenario names: a list of edges. They are handed in, so that reading a scenario opens nothing.

use std::{io, path::Path};

/// The largest file that a scenario may name: more than a line for each connection that there can be.
const LARGEST: u64 = 16 << 20;

/// Gives the text of a file by the name that the scenario has for it.
pub(super) type Files<'f> = dyn Fn(&str) -> io::Result<String> + 'f;

/// No file at all.
pub(super) fn none(_: &str) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "no other file can be read here"))
}

/// The files that a scenario may name, for [`Scenario::parse_with_files`](crate::Scenario::parse_with_files): relative to
/// the folder that it is in, and at most 16 MiB.
///
/// ```
/// let files = swarm_sim::files_beside("scenarios/line.toml".as_ref());
/// assert!(files("there-is-no-such-file.txt").is_err());
/// ```
pub fn files_beside(scenario: &Path) -> impl Fn(&str) -> io::Result<String> {
    let folder = scenario.parent().map(Path::to_path_buf).unwrap_or_default();
    move |name| {
        let path = folder.join(name);
        if std::fs::metadata(&path)?.len() > LARGEST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB"));
        }
        std::fs::read_to_string(path)
    }
}
