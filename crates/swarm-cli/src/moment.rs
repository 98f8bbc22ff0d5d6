//! Moments as people write and read them: RFC 3339, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use swarm_proto::UnixSeconds;

/// The last second that has four digits for its year.
const LAST: u64 = 253_402_300_799;

/// A text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "dates are written in UTC, as 2027-01-31, which is the last second of that day, or 2027-01-31T12:00:00Z"
)]
pub(crate) struct MomentError;

/// As RFC 3339 writes it; one after the year 9999 as the last second of that year.
pub(crate) fn show(moment: UnixSeconds) -> String {
    let since = Duration::from_secs(moment.get().min(LAST));
    UNIX_EPOCH.checked_add(since).map_or_else(String::new, |time| {
        let time: SystemTime = time;
        humantime::format_rfc3339_seconds(time).to_string()
    })
}

/// With how far away it is.
pub(crate) fn show_from(moment: UnixSeconds, now: UnixSeconds) -> String {
    let away = match (moment.get().checked_sub(now.get()), now.get().abs_diff(moment.get())) {
        (_, 0) => "now".to_owned(),
        (Some(_), seconds) => format!("in {}", roughly(seconds)),
        (None, seconds) => format!("{} ago", roughly(seconds)),
    };
    format!("{} ({away})", show(moment))
}

/// Reads a date, meaning its last second, or a moment.
pub(crate) fn parse(text: &str) -> Result<UnixSeconds, MomentError> {
    let moment = match text.len() {
        10 => humantime::parse_rfc3339(&format!("{text}T23:59:59Z")),
        _ => humantime::parse_rfc3339(text),
    };
    moment.map(UnixSeconds::from_system_time).map_err(|_| MomentError)
}

/// So many of the largest unit that fits.
fn roughly(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let fitting = UNITS.into_iter().find(|(length, _)| seconds >= *length);
    let (length, unit) = fitting.unwrap_or((1, "second"));
    let many = seconds.saturating_add(length / 2) / length;
    format!("{many} {unit}{}", if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    #[test]
    fn moments_are_read_as_they_are_shown() {
        assert_eq!(show(NOW), "2027-01-15T08:00:00Z");
        assert_eq!(parse("2027-01-15T08:00:00Z"), Ok(NOW));
        assert_eq!(parse("2027-01-15").map(show), Ok("2027-01-15T23:59:59Z".to_owned()));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "tomorrow", "2027-13-01", "2027-1-1", "15.01.2027", "2027-01-15T08:00:00+01:00", "äöüäö"]
        {
            assert_eq!(parse(text), Err(MomentError), "{text}");
        }
    }

    #[test]
    fn no_moment_is_too_late_to_be_shown() {
        assert_eq!(show(UnixSeconds::new(u64::MAX)), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn how_far_away_something_is_is_said_roughly() {
        let away = |seconds: i64| {
            let moment = UnixSeconds::new(NOW.get().saturating_add_signed(seconds));
            show_from(moment, NOW).split_once(' ').unwrap().1.to_owned()
        };

        assert_eq!(away(0), "(now)");
        assert_eq!(away(30 * 86_400), "(in 30 days)");
        assert_eq!(away(-3600), "(1 hour ago)");
        assert_eq!(away(-1), "(1 second ago)");
        assert_eq!(away(300), "(in 5 minutes)");
    }
}
