//! The versions that were built in, as Cargo locked them.

/// The crates of these names with their versions: `quinn 0.11.12, rustls 0.23.46`.
pub fn locked(names: &[&str]) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let crates: Vec<_> = names.iter().map(|name| format!("{name} {}", version(lock, name))).collect();
    // Asked once per contender.
    crates.join(", ").leak()
}

fn version<'a>(lock: &'a str, name: &str) -> &'a str {
    let heading = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&heading).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("of unknown version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.2.3\"\nsource = \"x\"\n";

        assert_eq!(version(lock, "ab"), "1.2.3");
        assert_eq!(version(lock, "b"), "of unknown version");
    }
}
