//! What a request may cost, over one hop and over several.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::serving::{Events, SERVE, ask, serving};
use common::virtual_time::{CROSSINGS, on_both, three, took, two};
use common::{node, stop};
use futures_util::{FutureExt, StreamExt, stream};
use swarm_core::{
    Agent, AgentError, AgentId, AssistError, Chunk, Context, Ending, IdleAgent, Lane, OutgoingRequest,
    Replies, Reply, TraceContext, TraceEvent,
};
use swarm_sim::SwarmBuilder;
use tokio::sync::mpsc;

const IDLE: Duration = Duration::from_secs(1);

/// An agent that works without a word, or after one.
fn silent(words: usize) -> impl Agent {
    serving(move |_, _, replies| {
        async move {
            for _ in 0..words {
                replies.send("begun", "").await?;
            }
            std::future::pending().await
        }
        .boxed()
    })
}

#[test]
fn whoever_works_but_says_nothing_is_idle_and_both_sides_say_so() {
    on_both(|builder| {
        for words in [0, 1] {
            let (mut swarm, a, b) = two(builder.clone(), || IdleAgent, move || silent(words));
            let (node, peer, begun) = (swarm.node(a), swarm.node(b).id(), swarm.now());

            let end = swarm.block_on(async {
                let mut replies = node.request(peer, ask().idle_limit(IDLE / 5)).await.unwrap();
                for _ in 0..words {
                    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
                }
                replies.next_chunk().await
            });

            assert_eq!(end, Err(AssistError::Idle));
            took(swarm.now() - begun, IDLE / 5);
            swarm.run_for(CROSSINGS);
            let idle = BTreeMap::from([(Ending::Idle, 1)]);
            assert_eq!(swarm.node(a).counters().requests_ended, idle);
            assert_eq!(swarm.node(b).counters().requests_served, idle);
        }
    });
}

/// How long `work` takes, which is longer than several idle limits.
const WORK: Duration = Duration::from_millis(2500);

/// Says every now and then that work goes on.
async fn work(replies: &mut Replies) -> Result<(), AgentError> {
    for percent in 0..25 {
        replies.progress("working", Some(4 * percent))?;
        tokio::time::sleep(WORK / 25).await;
    }
    Ok(replies.send("done", "").await?)
}

fn worker() -> impl Agent {
    serving(|_, _, replies| work(replies).boxed())
}

#[test]
fn notes_of_progress_keep_a_request_alive() {
    on_both(|builder| {
        let (mut swarm, a, b) = two(builder, || IdleAgent, worker);
        let begun = swarm.now();

        let reply = swarm.request(a, b, ask().idle_limit(IDLE)).unwrap();

        assert_eq!(reply.iter().map(|chunk| chunk.label.as_str()).collect::<Vec<_>>(), ["done"]);
        took(swarm.now() - begun, WORK);
    });
}

#[test]
fn progress_further_in_keeps_whoever_waits_for_it_alive() {
    // It says nothing itself while it waits.
    let between = |last| {
        serving(move |cx, _, replies| {
            async move {
                let mut onward = cx.request(last, ask()).await?;
                while let Some(chunk) = onward.next_chunk().await? {
                    replies.send_chunk(chunk).await?;
                }
                Ok(())
            }
            .boxed()
        })
    };
    on_both(|builder| {
        let (mut swarm, [first, between, _]) = three(builder, between, worker);
        let begun = swarm.now();

        let reply = swarm.request(first, between, ask().idle_limit(IDLE)).unwrap();

        assert_eq!(reply.iter().map(|chunk| chunk.label.as_str()).collect::<Vec<_>>(), ["done"]);
        took(swarm.now() - begun, WORK);
    });
}

/// Asks another one, and has the end of that for its own.
async fn ask_on(cx: &Context, to: AgentId, request: OutgoingRequest) -> Result<(), AgentError> {
    cx.request(to, request).await?.next_chunk().await?;
    Ok(())
}

#[test]
fn a_body_that_goes_further_in_keeps_whoever_waits_alive() {
    let last = || {
        serving(|_, mut request, _| {
            async move {
                while request.next_chunk().await?.is_some() {}
                Ok(())
            }
            .boxed()
        })
    };
    let between = |last| {
        serving(move |cx, _, _| {
            let pieces = stream::unfold(0, |number| async move {
                tokio::time::sleep(WORK / 25).await;
                (number < 25).then(|| (Chunk::new("", "piece"), number + 1))
            });
            ask_on(cx, last, ask().body_stream(pieces)).boxed()
        })
    };
    on_both(|builder| {
        let (mut swarm, [first, between, _]) = three(builder, between, last);
        let begun = swarm.now();

        let reply = swarm.request(first, between, ask().idle_limit(IDLE)).unwrap();

        assert!(reply.is_empty(), "{reply:?}");
        // There is a pause before its end, too.
        took(swarm.now() - begun, WORK + WORK / 25);
    });
}

#[test]
fn silence_further_in_comes_out_as_idle() {
    on_both(|builder| {
        let between = |last| serving(move |cx, _, _| ask_on(cx, last, ask()).boxed());
        let (mut swarm, [first, between, last]) = three(builder, between, || silent(0));
        let begun = swarm.now();

        let end = swarm.request(first, between, ask().idle_limit(IDLE / 2)).unwrap_err();

        // As itself, or in the words of the agent between, which heard it first.
        let in_words = matches!(&end, AssistError::Failed { error } if error.contains("idle"));
        assert!(end == AssistError::Idle || in_words, "{end:?}");
        let took = swarm.now() - begun;
        assert!((IDLE / 4..IDLE / 2 + CROSSINGS).contains(&took), "{took:?}");
        swarm.run_for(CROSSINGS);
        assert!(
            swarm.node(last).counters().requests_served.contains_key(&Ending::Idle),
            "the last one is stopped"
        );
    });
}

#[test]
fn a_reply_that_waits_for_a_slow_requester_is_not_idle() {
    const CHUNKS: usize = 32;
    let generous = || {
        serving(|_, _, replies| {
            async move {
                for _ in 0..CHUNKS {
                    replies.send("", vec![7; 65_000]).await?;
                }
                Ok(())
            }
            .boxed()
        })
    };
    on_both(|builder| {
        let (mut swarm, a, b) = two(builder, || IdleAgent, generous);
        let (node, peer) = (swarm.node(a), swarm.node(b).id());
        let mut replies =
            swarm.block_on(async { node.request(peer, ask().idle_limit(IDLE / 2)).await.unwrap() });

        // Not for longer than it has in all.
        swarm.run_for(20 * IDLE);

        swarm.block_on(async {
            for _ in 0..CHUNKS {
                assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload.len(), 65_000);
            }
            assert_eq!(replies.next_chunk().await, Ok(None));
        });
    });
}

/// Asks whoever asks.
fn circle() -> impl Agent {
    serving(|cx, request, _| ask_on(cx, request.requester(), ask()).boxed())
}

#[test]
fn a_circle_ends_at_the_hop_limit_and_the_first_one_learns_it() {
    on_both(|builder| {
        for hops in [0, 3] {
            let (mut swarm, a, b) = two(builder.clone(), circle, circle);

            let end = swarm.request(a, b, ask().hop_limit(hops));

            assert_eq!(end, Err(AssistError::HopLimit));
            swarm.run_for(CROSSINGS);
            let served =
                |member| swarm.node(member).counters().requests_served.get(&Ending::HopLimit).copied();
            let all = served(a).unwrap_or_default() + served(b).unwrap_or_default();
            assert_eq!(all, 1 + u64::from(hops));
        }
    });
}

/// What the last of three is asked.
#[derive(Debug)]
struct Asked {
    trace: TraceContext,
    lane: Lane,
    key: Option<String>,
    metadata: BTreeMap<String, String>,
    hop_limit: u8,
    left: Duration,
}

/// Asks the middle one, which makes these requests of the last one; gives what that was asked, and the own span.
fn through_the_middle(
    builder: SwarmBuilder,
    request: OutgoingRequest,
    onward: fn() -> OutgoingRequest,
) -> (Asked, TraceContext) {
    let (told, mut asked) = mpsc::unbounded_channel();
    let last = move || {
        let told = told.clone();
        serving(move |cx, request, _| {
            let asked = Asked {
                trace: request.trace().clone(),
                lane: request.lane(),
                key: request.idempotency_key().map(str::to_owned),
                metadata: request.metadata().clone(),
                hop_limit: request.hop_limit(),
                left: cx.time_left().unwrap(),
            };
            told.send(asked).unwrap();
            async { Ok(()) }.boxed()
        })
    };
    let middle = move |last| serving(move |cx, _, _| ask_on(cx, last, onward()).boxed());
    let (mut swarm, [first, middle, _]) = three(builder, middle, last);
    let (node, middle) = (swarm.node(first), swarm.node(middle).id());
    swarm.block_on(async {
        let mut replies = node.request(middle, request).await.unwrap();
        assert_eq!(replies.next_chunk().await, Ok(None));
        (asked.recv().await.unwrap(), replies.trace().clone())
    })
}

fn outer() -> OutgoingRequest {
    ask()
        .deadline(OUTER)
        .hop_limit(20)
        .lane(Lane::Bulk)
        .idempotency_key("once")
        .metadata("language", "en")
        .metadata("user", "x")
}

/// The deadline of the outer request.
const OUTER: Duration = Duration::from_secs(600);

/// All the time that the outer request has, but for the way.
#[track_caller]
fn is_all_of(left: Duration, deadline: Duration) {
    assert!((deadline - CROSSINGS..=deadline).contains(&left), "{left:?} of {deadline:?}");
}

#[test]
fn what_is_asked_for_a_request_inherits_its_budget() {
    on_both(|builder| {
        let (asked, own) = through_the_middle(builder, outer(), ask);

        assert_eq!(asked.trace.trace_id(), own.trace_id());
        assert_ne!(asked.trace.parent_id(), own.parent_id());
        assert_eq!((asked.lane, asked.key.as_deref(), asked.hop_limit), (Lane::Bulk, Some("once"), 19));
        assert_eq!(asked.metadata.len(), 2);
        is_all_of(asked.left, OUTER);
    });
}

#[test]
fn what_it_says_itself_goes_before_what_it_inherits() {
    on_both(|builder| {
        let trace = TraceContext::new([7; 16], [7; 8], true).unwrap();
        let (asked, _) = through_the_middle(builder, outer().trace(trace.clone()), || {
            let own = ask().deadline(Duration::from_secs(5)).hop_limit(2).lane(Lane::Control);
            own.idempotency_key("again").metadata("user", "y")
        });

        assert_eq!((asked.trace.trace_id(), asked.trace.is_sampled()), (trace.trace_id(), true));
        assert_eq!((asked.lane, asked.key.as_deref(), asked.hop_limit), (Lane::Control, Some("again"), 2));
        assert_eq!((asked.metadata["user"].as_str(), asked.metadata["language"].as_str()), ("y", "en"));
        is_all_of(asked.left, Duration::from_secs(5));
    });
}

#[test]
fn bounds_alone_are_inherited_if_it_says_so() {
    on_both(|builder| {
        let (asked, own) = through_the_middle(builder, outer(), || ask().inherit_bounds_only());

        assert_ne!(asked.trace.trace_id(), own.trace_id());
        assert_eq!((asked.lane, asked.key, asked.hop_limit), (Lane::Interactive, None, 19));
        assert!(asked.metadata.is_empty(), "{:?}", asked.metadata);
        is_all_of(asked.left, OUTER);
    });
}

#[test]
fn the_stream_of_replies_gives_notes_too() {
    let noting = || {
        serving(|_, _, replies| {
            async move {
                replies.progress("loading", Some(40))?;
                Ok(replies.send("done", "").await?)
            }
            .boxed()
        })
    };
    on_both(|builder| {
        let (mut swarm, a, b) = two(builder, || IdleAgent, noting);
        let (node, peer) = (swarm.node(a), swarm.node(b).id());

        let all: Vec<_> = swarm.block_on(async {
            let replies = node.request_assistance(peer, SERVE, "").await.unwrap();
            replies.map(Result::unwrap).collect().await
        });

        assert!(
            matches!(&all[..], [Reply::Progress(note), Reply::Chunk(done)]
                if note.text == "loading" && note.percent == Some(40) && done.label == "done"),
            "{all:?}"
        );
    });
}

#[tokio::test]
async fn whoever_traces_a_node_sees_the_span_that_the_request_has() {
    let events = Events::default();
    let builder = common::dev(IdleAgent).trace(events.clone());
    let (a, b) = (builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), node(worker()).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let replies = a.request(peer, ask()).await.unwrap();

    let sent = events.all().into_iter().find_map(|event| match event {
        TraceEvent::RequestSent { trace, .. } => Some(trace),
        _ => None,
    });
    assert_eq!(Some(replies.trace()), sent.as_ref());
    drop(replies);
    stop([a, b]).await;
}
