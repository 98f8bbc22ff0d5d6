//! Broadcasts `platoon.word` and, if elected, `platoon.order`. One task wakes the election; what others say reaches it
//! through a lock that is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_core::{Agent, AgentId, Context, NameError, Observation, TopicPattern};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::MemberParams;
use crate::election::{Election, Say};
use crate::messages::{Order, PlatoonTopics};

/// What a member measures when it is elected: the term.
pub const TERM: &str = "platoon.term";

/// What a member measures when it hears another commander than before: for how many milliseconds it had heard none.
pub const VACANCY: &str = "platoon.vacancy";

/// What a member measures when it commands no more because too few were bound to it, or a later term has come: 1.
pub const RESIGNED: &str = "platoon.resigned";

/// A member of a platoon: elects a commander with the others, obeys while it hears orders, and commands if it was elected.
///
/// A platoon has a fixed number of members, and begins when all of them are there. As long as more than half of them live
/// and hear one another there is a commander again soon after one was lost; the others have none meanwhile. Members may
/// crash and return without anything that they knew, a minority at a time.
///
/// ```
/// use agent_platoon::{MemberAgent, MemberParams};
/// use swarm_core::Agent;
///
/// let member = MemberAgent::new(MemberParams { members: 7, ..MemberParams::default() }, 42)?;
/// assert_eq!(member.subscriptions().len(), 2);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct MemberAgent {
    params: MemberParams,
    topics: PlatoonTopics,
    seed: u64,
    desk: Arc<Desk>,
}

/// What the task that wakes and the calls of the node share.
#[derive(Debug, Default)]
struct Desk {
    /// There from the start on.
    post: Mutex<Option<Post>>,
    /// Tells the task that there may be another alarm.
    changed: Notify,
}

#[derive(Debug)]
struct Post {
    election: Election,
    began: Instant,
    /// Whom it heard last, and when.
    heard: Option<(AgentId, Instant)>,
    /// Whether it commanded when it was last looked at.
    commands: bool,
}

impl MemberAgent {
    /// A member whose choices all follow from `seed`.
    ///
    /// # Errors
    /// Never: the topics have constant names.
    pub fn new(params: MemberParams, seed: u64) -> Result<Self, NameError> {
        Ok(Self { params, topics: PlatoonTopics::new()?, seed, desk: Arc::default() })
    }

    /// Lets the election hear, and says what it has to say.
    fn hear(&self, cx: &Context, observation: &Observation) {
        let from = observation.origin;
        let mut post = self.desk.lock();
        let Some(post) = post.as_mut() else { return };
        let now = post.now();
        let says = if let Some(Ok(order)) = self.topics.orders.read(observation) {
            post.note(cx, from, order);
            post.election.hear_order(from, order, now)
        } else if let Some(Ok(word)) = self.topics.words.read(observation) {
            post.election.hear(from, word, now)
        } else {
            return;
        };
        post.say(cx, &self.topics, says);
    }
}

impl Agent for MemberAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.topics.orders.pattern(), self.topics.words.pattern()]
    }

    async fn on_start(&self, cx: &Context) {
        let election = Election::new(cx.id(), self.params.rules(), self.seed, Duration::ZERO);
        *self.desk.lock() = Some(Post { election, began: Instant::now(), heard: None, commands: false });
        cx.spawn(wake(cx.clone(), self.topics.clone(), Arc::clone(&self.desk)));
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        self.hear(cx, &observation);
        self.desk.changed.notify_one();
    }
}

/// Wakes the election whenever it wants to be, until the node stops.
async fn wake(cx: Context, topics: PlatoonTopics, desk: Arc<Desk>) {
    loop {
        let alarm = {
            let mut post = desk.lock();
            let Some(post) = post.as_mut() else { return };
            let says = post.election.wake(post.now());
            post.say(&cx, &topics, says);
            post.began + post.election.alarm()
        };
        tokio::select! {
            biased;
            () = cx.cancelled() => return,
            () = desk.changed.notified() => {}
            () = tokio::time::sleep_until(alarm) => {}
        }
    }
}

impl Post {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Measures how long there was no commander, if this is a new one.
    fn note(&mut self, cx: &Context, from: AgentId, order: Order) {
        if order.term < self.election.term() {
            return;
        }
        let now = Instant::now();
        if let Some((before, last)) = self.heard.replace((from, now))
            && before != from
        {
            cx.measure(VACANCY, now.saturating_duration_since(last).as_secs_f64() * 1e3);
        }
    }

    fn say(&mut self, cx: &Context, topics: &PlatoonTopics, says: Vec<Say>) {
        let commands = self.election.commands(self.now());
        match (std::mem::replace(&mut self.commands, commands), commands) {
            (false, true) => cx.measure(TERM, self.election.term() as f64),
            (true, false) => cx.measure(RESIGNED, 1.0),
            _ => {}
        }
        for say in says {
            // What is so small can only fail to be said because the node stops.
            let _ = match say {
                Say::Order(order) => cx.publish(&topics.orders, &order),
                Say::Word(word) => cx.publish(&topics.words, &word),
            };
        }
    }
}

impl Desk {
    /// No method of the election panics half-way, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Option<Post>> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
