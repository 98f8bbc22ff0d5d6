//! Who is connected, over which links, and which of several links to one peer stays.
//!
//! Two connections to the same peer come about when both sides dial at once, or when one side dials again before the
//! other has noticed a loss. The side with the smaller [`AgentId`] decides, so that both end with the same one: the
//! newer stays, because the older may be dead already. The other side is told and uses whichever came up last. A retired
//! link finishes what runs on it, so nothing is lost by the decision.

use std::collections::BTreeMap;

use swarm_proto::AgentId;

use super::LinkId;
use crate::peer::{GoneReason, PeerInfo};

/// More links than this to one peer are closed at once: no honest peer dials that often.
const MAX_LINKS: usize = 4;

/// What follows for the outside.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Use(LinkId),
    Retire(LinkId),
    Close(LinkId),
    Came(PeerInfo, LinkId),
    Went(AgentId, GoneReason),
}

#[derive(Debug)]
struct Member {
    info: PeerInfo,
    /// Oldest first; never empty.
    links: Vec<LinkId>,
}

/// The peers and their links.
#[derive(Debug)]
pub(super) struct Membership {
    me: AgentId,
    members: BTreeMap<AgentId, Member>,
    owners: BTreeMap<LinkId, AgentId>,
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

    pub(super) fn up(&mut self, link: LinkId, info: PeerInfo) -> Vec<Change> {
        match self.members.get(&info.id).map(|member| member.info.epoch) {
            None => self.first_link(link, info),
            Some(known) if info.epoch > known => self.restarted(link, info),
            Some(known) if info.epoch < known => vec![Change::Close(link)],
            Some(_) => self.further_link(link, info.id),
        }
    }

    pub(super) fn down(&mut self, link: LinkId, reason: GoneReason) -> Vec<Change> {
        let Some(id) = self.owners.remove(&link) else { return Vec::new() };
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let was_in_use = member.links.last() == Some(&link);
        member.links.retain(|other| *other != link);
        match member.links.last() {
            Some(next) if was_in_use => vec![Change::Use(*next)],
            Some(_) => Vec::new(),
            None => {
                self.members.remove(&id);
                vec![Change::Went(id, reason)]
            }
        }
    }

    /// The other side wants this link to end. If no other is up yet, it will be: until then this one serves.
    pub(super) fn replaced(&mut self, link: LinkId) -> Option<Change> {
        let member = self.members.get_mut(self.owners.get(&link)?)?;
        let was_in_use = member.links.last() == Some(&link);
        if member.links.len() < 2 {
            return None;
        }
        member.links.retain(|other| *other != link);
        self.owners.remove(&link);
        member.links.last().filter(|_| was_in_use).copied().map(Change::Use)
    }

    fn first_link(&mut self, link: LinkId, info: PeerInfo) -> Vec<Change> {
        self.owners.insert(link, info.id);
        self.members.insert(info.id, Member { info: info.clone(), links: vec![link] });
        vec![Change::Use(link), Change::Came(info, link)]
    }

    /// The links of the life before are closed: whatever ran on them died with it.
    fn restarted(&mut self, link: LinkId, info: PeerInfo) -> Vec<Change> {
        let old = self.members.remove(&info.id).map(|member| member.links).unwrap_or_default();
        let mut changes = vec![Change::Went(info.id, GoneReason::Restarted)];
        for link in old {
            self.owners.remove(&link);
            changes.push(Change::Close(link));
        }
        changes.extend(self.first_link(link, info));
        changes
    }

    fn further_link(&mut self, link: LinkId, id: AgentId) -> Vec<Change> {
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        if member.links.len() >= MAX_LINKS {
            return vec![Change::Close(link)];
        }
        let mut changes = vec![Change::Use(link)];
        if self.me < id {
            changes.extend(member.links.iter().copied().map(Change::Retire));
        }
        member.links.push(link);
        self.owners.insert(link, id);
        changes
    }
}
