//! Reads conditions such as `p99 < 800ms`, and says at which character one stops making sense.
//!
//! A condition that was read fits the metric it was read for: the aggregate is there when one is needed, and the unit
//! is one that the metric can be compared with. It is a pure function of the text.

use std::{fmt, ops::Range};

use thiserror::Error;

use crate::{metric::Shape, nearest::nearest, quantity};

/// What must hold of one metric: `[aggregate] comparison number[unit]`.
///
/// ```
/// use swarm_sim::{Condition, Metric};
///
/// let condition = Condition::parse("p99 < 800ms", &Metric::RequestLatency).unwrap();
/// assert_eq!(condition.to_string(), "p99 < 800 ms");
///
/// let error = Condition::parse("p99 < 800", &Metric::RequestLatency).unwrap_err();
/// assert_eq!(error.span, 6..9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// How one value is made of many; absent for metrics that are one number.
    pub aggregate: Option<Aggregate>,
    /// How the value is compared.
    pub comparison: Comparison,
    /// What it is compared with.
    pub bound: Bound,
}

/// How one value is made of many.
///
/// ```
/// assert_eq!(swarm_sim::Aggregate::P99.to_string(), "p99");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Half of the values are at most this.
    P50,
    /// 90 % of the values are at most this.
    P90,
    /// 99 % of the values are at most this.
    P99,
    /// The largest.
    Max,
    /// The arithmetic mean.
    Mean,
    /// The smallest.
    Min,
    /// How many there are.
    Count,
    /// All of them added up.
    Sum,
}

impl Aggregate {
    const ALL: [(&'static str, Self); 8] = [
        ("p50", Self::P50),
        ("p90", Self::P90),
        ("p99", Self::P99),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("count", Self::Count),
        ("sum", Self::Sum),
    ];
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, aggregate)| aggregate == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

/// How a value is compared with the bound.
///
/// ```
/// use swarm_sim::Comparison;
///
/// assert!(Comparison::AtMost.holds(1.0, 1.0));
/// assert!(!Comparison::Below.holds(1.0, 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

impl Comparison {
    /// Longer signs come first: `<=` begins with `<`.
    const ALL: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("<", Self::Below),
        (">", Self::Above),
    ];

    /// Whether the comparison holds between the two.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`==` is for counts, which are whole and exact below 2^53")]
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Equal => value == bound,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Self::ALL.iter().find(|(_, comparison)| comparison == self).map(|(sign, _)| *sign);
        f.write_str(sign.unwrap_or_default())
    }
}

/// The number that a value is compared with, in the unit that values of its metric have.
///
/// ```
/// use swarm_sim::{Condition, Metric, Unit};
///
/// let bound = Condition::parse(">= 99%", &Metric::AnswerRightRatio).unwrap().bound;
/// assert_eq!((bound.value, bound.unit), (0.99, Unit::Ratio));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The number, in `unit`.
    pub value: f64,
    /// What the number counts.
    pub unit: Unit,
}

/// What the value of a metric is counted in.
///
/// ```
/// assert_eq!(swarm_sim::Unit::Micros.show(1500.0), "1.50 ms");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things, or a number of an agent's own.
    Plain,
    /// A share from 0 to 1.
    Ratio,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// A number of this unit as people like to read it.
    #[must_use]
    pub fn show(self, number: f64) -> String {
        match self {
            Self::Plain => quantity::show_number(number),
            Self::Ratio => quantity::show_ratio(number),
            Self::Micros => quantity::show_micros(number),
            Self::Bytes => quantity::show_bytes(number),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(aggregate) = self.aggregate {
            write!(f, "{aggregate} ")?;
        }
        write!(f, "{} {}", self.comparison, self.bound.unit.show(self.bound.value))
    }
}

/// Why a condition cannot be read.
///
/// ```
/// use swarm_sim::{Condition, Metric};
///
/// let error = Condition::parse("p98 < 1s", &Metric::RequestLatency).unwrap_err();
/// assert_eq!(error.to_string(), "`p98` is no aggregate");
/// assert_eq!(error.help.as_deref(), Some("did you mean `p90`?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ConditionError {
    /// What is wrong.
    pub message: String,
    /// What was expected instead.
    pub expected: String,
    /// What to do, where there is something to say.
    pub help: Option<String>,
    /// The bytes of the condition that are wrong.
    pub span: Range<usize>,
}

impl Condition {
    /// Reads a condition on a metric.
    ///
    /// # Errors
    /// When the text is no condition, when the metric needs an aggregate and there is none or the other way round, and
    /// when the number has a unit that the metric cannot be compared with, or lacks one.
    pub fn parse(text: &str, metric: &crate::Metric) -> Result<Self, ConditionError> {
        let mut scanner = Scanner { text, position: 0 };
        let aggregate = scanner.aggregate(metric)?;
        let comparison = scanner.comparison()?;
        let bound = scanner.bound(metric, aggregate)?;
        scanner.end()?;
        Ok(Self { aggregate, comparison, bound })
    }
}

/// Walks through the text; `position` is always at a character boundary.
struct Scanner<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.position += self.rest().len() - self.rest().trim_start().len();
    }

    /// The next characters for which `belongs` holds, and where they are.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> (&'t str, Range<usize>) {
        self.skip_spaces();
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let start = self.position;
        self.position += length;
        (rest.get(..length).unwrap_or_default(), start..self.position)
    }

    fn aggregate(&mut self, metric: &crate::Metric) -> Result<Option<Aggregate>, ConditionError> {
        let (word, span) = self.take(|c| c.is_alphanumeric() || c == '_');
        let needed = metric.shape().is_distribution();
        match (word, needed) {
            ("", false) => Ok(None),
            ("", true) => Err(ConditionError {
                message: format!("`{metric}` has many values"),
                expected: format!("expected an aggregate first: {}", aggregate_names()),
                help: Some(format!("for example `p99 {}`", self.text.trim())),
                span: span.start..span.start.saturating_add(1),
            }),
            (word, false) => Err(ConditionError {
                message: format!("`{metric}` is one number, so there is nothing to take `{word}` of"),
                expected: "expected a comparison: <, <=, >, >= or ==".to_owned(),
                help: None,
                span,
            }),
            (word, true) => match Aggregate::ALL.iter().find(|(name, _)| *name == word) {
                Some((_, aggregate)) => Ok(Some(*aggregate)),
                None => Err(unknown_aggregate(word, span)),
            },
        }
    }

    fn comparison(&mut self) -> Result<Comparison, ConditionError> {
        let (sign, span) = self.take(|c| matches!(c, '<' | '>' | '=' | '!' | '~'));
        if let Some((_, comparison)) = Comparison::ALL.iter().find(|(known, _)| *known == sign) {
            return Ok(*comparison);
        }
        let message = match sign {
            "" => "a comparison is missing".to_owned(),
            sign => format!("`{sign}` is no comparison"),
        };
        let help = (sign == "=").then(|| "write `==` for equal".to_owned());
        let span = span.start..span.end.max(span.start.saturating_add(1));
        Err(ConditionError { message, expected: "expected <, <=, >, >= or ==".to_owned(), help, span })
    }

    fn bound(
        &mut self,
        metric: &crate::Metric,
        aggregate: Option<Aggregate>,
    ) -> Result<Bound, ConditionError> {
        let (digits, number_span) = self.take(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_'));
        let Some(number) = quantity::parse_plain(digits) else {
            return Err(ConditionError {
                message: "a number is missing".to_owned(),
                expected: "expected a number, such as 5, 0.99, 99% or 800ms".to_owned(),
                help: None,
                span: number_span.start..number_span.end.max(number_span.start.saturating_add(1)),
            });
        };
        let (suffix, unit_span) = self.take(|c| c.is_alphabetic() || c == '%');
        let span = number_span.start..unit_span.end.max(number_span.end);
        let span = if suffix.is_empty() { number_span } else { span };
        // How many values there are is a number of things, whatever the values are.
        let shape = if aggregate == Some(Aggregate::Count) { Shape::Count } else { metric.shape() };
        bound_of(number, suffix, shape).map_err(|(message, expected, help)| ConditionError {
            message: message.replace("{metric}", &metric.to_string()),
            expected,
            help,
            span,
        })
    }

    fn end(&mut self) -> Result<(), ConditionError> {
        self.skip_spaces();
        match self.rest() {
            "" => Ok(()),
            rest => Err(ConditionError {
                message: format!("`{rest}` is one too many"),
                expected: "expected nothing more here".to_owned(),
                help: Some("write a check of its own for each condition".to_owned()),
                span: self.position..self.text.len(),
            }),
        }
    }
}

/// Message, what was expected, and what to do.
type UnitMismatch = (String, String, Option<String>);

fn bound_of(number: f64, suffix: &str, shape: Shape) -> Result<Bound, UnitMismatch> {
    if let (Shape::Bytes, Some(bytes)) = (shape, quantity::bytes_in(suffix)) {
        return Ok(Bound { value: number * bytes, unit: Unit::Bytes });
    }
    match (shape, suffix) {
        (Shape::Durations, "us" | "µs") => Ok(Bound { value: number, unit: Unit::Micros }),
        (Shape::Durations, "ms") => Ok(Bound { value: number * 1e3, unit: Unit::Micros }),
        (Shape::Durations, "s") => Ok(Bound { value: number * 1e6, unit: Unit::Micros }),
        (Shape::Durations, "") => Err((
            "`{metric}` is a duration, and this number has no unit".to_owned(),
            "expected a unit behind the number: us, ms or s".to_owned(),
            Some(format!("for example {number}ms")),
        )),
        (Shape::Bytes, "") => Err((
            "`{metric}` is a number of bytes, and this number has no unit".to_owned(),
            "expected a unit behind the number: B, KB, KiB, MB, MiB, GB or GiB".to_owned(),
            Some(format!("for example {number}KiB")),
        )),
        (Shape::Ratio | Shape::Numbers, "%") => ratio(number / 100.0),
        (Shape::Ratio, "") => ratio(number),
        (Shape::Count | Shape::Numbers, "") => Ok(Bound { value: number, unit: Unit::Plain }),
        (shape, suffix) => Err((
            format!("`{{metric}}` cannot be compared with a number of `{suffix}`"),
            format!("expected {}", expected_number(shape)),
            None,
        )),
    }
}

fn ratio(value: f64) -> Result<Bound, UnitMismatch> {
    if (0.0..=1.0).contains(&value) {
        return Ok(Bound { value, unit: Unit::Ratio });
    }
    Err((
        "a ratio lies between 0 and 1".to_owned(),
        "expected a number from 0 to 1, or from 0% to 100%".to_owned(),
        (1.0..=100.0).contains(&value).then(|| format!("did you mean {value}%?")),
    ))
}

fn expected_number(shape: Shape) -> &'static str {
    match shape {
        Shape::Count => "a number without a unit",
        Shape::Ratio => "a ratio such as 0.99 or 99%",
        Shape::Durations => "a duration in us, ms or s",
        Shape::Bytes => "a number of bytes in B, KB, KiB, MB, MiB, GB or GiB",
        Shape::Numbers => "a number, without a unit or with %",
    }
}

fn unknown_aggregate(word: &str, span: Range<usize>) -> ConditionError {
    let names = Aggregate::ALL.iter().map(|(name, _)| *name);
    ConditionError {
        message: format!("`{word}` is no aggregate"),
        expected: format!("expected one of: {}", aggregate_names()),
        help: nearest(word, names).map(|meant| format!("did you mean `{meant}`?")),
        span,
    }
}

fn aggregate_names() -> String {
    Aggregate::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
