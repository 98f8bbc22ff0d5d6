//! What somebody probably meant who wrote a name that is not known.
//!
//! Used by every complaint about a name. It never guesses wildly: a name too far from all known ones has no nearest.

/// The known name closest to `written`, if one is close enough that a slip of the finger explains the difference.
///
/// Ties go to the name that comes first in `known`.
///
/// ```
/// assert_eq!(swarm_sim::nearest("greter", ["beacon", "greeter"]), Some("greeter"));
/// assert_eq!(swarm_sim::nearest("zebra", ["beacon", "greeter"]), None);
/// ```
#[must_use]
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let tolerated = (written.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters apart, with two swapped letters counted once and case ignored. A name that one merely begins counts as one
/// letter apart, so that `reason` finds `reasoner`.
fn distance(written: &str, name: &str) -> usize {
    let (written, name) = (written.to_lowercase(), name.to_lowercase());
    let letters = strsim::osa_distance(&written, &name);
    let begun = written.len() >= 3 && (name.starts_with(&written) || written.starts_with(&name));
    if begun { letters.min(1) } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_find_their_name() {
        assert_eq!(nearest("graeter", ["beacon", "greeter"]), Some("greeter"));
        assert_eq!(nearest("conut", ["agent", "count"]), Some("count"));
    }

    #[test]
    fn a_beginning_finds_the_whole_name() {
        assert_eq!(nearest("reason", ["rover", "reasoner"]), Some("reasoner"));
    }

    #[test]
    fn nothing_is_near_an_empty_list_or_a_stranger() {
        assert_eq!(nearest("rover", []), None);
        assert_eq!(nearest("xyz", ["rover"]), None);
    }
}
