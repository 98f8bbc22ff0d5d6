//! Orders of whoever offers `shop.order`, and hears `shop.sale`.

use std::sync::{Mutex, PoisonError};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use swarm_core::proto::to_vec;
use swarm_core::{
    Agent, AssistError, Context, NameError, Observation, OutgoingRequest, Route, Topic, TopicPattern,
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::CustomerParams;
use crate::messages::{ORDER, Order, SOLD as SOLD_LABEL, Sale, sales};
use crate::receipts::Receipts;

/// What it measures when an order is confirmed: after how many milliseconds.
pub const SOLD: &str = "shop.sold";

/// What it measures for each order: 1 if it was not confirmed, else 0.
pub const LOST: &str = "shop.lost";

/// What it measures for each sale of an order of its own: 1 if that had been sold before, else 0.
pub const TWICE: &str = "shop.twice";

/// Orders again and again, of whichever clerk has time.
///
/// ```
/// use agent_shop::{CustomerAgent, CustomerParams};
/// use swarm_core::Agent;
///
/// let customer = CustomerAgent::new(CustomerParams::default(), 7)?;
/// assert!(customer.capabilities().is_empty());
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct CustomerAgent {
    params: CustomerParams,
    sales: Topic<Sale>,
    seed: u64,
    receipts: Mutex<Receipts>,
}

impl CustomerAgent {
    /// A customer that orders for the first time somewhere within the first pause, as the seed says.
    ///
    /// # Errors
    /// Never: the topic has a constant name.
    pub fn new(params: CustomerParams, seed: u64) -> Result<Self, NameError> {
        Ok(Self { params, sales: sales()?, seed, receipts: Mutex::default() })
    }
}

impl Agent for CustomerAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.sales.pattern()]
    }

    async fn on_start(&self, cx: &Context) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let first = Instant::now() + self.params.every.mul_f64(rng.random_range(0.0..1.0));
        cx.spawn(shop(cx.clone(), self.params.clone(), first));
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        let Some(Ok(sale)) = self.sales.read(&observation) else { return };
        if sale.customer == cx.id() {
            // Nothing in there panics half-way, so a poisoned lock is as good as any.
            let twice = self.receipts.lock().unwrap_or_else(PoisonError::into_inner).note(sale.number);
            cx.measure(TWICE, f64::from(u8::from(twice)));
        }
    }
}

/// Orders until the node stops.
async fn shop(cx: Context, params: CustomerParams, first: Instant) {
    let mut ticks = tokio::time::interval_at(first, params.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut order = Order { number: 0 };
    while cx.run_until_cancelled(ticks.tick()).await.is_some() {
        order.number += 1;
        let began = Instant::now();
        // What is under way when the node stops is nobody's loss.
        let Some(sold) = cx.run_until_cancelled(buy(&cx, &params, order)).await else { return };
        match sold {
            Ok(()) => {
                cx.measure(SOLD, began.elapsed().as_secs_f64() * 1e3);
                cx.measure(LOST, 0.0);
            }
            Err(error) => {
                tracing::info!(order.number, %error, "an order was not confirmed");
                cx.measure(LOST, 1.0);
            }
        }
    }
}

/// One order. Confirmed, or not: then it may have been sold all the same.
async fn buy(cx: &Context, params: &CustomerParams, order: Order) -> Result<(), AssistError> {
    let malformed = |reason: String| AssistError::Malformed { reason };
    let body = to_vec(&order).map_err(|error| malformed(error.to_string()))?;
    let request = OutgoingRequest::new(ORDER.parse()?).payload(body).deadline(params.deadline);
    let request = if params.insist {
        request.idempotency_key(format!("{}/{}", cx.id(), order.number))
    } else {
        request
    };
    let mut replies = cx.route(Route::new().retries(params.retries), request).await?;
    let mut confirmed = false;
    while let Some(chunk) = replies.next_chunk().await? {
        confirmed |= chunk.label == SOLD_LABEL && chunk.decode::<Order>().is_ok_and(|sold| sold == order);
    }
    if confirmed { Ok(()) } else { Err(malformed("it ended without a confirmation".to_owned())) }
}
