//! What a request may cost, over one hop and over several.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::serving::{Events, SERVE, ask, serving};
use common::{PATIENCE, node, stop, until};
use futures_util::{FutureExt, StreamExt, stream};
use swarm_core::{
    Agent, AgentError, AgentId, AgentNode, AssistError, Chunk, Context, Ending, IdleAgent, Lane,
    OutgoingRequest, Reply, TraceContext, TraceEvent,
};
use tokio::sync::mpsc;

/// Longer than any pause of a busy machine, so that what says something in time is not called idle.
const IDLE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn whoever_works_but_says_nothing_is_idle_and_both_sides_say_so() {
    for words in [0, 1] {
        let silent = serving(move |_, _, replies| {
            async move {
                for _ in 0..words {
                    replies.send("begun", "").await?;
                }
                std::future::pending().await
            }
            .boxed()
        });
        let (a, b) = (node(IdleAgent).await, node(silent).await);
        let peer = a.connect(&b.url()).await.unwrap();

        let mut replies = a.request(peer, ask().idle_limit(Duration::from_millis(200))).await.unwrap();

        for _ in 0..words {
            assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
        }
        assert_eq!(replies.next_chunk().await, Err(AssistError::Idle));
        until("the responder ends it", || !b.counters().requests_served.is_empty()).await;
        let idle = BTreeMap::from([(Ending::Idle, 1)]);
        assert_eq!((a.counters().requests_ended, b.counters().requests_served), (idle.clone(), idle));
        stop([a, b]).await;
    }
}

/// Says every now and then that work goes on, for longer than several idle limits.
async fn work(replies: &mut swarm_core::Replies) -> Result<(), AgentError> {
    for percent in 0..25 {
        replies.progress("working", Some(4 * percent))?;
        tokio::time::sleep(IDLE / 10).await;
    }
    Ok(replies.send("done", "").await?)
}

#[tokio::test]
async fn notes_of_progress_keep_a_request_alive() {
    let worker = serving(|_, _, replies| work(replies).boxed());
    let (a, b) = (node(IdleAgent).await, node(worker).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut replies = a.request(peer, ask().idle_limit(IDLE)).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "done");
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

#[tokio::test]
async fn progress_further_in_keeps_whoever_waits_for_it_alive() {
    let last = node(serving(|_, _, replies| work(replies).boxed())).await;
    let last_id = last.id();
    // It says nothing itself while it waits.
    let between = node(serving(move |cx, _, replies| {
        async move {
            let mut onward = cx.request(last_id, ask()).await?;
            while let Some(chunk) = onward.next_chunk().await? {
                replies.send_chunk(chunk).await?;
            }
            Ok(())
        }
        .boxed()
    }))
    .await;
    let first = node(IdleAgent).await;
    between.connect(&last.url()).await.unwrap();
    first.connect(&between.url()).await.unwrap();

    let mut replies = first.request(between.id(), ask().idle_limit(IDLE)).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "done");
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([first, between, last]).await;
}

/// Asks another one, and has the end of that for its own.
async fn ask_on(cx: &Context, to: AgentId, request: OutgoingRequest) -> Result<(), AgentError> {
    cx.request(to, request).await?.next_chunk().await?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_goes_further_in_keeps_whoever_waits_alive() {
    let last = node(serving(|_, mut request, _| {
        async move {
            while request.next_chunk().await?.is_some() {}
            Ok(())
        }
        .boxed()
    }))
    .await;
    let last_id = last.id();
    let between = node(serving(move |cx, _, _| {
        let pieces = stream::unfold(0, |number| async move {
            tokio::time::sleep(IDLE / 10).await;
            (number < 25).then(|| (Chunk::new("", "piece"), number + 1))
        });
        ask_on(cx, last_id, ask().body_stream(pieces)).boxed()
    }))
    .await;
    let first = node(IdleAgent).await;
    between.connect(&last.url()).await.unwrap();
    first.connect(&between.url()).await.unwrap();

    let mut replies = first.request(between.id(), ask().idle_limit(IDLE)).await.unwrap();

    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([first, between, last]).await;
}

#[tokio::test]
async fn silence_further_in_comes_out_as_idle() {
    let last = node(serving(|_, _, _| std::future::pending().boxed())).await;
    let last_id = last.id();
    let between = node(serving(move |cx, _, _| ask_on(cx, last_id, ask()).boxed())).await;
    let first = node(IdleAgent).await;
    between.connect(&last.url()).await.unwrap();
    first.connect(&between.url()).await.unwrap();

    let mut replies = first.request(between.id(), ask().idle_limit(IDLE / 2)).await.unwrap();
    let end = replies.next_chunk().await.unwrap_err();

    // As itself, or in the words of the agent between, which heard it first.
    let in_words = matches!(&end, AssistError::Failed { error } if error.contains("idle"));
    assert!(end == AssistError::Idle || in_words, "{end:?}");
    until("the last one is stopped", || last.counters().requests_served.contains_key(&Ending::Idle)).await;
    stop([first, between, last]).await;
}

#[tokio::test]
async fn a_reply_that_waits_for_a_slow_requester_is_not_idle() {
    const CHUNKS: usize = 32;
    let generous = serving(|_, _, replies| {
        async move {
            for _ in 0..CHUNKS {
                replies.send("", vec![7; 65_000]).await?;
            }
            Ok(())
        }
        .boxed()
    });
    let (a, b) = (node(IdleAgent).await, node(generous).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut replies = a.request(peer, ask().idle_limit(IDLE / 2)).await.unwrap();
    tokio::time::sleep(2 * IDLE).await;

    for _ in 0..CHUNKS {
        assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload.len(), 65_000);
    }
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

/// Asks whoever asks.
fn circle() -> impl Agent {
    serving(|cx, request, _| ask_on(cx, request.requester(), ask()).boxed())
}

#[tokio::test]
async fn a_circle_ends_at_the_hop_limit_and_the_first_one_learns_it() {
    for hops in [0, 3] {
        let (a, b) = (node(circle()).await, node(circle()).await);
        let peer = a.connect(&b.url()).await.unwrap();
        b.ready(1, PATIENCE).await.unwrap();

        let mut replies = a.request(peer, ask().hop_limit(hops)).await.unwrap();

        assert_eq!(replies.next_chunk().await, Err(AssistError::HopLimit));
        let served = |node: &AgentNode| node.counters().requests_served.get(&Ending::HopLimit).copied();
        let all = || served(&a).unwrap_or_default() + served(&b).unwrap_or_default();
        until("each of them is over", || all() > u64::from(hops)).await;
        assert_eq!(all(), 1 + u64::from(hops));
        stop([a, b]).await;
    }
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

/// Asks the middle one, which makes these requests of the last one; gives what that was asked, and the spans.
async fn through_the_middle(
    request: OutgoingRequest,
    onward: fn() -> OutgoingRequest,
) -> (Asked, TraceContext, TraceContext) {
    let (told, mut asked) = mpsc::unbounded_channel();
    let last = node(serving(move |cx, request, _| {
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
    }))
    .await;
    let last_id: AgentId = last.id();
    let middle = node(serving(move |cx, _, _| ask_on(cx, last_id, onward()).boxed())).await;
    let events = Events::default();
    let builder = common::dev(IdleAgent).trace(events.clone());
    let first = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    middle.connect(&last.url()).await.unwrap();
    first.connect(&middle.url()).await.unwrap();

    let mut replies = first.request(middle.id(), request).await.unwrap();
    assert_eq!(replies.next_chunk().await, Ok(None));

    let sent = events.all().into_iter().find_map(|event| match event {
        TraceEvent::RequestSent { trace, .. } => Some(trace),
        _ => None,
    });
    let (asked, own) = (asked.recv().await.unwrap(), replies.trace().clone());
    stop([first, middle, last]).await;
    (asked, own, sent.unwrap())
}

fn outer() -> OutgoingRequest {
    ask()
        .deadline(Duration::from_secs(600))
        .hop_limit(20)
        .lane(Lane::Bulk)
        .idempotency_key("once")
        .metadata("language", "en")
        .metadata("user", "x")
}

#[tokio::test]
async fn what_is_asked_for_a_request_inherits_its_budget() {
    let (asked, own, sent) = through_the_middle(outer(), ask).await;

    assert_eq!(own, sent);
    assert_eq!(asked.trace.trace_id(), own.trace_id());
    assert_ne!(asked.trace.parent_id(), own.parent_id());
    assert_eq!((asked.lane, asked.key.as_deref(), asked.hop_limit), (Lane::Bulk, Some("once"), 19));
    assert_eq!(asked.metadata.len(), 2);
    let (least, most) = (Duration::from_secs(60), Duration::from_secs(600));
    assert!(asked.left > least && asked.left < most, "{:?}", asked.left);
}

#[tokio::test]
async fn what_it_says_itself_goes_before_what_it_inherits() {
    let trace = TraceContext::new([7; 16], [7; 8], true).unwrap();
    let (asked, ..) = through_the_middle(outer().trace(trace.clone()), || {
        let own = ask().deadline(Duration::from_secs(5)).hop_limit(2).lane(Lane::Control);
        own.idempotency_key("again").metadata("user", "y")
    })
    .await;

    assert_eq!((asked.trace.trace_id(), asked.trace.is_sampled()), (trace.trace_id(), true));
    assert_eq!((asked.lane, asked.key.as_deref(), asked.hop_limit), (Lane::Control, Some("again"), 2));
    assert_eq!((asked.metadata["user"].as_str(), asked.metadata["language"].as_str()), ("y", "en"));
    assert!(asked.left <= Duration::from_secs(5), "{:?}", asked.left);
}

#[tokio::test]
async fn bounds_alone_are_inherited_if_it_says_so() {
    let (asked, own, _) = through_the_middle(outer(), || ask().inherit_bounds_only()).await;

    assert_ne!(asked.trace.trace_id(), own.trace_id());
    assert_eq!((asked.lane, asked.key, asked.hop_limit), (Lane::Interactive, None, 19));
    assert!(asked.metadata.is_empty() && asked.left < Duration::from_secs(600));
}

#[tokio::test]
async fn the_stream_of_replies_gives_notes_too() {
    let noting = serving(|_, _, replies| {
        async move {
            replies.progress("loading", Some(40))?;
            Ok(replies.send("done", "").await?)
        }
        .boxed()
    });
    let (a, b) = (node(IdleAgent).await, node(noting).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let replies = a.request_assistance(peer, SERVE, "").await.unwrap();
    let all: Vec<_> = replies.map(Result::unwrap).collect().await;

    assert!(
        matches!(&all[..], [Reply::Progress(note), Reply::Chunk(done)]
            if note.text == "loading" && note.percent == Some(40) && done.label == "done"),
        "{all:?}"
    );
    stop([a, b]).await;
}
