//! `swarm-sim new`: writes a scenario to begin with.

mod template;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use self::template::{TEMPLATES, Template};
use super::{
    Status,
    arguments::NewArguments,
    complain,
    failure::{Failure, say},
    print,
};
use crate::{Registry, nearest};

pub(super) fn new(arguments: &NewArguments, registry: &Registry) -> Status {
    if arguments.list {
        let lines: Vec<_> = TEMPLATES
            .iter()
            .map(|template| format!("{:<10} {}\n", template.name, template.summary))
            .collect();
        return print(&lines.concat());
    }
    match write(arguments, registry) {
        Ok(file) => {
            let file = file.display();
            complain(&format!("{file} is written; run it: swarm-sim run {file}\n"));
            Status::Good
        }
        Err(failure) => {
            say(&failure);
            Status::Mistaken
        }
    }
}

fn write(arguments: &NewArguments, registry: &Registry) -> Result<PathBuf, Failure> {
    let template = find(&arguments.template)?;
    let file = file_of(arguments.name.as_deref().unwrap_or(Path::new("")))?;
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let text = template.fill(&name, registry);
    // Whatever is there was made by somebody.
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(&file);
    created.and_then(|mut created| created.write_all(text.as_bytes())).map_err(|error| {
        let failure = Failure::plain(format!("failed to write {}: {error}", file.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                failure.with_help("name another file: nothing is overwritten")
            }
            _ => failure,
        }
    })?;
    Ok(file)
}

fn find(name: &str) -> Result<&'static Template, Failure> {
    TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
        let names: Vec<_> = TEMPLATES.iter().map(|template| template.name).collect();
        let failure =
            Failure::plain(format!("unknown template `{name}`, expected one of: {}", names.join(", ")));
        match nearest(name, names) {
            Some(meant) => failure.with_help(&format!("did you mean `{meant}`?")),
            None => failure,
        }
    })
}

/// A name without an ending is that of a scenario.
fn file_of(name: &Path) -> Result<PathBuf, Failure> {
    if name.file_stem().is_none_or(|stem| stem.to_string_lossy().trim().is_empty()) {
        return Err(Failure::plain(format!("{} cannot be the name of a scenario", name.display())));
    }
    Ok(if name.extension().is_none() { name.with_extension("toml") } else { name.to_path_buf() })
}
