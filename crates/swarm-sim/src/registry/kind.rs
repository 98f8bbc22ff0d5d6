//! One registered kind of agent: its params, checked while a scenario is read, and its constructor.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::{BuildError, Setup};
use swarm_core::BoxedAgent;

/// Which member of which group an agent is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'g> {
    pub(crate) group: &'g str,
    pub(crate) index: usize,
    pub(crate) seed: u64,
}

/// A kind of agent with the type of its params erased.
pub(crate) struct Kind {
    pub(crate) summary: String,
    /// JSON Schema of the params.
    pub(crate) schema: Schema,
    check: Box<CheckParams>,
    build: Box<BuildAgent>,
}

type CheckParams = dyn Fn(Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> + Send + Sync;
type BuildAgent = dyn Fn(&toml::Table, Seat<'_>) -> Result<BoxedAgent, BuildError> + Send + Sync;

impl Kind {
    pub(crate) fn new<P: DeserializeOwned + JsonSchema>(
        summary: String,
        build: impl Fn(Setup<'_, P>) -> Result<BoxedAgent, BuildError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            summary,
            schema: SchemaGenerator::default().into_root_schema_for::<P>(),
            check: Box::new(|params| P::deserialize(ValueDeserializer::from(params)).map(drop)),
            build: Box::new(move |params, seat| {
                let params = P::deserialize(params.clone())?;
                let Seat { group, index, seed } = seat;
                build(Setup { params, index, group, seed })
            }),
        }
    }

    /// Whether the kind understands these params; the error knows its place in the file.
    pub(crate) fn check(&self, params: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
        (self.check)(params)
    }

    /// Makes one agent. Params that passed [`check`](Self::check) are understood here as well.
    pub(crate) fn build(&self, params: &toml::Table, seat: Seat<'_>) -> Result<BoxedAgent, BuildError> {
        (self.build)(params, seat)
    }
}
