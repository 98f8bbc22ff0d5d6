//! A hundred thousand requests, while requesters cancel and responders die, leave and come back. What the history must
//! hold afterwards: each request has one end, and no reply was lost, doubled or crossed.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::PATIENCE;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistError, AssistanceRequest, Context,
    IdentityKey, IdleAgent, NodeHandle, OutgoingRequest, Replies, RequestId, TraceEvent, TraceSink,
};
use tokio::task::JoinSet;

const REQUESTS: usize = 100_000;
const ASKERS: usize = 48;
const RESPONDERS: u8 = 3;

/// Answers with as many numbered pieces as are asked for, each marked with the words of its request.
struct Teller;

impl Agent for Teller {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["history.tell".parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let words = request.payload(64).await?;
        let words = String::from_utf8_lossy(&words).into_owned();
        let pieces: usize = request.metadata().get("pieces").map_or(Ok(0), |pieces| pieces.parse())?;
        for piece in 0..pieces {
            replies.send("", format!("{words}:{piece}")).await?;
        }
        Ok(())
    }
}

/// How often each request was sent, ended and served.
#[derive(Default)]
struct History(Mutex<BTreeMap<RequestId, [usize; 3]>>);

#[derive(Clone)]
struct Scribe(Arc<History>);

impl TraceSink for Scribe {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        let (id, column) = match event {
            TraceEvent::RequestSent { id, .. } => (id, 0),
            TraceEvent::RequestEnded { id, .. } => (id, 1),
            TraceEvent::RequestServed { id, .. } => (id, 2),
            _ => return,
        };
        self.0.0.lock().unwrap().entry(id).or_default()[column] += 1;
    }
}

/// Starts a responder, which joins the requesters by itself: nobody dials one that has left in order.
async fn responder(number: u8, address: SocketAddr, requesters: &[SocketAddr], scribe: &Scribe) -> AgentNode {
    loop {
        let mut builder =
            common::dev(Teller).identity(IdentityKey::from_seed([number; 32])).trace(scribe.clone());
        for requester in requesters {
            builder = builder.seed_peer(*requester);
        }
        match builder.bind(address).await {
            Ok(node) => return node,
            // The last life of this node still holds the port.
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Kills responders or lets them leave, one after another, and starts them again.
async fn trouble(
    mut responders: Vec<AgentNode>,
    requesters: Vec<SocketAddr>,
    scribe: Scribe,
    over: &AtomicBool,
) -> usize {
    let (mut rng, mut times) = (StdRng::seed_from_u64(1), 0);
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..200))).await;
        let index = rng.random_range(0..responders.len());
        let node = responders.swap_remove(index);
        let (id, address) = (node.id(), address_of(&node));
        match rng.random::<bool>() {
            true => drop(node),
            false => drop(node.shutdown(Duration::from_millis(200)).await),
        }
        let number = (1..=RESPONDERS).find(|n| IdentityKey::from_seed([*n; 32]).agent_id() == id).unwrap();
        responders.push(responder(number, address, &requesters, &scribe).await);
        times += 1;
    }
    common::stop(responders).await;
    times
}

fn address_of(node: &AgentNode) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], node.url().port()))
}

/// Asks once, reads the reply to its end or to where it is cancelled, and checks each piece of it.
async fn ask(node: &NodeHandle, peer: AgentId, words: &str, rng: &mut StdRng) -> Result<(), AssistError> {
    let pieces = rng.random_range(0..6_usize);
    let cancel_after = rng.random_bool(0.2).then(|| rng.random_range(0..=pieces));
    let request = OutgoingRequest::new("history.tell".parse().unwrap())
        .payload(words.to_owned())
        .metadata("pieces", pieces.to_string())
        .deadline(PATIENCE * 3);
    let mut replies = node.request(peer, request).await?;
    let mut came = 0;
    while cancel_after != Some(came) {
        match replies.next_chunk().await? {
            Some(chunk) => assert_eq!(chunk.payload, format!("{words}:{came}"), "lost, doubled or crossed"),
            None => {
                assert_eq!(came, pieces, "ended before its end");
                return Ok(());
            }
        }
        came += 1;
    }
    Ok(())
}

/// Asks until all requests together have been made.
async fn keep_asking(node: NodeHandle, asker: usize, made: Arc<AtomicUsize>) {
    let mut rng = StdRng::seed_from_u64(asker as u64);
    let mut number = 0;
    while made.load(Ordering::Relaxed) < REQUESTS {
        let peer = IdentityKey::from_seed([rng.random_range(1..=RESPONDERS); 32]).agent_id();
        number += 1;
        match ask(&node, peer, &format!("{asker}/{number}"), &mut rng).await {
            // It was not made.
            Err(AssistError::NotConnected(_) | AssistError::NotReady(_)) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            Ok(())
            | Err(
                AssistError::PeerLost
                | AssistError::ShutDown
                | AssistError::Cancelled
                | AssistError::Busy { .. },
            ) => {}
            Err(error) => panic!("a request ended as {error}"),
        }
        made.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_one_end_whatever_happens_to_its_peer() {
    let history = Arc::new(History::default());
    let scribe = Scribe(Arc::clone(&history));
    let any = "127.0.0.1:0".parse().unwrap();
    let mut requesters = Vec::new();
    for _ in 0..2 {
        requesters.push(common::dev(IdleAgent).trace(scribe.clone()).bind(any).await.unwrap());
    }
    let addresses: Vec<_> = requesters.iter().map(address_of).collect();
    let mut responders = Vec::new();
    for number in 1..=RESPONDERS {
        responders.push(responder(number, any, &addresses, &scribe).await);
    }

    let (made, over) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for asker in 0..ASKERS {
        let node = requesters[asker % requesters.len()].handle();
        tasks.spawn(keep_asking(node, asker, Arc::clone(&made)));
    }
    let asked = async {
        while let Some(asked) = tasks.join_next().await {
            asked.unwrap();
        }
        over.store(true, Ordering::Relaxed);
    };
    let (troubles, ()) = tokio::join!(trouble(responders, addresses, scribe, &over), asked);
    common::stop(requesters).await;

    let history = history.0.lock().unwrap();
    let served = history.values().filter(|[_, _, served]| *served > 0).count();
    for (id, [sent, ended, served]) in &*history {
        assert!(
            *sent == 1 && *ended == 1 && *served <= 1,
            "{id}: {sent} sent, {ended} ended, {served} served"
        );
    }
    assert!(troubles > 0 && served > REQUESTS / 2, "{troubles} troubles, {served} served");
    println!("{} requests, {served} of them served, {troubles} responders restarted", history.len());
}
