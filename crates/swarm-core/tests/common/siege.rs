//! An honest pair that talks while somebody attacks one of them, and must lose nothing by it.

#![expect(clippy::print_stdout, reason = "a measure for whoever wants to see it")]

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use swarm_core::{AgentNode, Direction, IdleAgent, NodeConfig};
use tokio::time::Instant;

use super::observing::{all, flow};
use super::{PATIENCE, Seen, Told, node_with, stop, until, witness};

/// Between two things that the friend says. Slow enough that neither of them is busy with it.
const PAUSE: Duration = Duration::from_millis(4);

pub(crate) struct Siege {
    pub(crate) victim: AgentNode,
    friend: AgentNode,
    seen: Seen,
    calm: Histogram<u64>,
}

impl Siege {
    pub(crate) async fn of(config: NodeConfig) -> Self {
        let (agent, seen) = witness();
        let victim = node_with(agent, config).await;
        let friend = node_with(IdleAgent, NodeConfig::default()).await;
        friend.connect(&victim.url()).await.unwrap();
        let mut siege = Self { victim, friend, seen, calm: Histogram::new(3).unwrap() };
        siege.calm = siege.talk_while(tokio::time::sleep(Duration::from_millis(500))).await.1;
        siege
    }

    /// Lets it happen while the two talk: all that one says arrives, and each question is answered.
    pub(crate) async fn under<T>(&mut self, what: &str, attack: impl Future<Output = T>) -> T {
        let (output, under) = self.talk_while(attack).await;
        let micros = |of: &Histogram<u64>| (of.value_at_quantile(0.5), of.value_at_quantile(0.99));
        let (calm, under_attack) = (micros(&self.calm), micros(&under));
        println!("{what}: p50 and p99 of {} requests {under_attack:?} us, calm {calm:?} us", under.len());
        output
    }

    async fn talk_while<T>(&mut self, attack: impl Future<Output = T>) -> (T, Histogram<u64>) {
        let (victim, friend) = (self.victim.id(), &self.friend);
        let over = AtomicBool::new(false);
        let talk = async {
            let (mut took, mut said) = (Histogram::new(3).unwrap(), 0);
            while !over.load(Ordering::Relaxed) || said < 10 {
                friend.broadcast_observation("still.here", "").unwrap();
                said += 1;
                let asked = Instant::now();
                let mut replies = friend.request_assistance(victim, "test.echo", "hello").await.unwrap();
                assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
                assert_eq!(replies.next_chunk().await, Ok(None));
                took.record(u64::try_from(asked.elapsed().as_micros()).unwrap()).unwrap();
                tokio::time::sleep(PAUSE).await;
            }
            took
        };
        let attack = async {
            let output = tokio::time::timeout(2 * PATIENCE, attack).await.expect("it comes to an end");
            over.store(true, Ordering::Relaxed);
            output
        };
        let (output, took) = tokio::join!(attack, talk);
        self.nothing_is_missing().await;
        (output, took)
    }

    async fn nothing_is_missing(&mut self) {
        let outgoing = flow(&self.friend, self.victim.id(), Direction::Outgoing);
        let arrived = || flow(&self.victim, self.friend.id(), Direction::Incoming);
        until("all has come", || all(&arrived()) == outgoing.passed).await;
        assert_eq!((outgoing.dropped, arrived().dropped), ([].into(), [].into()));
        assert!(self.friend.peers().iter().any(|peer| peer.id == self.victim.id()));
    }

    /// What the victim's agent was told, but for what the friend said.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        let mut told = self.seen.drain();
        told.retain(|told| !matches!(told, Told::Asked(what) if what == "test.echo"));
        told.retain(|told| !matches!(told, Told::Observed(seen) if seen.origin == self.friend.id()));
        told
    }

    pub(crate) async fn end(self) {
        stop([self.victim, self.friend]).await;
    }
}
