//! A reply whose connection is lost under two nodes that go on, as its requester sees it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::serving::{Gate, Said, ask, counting, serving};
use common::virtual_time::{on_both, two};
use futures_util::FutureExt;
use swarm_core::{Agent, AssistError, Chunk, Ending, IdleAgent, NodeConfig, OutgoingRequest, ReplyStream};
use swarm_network::FaultId;
use swarm_sim::{Member, Swarm};
use tokio::sync::mpsc;

const SECOND: Duration = Duration::from_secs(1);

/// When a lost connection is noticed.
const SILENCE: Duration = Duration::from_secs(2);

/// A lost connection is noticed soon, and made again soon.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = SILENCE;
    config.mesh.backoff_max = Duration::from_millis(300);
    config.handshake_deadline = SECOND;
    config.request_deadline = Duration::from_secs(120);
    config
}

fn next(swarm: &mut Swarm, replies: &mut ReplyStream) -> usize {
    swarm.block_on(replies.next_chunk()).unwrap().unwrap().label.parse().unwrap()
}

fn request(swarm: &mut Swarm, from: Member, to: Member, request: OutgoingRequest) -> ReplyStream {
    let (node, to) = (swarm.node(from), swarm.node(to).id());
    swarm.block_on(async { node.request(to, request).await.unwrap() })
}

/// Cuts the link until both have noticed, neither before they could nor long after.
fn lost(swarm: &mut Swarm, a: Member, b: Member) -> FaultId {
    let cut = swarm.cut(&[a], &[b]);
    noticed(swarm, a, b);
    cut
}

fn noticed(swarm: &mut Swarm, a: Member, b: Member) {
    let alone = move |swarm: &Swarm| [a, b].iter().all(|one| swarm.node(*one).peers().is_empty());
    let took = swarm.run_until(2 * SILENCE, alone).unwrap();
    assert!(took >= SILENCE / 2, "{took:?}");
}

/// For an agent that has one life.
fn once<A: Agent>(agent: A) -> impl Fn() -> A + Send + 'static {
    let agent = Mutex::new(Some(agent));
    move || agent.lock().unwrap().take().unwrap()
}

#[test]
fn it_goes_on_after_every_loss_with_nothing_lost_and_nothing_doubled() {
    const CHUNKS: usize = 60;
    on_both(|builder| {
        let gate = Gate::closed();
        let agent = once(counting(&gate, CHUNKS, 1000).0);
        let (mut swarm, a, b) = two(builder.config(config()), || IdleAgent, agent);
        let mut replies = request(&mut swarm, a, b, ask().resumable());

        let mut numbers = Vec::new();
        // What has come before the first loss is not enough for the second round.
        for enough in [10, 20] {
            gate.open(20);
            for _ in 0..enough {
                numbers.push(next(&mut swarm, &mut replies));
            }
            let cut = lost(&mut swarm, a, b);
            swarm.heal(cut);
        }
        gate.open(20);
        let healed = swarm.now();
        while let Some(chunk) = swarm.block_on(replies.next_chunk()).unwrap() {
            numbers.push(chunk.label.parse().unwrap());
        }

        assert_eq!(numbers, (0..CHUNKS).collect::<Vec<_>>());
        // A dial may have been under way that the cut has swallowed.
        assert!(swarm.now() - healed < 2 * SECOND, "{:?}", swarm.now() - healed);
        let (asked, served) = (swarm.node(a).counters(), swarm.node(b).counters());
        assert_eq!(asked.requests_ended.get(&Ending::Completed), Some(&1));
        assert_eq!((asked.requests_sent, served.requests_served[&Ending::Completed]), (1, 1));
    });
}

#[test]
fn all_that_one_stream_may_have_on_its_way_is_kept() {
    on_both(|builder| {
        for (chunks, size) in [(12, 65_536), (700, 1000), (5000, 100)] {
            let gate = Gate::closed();
            let agent = once(counting(&gate, chunks, size).0);
            let (mut swarm, a, b) = two(builder.clone().config(config()), || IdleAgent, agent);
            let mut replies = request(&mut swarm, a, b, ask().resumable());
            gate.open(1);
            assert_eq!(next(&mut swarm, &mut replies), 0);

            // Sent at full speed into a network that is cut.
            let cut = swarm.cut(&[a], &[b]);
            gate.open(chunks - 1);
            noticed(&mut swarm, a, b);
            swarm.heal(cut);

            for number in 1..chunks {
                assert_eq!(next(&mut swarm, &mut replies), number, "of {chunks}");
            }
            assert_eq!(swarm.block_on(replies.next_chunk()), Ok(None));
        }
    });
}

#[test]
fn more_lost_than_is_kept_is_an_exact_gap() {
    on_both(|builder| {
        let gate = Gate::closed();
        let (agent, mut said, _) = counting(&gate, 12, 8_000);
        let mut small = config();
        small.resume_buffer_bytes = 25_000;
        let (mut swarm, a, b) = two(builder.config(small), || IdleAgent, once(agent));
        let mut replies = request(&mut swarm, a, b, ask().resumable());
        gate.open(1);
        assert_eq!(next(&mut swarm, &mut replies), 0);

        // It is all sent into the void, and the ring holds the last three.
        let cut = swarm.cut(&[a], &[b]);
        gate.open(11);
        swarm.block_on(async { while said.recv().await.unwrap() != Said::Sent(11) {} });
        noticed(&mut swarm, a, b);
        swarm.heal(cut);

        assert_eq!(swarm.block_on(replies.next_chunk()), Err(AssistError::Gap { from: 1, to: 9 }));
        assert_eq!(swarm.block_on(replies.next_chunk()), Ok(None));
        assert_eq!(swarm.node(a).counters().requests_ended.get(&Ending::Gap), Some(&1));
    });
}

#[test]
fn a_responder_that_was_restarted_has_nothing_to_go_on_with() {
    on_both(|builder| {
        let gate = Gate::closed();
        gate.open(1);
        let agent = move || counting(&gate, 2, 10).0;
        let (mut swarm, a, b) = two(builder.config(config()), || IdleAgent, agent);
        let mut replies = request(&mut swarm, a, b, ask().resumable());
        assert_eq!(next(&mut swarm, &mut replies), 0);

        // It dies without a word.
        swarm.crash(b);
        swarm.run_until(2 * SILENCE, |swarm| swarm.node(a).peers().is_empty()).unwrap();
        swarm.restart(b);

        assert_eq!(swarm.block_on(replies.next_chunk()), Err(AssistError::PeerLost));
        assert_eq!(swarm.node(a).peers().len(), 1);
    });
}

#[test]
fn a_requester_that_stops_does_not_wait_for_the_responder_to_come_back() {
    on_both(|builder| {
        let gate = Gate::closed();
        gate.open(1);
        let agent = once(counting(&gate, 2, 10).0);
        let mut patient = config();
        patient.resume_window = Duration::from_secs(3600);
        let (mut swarm, a, b) = two(builder.config(patient), || IdleAgent, agent);
        let mut replies = request(&mut swarm, a, b, ask().resumable());
        assert_eq!(next(&mut swarm, &mut replies), 0);
        lost(&mut swarm, a, b);
        swarm.block_on(async { assert!(replies.next_chunk().now_or_never().is_none()) });
        let begun = swarm.now();

        swarm.stop(a);

        assert_eq!(swarm.block_on(replies.next_chunk()), Err(AssistError::ShutDown));
        assert!(swarm.now() - begun < SECOND, "{:?}", swarm.now() - begun);
    });
}

#[test]
fn half_a_body_cannot_be_resumed_and_nobody_waits_for_it() {
    let counts = || {
        serving(|_, mut request, replies| {
            async move {
                while let Some(chunk) = request.next_chunk().await? {
                    replies.send_chunk(chunk).await?;
                }
                Ok(())
            }
            .boxed()
        })
    };
    on_both(|builder| {
        let mut patient = config();
        patient.resume_window = Duration::from_secs(3600);
        let (mut swarm, a, b) = two(builder.config(patient), || IdleAgent, counts);
        let (body, growing) = mpsc::channel(1);
        let growing = futures_util::stream::unfold(growing, |mut growing: mpsc::Receiver<Chunk>| async {
            growing.recv().await.map(|chunk| (chunk, growing))
        });
        let mut replies = request(&mut swarm, a, b, ask().body_stream(growing).resumable());
        body.try_send(Chunk::new("0", "")).unwrap();
        assert_eq!(next(&mut swarm, &mut replies), 0);

        lost(&mut swarm, a, b);
        body.try_send(Chunk::new("1", "")).unwrap();
        let begun = swarm.now();

        assert_eq!(swarm.block_on(replies.next_chunk()), Err(AssistError::PeerLost));
        assert_eq!(swarm.now(), begun, "there is nothing to wait for");
    });
}
