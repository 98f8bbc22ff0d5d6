//! What crosses between searchers and to their referee: names and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! search.TEAM.seen       observation: Seen, after each step; none may be lost
//! search.TEAM.finished   observation: Finished, once; it may not be lost either
//! ```

use serde::{Deserialize, Serialize};
use swarm_core::{NameError, Topic, TopicPattern};

use crate::Cell;

/// What is at a place. On the wire `0`, `1` or `2`.
///
/// ```
/// use agent_searcher::messages::Ground;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// assert_eq!(from_slice::<Ground>(&to_vec(&Ground::Target)?)?, Ground::Target);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Ground {
    /// Nothing: one can walk there.
    Open,
    /// A wall.
    Wall,
    /// Something to be found; one can walk there, too.
    Target,
}

impl From<Ground> for u8 {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Open => 0,
            Ground::Wall => 1,
            Ground::Target => 2,
        }
    }
}

impl TryFrom<u8> for Ground {
    type Error = UnknownGround;

    fn try_from(number: u8) -> Result<Self, UnknownGround> {
        match number {
            0 => Ok(Self::Open),
            1 => Ok(Self::Wall),
            2 => Ok(Self::Target),
            other => Err(UnknownGround(other)),
        }
    }
}

/// A number that stands for no [`Ground`].
///
/// ```
/// use agent_searcher::messages::{Ground, UnknownGround};
///
/// assert_eq!(Ground::try_from(7), Err(UnknownGround(7)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no ground: expected 0, 1 or 2")]
pub struct UnknownGround(pub u8);

/// Where a searcher is and what it saw from there that it had not known. A map with the fields' names on the wire.
///
/// ```
/// use agent_searcher::{Cell, messages::{Ground, Seen}};
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let seen = Seen { at: Cell { x: 1, y: 0 }, news: vec![(Cell { x: 2, y: 0 }, Ground::Wall)] };
/// assert_eq!(from_slice::<Seen>(&to_vec(&seen)?)?, seen);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Where it is.
    pub at: Cell,
    /// What it has learnt with its own eyes.
    pub news: Vec<(Cell, Ground)>,
}

/// A searcher knows everything that can be reached. A map with the fields' names on the wire.
///
/// ```
/// use agent_searcher::messages::Finished;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let finished = Finished { team: "pack".into(), after_ms: 31_400, found: 5 };
/// assert_eq!(from_slice::<Finished>(&to_vec(&finished)?)?, finished);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Its team.
    pub team: String,
    /// Since it began to search, in milliseconds.
    pub after_ms: u64,
    /// How many targets are on its map.
    pub found: u32,
}

/// The topics of a team.
///
/// ```
/// let topics = agent_searcher::messages::TeamTopics::new("pack")?;
/// assert!(topics.seen.pattern().matches(&"search.pack.seen".parse()?));
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TeamTopics {
    /// What its members see.
    pub seen: Topic<Seen>,
    /// That they have seen everything.
    pub finished: Topic<Finished>,
}

impl TeamTopics {
    /// The topics of a team of that name.
    ///
    /// # Errors
    /// When the name is not one that a topic can have in it.
    pub fn new(team: &str) -> Result<Self, NameError> {
        Ok(Self {
            seen: Topic::reliable(&format!("search.{team}.seen"))?,
            finished: Topic::reliable(&format!("search.{team}.finished"))?,
        })
    }

    /// What to subscribe to in order to hear when anybody has finished.
    ///
    /// # Errors
    /// Never: the pattern is a constant.
    pub fn anybody_finished() -> Result<TopicPattern, NameError> {
        "search.*.finished".parse()
    }
}
