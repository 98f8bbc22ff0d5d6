//! An agent that does everything to everybody, at random, and checks what it gets.
//!
//! What it asks for can be told in advance from the question, so that a part of a reply that is lost, doubled or altered is
//! seen. `soak.wrong` counts replies that completed and were not right, `soak.disorder` reliable observations that came
//! again or out of order, or were missed without a gap.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use schemars::JsonSchema;
use serde::Deserialize;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, Chunk, Context, Delivery, Epoch, Gap, Key,
    Lane, Observation, OutgoingObservation, OutgoingRequest, Replies, TopicName,
};

const LOSSY: &str = "soak.lossy";
const LATEST: &str = "soak.latest";
const RELIABLE: &str = "soak.reliable";
const WORK: &str = "soak.work";

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 1 << 20;

/// What a busybody is made of.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(crate = "schemars")]
pub(super) struct Params {
    /// How often it broadcasts, in Hz.
    rate_hz: f64,
    /// How often it asks somebody, in Hz.
    ask_hz: f64,
    /// How many chunks a reply has at most.
    most_chunks: u16,
    /// How many bytes a chunk has at most.
    most_bytes: u16,
}

impl Default for Params {
    fn default() -> Self {
        Self { rate_hz: 5.0, ask_hz: 1.0, most_chunks: 12, most_bytes: 2048 }
    }
}

/// See the module.
pub(super) struct Busybody {
    params: Params,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    /// The newest reliable observation of each origin and life.
    heard: BTreeMap<(AgentId, Epoch), u64>,
    /// How many of them were told to be missing, and not yet missed.
    gaps: BTreeMap<AgentId, Missed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    Some(u64),
    NobodyKnows,
}

impl Busybody {
    pub(super) fn new(params: Params, seed: u64) -> Self {
        let state = State { rng: StdRng::seed_from_u64(seed), heard: BTreeMap::new(), gaps: BTreeMap::new() };
        Self { params, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.state().rng.random())
    }
}

impl Agent for Busybody {
    fn capabilities(&self) -> Vec<Advertisement> {
        WORK.parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        cx.spawn(broadcast(cx.clone(), self.params, self.rng()));
        cx.spawn(ask(cx.clone(), self.params, self.rng()));
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        if observation.delivery != Delivery::Reliable {
            return;
        }
        let Some(number) = observation.payload.first_chunk().copied().map(u64::from_be_bytes) else { return };
        let is_in_order = self.state().is_in_order(&observation, number);
        cx.measure("soak.disorder", if is_in_order { 0.0 } else { 1.0 });
    }

    async fn on_gap(&self, _cx: &Context, gap: Gap) {
        self.state().gap(gap);
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let body = request.payload(LONGEST_BODY).await?;
        let Some(order) = Order::read(&body) else { return Err(AgentError::failed("no order")) };
        let (mut rng, me) = (self.rng(), cx.id());
        if rng.random_bool(0.05) {
            return Err(AgentError::declined("not today"));
        }
        for number in 0..order.chunks {
            if rng.random_bool(0.3) {
                tokio::time::sleep(Duration::from_millis(rng.random_range(1..50))).await;
            }
            replies.send("piece", order.piece(number)).await?;
            if rng.random_bool(0.01) {
                return Err(AgentError::failed("half way"));
            }
        }
        // Now and then somebody else has to help: circles end by the hop limit and the deadline.
        if rng.random_bool(0.1)
            && let Some(other) =
                cx.peers().iter().map(|peer| peer.id).find(|id| *id != request.requester() && *id != me)
        {
            ask_one(cx, other, Order { chunks: 1, bytes: 8, salt: order.salt }, &mut rng).await;
        }
        Ok(())
    }
}

impl State {
    /// Whether nothing was missed without a word, and nothing came again.
    fn is_in_order(&mut self, observation: &Observation, number: u64) -> bool {
        let life = (observation.origin, observation.epoch);
        let last = self.heard.insert(life, number);
        let Some(last) = last else {
            // What was said before they met is nobody's loss.
            self.gaps.remove(&observation.origin);
            return true;
        };
        let Some(missed) = number.checked_sub(last + 1) else { return false };
        match (missed, self.gaps.remove(&observation.origin)) {
            (0, _) | (_, Some(Missed::NobodyKnows)) => true,
            (missed, Some(Missed::Some(told))) => missed <= told,
            (_, None) => false,
        }
    }

    fn gap(&mut self, gap: Gap) {
        let before = self.gaps.get(&gap.origin).copied().unwrap_or(Missed::Some(0));
        let now = match (before, gap.missed) {
            (Missed::Some(before), Some(more)) => Missed::Some(before.saturating_add(more)),
            _ => Missed::NobodyKnows,
        };
        self.gaps.insert(gap.origin, now);
    }
}

/// What a requester wants: so many chunks of so many bytes, which follow from the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    chunks: u16,
    bytes: u16,
    salt: u32,
}

impl Order {
    fn write(self) -> Vec<u8> {
        [&self.chunks.to_be_bytes()[..], &self.bytes.to_be_bytes(), &self.salt.to_be_bytes()].concat()
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (chunks, rest) = body.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let (salt, _) = rest.split_first_chunk()?;
        Some(Self {
            chunks: u16::from_be_bytes(*chunks),
            bytes: u16::from_be_bytes(*bytes),
            salt: u32::from_be_bytes(*salt),
        })
    }

    fn piece(self, number: u16) -> Bytes {
        let mut rng = StdRng::seed_from_u64(u64::from(self.salt) << 16 | u64::from(number));
        let mut piece = vec![0; usize::from(self.bytes)];
        rng.fill(&mut piece[..]);
        Bytes::from(piece)
    }

    fn is_answered_by(self, reply: &[Chunk]) -> bool {
        reply.len() == usize::from(self.chunks)
            && (0..).zip(reply).all(|(number, chunk)| chunk.payload == self.piece(number))
    }
}

async fn broadcast(cx: Context, params: Params, mut rng: StdRng) {
    let mut number = 0_u64;
    while pause(&cx, params.rate_hz, &mut rng).await {
        let outgoing = |topic: &str, payload: Vec<u8>| {
            let topic = TopicName::try_from(topic).ok()?;
            Some(OutgoingObservation::new(topic, payload))
        };
        let key = if rng.random() { "a" } else { "b" };
        let kind = rng.random_range(0..4);
        let observation = match kind {
            0 => outgoing(RELIABLE, number.to_be_bytes().to_vec()).map(OutgoingObservation::reliable),
            1 => outgoing(LATEST, vec![1; 32]).zip(Key::try_from(key).ok()).map(|(it, key)| it.latest(key)),
            _ => outgoing(LOSSY, vec![2; rng.random_range(0..900)]),
        };
        let Some(observation) = observation else { return };
        // What is refused is not missed.
        if cx.broadcast(observation).is_ok() && kind == 0 {
            number += 1;
        }
    }
}

async fn ask(cx: Context, params: Params, mut rng: StdRng) {
    while pause(&cx, params.ask_hz, &mut rng).await {
        let peers: Vec<_> = cx.peers().iter().map(|peer| peer.id).collect();
        let Some(peer) = peers.choose(&mut rng).copied() else { continue };
        let order = Order {
            chunks: rng.random_range(0..=params.most_chunks),
            bytes: rng.random_range(0..=params.most_bytes),
            salt: rng.random(),
        };
        let mut rng = StdRng::seed_from_u64(rng.random());
        let asking = cx.clone();
        cx.spawn(async move { ask_one(&asking, peer, order, &mut rng).await });
    }
}

async fn ask_one(cx: &Context, peer: AgentId, order: Order, rng: &mut StdRng) {
    let Ok(capability) = WORK.parse() else { return };
    let mut request = OutgoingRequest::new(capability)
        .deadline(Duration::from_millis(rng.random_range(50..8_000)))
        .lane(*[Lane::Control, Lane::Interactive, Lane::Bulk].choose(rng).unwrap_or(&Lane::Bulk));
    request = match rng.random_range(0..4) {
        0 => request.body_stream(stream::iter([Chunk::new("order", order.write())])),
        1 => request.payload(order.write()).resumable(),
        _ => request.payload(order.write()),
    };
    let give_up = rng.random_bool(0.1).then(|| Duration::from_millis(rng.random_range(0..500)));
    let asked = async {
        let mut reply = cx.request(peer, request).await?;
        let mut chunks = Vec::new();
        while let Some(chunk) = reply.next_chunk().await? {
            chunks.push(chunk);
        }
        Ok::<_, swarm_core::AssistError>(chunks)
    };
    let answered = tokio::time::timeout(give_up.unwrap_or(Duration::MAX), asked).await;
    if let Ok(Ok(reply)) = answered {
        cx.measure("soak.wrong", if order.is_answered_by(&reply) { 0.0 } else { 1.0 });
    }
}

/// Waits for a time around that of the rate; false when the agent comes to its end.
async fn pause(cx: &Context, rate_hz: f64, rng: &mut StdRng) -> bool {
    let pause = Duration::from_secs_f64(rng.random_range(0.5..1.5) / rate_hz.max(0.001));
    cx.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_answered_by_all_of_its_pieces_in_their_order_and_by_nothing_else() {
        let order = Order { chunks: 3, bytes: 5, salt: 7 };
        assert_eq!(Order::read(&order.write()), Some(order));
        assert_eq!(Order::read(&[1, 2, 3]), None);
        let mut reply: Vec<_> = (0..3).map(|number| Chunk::new("piece", order.piece(number))).collect();
        assert!(order.is_answered_by(&reply));
        assert!(!order.is_answered_by(&reply[..2]));
        reply.swap(0, 1);
        assert!(!order.is_answered_by(&reply));
    }
}
