//! What a reply is made of, and that every request ends exactly once, however it does.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::serving::{Events, Gone, ask, serving};
use common::{PATIENCE, node, stop, until};
use futures_util::{FutureExt, StreamExt};
use swarm_core::proto::EncodeError;
use swarm_core::{
    AgentError, AgentId, Artefact, AssistError, Chunk, Context, IdleAgent, Progress, Replies, Reply,
    ReplyError, RequestId, TraceEvent,
};
use tokio::sync::mpsc;

#[tokio::test]
async fn a_request_is_a_stream_of_its_body() {
    let (a, b) = (
        node(IdleAgent).await,
        node(serving(|_, request, replies| {
            async move {
                let parts: Vec<_> = request.map(Result::unwrap).map(|chunk| chunk.label).collect().await;
                Ok(replies.send("", parts.join(" ")).await?)
            }
            .boxed()
        }))
        .await,
    );
    let peer = a.connect(&b.url()).await.unwrap();
    let body = futures_util::stream::iter(["a", "b", "c"].map(|label| Chunk::new(label, "")));

    let mut replies = a.request(peer, ask().body_stream(body)).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "a b c");
    stop([a, b]).await;
}

#[tokio::test]
async fn a_newer_revision_takes_the_place_of_one_that_a_slow_requester_did_not_take() {
    const LAST: u32 = 200;
    let (made, mut all_made) = mpsc::unbounded_channel();
    let improving = serving(move |_, _, replies| {
        let made = made.clone();
        async move {
            for revision in 1..=LAST {
                let quality = (revision / 2) as u8;
                replies.artefact(Artefact::new("map", revision, quality, vec![7; 60_000])).await?;
                tokio::task::yield_now().await;
            }
            made.send(()).unwrap();
            Ok(())
        }
        .boxed()
    });
    let (a, b) = (node(IdleAgent).await, node(improving).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut replies = a.request(peer, ask()).await.unwrap();
    // Twelve megabytes are made while nobody takes any: whoever makes them never waits.
    all_made.recv().await.unwrap();
    let mut revisions = Vec::new();
    while let Some(reply) = replies.next().await {
        let Reply::Artefact(artefact) = reply.unwrap() else { panic!("an artefact") };
        revisions.push(artefact.revision);
    }

    assert!(revisions.is_sorted_by(|one, next| one < next), "{revisions:?}");
    assert!(revisions.len() < 50, "{}", revisions.len());
    assert_eq!(revisions.last(), Some(&LAST));
    stop([a, b]).await;
}

#[tokio::test]
async fn what_breaks_a_limit_is_refused_with_its_reason_and_the_request_goes_on() {
    async fn refused(replies: &mut Replies) -> Result<(), AgentError> {
        let quality = replies.artefact(Artefact::new("map", 1, 101, "")).await;
        assert!(
            matches!(quality, Err(ReplyError::Chunk(EncodeError::LimitExceeded { max: 100, .. }))),
            "{quality:?}"
        );
        let size = replies.send("", vec![0; 65_537]).await;
        assert!(
            matches!(size, Err(ReplyError::Chunk(EncodeError::LimitExceeded { max: 65_536, .. }))),
            "{size:?}"
        );
        let label = replies.send("l".repeat(65), "").await;
        assert!(matches!(label, Err(ReplyError::Chunk(_))), "{label:?}");
        Ok(replies.artefact(Artefact::new("map", 1, 100, "good")).await?)
    }
    let (a, b) = (node(IdleAgent).await, node(serving(|_, _, replies| refused(replies).boxed())).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut replies = a.request(peer, ask()).await.unwrap();

    assert_eq!(replies.next_chunk().await, Ok(Some(Chunk::new("map", "good"))));
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

/// Asks another one, and passes on all that it says.
async fn pass_on(cx: &Context, to: AgentId, replies: &mut Replies) -> Result<(), AgentError> {
    let mut onward = cx.request(to, ask()).await?;
    while let Some(reply) = onward.next().await {
        replies.forward(reply?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_another_one_replied_is_passed_on_as_it_is() {
    let last = node(serving(|_, _, replies| {
        async move {
            replies.progress("looking", Some(10))?;
            replies.artefact(Artefact::new("map", 3, 70, "draft")).await?;
            Ok(replies.send("answer", "7").await?)
        }
        .boxed()
    }))
    .await;
    let last_id = last.id();
    let middle = node(serving(move |cx, _, replies| pass_on(cx, last_id, replies).boxed())).await;
    let first = node(IdleAgent).await;
    middle.connect(&last.url()).await.unwrap();
    first.connect(&middle.url()).await.unwrap();

    let replies = first.request(middle.id(), ask()).await.unwrap();
    let all: Vec<_> = replies.map(Result::unwrap).collect().await;

    let note = Progress { text: "looking".into(), percent: Some(10) };
    let expected = [
        Reply::Progress(note),
        Reply::Artefact(Artefact::new("map", 3, 70, "draft")),
        Reply::Chunk(Chunk::new("answer", "7")),
    ];
    assert_eq!(all, expected);
    stop([first, middle, last]).await;
}

#[tokio::test]
async fn dropping_a_reply_stops_everybody_behind_it() {
    let (told, mut gone) = mpsc::unbounded_channel();
    let stuck = told.clone();
    let last = node(serving(move |_, _, replies| {
        let gone = Gone(stuck.clone());
        async move {
            let _gone = gone;
            replies.send("begun", "").await?;
            std::future::pending().await
        }
        .boxed()
    }))
    .await;
    let mut nodes = vec![last];
    for _ in 0..2 {
        let (next, told) = (nodes.last().unwrap().id(), told.clone());
        let between = node(serving(move |cx, _, replies| {
            let gone = Gone(told.clone());
            async move {
                let _gone = gone;
                pass_on(cx, next, replies).await
            }
            .boxed()
        }))
        .await;
        between.connect(&nodes.last().unwrap().url()).await.unwrap();
        nodes.push(between);
    }
    let first = node(IdleAgent).await;
    let peer = first.connect(&nodes.last().unwrap().url()).await.unwrap();
    let mut replies = first.request(peer, ask()).await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
    assert!(gone.try_recv().is_err());

    drop(replies);

    for _ in 0..3 {
        tokio::time::timeout(PATIENCE, gone.recv()).await.unwrap().unwrap();
    }
    stop(nodes).await;
    stop([first]).await;
}

/// How often each request is told of, by what picks its id.
fn count(events: &Events, id: impl Fn(&TraceEvent) -> Option<RequestId>) -> BTreeMap<RequestId, usize> {
    let mut counts = BTreeMap::new();
    events.all().iter().filter_map(id).for_each(|id| *counts.entry(id).or_default() += 1);
    counts
}

#[tokio::test]
async fn each_request_is_traced_as_sent_once_as_ended_once_and_as_served_once() {
    let (here, there) = (Events::default(), Events::default());
    let moody = serving(|_, request, replies| {
        async move {
            replies.send("begun", "").await?;
            match request.metadata()["then"].as_str() {
                "complete" => Ok(()),
                "decline" => Err(AgentError::declined("no")),
                "fail" => Err(AgentError::failed("no")),
                "panic" => panic!("as asked"),
                _ => std::future::pending().await,
            }
        }
        .boxed()
    });
    let any_port = || "127.0.0.1:0".parse().unwrap();
    let a = common::dev(IdleAgent).trace(here.clone()).bind(any_port()).await.unwrap();
    let b = common::dev(moody).trace(there.clone()).bind(any_port()).await.unwrap();
    let peer = a.connect(&b.url()).await.unwrap();

    let short = Duration::from_millis(100);
    for resumable in [false, true] {
        for then in ["complete", "decline", "fail", "panic", "late", "idle", "drop"] {
            let mut request = ask().metadata("then", then);
            request = match then {
                "late" => request.deadline(short),
                "idle" => request.idle_limit(short),
                _ => request,
            };
            request = if resumable { request.resumable() } else { request };
            let mut replies = a.request(peer, request).await.unwrap();
            if then != "drop" {
                while let Ok(Some(_)) = replies.next_chunk().await {}
            }
            drop(replies);
        }
    }
    let refused = a.request_assistance(peer, "test.unheard-of", "").await.unwrap().next_chunk().await;
    assert_eq!(refused, Err(AssistError::NoSuchCapability));
    drop(a.request(peer, ask().metadata("then", "pending")).await.unwrap());

    const ALL: usize = 16;
    until("all are over", || b.counters().requests_served.values().sum::<u64>() == ALL as u64).await;
    stop([a, b]).await;
    let sent =
        count(&here, |event| if let TraceEvent::RequestSent { id, .. } = event { Some(*id) } else { None });
    let ended =
        count(&here, |event| if let TraceEvent::RequestEnded { id, .. } = event { Some(*id) } else { None });
    let served =
        count(
            &there,
            |event| if let TraceEvent::RequestServed { id, .. } = event { Some(*id) } else { None },
        );
    assert!(sent.len() == ALL && sent.values().all(|times| *times == 1), "{sent:?}");
    assert_eq!((&ended, &served), (&sent, &sent));
}
