//! Which scenario files are meant by files, folders and patterns.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::failure::Failure;

/// All files that are meant, each once, in the order of the command line; those of a folder or a pattern sorted.
///
/// # Errors
/// When something names no file.
pub(super) fn meant(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for name in named {
        for file in of_one(name)? {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

fn of_one(name: &Path) -> Result<Vec<PathBuf>, Failure> {
    if name.is_dir() {
        let mut files = Vec::new();
        let read = in_folder(name, &mut files);
        read.map_err(|error| {
            Failure::plain(format!("failed to read the folder {}: {error}", name.display()))
        })?;
        files.sort();
        return some(files, name, "there is no .toml file in it");
    }
    let pattern = name.to_str().filter(|text| text.contains(['*', '?', '[']));
    // What is there is meant as it is, whatever characters its name has.
    let Some(pattern) = pattern.filter(|_| !name.exists()) else { return Ok(vec![name.to_path_buf()]) };
    let matches = glob::glob(pattern)
        .map_err(|error| Failure::plain(format!("failed to read the pattern {pattern}: {error}")))?;
    // What cannot be read cannot be run; whether it would have been meant, nobody knows.
    let files = matches.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    some(files, name, "no file matches it")
}

fn some(files: Vec<PathBuf>, name: &Path, otherwise: &str) -> Result<Vec<PathBuf>, Failure> {
    if files.is_empty() {
        return Err(Failure::plain(format!("{} names no scenario: {otherwise}", name.display())));
    }
    Ok(files)
}

/// The .toml files of a folder and of those in it. Links to folders are not followed, as they may lead back.
fn in_folder(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            in_folder(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_patterns_mean_the_scenarios_in_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        for name in ["b.toml", "a.toml", "notes.md", "deep/c.toml", "[d].toml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |named: &[&str]| {
            let named: Vec<_> = named.iter().map(|name| folder.path().join(name)).collect();
            let files = meant(&named).map_err(|failure| failure.to_string())?;
            let short = |file: PathBuf| file.strip_prefix(folder.path()).unwrap().display().to_string();
            Ok::<_, String>(files.into_iter().map(short).collect::<Vec<_>>())
        };
        assert_eq!(names(&[""]).unwrap(), ["[d].toml", "a.toml", "b.toml", "deep/c.toml"]);
        assert_eq!(names(&["b.toml", "?.toml"]).unwrap(), ["b.toml", "a.toml"]);
        assert_eq!(names(&["[d].toml"]).unwrap(), ["[d].toml"]);
        assert_eq!(names(&["not-there.toml"]).unwrap(), ["not-there.toml"]);
        assert!(names(&["*.yaml"]).unwrap_err().contains("no file matches it"));
    }
}
