//! Tries an attack again and again, within its plan.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use swarm_core::trust::RootKey;
use swarm_core::{SwarmName, SystemClock, WallClock};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attacks::strike;
use crate::outcome::{Ended, Fate, Outcome};
use crate::pace::Pace;
use crate::papers::{Papers, seed, source};
use crate::scene::Scene;
use crate::{Attack, Plan, Standing};

/// Between two attempts at an attack that lasts.
const PAUSE: Duration = Duration::from_millis(100);

/// Most targets of one adversary.
const MOST_TARGETS: usize = 512;

/// Why there is no such adversary.
///
/// ```
/// use swarm_adversary::{Adversary, AdversaryError, Attack};
///
/// let elsewhere = "192.0.2.7:4433".parse().unwrap();
/// let error = Adversary::outsider(Attack::NoCertificate, 1, vec![elsewhere]).unwrap_err();
/// assert_eq!(error, AdversaryError::NotLoopback(elsewhere));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdversaryError {
    /// Attacks stay on this machine.
    #[error("{0} is not a loopback address: attacks stay on this machine")]
    NotLoopback(SocketAddr),
    /// There is a bound.
    #[error("{0} targets are more than 512")]
    TooManyTargets(usize),
    /// The attack is one of a member.
    #[error("the attack {0} takes grants of the swarm")]
    NeedsRoot(Attack),
}

/// A bad peer.
///
/// The [crate](crate) has an example.
#[derive(Debug)]
pub struct Adversary {
    attack: Attack,
    targets: Vec<SocketAddr>,
    plan: Plan,
    papers: Papers,
}

impl Adversary {
    /// One who has nothing but the addresses of its targets; the keys that it makes up follow from the seed.
    ///
    /// # Errors
    /// If a target is not on this machine, there are more than 512, or the attack is one of a member.
    pub fn outsider(attack: Attack, seed: u64, targets: Vec<SocketAddr>) -> Result<Self, AdversaryError> {
        if attack.standing() == Standing::Member {
            return Err(AdversaryError::NeedsRoot(attack));
        }
        let own = RootKey::from_seed(self::seed(seed, u64::MAX));
        Self::new(attack, seed, Arc::new(own), targets)
    }

    /// One who has grants of this root. An attack of outsiders does not make use of it.
    ///
    /// # Errors
    /// If a target is not on this machine, or there are more than 512.
    pub fn member(
        attack: Attack,
        seed: u64,
        root: Arc<RootKey>,
        targets: Vec<SocketAddr>,
    ) -> Result<Self, AdversaryError> {
        match attack.standing() {
            Standing::Outsider => Self::outsider(attack, seed, targets),
            Standing::Member => Self::new(attack, seed, root, targets),
        }
    }

    fn new(
        attack: Attack,
        seed: u64,
        root: Arc<RootKey>,
        targets: Vec<SocketAddr>,
    ) -> Result<Self, AdversaryError> {
        if let Some(elsewhere) = targets.iter().find(|target| !target.ip().is_loopback()) {
            return Err(AdversaryError::NotLoopback(*elsewhere));
        }
        if targets.len() > MOST_TARGETS {
            return Err(AdversaryError::TooManyTargets(targets.len()));
        }
        let papers = Papers {
            seed,
            root,
            swarm: SwarmName::default(),
            clock: Arc::new(SystemClock),
            source: source(seed),
        };
        Ok(Self { attack, targets, plan: Plan::of(attack), papers })
    }

    /// Does so much, instead of what suits the attack.
    #[must_use]
    pub fn plan(self, plan: Plan) -> Self {
        Self { plan: plan.bounded(), ..self }
    }

    /// In this swarm, instead of the one that has no other name.
    #[must_use]
    pub fn swarm(mut self, swarm: SwarmName) -> Self {
        self.papers.swarm = swarm;
        self
    }

    /// By this time of day, instead of the machine's.
    #[must_use]
    pub fn wall_clock(mut self, clock: Arc<dyn WallClock>) -> Self {
        self.papers.clock = clock;
        self
    }

    /// Attacks all targets at once until its plan is done or it is cancelled. What is under way then is not counted.
    /// Dropping the future ends it too.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn run(self, cancel: CancellationToken) -> Outcome {
        let shared = Arc::new(self);
        let mut assaults: JoinSet<_> = shared
            .targets
            .iter()
            .map(|target| {
                let (shared, target, cancel) = (Arc::clone(&shared), *target, cancel.clone());
                async move { shared.assault(target, &cancel).await }
            })
            .collect();
        let mut outcome = Outcome::default();
        while let Some(of_one) = assaults.join_next().await {
            // One that panics shows up as missing attempts.
            of_one.into_iter().for_each(|of_one| outcome.merge(of_one));
        }
        outcome
    }

    async fn assault(&self, target: SocketAddr, cancel: &CancellationToken) -> Outcome {
        let (acts, mut outcome) = (AtomicU64::new(0), Outcome::default());
        let attempts = async {
            let mut pace = Pace::new(if self.attack.is_lasting() { 1_000 } else { self.plan.rate });
            let mut begun = 0;
            let mut under_way = FuturesUnordered::new();
            while begun < self.plan.attempts || !under_way.is_empty() {
                let has_room = begun < self.plan.attempts && under_way.len() < self.plan.at_once;
                tokio::select! {
                    biased;
                    () = pace.next(), if has_room => {
                        under_way.push(self.attempt(target, begun, &acts));
                        begun += 1;
                    }
                    Some(ended) = under_way.next() => {
                        outcome.enter(ended);
                        if self.attack.is_lasting() {
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
            }
        };
        let attempts = tokio::time::timeout(self.plan.within, attempts);
        let _ = cancel.run_until_cancelled(attempts).await;
        outcome.acts = acts.into_inner();
        outcome
    }

    async fn attempt(&self, target: SocketAddr, number: u64, acts: &AtomicU64) -> Ended {
        let scene = Scene::new(target, &self.plan, &self.papers, acts, number);
        let fate = tokio::time::timeout(self.plan.patience, strike(self.attack, &scene)).await;
        let after = scene.offended().map(|offended| Instant::now().saturating_duration_since(offended));
        let fate = fate.unwrap_or(Fate::Borne);
        Ended { fate, admitted: scene.is_admitted(), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outsider_has_no_grants() {
        let target = vec!["127.0.0.1:4433".parse().unwrap()];
        let error = Adversary::outsider(Attack::DatagramFlood, 1, target).unwrap_err();
        assert_eq!(error, AdversaryError::NeedsRoot(Attack::DatagramFlood));
    }

    #[test]
    fn nobody_is_attacked_over_a_network() {
        for elsewhere in ["10.0.0.1:1", "[2001:db8::7]:1", "0.0.0.0:1", "[::ffff:10.0.0.1]:1"] {
            let targets = vec!["127.0.0.1:1".parse().unwrap(), elsewhere.parse().unwrap()];
            let root = Arc::new(RootKey::from_seed([1; 32]));
            let refused = Adversary::member(Attack::Silent, 1, root, targets).unwrap_err();
            assert_eq!(refused, AdversaryError::NotLoopback(elsewhere.parse().unwrap()));
        }
    }
}
