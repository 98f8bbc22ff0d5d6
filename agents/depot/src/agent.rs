//! Serves `depot.fetch` and `depot.stock`, and broadcasts on `depot.stock`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Capacity, Context, Replies,
};
use tokio::time::MissedTickBehavior;

use crate::{DepotParams, Parcel};

/// Hands out a parcel: the request is its name, the reply its contents in chunks labelled `piece`.
pub const FETCH: &str = "depot.fetch";

/// Says how many parcels were handed out, as a text: one small chunk, at once.
pub const STOCK: &str = "depot.stock";

/// What its observations are about: the same text as [`STOCK`] gives.
pub const TOPIC: &str = "depot.stock";

/// Longest name of a parcel, in bytes.
const LONGEST_NAME: usize = 64;

/// An agent that hands out parcels, so many at once.
///
/// ```
/// use agent_depot::{DepotAgent, DepotParams};
/// use swarm_core::Agent;
///
/// let depot = DepotAgent::new(DepotParams { at_once: 2, waiting: 8, ..DepotParams::default() });
/// assert_eq!(depot.capacity().at_once, 2);
/// ```
#[derive(Debug)]
pub struct DepotAgent {
    params: DepotParams,
    handed_out: Arc<AtomicU64>,
}

impl DepotAgent {
    /// A depot with these params that has handed out nothing yet.
    #[must_use]
    pub fn new(params: DepotParams) -> Self {
        Self { params, handed_out: Arc::default() }
    }

    async fn hand_out(&self, parcel: Parcel, replies: &mut Replies) -> Result<(), AgentError> {
        tokio::time::sleep(self.params.takes).await;
        for piece in parcel.contents() {
            // Waits while the requester is slow, so there is one piece in memory and not all.
            replies.send("piece", piece).await?;
        }
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Agent for DepotAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        [FETCH, STOCK].into_iter().filter_map(|capability| capability.parse().ok()).collect()
    }

    fn capacity(&self) -> Capacity {
        Capacity { at_once: self.params.at_once, waiting: self.params.waiting }
    }

    async fn on_start(&self, cx: &Context) {
        cx.spawn(tell_everybody(cx.clone(), self.params.clone(), Arc::clone(&self.handed_out)));
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        if request.capability().name() == STOCK {
            return Ok(replies.send("stock", stock(&self.handed_out)).await?);
        }
        self.hand_out(parcel(&mut request).await?, replies).await
    }
}

/// Takes the body as the name of a parcel; what is none is declined, as it is no failure of ours.
async fn parcel(request: &mut AssistanceRequest) -> Result<Parcel, AgentError> {
    let body = match request.payload(LONGEST_NAME).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("the name of a parcel has at most {max} bytes")));
        }
        body => body?,
    };
    let name = String::from_utf8_lossy(&body);
    name.parse().map_err(|error: crate::ParcelError| AgentError::declined(error.to_string()))
}

fn stock(handed_out: &AtomicU64) -> String {
    format!("{} parcels handed out", handed_out.load(Ordering::Relaxed))
}

async fn tell_everybody(cx: Context, params: DepotParams, handed_out: Arc<AtomicU64>) {
    let mut pause = tokio::time::interval(params.every);
    pause.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while cx.run_until_cancelled(pause.tick()).await.is_some() {
        // It is small enough for every path, and another one follows.
        let _ = cx.broadcast_observation(TOPIC, stock(&handed_out));
    }
}
