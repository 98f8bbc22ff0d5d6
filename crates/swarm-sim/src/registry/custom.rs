//! One registered check in Rust: its params, checked while a scenario is read, and what it says of a run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use crate::{record::RunRecord, summary::RunSummary};

/// What a check in Rust is asked about.
///
/// ```
/// use swarm_sim::{CheckInput, NoParams};
///
/// fn nobody_panicked(input: &CheckInput<'_, NoParams>) -> Result<(), String> {
///     match input.summary.total.panics {
///         0 => Ok(()),
///         some => Err(format!("{some} panics")),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckInput<'r, P> {
    /// What happened.
    pub record: &'r RunRecord,
    /// What was counted, with the outcomes of all checks that are not in Rust.
    pub summary: &'r RunSummary,
    /// The `params` of the check in the scenario.
    pub params: P,
}

/// A check in Rust with the type of its params erased.
pub(crate) struct CustomCheck {
    pub(crate) summary: String,
    /// JSON Schema of the params.
    pub(crate) schema: Schema,
    understands: Box<Understands>,
    judge: Box<Judge>,
}

type Understands = dyn Fn(Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> + Send + Sync;
type Judge = dyn Fn(&RunRecord, &RunSummary, &toml::Table) -> Result<(), String> + Send + Sync;

impl CustomCheck {
    pub(crate) fn new<P: DeserializeOwned + JsonSchema>(
        summary: String,
        judge: impl Fn(&CheckInput<'_, P>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            summary,
            schema: SchemaGenerator::default().into_root_schema_for::<P>(),
            understands: Box::new(|params| P::deserialize(ValueDeserializer::from(params)).map(drop)),
            judge: Box::new(move |record, summary, params| {
                let params = P::deserialize(params.clone()).map_err(|error| error.to_string())?;
                judge(&CheckInput { record, summary, params })
            }),
        }
    }

    /// Whether the check understands these params; the error knows its place in the file.
    pub(crate) fn understands(&self, params: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
        (self.understands)(params)
    }

    /// Whether it holds, or what is wrong. A check that panics does not hold.
    pub(crate) fn judge(
        &self,
        record: &RunRecord,
        summary: &RunSummary,
        params: &toml::Table,
    ) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| (self.judge)(record, summary, params)))
            .unwrap_or_else(|_| Err("the check panicked".to_owned()))
    }
}
