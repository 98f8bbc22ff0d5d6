//! Medians, and how far from them the rounds were.

use std::fmt;

use serde::Serialize;

/// Of the same figure in several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle; of an even number the mean of the two there.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// `None` without figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
        figures.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let (low, high) = (figures.get((figures.len() - 1) / 2)?, figures.get(figures.len() / 2)?);
        Some(Self { median: f64::midpoint(*low, *high), min, max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        let [median, min, max] = [self.median, self.min, self.max].map(|figure| written(figure, decimals));
        if min == max { f.write_str(&median) } else { write!(f, "{median} ({min}..{max})") }
    }
}

/// With commas between thousands.
fn written(figure: f64, decimals: usize) -> String {
    let text = format!("{figure:.decimals$}");
    let whole = text.find('.').unwrap_or(text.len());
    let mut written = String::new();
    for (at, character) in text.char_indices() {
        if at > 0 && at < whole && (whole - at) % 3 == 0 && !written.ends_with('-') {
            written.push(',');
        }
        written.push(character);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).unwrap(), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN, 4.0]).unwrap().max, 4.0);
    }

    #[test]
    fn a_spread_is_written_with_its_ends() {
        let spread = Spread::of([1_234_567.0, -1000.0, 12.345]).unwrap();

        assert_eq!(format!("{spread:.1}"), "12.3 (-1,000.0..1,234,567.0)");
        assert_eq!(format!("{:.0}", Spread::of([7.2]).unwrap()), "7");
    }
}
