//! A host that listens: one life of its node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::ends::EndId;
use super::identity::Identity;
use super::wakers::Wakers;
use crate::Host;

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) life: u64,
    pub(super) identity: Arc<Identity>,
    /// Whoever has knocked and was not looked at yet.
    pub(super) door: VecDeque<Knock>,
    /// The ends that shake hands with strangers, by the strangers' ends.
    pub(super) met: BTreeMap<EndId, EndId>,
    pub(super) doorkeepers: Wakers,
}

/// The first packet of a stranger.
#[derive(Debug)]
pub(super) struct Knock {
    pub(super) stranger: EndId,
    pub(super) from: Host,
    pub(super) identity: Arc<Identity>,
    pub(super) validated: bool,
}

impl Endpoint {
    pub(super) fn new(life: u64, identity: Arc<Identity>) -> Self {
        Self { life, identity, door: VecDeque::new(), met: BTreeMap::new(), doorkeepers: Wakers::default() }
    }
}
