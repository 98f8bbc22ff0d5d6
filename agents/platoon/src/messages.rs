//! What crosses between the members of a platoon: names and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! platoon.order   observation: Order, from the commander to everybody, again and again
//! platoon.word    observation: Word, of which elections are made
//! ```
//!
//! All of them may be lost, come twice, and overtake one another: the next one makes it good.

use serde::{Deserialize, Serialize};
use swarm_core::{AgentId, NameError, Topic};

/// What a commander says. A map with the fields' names on the wire.
///
/// ```
/// use agent_platoon::messages::Order;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let order = Order { term: 3, number: 17 };
/// assert_eq!(from_slice::<Order>(&to_vec(&order)?)?, order);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// In which term it commands. There is one commander in each.
    pub term: u64,
    /// Which of its orders in this term, from 1.
    pub number: u64,
}

/// What members say to one another. On the wire a map of one entry, with the name of the variant.
///
/// ```
/// use agent_platoon::messages::Word;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let word = Word::Stand { term: 4, trial: true };
/// assert_eq!(from_slice::<Word>(&to_vec(&word)?)?, word);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It would command in this term, if a majority wants it to.
    Stand {
        /// The term.
        term: u64,
        /// Whether it only asks who would vote for it: nobody is bound by the answer.
        trial: bool,
    },
    /// A vote.
    Vote {
        /// For whom.
        to: AgentId,
        /// In which term.
        term: u64,
        /// Whether the question was a trial.
        trial: bool,
    },
    /// An order was heard, and is obeyed.
    Obey {
        /// Whose.
        to: AgentId,
        /// In which term.
        term: u64,
        /// Which.
        number: u64,
    },
    /// The term of an order or of a candidate is over.
    Over {
        /// The term that it is now.
        term: u64,
    },
    /// It has just begun to live, and does not know what it may have promised before.
    Join {
        /// Tells this question from those before.
        round: u64,
    },
    /// An answer to that.
    Joined {
        /// To whom.
        to: AgentId,
        /// The number of the question.
        round: u64,
        /// The highest term that it knows; `None` if it has just begun to live, too.
        term: Option<u64>,
    },
}

/// The topics of a platoon.
///
/// ```
/// let topics = agent_platoon::messages::PlatoonTopics::new()?;
/// assert_eq!(topics.orders.name().as_str(), "platoon.order");
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PlatoonTopics {
    /// What commanders say.
    pub orders: Topic<Order>,
    /// Of what elections are made.
    pub words: Topic<Word>,
}

impl PlatoonTopics {
    /// Both of them.
    ///
    /// # Errors
    /// Never: the names are constants that are dotted names.
    pub fn new() -> Result<Self, NameError> {
        Ok(Self { orders: Topic::lossy("platoon.order")?, words: Topic::lossy("platoon.word")? })
    }
}
