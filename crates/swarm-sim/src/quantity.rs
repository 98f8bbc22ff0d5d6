//! Quantities as people write them in a scenario file, and numbers as they like to read them in a report.
//!
//! Nothing here knows what is measured: it turns text into quantities and quantities into text.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// The longest duration that a scenario may name: a day. Longer is a slip, and would not fit every clock.
pub const LONGEST: Duration = Duration::from_hours(24);

/// Reads a duration such as `500ms`, `10s` or `1m 30s`; `None` if it is none, or longer than [`LONGEST`].
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(swarm_sim::quantity::parse_duration("1m 30s"), Some(Duration::from_secs(90)));
/// assert_eq!(swarm_sim::quantity::parse_duration("90"), None);
/// ```
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|duration| *duration <= LONGEST && text.trim() != "0")
}

/// Reads a param that is a duration, for params of agents: with this for `deserialize_with`, it is written as durations
/// are elsewhere in a scenario.
///
/// ```
/// use std::time::Duration;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Params {
///     /// From one flash to the next.
///     #[serde(deserialize_with = "swarm_sim::quantity::deserialize_duration")]
///     #[schemars(with = "String")]
///     every: Duration,
/// }
///
/// let params: Params = toml::from_str("every = '1m 30s'").unwrap();
/// assert_eq!(params.every, Duration::from_secs(90));
/// assert!(toml::from_str::<Params>("every = '90'").is_err());
/// ```
///
/// # Errors
/// When it is none, or longer than [`LONGEST`].
pub fn deserialize_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is no duration, expected one with its unit, such as \"500ms\" or \"1m 30s\""
        ))
    })
}

/// Reads a share such as `0.2` or `20%`, from 0 to 1; `None` if it is none.
///
/// ```
/// assert_eq!(swarm_sim::quantity::parse_share("20%"), Some(0.2));
/// assert_eq!(swarm_sim::quantity::parse_share("2"), None);
/// ```
#[must_use]
pub fn parse_share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => parse_plain(percent.trim_end())? / 100.0,
        None => parse_plain(text)?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

/// Reads a bandwidth such as `800kbit` or `5mbit`, in bits per second; `None` if it is none. `k`, `m` and `g` stand for
/// thousands, millions and milliards.
///
/// ```
/// assert_eq!(swarm_sim::quantity::parse_bandwidth("5mbit"), Some(5_000_000));
/// assert_eq!(swarm_sim::quantity::parse_bandwidth("5"), None);
/// ```
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is bounded, and what is less than a bit is none"
)]
pub fn parse_bandwidth(text: &str) -> Option<u64> {
    /// A terabit per second. More is a slip.
    const MOST: f64 = 1e12;
    let (number, scale) = with_unit(text, &[("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)])?;
    let bits = (number * scale).round();
    (1.0..=MOST).contains(&bits).then_some(bits as u64)
}

/// Units of sizes, the larger ones first.
const SIZES: [(&str, f64); 7] = [
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1024.0),
    ("GB", 1e9),
    ("MB", 1e6),
    ("KB", 1e3),
    ("B", 1.0),
];

/// How many bytes there are in a unit such as `KiB`; `None` if it is no unit of sizes.
pub(crate) fn bytes_in(unit: &str) -> Option<f64> {
    SIZES.iter().find(|(name, _)| *name == unit).map(|(_, bytes)| *bytes)
}

/// A number of bytes with three digits and the unit that suits it.
///
/// ```
/// assert_eq!(swarm_sim::quantity::show_bytes(102_400.0), "100 KiB");
/// assert_eq!(swarm_sim::quantity::show_bytes(1_200.0), "1.17 KiB");
/// ```
#[must_use]
pub fn show_bytes(bytes: f64) -> String {
    // As with durations: where rounding to three digits would show 1024 of the smaller unit.
    let unit =
        SIZES.iter().filter(|(name, _)| name.ends_with("iB")).find(|(_, unit)| bytes >= *unit * 0.9995);
    match unit {
        Some((name, unit)) => format!("{} {name}", three_digits(bytes / unit)),
        None => format!("{bytes:.0} B"),
    }
}

/// The number in front of one of the units, which are all in lower case, and what the unit stands for.
fn with_unit(text: &str, units: &[(&str, f64)]) -> Option<(f64, f64)> {
    let text = text.trim().to_ascii_lowercase();
    units.iter().find_map(|(unit, scale)| Some((parse_plain(text.strip_suffix(unit)?.trim_end())?, *scale)))
}

/// A number as TOML has it, but finite and without an exponent.
pub(crate) fn parse_plain(digits: &str) -> Option<f64> {
    let fits = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_'));
    digits.replace('_', "").parse::<f64>().ok().filter(|number| fits && number.is_finite())
}

/// A duration with three digits and the unit that suits it.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(swarm_sim::quantity::show_duration(Duration::from_micros(1_234)), "1.23 ms");
/// assert_eq!(swarm_sim::quantity::show_duration(Duration::from_millis(812)), "812 ms");
/// ```
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    show_micros(duration.as_secs_f64() * 1e6)
}

/// The same for a number of microseconds.
#[must_use]
pub fn show_micros(micros: f64) -> String {
    // The borders are where rounding to three digits would show 1000 of the smaller unit.
    match micros {
        m if m < 0.5 => "0 s".to_owned(),
        m if m < 999.5 => format!("{m:.0} µs"),
        m if m < 999_500.0 => format!("{} ms", three_digits(m / 1e3)),
        m => format!("{} s", three_digits(m / 1e6)),
    }
}

/// A number of things, in groups of three digits.
///
/// ```
/// assert_eq!(swarm_sim::quantity::show_count(1_234_567), "1 234 567");
/// ```
#[must_use]
pub fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// A ratio as a percentage. What is not quite all is never shown as `100 %`, nor what is not quite nothing as `0 %`.
///
/// ```
/// assert_eq!(swarm_sim::quantity::show_ratio(1.0), "100 %");
/// assert_eq!(swarm_sim::quantity::show_ratio(0.99996), "99.99 %");
/// assert_eq!(swarm_sim::quantity::show_ratio(0.5), "50 %");
/// ```
#[must_use]
pub fn show_ratio(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let inside = percent > 0.0 && percent < 100.0;
    let rounded = (percent * 100.0).round() / 100.0;
    let honest = if inside { rounded.clamp(0.01, 99.99) } else { rounded };
    format!("{} %", trimmed(honest, 2))
}

/// Any other number, with three significant digits when it has a fraction.
///
/// ```
/// assert_eq!(swarm_sim::quantity::show_number(12.0), "12");
/// assert_eq!(swarm_sim::quantity::show_number(0.012_345), "0.0123");
/// ```
#[must_use]
pub fn show_number(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return if number == 0.0 { "0".to_owned() } else { number.to_string() };
    }
    let magnitude = number.abs().log10().floor();
    if !(-6.0..15.0).contains(&magnitude) {
        return format!("{number:.2e}");
    }
    let decimals = (0..9).find(|decimals| f64::from(*decimals) >= 2.0 - magnitude).unwrap_or(9);
    trimmed(number, usize::try_from(decimals).unwrap_or_default())
}

fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// At most so many decimals, without zeros at the end.
fn trimmed(number: f64, decimals: usize) -> String {
    let shown = format!("{number:.decimals$}");
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_suits_them() {
        let shown = |micros| show_duration(Duration::from_micros(micros));
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(999), "999 µs");
        assert_eq!(shown(1_000), "1.00 ms");
        assert_eq!(shown(12_340), "12.3 ms");
        assert_eq!(shown(999_900), "1.00 s");
        assert_eq!(shown(61_000_000), "61.0 s");
    }

    #[test]
    fn a_duration_without_unit_or_of_two_days_is_none() {
        for text in ["", "5", "0", "-5s", "5 parsecs", "48h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn shares_and_bandwidths_know_their_units() {
        assert_eq!(parse_share("0.5"), Some(0.5));
        assert_eq!(parse_share("12.5 %"), Some(0.125));
        for text in ["", "%", "101%", "-1%", "1e-1", "nan", "inf%", "half"] {
            assert_eq!(parse_share(text), None, "{text}");
        }
        assert_eq!(parse_bandwidth("9600 bit"), Some(9_600));
        assert_eq!(parse_bandwidth("1.5Gbit"), Some(1_500_000_000));
        for text in ["", "bit", "0bit", "-1mbit", "5 mb", "5e3bit", "9999gbit"] {
            assert_eq!(parse_bandwidth(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_take_the_unit_that_suits_them() {
        assert_eq!(show_bytes(0.0), "0 B");
        assert_eq!(show_bytes(1_000.0), "1000 B");
        assert_eq!(show_bytes(1_048_575.0), "1.00 MiB");
        assert_eq!(show_bytes(5e9), "4.66 GiB");
    }

    #[test]
    fn a_ratio_just_below_one_does_not_look_like_one() {
        assert_eq!(show_ratio(0.999_999), "99.99 %");
        assert_eq!(show_ratio(0.000_001), "0.01 %");
        assert_eq!(show_ratio(0.0), "0 %");
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(show_number(1234.5), "1234");
        assert_eq!(show_number(12.345), "12.3");
        assert_eq!(show_number(-0.5), "-0.5");
        assert_eq!(show_number(f64::MAX), "1.80e308");
    }

    #[test]
    fn counts_are_grouped_by_threes() {
        assert_eq!(show_count(0), "0");
        assert_eq!(show_count(999), "999");
        assert_eq!(show_count(100_000), "100 000");
    }
}
