//! Serves `shop.order` and broadcasts `shop.sale`.

use swarm_core::proto::from_slice;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Capacity, Context, NameError, Replies,
    Topic, TopicPattern,
};

use crate::ClerkParams;
use crate::messages::{ORDER, Order, SOLD, Sale, sales};

/// Bytes of an order: several times what one takes.
const MAX_ORDER_BYTES: usize = 64;

/// Sells what is ordered: waits for as long as that takes, tells everybody, and confirms.
///
/// It remembers nothing. An order that comes twice is sold twice: not to ask twice is the customer's affair.
///
/// ```
/// use agent_shop::{ClerkAgent, ClerkParams};
/// use swarm_core::Agent;
///
/// let clerk = ClerkAgent::new(ClerkParams { at_once: 2, ..ClerkParams::default() })?;
/// assert_eq!(clerk.capacity().at_once, 2);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct ClerkAgent {
    params: ClerkParams,
    sales: Topic<Sale>,
}

impl ClerkAgent {
    /// A clerk with these params.
    ///
    /// # Errors
    /// Never: the topic has a constant name.
    pub fn new(params: ClerkParams) -> Result<Self, NameError> {
        Ok(Self { params, sales: sales()? })
    }
}

impl Agent for ClerkAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        ORDER.parse().into_iter().collect()
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        Vec::new()
    }

    fn capacity(&self) -> Capacity {
        Capacity { at_once: self.params.at_once, waiting: self.params.waiting }
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let order = order(&mut request).await?;
        tokio::time::sleep(self.params.takes).await;
        // Sold from here on, whether the customer hears of it or not.
        cx.publish(&self.sales, &Sale { customer: request.requester(), number: order.number })?;
        Ok(replies.send_value(SOLD, &order).await?)
    }
}

/// Takes the body as an order; what is none is declined, as it is no failure of ours.
async fn order(request: &mut AssistanceRequest) -> Result<Order, AgentError> {
    let body = match request.payload(MAX_ORDER_BYTES).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("an order takes at most {max} bytes")));
        }
        body => body?,
    };
    from_slice(&body)
        .map_err(|error| AgentError::declined(format!("the body is no order with a number: {error}")))
}
