//! The grants of origins, for checking what others pass on of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use swarm_proto::{AgentId, Grant, MAX_GRANTS, Signed};

/// Of how many origins the grant is known. With more, the one that was learned first is forgotten: whoever passes on what
/// it makes has to tell it again, on another connection.
const MOST: usize = 4096;

/// Grants that were admitted when they were learned. Whether they still hold is for whoever looks them up to see.
#[derive(Debug, Default)]
pub(crate) struct OriginGrants {
    grants: BTreeMap<AgentId, (u64, Arc<Signed<Grant>>)>,
    by_age: BTreeMap<u64, AgentId>,
    learned: u64,
}

impl OriginGrants {
    /// The grant of this origin, if it is known.
    pub(crate) fn get(&self, origin: AgentId) -> Option<&Arc<Signed<Grant>>> {
        self.grants.get(&origin).map(|(_, grant)| grant)
    }

    /// Takes a grant that was admitted. One that holds from an earlier time on does not take the place of a later one:
    /// nobody gets back what was taken from it by passing on an old grant.
    pub(crate) fn learn(&mut self, origin: AgentId, grant: Arc<Signed<Grant>>) {
        let from = |grant: &Signed<Grant>| grant.statement().valid.from;
        if let Some((_, known)) = self.grants.get_mut(&origin) {
            if from(known) <= from(&grant) {
                *known = grant;
            }
            return;
        }
        self.learned += 1;
        self.grants.insert(origin, (self.learned, grant));
        self.by_age.insert(self.learned, origin);
        if self.by_age.len() > MOST
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.grants.remove(&oldest);
        }
    }
}

/// Which grants of others one peer was told on one connection.
#[derive(Debug, Default)]
pub(crate) struct ToldGrants {
    told: BTreeMap<AgentId, Arc<Signed<Grant>>>,
    due: VecDeque<Arc<Signed<Grant>>>,
}

impl ToldGrants {
    /// The peer is to know this grant. True if it has to be told.
    pub(crate) fn tell(&mut self, origin: AgentId, grant: &Arc<Signed<Grant>>) -> bool {
        if self.told.get(&origin).is_some_and(|told| Arc::ptr_eq(told, grant) || told == grant) {
            return false;
        }
        if self.told.len() >= MOST {
            // To tell a few again costs less than to remember in which order they were told.
            self.told.clear();
        }
        self.told.insert(origin, Arc::clone(grant));
        self.due.push_back(Arc::clone(grant));
        true
    }

    /// What is to be told next, as much as one frame holds.
    pub(crate) fn due(&mut self) -> Vec<Signed<Grant>> {
        let next = self.due.len().min(MAX_GRANTS);
        self.due.drain(..next).map(|grant| Signed::clone(&grant)).collect()
    }
}

#[cfg(test)]
mod tests {
    use swarm_proto::{Permissions, Role, Subject, UnixSeconds, Validity};

    use super::*;
    use crate::trust::RootKey;

    fn grant(from: u64) -> Arc<Signed<Grant>> {
        let grant = Grant {
            swarm: "local".parse().unwrap(),
            subject: Subject::Bearer([1; 16]),
            role: Role::Member,
            permissions: Permissions::default(),
            datagrams_per_second: None,
            valid: Validity { from: UnixSeconds::new(from), until: UnixSeconds::new(from + 100) },
        };
        Arc::new(RootKey::from_seed([1; 32]).grant(grant).unwrap())
    }

    fn origin(number: usize) -> AgentId {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&(number as u32).to_be_bytes());
        AgentId::from_key_digest(digest)
    }

    #[test]
    fn a_later_grant_counts_and_an_earlier_one_does_not_come_back() {
        let mut origins = OriginGrants::default();
        for from in [10, 20, 15] {
            origins.learn(origin(1), grant(from));
        }

        assert_eq!(origins.get(origin(1)), Some(&grant(20)));
        assert_eq!(origins.get(origin(2)), None);
    }

    #[test]
    fn the_first_of_too_many_is_forgotten() {
        let (mut origins, grant) = (OriginGrants::default(), grant(10));
        (0..MOST + 2).for_each(|number| origins.learn(origin(number), Arc::clone(&grant)));

        let known = |number| origins.get(origin(number)).is_some();
        assert_eq!([known(0), known(1), known(2), known(MOST + 1)], [false, false, true, true]);
        assert_eq!((origins.grants.len(), origins.by_age.len()), (MOST, MOST));
    }
    #[test]
    fn a_peer_is_told_each_grant_once_and_a_frame_full_at_a_time() {
        let (mut told, first) = (ToldGrants::default(), grant(10));
        for number in 0..40 {
            assert!(told.tell(origin(number), &first));
            assert!(!told.tell(origin(number), &grant(10)), "the same");
        }

        assert_eq!([told.due().len(), told.due().len(), told.due().len()], [32, 8, 0]);
        assert!(told.tell(origin(1), &grant(20)), "another one");
        assert_eq!(told.due(), [Signed::clone(&grant(20))]);
    }
}
