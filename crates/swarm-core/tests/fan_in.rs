//! Requests to all who offer a capability: every reply in one stream, or the first whole answer.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;
#[expect(dead_code, reason = "each test file uses a part")]
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::PATIENCE;
use site::{Does, Site, Told, name_in, work};
use swarm_core::{AgentId, AssistError, Capacity, Chunk, FanIn, FanInItem, Reply, Route};
use tokio::sync::Semaphore;

async fn next(fan_in: &mut FanIn) -> Option<swarm_core::FanInEvent> {
    tokio::time::timeout(PATIENCE, fan_in.next_event()).await.unwrap()
}

#[tokio::test]
async fn all_who_offer_it_are_heard_and_each_end_is_told_once() {
    let mut site = Site::new().await;
    site = site.with("one", Does::Answer(1)).await;
    site = site.with("three", Does::Answer(3)).await;
    site = site.with("unwilling", Does::Decline).await;
    let idle = ["other.thing".parse().unwrap()];
    site = site.with_offers("other", Does::Answer(1), Capacity::default(), idle).await;

    let mut replies = site.requester.request_all(Route::new(), work()).unwrap();
    let (mut names, mut ends) = (BTreeMap::<AgentId, Vec<String>>::new(), BTreeMap::new());
    while let Some(event) = next(&mut replies).await {
        assert!(event.request.is_some());
        match event.what {
            FanInItem::Reply(Reply::Chunk(chunk)) => {
                assert!(!ends.contains_key(&event.origin), "a reply after the end");
                names.entry(event.origin).or_default().push(name_in(&chunk));
            }
            FanInItem::Ended(ending) => assert_eq!(ends.insert(event.origin, ending), None),
            other => panic!("{other:?}"),
        }
    }

    assert_eq!(names[&site.id("one")], ["one"]);
    assert_eq!(names[&site.id("three")], ["three"; 3]);
    assert_eq!(names.len(), 2);
    let declined = Err(AssistError::Declined { reason: "not today".into() });
    let expected = [(site.id("one"), Ok(())), (site.id("three"), Ok(())), (site.id("unwilling"), declined)];
    assert_eq!(ends, BTreeMap::from(expected));
    site.stop().await;
}

#[tokio::test]
async fn with_nobody_to_ask_all_is_nothing() {
    let site = Site::new().await;
    assert_eq!(site.requester.request_all(Route::new(), work()).unwrap_err(), AssistError::NoSuchCapability);
    let first = site.requester.request_first(Route::new(), work(), 1000).await;
    assert_eq!(first.unwrap_err(), AssistError::NoSuchCapability);
    site.stop().await;
}

#[tokio::test]
async fn a_flood_does_not_drown_the_others_and_ends_with_the_fan_in() {
    let mut site = Site::new().await;
    site = site.with("flood", Does::Flood).await;
    site = site.with("quiet", Does::Answer(1)).await;
    let (flood, quiet) = (site.id("flood"), site.id("quiet"));
    let mut fan_in = FanIn::new();
    fan_in.push(site.requester.request(flood, work()).await.unwrap());
    while next(&mut fan_in).await.unwrap().origin != flood {}

    fan_in.push(site.requester.request(quiet, work()).await.unwrap());
    let gone = AgentId::from_key_digest([9; 32]);
    fan_in.push_failed(gone, AssistError::NotConnected(gone));

    let mut ended = BTreeMap::new();
    while ended.len() < 2 {
        let event = next(&mut fan_in).await.unwrap();
        if let FanInItem::Ended(ending) = event.what {
            ended.insert(event.origin, (event.request.is_some(), ending));
        }
    }
    assert_eq!(ended[&quiet], (true, Ok(())));
    assert_eq!(ended[&gone], (false, Err(AssistError::NotConnected(gone))));
    drop(fan_in);
    while site.next_told().await != Told::Cancelled("flood") {}
    site.stop().await;
}

#[tokio::test]
async fn a_fan_in_that_has_ended_goes_on_with_another_source() {
    let site = Site::new().await.with("one", Does::Answer(1)).await;
    let mut fan_in = FanIn::new();
    for _ in 0..2 {
        assert_eq!(next(&mut fan_in).await, None);
        fan_in.push(site.requester.request(site.id("one"), work()).await.unwrap());
        assert!(matches!(next(&mut fan_in).await.unwrap().what, FanInItem::Reply(_)));
        assert_eq!(next(&mut fan_in).await.unwrap().what, FanInItem::Ended(Ok(())));
    }
    site.stop().await;
}

#[tokio::test]
async fn the_first_whole_answer_wins_and_the_others_are_cancelled() {
    let mut site = Site::new().await;
    site = site.with("slow", Does::BeginAndHang).await;
    site = site.with("slower", Does::BeginAndHang).await;
    let go = Arc::new(Semaphore::new(0));
    site = site.with("done", Does::Wait(Arc::clone(&go))).await;

    let handle = site.requester.handle();
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { handle.request_first(Route::new(), work(), 1000).await });
    // All three are at it before one is done.
    let asked = [site.next_asked().await, site.next_asked().await, site.next_asked().await];
    assert_eq!(BTreeSet::from(asked).len(), 3);
    go.add_permits(1);

    let answer = tokio::time::timeout(PATIENCE, asking.join_next()).await.unwrap().unwrap().unwrap().unwrap();
    assert_eq!((answer.origin, answer.chunks), (site.id("done"), vec![Chunk::new("name", "done")]));
    let cancelled = [site.next_told().await, site.next_told().await];
    let both = [Told::Cancelled("slow"), Told::Cancelled("slower")];
    assert!(both.iter().all(|told| cancelled.contains(told)), "{cancelled:?}");
    site.stop().await;
}

#[tokio::test]
async fn of_answers_that_do_not_count_the_most_telling_is_told() {
    let mut site = Site::new().await;
    site = site.with("long", Does::Answer(100)).await;
    site = site.with("unwilling", Does::Decline).await;

    let first = site.requester.request_first(Route::new(), work(), 1000).await;
    let none_good = site.requester.request_first_good(Route::new(), work(), 100_000, |_| false).await;
    let long = site.requester.request_first_good(Route::new(), work(), 100_000, |all| all.len() == 100).await;

    assert_eq!(first.unwrap_err(), AssistError::Declined { reason: "not today".into() });
    assert_eq!(none_good.unwrap_err(), AssistError::NoGoodAnswer);
    assert_eq!(long.unwrap().origin, site.id("long"));
    drop(site.workers.remove("unwilling"));
    let too_large = site.requester.request_first(Route::new(), work(), 1000).await;
    assert!(matches!(too_large, Err(AssistError::TooLarge { max: 1000, .. })), "{too_large:?}");
    site.stop().await;
}
