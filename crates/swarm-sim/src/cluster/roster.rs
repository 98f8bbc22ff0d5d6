//! Who runs right now, and who of them has joined: is connected to its peers and may be asked.
//!
//! The cluster writes it, those who ask read it. A member is on the roster before it has joined, so that of two who
//! come at the same time the later one finds the earlier.

use std::{
    ops::Range,
    sync::{PoisonError, RwLock},
};

use swarm_core::{AgentId, NodeHandle};

use crate::Scenario;

/// The handles of all running members, by number.
#[derive(Debug)]
pub(crate) struct Roster {
    groups: Vec<(String, Range<usize>)>,
    running: RwLock<Vec<Option<Entry>>>,
}

#[derive(Debug, Clone)]
struct Entry {
    handle: NodeHandle,
    has_joined: bool,
}

impl Roster {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut first = 0_usize;
        let groups = scenario
            .groups
            .iter()
            .map(|group| {
                let members = first..first.saturating_add(group.count);
                first = members.end;
                (group.name.clone(), members)
            })
            .collect();
        Self { groups, running: RwLock::new(vec![None; first]) }
    }

    /// The numbers of the members of a group; none for a group that there is not.
    pub(crate) fn members(&self, group: &str) -> Range<usize> {
        self.groups.iter().find(|(name, _)| name == group).map_or(0..0, |(_, members)| members.clone())
    }

    /// What people call a member: `rover[3]`.
    pub(crate) fn name(&self, member: usize) -> String {
        let group = self.groups.iter().find(|(_, members)| members.contains(&member));
        group.map_or_else(
            || format!("agent {member}"),
            |(name, members)| format!("{name}[{}]", member.saturating_sub(members.start)),
        )
    }

    /// A member runs, but has yet to join.
    pub(crate) fn arrive(&self, member: usize, handle: NodeHandle) {
        self.set(member, Some(Entry { handle, has_joined: false }));
    }

    /// A member has joined.
    pub(crate) fn join(&self, member: usize, handle: NodeHandle) {
        self.set(member, Some(Entry { handle, has_joined: true }));
    }

    /// A member does not run any more.
    pub(crate) fn leave(&self, member: usize) {
        self.set(member, None);
    }

    /// The handle of a member, if it runs.
    pub(crate) fn get(&self, member: usize) -> Option<NodeHandle> {
        self.entry(member).map(|entry| entry.handle)
    }

    /// How many have joined.
    pub(crate) fn count(&self) -> usize {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.iter().flatten().filter(|entry| entry.has_joined).count()
    }

    /// The next member of a group that has joined, taking turns from `turn` on; `except` has no turn.
    pub(crate) fn next(
        &self,
        group: &str,
        turn: &mut usize,
        except: Option<AgentId>,
    ) -> Option<(usize, NodeHandle)> {
        let members = self.members(group);
        for _ in 0..members.len() {
            let member = members.start.saturating_add(*turn % members.len());
            *turn = turn.wrapping_add(1);
            let entry = self.entry(member).filter(|entry| entry.has_joined);
            if let Some(entry) = entry.filter(|entry| Some(entry.handle.id()) != except) {
                return Some((member, entry.handle));
            }
        }
        None
    }

    fn entry(&self, member: usize) -> Option<Entry> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).get(member).cloned().flatten()
    }

    fn set(&self, member: usize, entry: Option<Entry>) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = running.get_mut(member) {
            *place = entry;
        }
    }
}
