//! Reads whom an event is meant for, and how many of them.

use toml::{Spanned, de::DeValue};

use super::super::{
    Pick, Target,
    groups::Groups,
    problem::Findings,
    reader::{FromValue, TableReader},
};
use crate::quantity;

impl FromValue for Pick {
    const EXPECTED: &'static str =
        "\"one\", \"all\", \"minority\", \"majority\", a share such as \"20%\" or a whole number, at least 1";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let word = match value {
            DeValue::Integer(_) => {
                let number = i128::from_value(value).and_then(|number| usize::try_from(number).ok())?;
                return (number > 0).then_some(Self::Some(number));
            }
            value => value.as_str()?,
        };
        // Picks are random anyway, whether somebody says so or not.
        match word.strip_prefix("random:").unwrap_or(word) {
            "all" => Some(Self::All),
            "one" => Some(Self::Some(1)),
            "minority" => Some(Self::Minority),
            "majority" => Some(Self::Majority),
            share if share.ends_with('%') => {
                quantity::parse_share(share).filter(|share| *share > 0.0).map(Self::Share)
            }
            number => number.parse().ok().filter(|number| *number > 0).map(Self::Some),
        }
    }
}

/// `target` and `pick` of what agents and rogues may be told.
pub(super) fn anybody(
    table: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Target, Pick)> {
    let target = table.required::<String>("target", findings);
    picked(table, target, groups, findings)
}

/// `target` and `pick` of what can happen to agents alone.
pub(super) fn agents(
    table: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Target, Pick)> {
    let target = table.required::<String>("target", findings);
    let target = target.and_then(|target| no_rogues(target, groups, findings));
    picked(table, target, groups, findings)
}

/// Some more of whom an event concerns.
pub(super) fn others(
    table: &mut TableReader<'_, '_>,
    key: &'static str,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Option<Target>> {
    if table.raw(key).is_none() {
        return Some(None);
    }
    let target = table.optional::<String>(key, findings)?;
    groups.target(&no_rogues(target, groups, findings)?, findings).map(Some)
}

fn no_rogues(target: Spanned<String>, groups: &Groups, findings: &mut Findings) -> Option<Spanned<String>> {
    let group = target.get_ref().split('[').next().unwrap_or_default();
    if groups.get(group).is_some_and(|group| group.members.are_rogues()) {
        let message = format!("`{group}` is a group of rogues");
        findings.report(target.span(), message, "expected agents");
        return None;
    }
    Some(target)
}

fn picked(
    table: &mut TableReader<'_, '_>,
    target: Option<Spanned<String>>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Target, Pick)> {
    let has_pick = table.raw("pick").is_some();
    let pick = table.optional::<Pick>("pick", findings);
    let target = groups.target(&target?, findings)?;
    let Some(pick) = pick else { return (!has_pick).then_some((target, Pick::All)) };
    if let (Pick::Some(wanted), Some(count)) = (pick.get_ref(), groups.count(&target))
        && *wanted > count
    {
        let members = if count == 1 { "member" } else { "members" };
        let message = format!("`{target}` has only {count} {members}");
        findings.report(pick.span(), message, format!("expected at most {count}"));
        return None;
    }
    Some((target, pick.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_words_shares_and_numbers() {
        let read = |text: &str| Pick::from_value(DeValue::parse(text).unwrap().get_ref());
        assert_eq!(read("'one'"), Some(Pick::Some(1)));
        assert_eq!(read("3"), Some(Pick::Some(3)));
        assert_eq!(read("'3'"), Some(Pick::Some(3)));
        assert_eq!(read("'20%'"), Some(Pick::Share(0.2)));
        assert_eq!(read("'random:20%'"), Some(Pick::Share(0.2)));
        assert_eq!(read("'majority'"), Some(Pick::Majority));
        for text in ["0", "-1", "'0%'", "'101%'", "'some'", "true", "'random:'"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
