//! Real nodes on the model network: what they see of good and bad links.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod lab;

use std::time::Duration;

use lab::{Lab, PATIENCE, Told, ms, witness};
use swarm_core::{AgentNode, ConnectError, DialError, IdleAgent, Lane, OutgoingRequest, PeerEvent};
use swarm_network::{Change, Conditions, Distribution, Fault, Loss, Power};
use tokio::time::Instant;

fn latency(ms: u64) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.latency = Distribution::Constant(Duration::from_millis(ms));
    conditions
}

fn lossy(loss: f64) -> Conditions {
    let mut conditions = latency(10);
    conditions.loss = Loss::Random(loss);
    conditions
}

async fn echo(asks: &AgentNode, whom: &AgentNode, text: String) -> String {
    let mut replies = asks.request_assistance(whom.id(), "test.echo", text).await.unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = replies.next_chunk().await.unwrap() {
        all.extend_from_slice(&chunk.payload);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test(start_paused = true)]
async fn observations_and_requests_take_as_long_as_the_link() {
    let lab = Lab::new(1, 2, latency(20));
    let (agent, mut seen) = witness();
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, agent).await);

    let began = Instant::now();
    let peer = a.connect(&b.url()).await.unwrap();
    // Three round trips to a session, and one for the hellos.
    assert_eq!((peer, began.elapsed()), (b.id(), ms(160)));
    b.ready(1, PATIENCE).await.unwrap();

    let began = Instant::now();
    a.broadcast_observation("rover.position", "1,2").unwrap();
    let observation = seen.observation().await;
    assert_eq!((observation.origin, &*observation.payload), (a.id(), &b"1,2"[..]));
    assert_eq!(began.elapsed(), ms(20));

    let began = Instant::now();
    assert_eq!(echo(&a, &b, "hello".to_owned()).await, "hello");
    assert!((ms(40)..ms(50)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cut_off_goes_after_the_idle_timeout_and_comes_back() {
    let lab = Lab::new(1, 2, latency(20));
    let (agent, mut seen) = witness();
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, agent).await);
    a.connect(&b.url()).await.unwrap();
    assert_eq!(seen.came().await, a.id());
    // Nobody says anything but that they are there.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((a.peers().len(), b.peers().len()), (1, 1));

    let cut = lab.begin(0, 1, true, Fault::Cut);
    let began = Instant::now();
    assert_eq!(seen.went().await, a.id());
    let silent = began.elapsed();
    assert!((ms(2200)..ms(3800)).contains(&silent), "{silent:?}");

    tokio::time::sleep(Duration::from_secs(10)).await;
    lab.end(cut);
    assert_eq!(seen.came().await, a.id());
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_cut_one_way_is_a_link_no_more() {
    let lab = Lab::new(1, 2, latency(20));
    let ((first, mut seen_a), (second, mut seen_b)) = (witness(), witness());
    let (a, b) = (lab.node(0, first).await, lab.node(1, second).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    lab.begin(0, 1, false, Fault::Cut);

    assert_eq!((seen_a.went().await, seen_b.went().await), (b.id(), a.id()));
}

#[tokio::test(start_paused = true)]
async fn with_a_tenth_of_all_packets_lost_every_request_still_completes() {
    let lab = Lab::new(3, 2, lossy(0.1));
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, witness().0).await);
    a.connect(&b.url()).await.unwrap();

    for number in 0..200 {
        let text = format!("{number} {}", "x".repeat(number * 40));
        assert_eq!(echo(&a, &b, text.clone()).await, text);
    }

    let lost = lab.traffic().lost.values().sum::<u64>();
    assert!(lost > 50, "{lost} lost");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_crashed_and_came_back_is_noticed_at_once() {
    let lab = Lab::new(1, 2, latency(20));
    let (agent, mut seen) = witness();
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, agent).await);
    b.connect(&a.url()).await.unwrap();
    seen.came().await;

    lab.power(0, Power::Down);
    drop(a);
    tokio::time::sleep(ms(50)).await;
    lab.power(0, Power::Up);
    let _a = lab.node(0, IdleAgent).await;

    let began = Instant::now();
    seen.went().await;
    assert!(began.elapsed() < ms(1000), "{:?}", began.elapsed());
    seen.came().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_host_that_is_paused_comes_when_it_goes_on() {
    let lab = Lab::new(1, 2, latency(20));
    let (agent, mut seen) = witness();
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, agent).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    lab.power(1, Power::Paused);
    a.broadcast_observation("rover.position", "1,2").unwrap();
    let nothing = |told: Told| matches!(told, Told::Observation(_)).then_some(());
    assert!(tokio::time::timeout(ms(1000), seen.next(nothing)).await.is_err());
    lab.power(1, Power::Up);

    let began = Instant::now();
    assert_eq!(&*seen.observation().await.payload, b"1,2");
    assert_eq!(began.elapsed(), ms(20));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_at_a_host_that_is_down() {
    let lab = Lab::new(1, 2, latency(20));
    let a = lab.node(0, IdleAgent).await;
    let b = lab.node(1, IdleAgent).await;
    lab.power(1, Power::Down);

    let began = Instant::now();
    let error = a.connect(&b.url()).await.unwrap_err();

    let silent = matches!(
        error,
        ConnectError::DeadlineExceeded { .. } | ConnectError::Dial { source: DialError::NoAnswer, .. }
    );
    assert!(silent, "{error:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn nodes_of_different_swarms_do_not_meet() {
    let lab = Lab::new(1, 2, latency(20));
    let other = lab.builder(0, IdleAgent).swarm("other".parse().unwrap());
    let (a, b) = (lab.start(0, other).await, lab.node(1, IdleAgent).await);

    let refused = a.connect(&b.url()).await.unwrap_err();

    assert!(matches!(refused, ConnectError::Dial { source: DialError::Refused { .. }, .. }), "{refused:?}");
    assert_eq!((a.peers().len(), b.peers().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_heard() {
    let lab = Lab::new(1, 2, latency(20));
    let (agent, mut seen) = witness();
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, agent).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    let id = a.id();
    a.shutdown(Duration::from_secs(1)).await.unwrap();

    let reason = seen.next(|told| match told {
        Told::Peer(PeerEvent::Went { peer, reason }) => Some((peer, reason)),
        _ => None,
    });
    assert_eq!(reason.await, (id, swarm_core::GoneReason::Goodbye));
}

/// A short life of a small mesh, with something going wrong in it.
async fn life(seed: u64) -> (u64, u64) {
    let mut conditions = lossy(0.05);
    conditions.jitter = ms(15);
    let lab = Lab::new(seed, 8, conditions);
    let mut nodes = Vec::new();
    for host in 0..8 {
        nodes.push(lab.node(host, witness().0).await);
    }
    for node in &nodes[1..] {
        node.connect(&nodes[0].url()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut slow = Change::default();
    slow.bandwidth = Some(100_000);
    lab.begin(0, 1, true, Fault::Shape(slow));
    let cut = lab.begin(2, 3, true, Fault::Cut);
    for round in 0..50 {
        for node in &nodes {
            node.broadcast_observation("rover.position", format!("{round}")).unwrap();
        }
        tokio::time::sleep(ms(100)).await;
    }
    lab.end(cut);
    echo(&nodes[1], &nodes[0], "x".repeat(20_000)).await;
    let traffic = lab.traffic();
    (traffic.digest, traffic.packets)
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    let first = life(7).await;

    assert!(first.1 > 1000, "{} packets", first.1);
    assert_eq!(life(7).await, first);
    assert_ne!(life(8).await, first);
}

/// Counts how often the agent looks whether more of the body has come.
struct Patient;

impl swarm_core::Agent for Patient {
    fn capabilities(&self) -> Vec<swarm_core::Advertisement> {
        vec!["test.count".parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &swarm_core::Context,
        mut request: swarm_core::AssistanceRequest,
        replies: &mut swarm_core::Replies,
    ) -> Result<(), swarm_core::AgentError> {
        let mut looks = 0;
        while let Some(chunk) = {
            let mut next = std::pin::pin!(request.next_chunk());
            std::future::poll_fn(|cx| {
                looks += 1;
                assert!(looks < 1000, "it looks over and over while nothing comes");
                next.as_mut().poll(cx)
            })
            .await?
        } {
            drop(chunk);
        }
        replies.send("count", looks.to_string()).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_waits_for_a_body_costs_nothing_meanwhile() {
    let lab = Lab::new(1, 2, latency(20));
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, Patient).await);
    a.connect(&b.url()).await.unwrap();

    // More than one window, so that the rest comes a round trip later.
    let mut replies = a.request_assistance(b.id(), "test.count", vec![0; 300_000]).await.unwrap();

    let looks: u32 =
        std::str::from_utf8(&replies.next_chunk().await.unwrap().unwrap().payload).unwrap().parse().unwrap();
    assert!(looks < 100, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn on_a_slow_link_what_is_urgent_goes_before_what_can_wait() {
    let mut conditions = latency(20);
    conditions.bandwidth = Some(1_000_000);
    let lab = Lab::new(1, 2, conditions);
    let (a, b) = (lab.node(0, IdleAgent).await, lab.node(1, witness().0).await);
    a.connect(&b.url()).await.unwrap();

    let began = Instant::now();
    let bulk = OutgoingRequest::new("test.echo".parse().unwrap()).payload(vec![0; 250_000]).lane(Lane::Bulk);
    let mut replies = a.request(b.id(), bulk).await.unwrap();
    tokio::time::sleep(ms(500)).await;
    let asked = Instant::now();
    assert_eq!(echo(&a, &b, "hello".to_owned()).await, "hello");
    assert!(asked.elapsed() < ms(150), "{:?}", asked.elapsed());

    let mut bytes = 0;
    while let Some(chunk) = replies.next_chunk().await.unwrap() {
        bytes += chunk.payload.len();
    }
    // A megabit a second carries them in two seconds, and no faster.
    assert_eq!(bytes, 250_000);
    assert!((ms(2000)..ms(4000)).contains(&began.elapsed()), "{:?}", began.elapsed());
}
