//! Makes agents of what a scenario says, and finds out beforehand whether they can be made.
//!
//! Constructors are the user's own code: one that refuses or panics becomes an error with the place of its group. No
//! node is started here.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use swarm_core::{Agent, BoxedAgent};

use crate::{
    Registry, Scenario,
    registry::{BuildError, Kind, Seat},
    runner::RunError,
    scenario::{Group, Members},
    seed::derive,
};

/// What people call a member of a group.
pub(super) fn member_name(group: &Group, index: usize) -> String {
    format!("{}[{index}]", group.name)
}

/// The kinds of the groups, in their order; rogues have none. Fails when the registry lacks one, so another registry was meant.
pub(super) fn kinds(scenario: &Scenario, registry: &Registry) -> Result<Vec<Option<Arc<Kind>>>, RunError> {
    let kind = |group: &Group| {
        let Members::Agents(agents) = &group.members else { return Ok(None) };
        let kind = registry.kind(&agents.kind).cloned();
        kind.map(Some).ok_or_else(|| RunError::UnknownKind { kind: agents.kind.clone() })
    };
    scenario.groups.iter().map(kind).collect()
}

/// Makes the first agent of each group and drops it again. Gives the errors of those that cannot be made.
///
/// It is called where agents run: their constructors may need a tokio runtime.
pub(crate) fn rehearse(scenario: &Scenario, registry: &Registry) -> Vec<RunError> {
    let kinds = match kinds(scenario, registry) {
        Ok(kinds) => kinds,
        Err(error) => return vec![error],
    };
    let mut first = 0;
    let mut errors = Vec::new();
    for (group, kind) in scenario.groups.iter().zip(kinds) {
        let seed = derive(scenario.seed, "agent", first);
        first = first.saturating_add(group.count as u64);
        let Some(kind) = kind else { continue };
        let made = catch_unwind(AssertUnwindSafe(|| {
            let agent = make(group, &kind, 0, seed)?;
            drop(agent.capabilities());
            Ok(())
        }));
        errors.extend(made.unwrap_or_else(|panic| Err(broken(group, 0, &*panic))).err());
    }
    errors
}

/// Makes one agent.
pub(super) fn make(group: &Group, kind: &Kind, index: usize, seed: u64) -> Result<BoxedAgent, RunError> {
    let seat = Seat { group: &group.name, index, seed };
    let Members::Agents(agents) = &group.members else {
        return Err(build_error(group, index, "it is no agent".into()));
    };
    kind.build(&agents.params, seat).map_err(|source| build_error(group, index, source))
}

/// The error for an agent whose constructor or `capabilities` panicked.
pub(super) fn broken(group: &Group, index: usize, panic: &(dyn Any + Send)) -> RunError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    build_error(group, index, format!("it panicked: {}", text.unwrap_or("without a text")).into())
}

fn build_error(group: &Group, index: usize, source: BuildError) -> RunError {
    RunError::Build {
        member: member_name(group, index),
        kind: group.members.to_string(),
        place: group.place.clone(),
        source,
    }
}
