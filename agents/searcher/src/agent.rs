//! Broadcasts `search.TEAM.seen` after each step and `search.TEAM.finished` once. One task walks; what others saw reaches it
//! through a lock that is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_core::{Agent, Context, NameError, Observation, TopicPattern};
use tokio::time::{Instant, MissedTickBehavior};

use crate::SearcherParams;
use crate::explorer::Explorer;
use crate::messages::{Finished, TeamTopics};
use crate::world::World;

/// What it measures when it has finished: how many seconds that took.
pub const FINISHED: &str = "search.finished";

/// How many targets it knows then.
pub const FOUND: &str = "search.found";

/// How many targets there are that it does not know: there ought to be none.
pub const MISSED: &str = "search.missed";

/// How many steps it has walked.
pub const WALKED: &str = "search.walked";

/// Explores a place until it knows everything there is, with the help of its team.
///
/// Nobody leads: each reckons who should go where, from what it knows of all. What one says is believed and never lost
/// ([reliable](swarm_core::Delivery::Reliable)); what comes late makes a way in vain and nothing worse.
///
/// ```
/// use agent_searcher::{SearcherAgent, SearcherParams};
/// use swarm_core::Agent;
///
/// let searcher = SearcherAgent::new(SearcherParams { team: "pack".into(), ..SearcherParams::default() })?;
/// assert_eq!(searcher.subscriptions(), ["search.pack.seen".parse()?]);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct SearcherAgent {
    params: Arc<SearcherParams>,
    topics: TeamTopics,
    world: Arc<World>,
    /// There from the start on.
    search: Arc<Mutex<Option<Search>>>,
}

#[derive(Debug)]
struct Search {
    explorer: Explorer,
    began: Instant,
}

impl SearcherAgent {
    /// A searcher that follows from its params alone; it leaves nothing to chance.
    ///
    /// # Errors
    /// When the name of the team is not one that a topic can have in it.
    pub fn new(params: SearcherParams) -> Result<Self, NameError> {
        let topics = TeamTopics::new(&params.team)?;
        let world = World::new(params.place, params.size(), params.walls, params.targets.into());
        Ok(Self { params: Arc::new(params), topics, world: Arc::new(world), search: Arc::default() })
    }
}

impl Agent for SearcherAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.topics.seen.pattern()]
    }

    async fn on_start(&self, cx: &Context) {
        let explorer = Explorer::new(cx.id(), self.params.size(), self.params.sight);
        let began = Instant::now() + self.params.wait;
        *lock(&self.search) = Some(Search { explorer, began });
        let walk = Walk {
            params: Arc::clone(&self.params),
            topics: self.topics.clone(),
            world: Arc::clone(&self.world),
            search: Arc::clone(&self.search),
        };
        cx.spawn(walk.run(cx.clone(), began));
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let Some(Ok(seen)) = self.topics.seen.read(&observation) else { return };
        if let Some(search) = lock(&self.search).as_mut() {
            let now = search.now();
            search.explorer.hear(observation.origin, &seen, now);
        }
    }
}

impl Search {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// What the task that walks has.
struct Walk {
    params: Arc<SearcherParams>,
    topics: TeamTopics,
    world: Arc<World>,
    search: Arc<Mutex<Option<Search>>>,
}

impl Walk {
    /// Walks until everything is known, and says so.
    async fn run(self, cx: Context, first: Instant) {
        let mut ticks = tokio::time::interval_at(first, self.params.step);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while cx.run_until_cancelled(ticks.tick()).await.is_some() {
            if !self.step(&cx) {
                return self.finish(&cx);
            }
        }
    }

    /// Looks, tells and goes on. Gives whether there is more to see.
    fn step(&self, cx: &Context) -> bool {
        let mut search = lock(&self.search);
        let Some(search) = search.as_mut() else { return false };
        let seen = search.explorer.look(&self.world);
        if self.params.share {
            // It is small enough; only the end of the node can be in its way.
            let _ = cx.publish(&self.topics.seen, &seen);
        }
        let now = search.now();
        search.explorer.step(now)
    }

    fn finish(&self, cx: &Context) {
        let mut search = lock(&self.search);
        let Some(Search { explorer, began }) = search.as_mut() else { return };
        let after = began.elapsed();
        cx.measure(FINISHED, after.as_secs_f64());
        cx.measure(FOUND, explorer.found() as f64);
        cx.measure(MISSED, explorer.missed(&self.world) as f64);
        cx.measure(WALKED, f64::from(explorer.walked()));
        let finished = Finished {
            team: self.params.team.clone(),
            after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            found: u32::try_from(explorer.found()).unwrap_or(u32::MAX),
        };
        let _ = cx.publish(&self.topics.finished, &finished);
    }
}

/// No method of the explorer panics half-way, so a poisoned lock is as good as any.
fn lock(search: &Mutex<Option<Search>>) -> MutexGuard<'_, Option<Search>> {
    search.lock().unwrap_or_else(PoisonError::into_inner)
}
