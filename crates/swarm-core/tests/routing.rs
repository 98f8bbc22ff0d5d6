//! Requests to whoever offers a capability: who is asked, and who is asked next.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;
#[expect(dead_code, reason = "each test file uses a part")]
mod site;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{PATIENCE, node, stop};
use site::{Does, Site, Told, name_in, work};
use swarm_core::{
    Advertisement, AgentNode, AssistError, Capacity, Chunk, Ending, IdleAgent, OutgoingRequest, ReplyStream,
    Route,
};
use tokio::sync::Semaphore;

/// Another requester, which keeps workers busy.
async fn occupy(worker: &AgentNode, requests: usize) -> (AgentNode, Vec<ReplyStream>) {
    let other = node(IdleAgent).await;
    other.connect(&worker.url()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..requests {
        held.push(other.request(worker.id(), work()).await.unwrap());
    }
    (other, held)
}

/// Who answered, in a whole reply.
async fn answered(mut replies: ReplyStream) -> String {
    let chunk = replies.next_chunk().await.unwrap().unwrap();
    assert_eq!(replies.next_chunk().await, Ok(None));
    name_in(&chunk)
}

#[tokio::test]
async fn the_less_loaded_is_asked() {
    let work_there = Arc::new(Semaphore::new(0));
    let two = Capacity { at_once: 2, waiting: 8 };
    let site = Site::new().await;
    let site = site.with_offers("loaded", Does::Wait(work_there), two, ["work.do".parse().unwrap()]).await;
    let site = site.with("free", Does::Answer(1)).await;
    let (other, held) = occupy(site.worker("loaded"), 1).await;
    site.until_load("loaded", |load| load == 50).await;

    for _ in 0..20 {
        let replies = site.route(Route::new(), work()).await.unwrap();
        assert_eq!(replies.peer(), site.id("free"));
        assert_eq!(answered(replies).await, "free");
    }

    drop(held);
    stop([other]).await;
    site.stop().await;
}

#[tokio::test]
async fn peers_that_are_alike_share_the_work() {
    let mut site = Site::new().await;
    for name in ["a", "b", "c"] {
        site = site.with(name, Does::Answer(1)).await;
    }

    let mut asked = BTreeSet::new();
    for _ in 0..60 {
        asked.insert(answered(site.route(Route::new(), work()).await.unwrap()).await);
    }

    // On a machine that stutters one may seem far away, and is then never the nearer of two.
    assert!(asked.len() >= 2, "{asked:?}");
    site.stop().await;
}

#[tokio::test]
async fn requests_in_flight_count_before_the_peer_has_told_of_them() {
    let mut site = Site::new().await;
    site.config.max_requests_per_peer = 10;
    for name in ["a", "b"] {
        site = site.with(name, Does::BeginAndHang).await;
    }

    let mut held = Vec::new();
    for pairs in 1..=9 {
        for _ in 0..2 {
            held.push(site.route(Route::new(), work()).await.unwrap());
        }
        // Each is ten points of load, so that the next always goes to the other.
        let at_a = held.iter().filter(|replies| replies.peer() == site.id("a")).count();
        assert_eq!(at_a, pairs);
    }
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn attributes_and_versions_are_matched() {
    let offer = |name: &str| name.parse::<Advertisement>().unwrap();
    let any = Capacity::default();
    let mut site = Site::new().await;
    let first = [offer("vision.classify").attribute("model", "v1")];
    site = site.with_offers("first", Does::Answer(1), any, first).await;
    let second = [offer("vision.depth"), offer("vision.classify@2").attribute("model", "v2")];
    site = site.with_offers("second", Does::Answer(1), any, second).await;

    let cases = [
        ("vision.classify@*", Some("v1"), Ok(("first", "vision.classify"))),
        ("vision.*@*", Some("v2"), Ok(("second", "vision.classify@2"))),
        ("vision.*@2", None, Ok(("second", "vision.classify@2"))),
        ("vision.classify", None, Ok(("first", "vision.classify"))),
        ("**", Some("v3"), Err(AssistError::NoSuchCapability)),
        ("vision.classify@3", None, Err(AssistError::NoSuchCapability)),
    ];
    for (pattern, model, expected) in cases {
        let route = model.into_iter().fold(Route::new(), |route, model| route.attribute("model", model));
        let routed = site.route(route, OutgoingRequest::new(pattern.try_into().unwrap())).await;
        match expected {
            Ok((name, capability)) => {
                assert_eq!(answered(routed.unwrap()).await, name, "{pattern}");
                let Told::Asked { capability: asked, .. } = site.next_told().await else { panic!() };
                assert_eq!(asked, capability, "{pattern}");
            }
            Err(expected) => assert_eq!(routed.unwrap_err(), expected, "{pattern}"),
        }
    }
    let replies = site.requester.request_capability("vision.depth", "").await.unwrap();
    assert_eq!(answered(replies).await, "second");
    site.stop().await;
}

/// One worker that takes no more, and one that looks busier but makes requests wait, so that the full one is asked
/// first. With the requests that keep them so.
async fn full_and_waiting(go: &Arc<Semaphore>) -> (Site, [AgentNode; 2], Vec<ReplyStream>) {
    let offer = || ["work.do".parse().unwrap()];
    let mut site = Site::new().await;
    let (full, waiting) = (Capacity { at_once: 1, waiting: 0 }, Capacity { at_once: 1, waiting: 8 });
    site = site.with_offers("full", Does::BeginAndHang, full, offer()).await;
    site = site.with_offers("waiting", Does::Wait(Arc::clone(go)), waiting, offer()).await;
    let (one, mut held) = occupy(site.worker("full"), 1).await;
    let (other, more) = occupy(site.worker("waiting"), 3).await;
    held.extend(more);
    site.until_load("full", |load| load == 100).await;
    site.until_load("waiting", |load| load == 300).await;
    (site, [one, other], held)
}

fn turned_away(site: &Site, name: &str) -> Option<u64> {
    site.worker(name).counters().requests_served.get(&Ending::Busy).copied()
}

#[tokio::test]
async fn a_busy_peer_is_passed_over() {
    let go = Arc::new(Semaphore::new(0));
    let (site, others, held) = full_and_waiting(&go).await;

    let (routed, ()) = tokio::join!(site.route(Route::new(), work()), async {
        while turned_away(&site, "full").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        go.add_permits(4);
    });

    assert_eq!(answered(routed.unwrap()).await, "waiting");
    assert_eq!(turned_away(&site, "full"), Some(1));
    drop(held);
    stop(others).await;
    site.stop().await;
}

#[tokio::test]
async fn without_retries_or_with_a_body_that_cannot_be_sent_again_busy_is_the_end() {
    let go = Arc::new(Semaphore::new(0));
    let (site, others, held) = full_and_waiting(&go).await;

    let once = site.route(Route::new().retries(0), work()).await;
    let body = work().body_stream(futures_util::stream::iter([Chunk::new("", "word")]));
    let streamed = site.route(Route::new().hedge_after(Duration::ZERO), body).await;

    assert!(matches!(once, Err(AssistError::Busy { .. })), "{once:?}");
    assert!(matches!(streamed, Err(AssistError::Busy { .. })), "{streamed:?}");
    drop(held);
    go.add_permits(4);
    stop(others).await;
    site.stop().await;
}

#[tokio::test]
async fn if_all_are_busy_that_is_the_answer() {
    let mut site = Site::new().await;
    let full = Capacity { at_once: 1, waiting: 0 };
    let (mut others, mut held) = (Vec::new(), Vec::new());
    for name in ["a", "b", "c"] {
        site = site.with_offers(name, Does::BeginAndHang, full, ["work.do".parse().unwrap()]).await;
        let (other, busy) = occupy(site.worker(name), 1).await;
        others.push(other);
        held.extend(busy);
        site.until_load(name, |load| load == 100).await;
    }

    let routed = site.route(Route::new(), work()).await;

    assert!(matches!(routed, Err(AssistError::Busy { .. })), "{routed:?}");
    assert!(["a", "b", "c"].iter().all(|name| turned_away(&site, name) == Some(1)));
    drop(held);
    stop(others).await;
    site.stop().await;
}

#[tokio::test]
async fn what_has_begun_to_be_answered_goes_to_nobody_else() {
    let mut site = Site::new().await;
    for name in ["a", "b"] {
        site = site.with(name, Does::BeginAndHang).await;
    }
    let mut replies = site.route(Route::new(), work().idempotency_key("once")).await.unwrap();
    let asked = site.next_asked().await;
    assert_eq!(name_in(&replies.next_chunk().await.unwrap().unwrap()), asked);

    drop(site.workers.remove(asked).unwrap());

    assert!(replies.next_chunk().await.is_err());
    assert_eq!(replies.next_chunk().await, Ok(None));
    let other = site.workers.values().next().unwrap();
    assert!(other.counters().requests_served.is_empty());
    while let Ok(told) = site.told.try_recv() {
        assert!(matches!(told, Told::Cancelled(name) if name == asked), "{told:?}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_lost_request_goes_to_another_only_if_twice_does_no_harm() {
    for idempotent in [false, true] {
        let go = Arc::new(Semaphore::new(0));
        let mut site = Site::new().await;
        for name in ["a", "b"] {
            site = site.with(name, Does::Wait(Arc::clone(&go))).await;
        }
        let request = if idempotent { work().idempotency_key("again") } else { work() };
        let handle = site.requester.handle();
        let mut routing = tokio::task::JoinSet::new();
        routing.spawn(async move { handle.route(Route::new(), request).await });
        let asked = site.next_asked().await;

        drop(site.workers.remove(asked).unwrap());
        // Whoever is asked from here on answers.
        go.add_permits(1);

        let routed = tokio::time::timeout(PATIENCE, routing.join_next()).await.unwrap().unwrap().unwrap();
        let other = *site.workers.keys().next().unwrap();
        if idempotent {
            assert_eq!(answered(routed.unwrap()).await, other);
        } else {
            assert!(routed.is_err(), "{routed:?}");
            let served = &site.worker(other).counters().requests_served;
            assert!(served.is_empty(), "{served:?}");
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn a_refusal_is_final_unless_twice_does_no_harm() {
    let mut site = Site::new().await;
    for name in ["a", "b", "c"] {
        site = site.with(name, Does::Decline).await;
    }
    let declined = Err(AssistError::Declined { reason: "not today".into() });

    let once = site.route(Route::new(), work()).await.map(|_| ());
    let first: Vec<Told> = std::iter::from_fn(|| site.told.try_recv().ok()).collect();
    let often = site.route(Route::new(), work().idempotency_key("again")).await.map(|_| ());
    let all: Vec<Told> = std::iter::from_fn(|| site.told.try_recv().ok()).collect();

    assert_eq!((&once, &often), (&declined, &declined));
    assert_eq!((first.len(), all.len()), (1, 3));
    let trace_of = |told: &Told| if let Told::Asked { trace_id, .. } = told { *trace_id } else { [0; 16] };
    assert_eq!(all.iter().map(trace_of).collect::<BTreeSet<_>>().len(), 1, "one trace");
    assert_ne!(trace_of(&first[0]), trace_of(&all[0]));
    site.stop().await;
}

#[tokio::test]
async fn a_hedge_wins_over_a_peer_that_is_stuck_and_cancels_it() {
    for usual in [false, true] {
        let asked_first = Arc::new(AtomicBool::new(usual));
        let mut site = Site::new().await;
        for name in ["a", "b"] {
            site = site.with(name, Does::HangIfFirst(Arc::clone(&asked_first))).await;
        }
        let route = if usual {
            for _ in 0..8 {
                answered(site.route(Route::new(), work()).await.unwrap()).await;
                site.next_asked().await;
            }
            // From here on the next one hangs.
            asked_first.store(false, Ordering::SeqCst);
            Route::new().hedge()
        } else {
            Route::new().hedge_after(Duration::from_millis(20))
        };

        let replies = site.route(route, work()).await.unwrap();
        let (stuck, winner) = (site.next_asked().await, site.next_asked().await);

        assert_ne!(stuck, winner);
        assert_eq!(answered(replies).await, winner);
        assert_eq!(site.next_told().await, Told::Cancelled(stuck));
        site.stop().await;
    }
}

#[tokio::test]
async fn without_a_usual_time_there_is_no_hedge_and_the_deadline_holds() {
    let mut site = Site::new().await;
    let asked_first = Arc::new(AtomicBool::new(false));
    for name in ["a", "b"] {
        site = site.with(name, Does::HangIfFirst(Arc::clone(&asked_first))).await;
    }

    let routed = site.route(Route::new().hedge(), work().deadline(Duration::from_millis(300))).await;

    assert_eq!(routed.unwrap_err(), AssistError::DeadlineExceeded);
    let stuck = site.next_asked().await;
    assert_eq!(site.next_told().await, Told::Cancelled(stuck));
    site.stop().await;
}

#[tokio::test]
async fn notes_of_progress_promise_nothing() {
    let site = Site::new().await.with("broken", Does::NoteAndFail).await.with("whole", Does::Answer(1)).await;
    for number in 0..10 {
        let request = work().idempotency_key(number.to_string());
        assert_eq!(answered(site.route(Route::new(), request).await.unwrap()).await, "whole");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_node_that_has_stopped_says_so_however_it_is_asked() {
    let requester = node(IdleAgent).await;
    let handle = requester.handle();
    stop([requester]).await;

    assert_eq!(handle.request_capability("work.do", "").await.unwrap_err(), AssistError::ShutDown);
    assert_eq!(handle.request_all(Route::new(), work()).unwrap_err(), AssistError::ShutDown);
    assert_eq!(handle.request_first(Route::new(), work(), 1).await.unwrap_err(), AssistError::ShutDown);
}
