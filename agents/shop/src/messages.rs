//! What crosses between clerks and customers: names and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! shop.order   body: Order     reply: sold, the same Order
//! shop.sale    observation: Sale, from clerks; none may be lost
//! ```

use serde::{Deserialize, Serialize};
use swarm_core::{AgentId, NameError, Topic};

/// The capability: sell what is ordered.
pub const ORDER: &str = "shop.order";

/// The label of the only chunk of the reply.
pub const SOLD: &str = "sold";

/// What a customer wants. A map with the field's name on the wire.
///
/// ```
/// use agent_shop::messages::{Order, SOLD};
/// use swarm_core::Chunk;
///
/// assert_eq!(Chunk::encode(SOLD, &Order { number: 7 })?.decode::<Order>()?.number, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number among the orders of this customer.
    pub number: u64,
}

/// What a clerk has sold. A map with the fields' names on the wire.
///
/// ```
/// use agent_shop::messages::Sale;
/// use swarm_core::{AgentId, proto::{from_slice, to_vec}};
///
/// let sale = Sale { customer: AgentId::from_key_digest([1; 32]), number: 7 };
/// assert_eq!(from_slice::<Sale>(&to_vec(&sale)?)?, sale);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// To whom.
    pub customer: AgentId,
    /// Which of its orders.
    pub number: u64,
}

/// The topic of what clerks have sold.
///
/// ```
/// assert_eq!(agent_shop::messages::sales()?.name().as_str(), "shop.sale");
/// # Ok::<(), swarm_core::NameError>(())
/// ```
///
/// # Errors
/// Never: the name is a constant that is a dotted name.
pub fn sales() -> Result<Topic<Sale>, NameError> {
    Topic::reliable("shop.sale")
}
