//! Addresses worth dialling, and when.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;
use swarm_proto::{AgentId, Role};

use super::MeshConfig;
use super::backoff;
use crate::peer::{GoneReason, PeerInfo};

/// What has become due.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    Dial { address: SocketAddr, expected: Option<AgentId> },
    Forget(AgentId),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// To be dialled at this time.
    Waiting(Instant),
    Dialling,
    Connected {
        since: Instant,
    },
}

#[derive(Debug)]
struct Candidate {
    /// Who was there last, or is said to be there.
    agent: Option<AgentId>,
    /// Given by the user: never forgotten, and whoever answers there is welcome.
    seed: bool,
    state: State,
    attempts: u32,
    /// Since when it has not been connected.
    missing_since: Instant,
}

/// All known addresses.
#[derive(Debug)]
pub(super) struct Candidates {
    config: MeshConfig,
    by_address: BTreeMap<SocketAddr, Candidate>,
    /// Who is not to be dialled before then. At most as many as there may be addresses.
    sent_away: BTreeMap<AgentId, Instant>,
    /// When the first of them is due; asked for far more often than it changes.
    next_due: Option<Instant>,
}

impl Candidates {
    pub(super) fn new(config: MeshConfig) -> Self {
        Self { config, by_address: BTreeMap::new(), sent_away: BTreeMap::new(), next_due: None }
    }

    pub(super) fn add_seed(&mut self, address: SocketAddr, now: Instant) {
        self.by_address.entry(address).or_insert_with(|| Candidate::new(None, now)).seed = true;
        self.find_next_due();
    }

    pub(super) fn add_introduced(&mut self, agent: AgentId, address: SocketAddr, now: Instant) {
        let known = self.by_address.values().any(|candidate| candidate.agent == Some(agent));
        let sent_away = self.sent_away.get(&agent).is_some_and(|until| *until > now);
        if !known && !sent_away && self.by_address.len() < self.config.max_candidates {
            self.by_address.entry(address).or_insert_with(|| Candidate::new(Some(agent), now));
            self.find_next_due();
        }
    }

    /// A peer is connected from this address: nothing needs to be dialled, and it is where to look when it is lost.
    /// With no room left, or if it is an observer, it will not be looked for. Gives who was looked for here before, if that was
    /// another.
    pub(super) fn connected(&mut self, peer: &PeerInfo, now: Instant) -> Option<AgentId> {
        let PeerInfo { id: agent, address, role, .. } = *peer;
        self.by_address.retain(|at, known| known.seed || known.agent != Some(agent) || *at == address);
        let mut displaced = None;
        if self.by_address.len() < self.config.max_candidates || self.by_address.contains_key(&address) {
            let candidate =
                self.by_address.entry(address).or_insert_with(|| Candidate::new(Some(agent), now));
            displaced = candidate.agent.replace(agent).filter(|before| *before != agent);
            candidate.state = State::Connected { since: now };
        }
        if role == Role::Observer {
            self.by_address.retain(|_, known| known.seed || known.agent != Some(agent));
        }
        self.find_next_due();
        displaced.filter(|before| !self.by_address.values().any(|known| known.agent == Some(*before)))
    }

    /// The last connection to a peer ended. Says whether it will be dialled again.
    pub(super) fn lost(
        &mut self,
        agent: AgentId,
        reason: GoneReason,
        now: Instant,
        rng: &mut impl Rng,
    ) -> bool {
        let left = matches!(
            reason,
            GoneReason::Goodbye | GoneReason::Misbehaved | GoneReason::NotPermitted | GoneReason::ShutDown
        );
        self.by_address.retain(|_, known| !(left && known.agent == Some(agent) && !known.seed));
        let mut returning = false;
        for candidate in self.by_address.values_mut().filter(|known| known.agent == Some(agent)) {
            candidate.ended(now, self.config.backoff_max);
            candidate.wait(now, &self.config, rng);
            returning = true;
        }
        self.postpone(now);
        returning
    }

    /// Nobody who introduces it, and no seed at which it was last, is a reason to dial it before then.
    pub(super) fn send_away(&mut self, agent: AgentId, until: Instant, now: Instant) {
        self.sent_away.retain(|_, until| *until > now);
        if self.sent_away.len() < self.config.max_candidates || self.sent_away.contains_key(&agent) {
            self.sent_away.insert(agent, until);
        }
        self.postpone(now);
    }

    /// Addresses of those who were sent away wait until that is over.
    fn postpone(&mut self, now: Instant) {
        for candidate in self.by_address.values_mut() {
            let until = candidate.agent.and_then(|agent| self.sent_away.get(&agent)).filter(|at| **at > now);
            if let (Some(until), State::Waiting(at)) = (until, candidate.state) {
                candidate.state = State::Waiting(at.max(*until));
            }
        }
        self.find_next_due();
    }

    pub(super) fn failed(&mut self, address: SocketAddr, now: Instant, rng: &mut impl Rng) {
        if let Some(candidate) = self.by_address.get_mut(&address)
            && candidate.state == State::Dialling
        {
            candidate.wait(now, &self.config, rng);
            self.postpone(now);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.next_due
    }

    /// The next thing that is due at `now`, and marks it as under way.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Due> {
        self.next_due.filter(|at| *at <= now)?;
        let due = self.find_due(now);
        self.find_next_due();
        due
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Nothing is due while as many are being dialled as may be: the end of a dial comes as an input.
    fn find_next_due(&mut self) {
        let dialling = self.by_address.values().filter(|candidate| candidate.state == State::Dialling);
        if dialling.count() >= self.config.max_dials {
            self.next_due = None;
            return;
        }
        let waiting = self.by_address.values().filter_map(|candidate| match candidate.state {
            State::Waiting(at) => Some(at),
            _ => None,
        });
        self.next_due = waiting.min();
    }

    fn find_due(&mut self, now: Instant) -> Option<Due> {
        let is_due = |candidate: &Candidate| matches!(candidate.state, State::Waiting(at) if at <= now);
        let (address, candidate) = self.by_address.iter_mut().find(|(_, candidate)| is_due(candidate))?;
        let address = *address;
        let missing = now.saturating_duration_since(candidate.missing_since);
        match candidate.agent {
            Some(agent) if !candidate.seed && missing > self.config.forget_after => {
                self.by_address.remove(&address);
                Some(Due::Forget(agent))
            }
            agent => {
                candidate.state = State::Dialling;
                let expected = if candidate.seed { None } else { agent };
                Some(Due::Dial { address, expected })
            }
        }
    }
}

impl Candidate {
    fn new(agent: Option<AgentId>, now: Instant) -> Self {
        Self { agent, seed: false, state: State::Waiting(now), attempts: 0, missing_since: now }
    }

    /// A connection that lasted is a reason to begin anew with short pauses and full patience; one that ended at once is
    /// a failed attempt like any other.
    fn ended(&mut self, now: Instant, lasting: Duration) {
        if let State::Connected { since } = self.state
            && now.saturating_duration_since(since) >= lasting
        {
            self.attempts = 0;
            self.missing_since = now;
        }
    }

    fn wait(&mut self, now: Instant, config: &MeshConfig, rng: &mut impl Rng) {
        let pause = backoff::pause(self.attempts, config.backoff_min, config.backoff_max, rng);
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Waiting(now + pause);
    }
}
