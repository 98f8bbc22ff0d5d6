//! Requests to whoever offers a capability: who is asked, who is asked next, and what is heard of all of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{PATIENCE, node, stop};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistError, AssistanceRequest, Capacity, Chunk,
    Context, Ending, FanIn, FanInItem, IdleAgent, OutgoingRequest, Replies, Reply, ReplyStream, Route,
};
use tokio::sync::{Semaphore, mpsc};

/// What a worker tells the test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Asked {
        name: &'static str,
        capability: String,
        trace_id: [u8; 16],
    },
    /// The request was over before its work was.
    Cancelled(&'static str),
}

#[derive(Debug, Clone)]
enum Does {
    /// Answers with its name, in so many chunks.
    Answer(usize),
    Decline,
    /// Says its name and then nothing more.
    BeginAndHang,
    /// Answers once there is a permit.
    Wait(Arc<Semaphore>),
    /// Whoever is asked first of all that share this never answers, the others do.
    HangIfFirst(Arc<AtomicBool>),
    /// Answers without end.
    Flood,
}

struct Worker {
    name: &'static str,
    offers: Vec<Advertisement>,
    capacity: Capacity,
    does: Does,
    told: mpsc::UnboundedSender<Told>,
}

struct Guard<'a>(&'a Worker, bool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.1 {
            let _ = self.0.told.send(Told::Cancelled(self.0.name));
        }
    }
}

impl Agent for Worker {
    fn capabilities(&self) -> Vec<Advertisement> {
        self.offers.clone()
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    async fn on_request(
        &self,
        _cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let (capability, trace_id) = (request.capability().to_string(), request.trace().trace_id());
        let _ = self.told.send(Told::Asked { name: self.name, capability, trace_id });
        let mut guard = Guard(self, false);
        match &self.does {
            Does::Answer(times) => {
                for _ in 0..*times {
                    replies.send("name", self.name).await?;
                }
            }
            Does::Decline => {
                guard.1 = true;
                return Err(AgentError::declined("not today"));
            }
            Does::BeginAndHang => {
                replies.send("name", self.name).await?;
                std::future::pending::<()>().await;
            }
            Does::Wait(permits) => {
                permits.acquire().await?.forget();
                replies.send("name", self.name).await?;
            }
            Does::HangIfFirst(asked) => {
                if !asked.swap(true, Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                replies.send("name", self.name).await?;
            }
            Does::Flood => loop {
                replies.send("name", self.name).await?;
            },
        }
        guard.1 = true;
        Ok(())
    }
}

/// A requester with workers around it.
struct Site {
    requester: AgentNode,
    workers: BTreeMap<&'static str, AgentNode>,
    tell: mpsc::UnboundedSender<Told>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Site {
    async fn new() -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self { requester: node(IdleAgent).await, workers: BTreeMap::new(), tell, told }
    }

    async fn with(self, name: &'static str, does: Does) -> Self {
        self.with_offers(name, does, Capacity::default(), ["work.do".parse().unwrap()]).await
    }

    async fn with_offers(
        mut self,
        name: &'static str,
        does: Does,
        capacity: Capacity,
        offers: impl IntoIterator<Item = Advertisement>,
    ) -> Self {
        let (offers, told) = (offers.into_iter().collect(), self.tell.clone());
        let worker = node(Worker { name, offers, capacity, does, told }).await;
        self.requester.connect(&worker.url()).await.unwrap();
        self.workers.insert(name, worker);
        self
    }

    fn id(&self, name: &str) -> AgentId {
        self.workers[name].id()
    }

    async fn route(&self, route: Route, request: OutgoingRequest) -> Result<ReplyStream, AssistError> {
        tokio::time::timeout(PATIENCE, self.requester.route(route, request)).await.unwrap()
    }

    async fn next_told(&mut self) -> Told {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    async fn next_asked(&mut self) -> &'static str {
        match self.next_told().await {
            Told::Asked { name, .. } => name,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the worker's load, as the requester knows it, fits.
    async fn until_load(&self, name: &str, fits: impl Fn(u16) -> bool) {
        let id = self.id(name);
        let known = async {
            while !self.requester.peers().iter().any(|peer| peer.id == id && fits(peer.load)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.unwrap();
    }

    async fn stop(self) {
        stop([self.requester].into_iter().chain(self.workers.into_values())).await;
    }
}

fn work() -> OutgoingRequest {
    OutgoingRequest::new("work.do".parse().unwrap())
}

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

fn name_in(chunk: &Chunk) -> String {
    String::from_utf8(chunk.payload.to_vec()).unwrap()
}

#[tokio::test]
async fn the_less_loaded_is_asked() {
    let work_there = Arc::new(Semaphore::new(0));
    let two = Capacity { at_once: 2, waiting: 8 };
    let site = Site::new().await;
    let site = site.with_offers("loaded", Does::Wait(work_there), two, ["work.do".parse().unwrap()]).await;
    let site = site.with("free", Does::Answer(1)).await;
    let (other, held) = occupy(&site.workers["loaded"], 1).await;
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
    for name in ["a", "b"] {
        site = site.with(name, Does::BeginAndHang).await;
    }

    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(site.route(Route::new(), work()).await.unwrap());
    }

    // 64 places each: one is asked until it has ten points more, which is seven requests.
    let at_a = held.iter().filter(|replies| replies.peer() == site.id("a")).count();
    assert!((16..=24).contains(&at_a), "{at_a} of 40");
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
    let (one, mut held) = occupy(&site.workers["full"], 1).await;
    let (other, more) = occupy(&site.workers["waiting"], 3).await;
    held.extend(more);
    site.until_load("full", |load| load == 100).await;
    site.until_load("waiting", |load| load == 300).await;
    (site, [one, other], held)
}

fn turned_away(site: &Site, name: &str) -> Option<u64> {
    site.workers[name].counters().requests_served.get(&Ending::Busy).copied()
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
        let (other, busy) = occupy(&site.workers[name], 1).await;
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
            let served = &site.workers[other].counters().requests_served;
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

    let mut replies = site.requester.request_all(Route::new(), work());
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
    assert_eq!(next(&mut site.requester.request_all(Route::new(), work())).await, None);
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
    assert_eq!((answer.from, answer.chunks), (site.id("done"), vec![Chunk::new("name", "done")]));
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
    assert_eq!(long.unwrap().from, site.id("long"));
    drop(site.workers.remove("unwilling"));
    let too_large = site.requester.request_first(Route::new(), work(), 1000).await;
    assert!(matches!(too_large, Err(AssistError::TooLarge { max: 1000, .. })), "{too_large:?}");
    site.stop().await;
}
