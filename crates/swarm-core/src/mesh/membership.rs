//! Who is connected, over which connections, and which of several connections to one peer stays.
//!
//! Two connections to the same peer come about when both sides dial at once, or when one side dials again before the
//! other has noticed a loss. The side with the smaller [`AgentId`] decides, so that both end with the same one: the
//! newer stays, because the older may be dead already. The other side is told and uses whichever came up last. A retired
//! connection finishes what runs on it, so nothing is lost by the decision.

use std::collections::BTreeMap;

use swarm_proto::AgentId;

use super::ConnectionKey;
use crate::peer::{GoneReason, PeerInfo};

/// More connections than this to one peer are closed at once: no honest peer dials that often.
const MAX_CONNECTIONS: usize = 4;

/// What follows for the outside.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Use(ConnectionKey),
    Retire(ConnectionKey),
    Close(ConnectionKey),
    Came(PeerInfo, ConnectionKey),
    Went(AgentId, GoneReason),
}

#[derive(Debug)]
struct Member {
    info: PeerInfo,
    /// Oldest first; never empty.
    connections: Vec<ConnectionKey>,
}

/// The peers and their connections.
#[derive(Debug)]
pub(super) struct Membership {
    me: AgentId,
    members: BTreeMap<AgentId, Member>,
    owners: BTreeMap<ConnectionKey, AgentId>,
}

impl Membership {
    pub(super) fn new(me: AgentId) -> Self {
        Self { me, members: BTreeMap::new(), owners: BTreeMap::new() }
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &PeerInfo> {
        self.members.values().map(|member| &member.info)
    }

    pub(super) fn is_connected(&self, agent: AgentId) -> bool {
        self.members.contains_key(&agent)
    }

    pub(super) fn up(&mut self, connection: ConnectionKey, info: PeerInfo) -> Vec<Change> {
        match self.members.get(&info.id).map(|member| member.info.epoch) {
            None => self.first_connection(connection, info),
            Some(known) if info.epoch > known => self.restarted(connection, info),
            Some(known) if info.epoch < known => vec![Change::Close(connection)],
            Some(_) => self.further_connection(connection, info.id),
        }
    }

    pub(super) fn down(&mut self, connection: ConnectionKey, reason: GoneReason) -> Vec<Change> {
        let Some(id) = self.owners.remove(&connection) else { return Vec::new() };
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let was_in_use = member.connections.last() == Some(&connection);
        member.connections.retain(|other| *other != connection);
        match member.connections.last() {
            Some(next) if was_in_use => vec![Change::Use(*next)],
            Some(_) => Vec::new(),
            None => {
                self.members.remove(&id);
                vec![Change::Went(id, reason)]
            }
        }
    }

    /// The other side wants this connection to end. If no other is up yet, it will be: until then this one serves.
    pub(super) fn replaced(&mut self, connection: ConnectionKey) -> Option<Change> {
        let member = self.members.get_mut(self.owners.get(&connection)?)?;
        let was_in_use = member.connections.last() == Some(&connection);
        if member.connections.len() < 2 {
            return None;
        }
        member.connections.retain(|other| *other != connection);
        self.owners.remove(&connection);
        member.connections.last().filter(|_| was_in_use).copied().map(Change::Use)
    }

    fn first_connection(&mut self, connection: ConnectionKey, info: PeerInfo) -> Vec<Change> {
        self.owners.insert(connection, info.id);
        self.members.insert(info.id, Member { info: info.clone(), connections: vec![connection] });
        vec![Change::Use(connection), Change::Came(info, connection)]
    }

    /// The connections of the life before are closed: whatever ran on them died with it.
    fn restarted(&mut self, connection: ConnectionKey, info: PeerInfo) -> Vec<Change> {
        let old = self.members.remove(&info.id).map(|member| member.connections).unwrap_or_default();
        let mut changes = vec![Change::Went(info.id, GoneReason::Restarted)];
        for connection in old {
            self.owners.remove(&connection);
            changes.push(Change::Close(connection));
        }
        changes.extend(self.first_connection(connection, info));
        changes
    }

    fn further_connection(&mut self, connection: ConnectionKey, id: AgentId) -> Vec<Change> {
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        if member.connections.len() >= MAX_CONNECTIONS {
            return vec![Change::Close(connection)];
        }
        let mut changes = vec![Change::Use(connection)];
        if self.me < id {
            changes.extend(member.connections.iter().copied().map(Change::Retire));
        }
        member.connections.push(connection);
        self.owners.insert(connection, id);
        changes
    }
}
