//! Meshes from a list of edges: a pair of members in each line, and nothing else is left to anybody.

use std::collections::BTreeSet;

use super::graph::{hangs_together, sorted};

/// Most complaints about one list. More would bury the first.
const MOST_COMPLAINTS: usize = 5;

/// Reads a list of edges: `a b` in each line, where `#` begins a comment and blank lines mean nothing. `member` gives the
/// number of what a line calls a member.
///
/// # Errors
/// What is wrong with it, each with its line, at most five times; or that it leaves somebody out.
pub(crate) fn read(
    text: &str,
    agents: usize,
    member: impl Fn(&str) -> Result<usize, String>,
) -> Result<Vec<(usize, usize)>, Vec<String>> {
    let mut pairs = BTreeSet::new();
    let mut complaints = Vec::new();
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.split('#').next().unwrap_or_default();
        match edge(written, &member) {
            Ok(Some(pair)) => drop(pairs.insert(pair)),
            Ok(None) => {}
            Err(complaint) => complaints.push(format!("line {line}: {complaint}")),
        }
        if complaints.len() >= MOST_COMPLAINTS {
            break;
        }
    }
    if complaints.is_empty() && !hangs_together(pairs.iter().copied(), agents) {
        complaints.push("its edges do not hold all members together".to_owned());
    }
    if complaints.is_empty() { Ok(pairs.into_iter().collect()) } else { Err(complaints) }
}

/// `None` for a line without anything.
fn edge(
    line: &str,
    member: &impl Fn(&str) -> Result<usize, String>,
) -> Result<Option<(usize, usize)>, String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [a, b] = words.as_slice() else {
        let complaint = format!("two members make an edge, and there are {}", words.len());
        return if words.is_empty() { Ok(None) } else { Err(complaint) };
    };
    let (a, b) = (member(a)?, member(b)?);
    if a == b { Err("nobody is its own peer".to_owned()) } else { Ok(Some(sorted(a, b))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(word: &str) -> Result<usize, String> {
        word.parse().ok().filter(|number| *number < 3).ok_or_else(|| format!("`{word}` is nobody"))
    }

    #[test]
    fn a_list_is_read_line_by_line_and_says_every_edge_once() {
        let text = "# who knows whom\n0 1\n\n  2\t1 # and back\n1 0\n";
        assert_eq!(read(text, 3, number).unwrap(), [(0, 1), (1, 2)]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let complaints = read("0 1\n1 9\n2 2\n0 1 2\n", 3, number).unwrap_err();
        assert_eq!(
            complaints,
            [
                "line 2: `9` is nobody",
                "line 3: nobody is its own peer",
                "line 4: two members make an edge, and there are 3"
            ]
        );
        assert_eq!(read("x y\n".repeat(50).as_str(), 3, number).unwrap_err().len(), MOST_COMPLAINTS);
    }

    #[test]
    fn nobody_may_be_left_out() {
        assert_eq!(read("0 1\n", 3, number).unwrap_err(), ["its edges do not hold all members together"]);
    }
}
