use std::time::{Duration, SystemTime, UNIX_EPOCH};

use swarm_core::{
    Capability, Delivery, Direction, DropReason, Ending, GoneReason, RequestId, Sequence, TopicName,
    TopicPattern, TraceContext,
};

use swarm_core::AgentId;

use super::*;
use crate::{check::Aggregate, metric::Metric};

/// A clock that stands where it was put.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl WallClock for Hand {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A tally of two groups with one agent each, whose window is from 1,000 to 2,000 microseconds.
struct Scene {
    tally: Arc<Tally>,
    clock: Arc<Hand>,
    agents: [AgentId; 2],
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(Hand::default());
        let tally = Tally::new(2, clock.clone());
        let agents = [AgentId::from_key_digest([1; 32]), AgentId::from_key_digest([2; 32])];
        tally.window().set(UnixMicros::new(1_000), Duration::from_micros(1_000));
        Self { tally, clock, agents }
    }

    fn at(&self, micros: u64, group: usize, event: TraceEvent) {
        self.clock.0.store(micros, Ordering::Relaxed);
        let about = match &event {
            TraceEvent::ObservationDelivered { origin, .. }
            | TraceEvent::ObservationPassedOn { origin, .. } => Some(origin),
            TraceEvent::ObservationDropped { peer, .. } => Some(peer),
            _ => None,
        };
        let about = about.and_then(|about| self.agents.iter().position(|agent| agent == about));
        self.tally.record(group, about, event);
    }

    fn value(&self, group: usize, metric: &str, aggregate: Option<Aggregate>) -> Option<f64> {
        self.tally.read()[group].value(&Metric::from_name(metric).unwrap(), aggregate)
    }
}

fn sent(sent_at: u64, handed: usize, dropped: usize) -> TraceEvent {
    sent_about("a.b", sent_at, handed, dropped)
}

fn sent_about(topic: &str, sent_at: u64, handed: usize, dropped: usize) -> TraceEvent {
    TraceEvent::ObservationSent {
        topic: TopicName::try_from(topic).unwrap(),
        sequence: Sequence::new(1),
        sent_at: UnixMicros::new(sent_at),
        delivery: Delivery::Lossy,
        handed,
        dropped,
    }
}

fn delivered(origin: AgentId, sent_at: u64) -> TraceEvent {
    delivered_about("a.b", origin, sent_at)
}

fn delivered_about(topic: &str, origin: AgentId, sent_at: u64) -> TraceEvent {
    TraceEvent::ObservationDelivered {
        origin,
        topic: TopicName::try_from(topic).unwrap(),
        sequence: Sequence::new(1),
        sent_at: UnixMicros::new(sent_at),
        latency: Duration::from_micros(300),
    }
}

fn dropped(direction: Direction, peer: AgentId, reason: DropReason, count: u64) -> TraceEvent {
    TraceEvent::ObservationDropped { direction, peer, reason, count }
}

fn asked(id: u8) -> TraceEvent {
    let capability = Capability::try_from("a.b").unwrap();
    let to = AgentId::from_key_digest([2; 32]);
    let trace = TraceContext::new([1; 16], [id.max(1); 8], false).unwrap();
    TraceEvent::RequestSent { id: RequestId::from_random([id; 16]), to, capability, trace }
}

fn ended(id: u8, ending: Ending) -> TraceEvent {
    TraceEvent::RequestEnded {
        id: RequestId::from_random([id; 16]),
        to: AgentId::from_key_digest([2; 32]),
        capability: Capability::try_from("a.b").unwrap(),
        ending,
        first_chunk: Some(Duration::from_micros(10)),
        elapsed: Duration::from_micros(50),
    }
}

#[test]
fn sending_counts_for_the_origin_and_hearing_for_the_receiver() {
    let scene = Scene::new();
    scene.at(1_000, 0, sent(1_000, 3, 1));
    scene.at(1_300, 1, delivered(scene.agents[0], 1_000));
    assert_eq!(scene.value(0, "observation.sent", None), Some(1.0));
    assert_eq!(scene.value(0, "observation.delivery_ratio", None), Some(0.25));
    assert_eq!(scene.value(0, "observation.delivered", None), Some(0.0));
    assert_eq!(scene.value(1, "observation.sent", None), Some(0.0));
    assert_eq!(scene.value(1, "observation.delivered", None), Some(1.0));
    assert_eq!(scene.value(1, "observation.delivery_ratio", None), None);
    assert_eq!(scene.value(1, "observation.latency", Some(Aggregate::Max)), Some(300.0));
}

#[test]
fn what_was_sent_outside_the_window_does_not_count_whenever_it_arrives() {
    let scene = Scene::new();
    scene.at(999, 0, sent(999, 1, 0));
    scene.at(1_500, 1, delivered(scene.agents[0], 999));
    scene.at(2_000, 0, sent(2_000, 1, 0));
    scene.at(2_100, 1, delivered(scene.agents[0], 2_000));
    scene.at(2_200, 1, delivered(scene.agents[0], 1_999));
    assert_eq!(scene.value(0, "observation.sent", None), None);
    assert_eq!(scene.value(1, "observation.delivered", None), Some(1.0));
}

#[test]
fn a_request_counts_by_the_time_of_its_sending() {
    let scene = Scene::new();
    scene.at(900, 0, asked(1));
    scene.at(1_100, 0, ended(1, Ending::Completed));
    scene.at(1_200, 0, asked(2));
    scene.at(2_500, 0, ended(2, Ending::Completed));
    scene.at(1_300, 0, asked(3));
    scene.at(1_400, 0, ended(3, Ending::Declined));
    scene.at(1_500, 0, asked(4));
    assert_eq!(scene.value(0, "request.sent", None), Some(3.0));
    assert_eq!(scene.value(0, "request.answered", None), Some(1.0));
    assert_eq!(scene.value(0, "request.open", None), Some(1.0));
    assert_eq!(scene.value(0, "request.latency", Some(Aggregate::Count)), Some(1.0));
    assert_eq!(scene.tally.counts().open, 1);
    assert_eq!(scene.tally.read()[0].endings["declined"], 1);
}

fn served(ending: Ending, elapsed: u64) -> TraceEvent {
    TraceEvent::RequestServed {
        id: RequestId::from_random([1; 16]),
        from: AgentId::from_key_digest([1; 32]),
        capability: Capability::try_from("a.b").unwrap(),
        trace: TraceContext::new([1; 16], [1; 8], false).unwrap(),
        ending,
        elapsed: Duration::from_micros(elapsed),
    }
}

#[test]
fn endings_are_told_apart_with_how_soon_they_came() {
    let scene = Scene::new();
    scene.at(1_100, 0, asked(1));
    scene.at(1_200, 0, ended(1, Ending::HopLimit));
    let count = Some(Aggregate::Count);
    assert_eq!(scene.value(0, "request.ended.hop_limit", Some(Aggregate::Max)), Some(50.0));
    assert_eq!(scene.value(0, "request.ended.hop_limit", count), Some(1.0));
    // Those who asked can say that nobody was busy; the others have nothing to say.
    assert_eq!(scene.value(0, "request.ended.busy", count), Some(0.0));
    assert_eq!(scene.value(0, "request.ended.busy", Some(Aggregate::Max)), None);
    assert_eq!(scene.value(1, "request.ended.busy", count), None);
}

#[test]
fn what_is_served_counts_for_the_responder_by_the_time_it_began() {
    let scene = Scene::new();
    scene.at(1_500, 1, served(Ending::Cancelled, 600));
    scene.at(2_500, 1, served(Ending::Cancelled, 700));
    scene.at(2_800, 1, served(Ending::Cancelled, 700));
    let count = Some(Aggregate::Count);
    assert_eq!(scene.value(1, "request.served.cancelled", count), Some(1.0));
    assert_eq!(scene.value(1, "request.served.completed", count), Some(0.0));
    assert_eq!(scene.value(0, "request.served.cancelled", count), None);
}

#[test]
fn requests_can_be_told_apart_by_their_capability() {
    let scene = Scene::new();
    scene.at(1_100, 0, asked(1));
    scene.at(1_200, 0, ended(1, Ending::Completed));
    scene.tally.request_not_sent(0, &Capability::try_from("c.d").unwrap());
    let mut all = Figures::default();
    scene.tally.read().iter().for_each(|figures| all.merge(figures));
    let sent = |name: &str| {
        let figures = all.of_capability(&Capability::try_from(name).unwrap())?;
        figures.value(&Metric::RequestAnsweredRatio, None)
    };
    assert_eq!((sent("a.b"), sent("c.d"), sent("e.f")), (Some(1.0), Some(0.0), None));
    assert_eq!(all.value(&Metric::RequestAnsweredRatio, None), Some(0.5));
}

#[test]
fn a_request_that_could_not_be_sent_is_one_without_an_answer() {
    let scene = Scene::new();
    scene.tally.request_not_sent(0, &Capability::try_from("a.b").unwrap());
    assert_eq!(scene.value(0, "request.answered_ratio", None), Some(0.0));
    assert_eq!(scene.value(0, "request.open", None), Some(0.0));
}

#[test]
fn nothing_asked_and_nothing_said_is_nothing_to_measure() {
    let scene = Scene::new();
    // That nobody panicked is always something to say.
    for metric in Metric::names().filter(|metric| *metric != "agent.panics") {
        assert_eq!(scene.value(0, metric, Some(Aggregate::P50)), None, "{metric}");
    }
}

#[test]
fn numbers_of_agents_count_from_the_beginning_of_the_window_on() {
    let scene = Scene::new();
    scene.at(999, 0, TraceEvent::Measured { name: "tokens", value: 1.0 });
    scene.at(1_500, 0, TraceEvent::Measured { name: "tokens", value: 4.0 });
    scene.at(2_500, 0, TraceEvent::Measured { name: "tokens", value: 2.0 });
    assert_eq!(scene.value(0, "measure.tokens", Some(Aggregate::Sum)), Some(6.0));
    assert_eq!(scene.value(1, "measure.tokens", Some(Aggregate::Sum)), None);
}

#[test]
fn panics_count_during_the_warm_up_too_and_are_told_by_method() {
    let scene = Scene::new();
    assert_eq!(scene.value(0, "agent.panics", None), Some(0.0));
    for method in ["on_start", "on_request", "on_request"] {
        scene.at(500, 0, TraceEvent::AgentPanicked { method });
    }
    assert_eq!(scene.value(0, "agent.panics", None), Some(3.0));
    let remarks = scene.tally.troubles()[0].remarks("echo");
    assert_eq!(remarks, ["agents of echo panicked: 2 in on_request, 1 in on_start"]);
}

#[test]
fn observations_that_are_too_large_are_told_with_the_first_of_them() {
    let scene = Scene::new();
    for size in [3_000, 4_000] {
        let topic = TopicName::try_from("a.b").unwrap();
        scene.at(1_500, 1, TraceEvent::ObservationRefused { topic, size, max: 1_200 });
    }
    let remarks = scene.tally.troubles()[1].remarks("eye");
    let expected = "eye: 2 observations were too large to be sent to anybody, the first about a.b with 3000 bytes of \
                    at most 1200";
    assert_eq!(remarks, [expected]);
    assert!(scene.tally.troubles()[0].remarks("ear").is_empty());
}

#[test]
fn groups_add_up_to_the_swarm() {
    let scene = Scene::new();
    scene.at(1_000, 0, sent(1_000, 1, 0));
    scene.at(1_000, 1, sent(1_000, 1, 0));
    scene.at(1_300, 1, delivered(scene.agents[0], 1_000));
    let lost = |reason, count| dropped(Direction::Incoming, scene.agents[1], reason, count);
    scene.at(1_300, 0, lost(DropReason::Duplicate, 2));
    scene.at(1_300, 0, lost(DropReason::NotSubscribed, 5));
    let mut all = Figures::default();
    scene.tally.read().iter().for_each(|figures| all.merge(figures));
    assert_eq!(all.value(&Metric::ObservationDeliveryRatio, None), Some(0.5));
    assert_eq!(all.dropped.values().sum::<u64>(), 2, "nobody lost what nobody wanted");
    assert_eq!(all.dropped["duplicate"], 2);
    assert_eq!(all.observations_unwanted, 5);
}

#[test]
fn observations_can_be_told_apart_by_topic_wherever_they_were_heard() {
    let scene = Scene::new();
    let of = |group: usize, topics: &str, metric: &str| {
        let topics = TopicPattern::try_from(topics).unwrap();
        let figures = scene.tally.read()[group].of_topics(&topics)?;
        figures.value(&Metric::from_name(metric).unwrap(), None)
    };
    scene.at(1_000, 0, sent_about("rover.position", 1_000, 2, 0));
    scene.at(1_000, 0, sent_about("rover.fault", 1_000, 1, 1));
    scene.at(1_000, 1, sent_about("rover.fault", 1_000, 1, 0));
    scene.at(1_300, 1, delivered_about("rover.position", scene.agents[0], 1_000));
    scene.at(1_300, 0, delivered_about("rover.position", scene.agents[0], 1_000));
    scene.at(1_300, 1, delivered_about("rover.fault", scene.agents[0], 1_000));
    scene.at(1_300, 0, delivered_about("rover.fault", scene.agents[1], 1_000));

    let ratio = "observation.delivery_ratio";
    assert_eq!(of(0, "rover.position", ratio), Some(1.0));
    assert_eq!(of(0, "rover.fault", ratio), Some(0.5));
    assert_eq!(of(0, "rover.*", ratio), Some(0.75));
    assert_eq!(of(1, "rover.fault", ratio), Some(1.0), "who hears and who sends are two things");
    assert_eq!(of(1, "rover.**", "observation.delivered"), Some(2.0));
    assert_eq!(of(0, "map.*", ratio), None);
}

#[test]
fn topics_beyond_the_most_count_in_the_totals_alone() {
    let scene = Scene::new();
    for number in 0..topics::MOST_TOPICS + 1 {
        scene.at(1_000, 0, sent_about(&format!("topic.{number}"), 1_000, 1, 0));
    }
    scene.at(1_000, 0, sent_about("topic.0", 1_000, 1, 0));
    let figures = &scene.tally.read()[0];
    assert_eq!(figures.observations_sent as usize, topics::MOST_TOPICS + 2);
    assert_eq!(figures.topics.len(), topics::MOST_TOPICS);
    assert_eq!(figures.topics[&TopicName::try_from("topic.0").unwrap()].observations_sent, 2);
}

#[test]
fn what_a_newer_one_took_the_place_of_is_no_loss_of_its_origin() {
    let scene = Scene::new();
    (0..10).for_each(|_| scene.at(1_000, 0, sent(1_000, 1, 0)));
    (0..6).for_each(|_| scene.at(1_300, 1, delivered(scene.agents[0], 1_000)));
    scene.at(1_300, 0, dropped(Direction::Outgoing, scene.agents[1], DropReason::Replaced, 2));
    scene.at(1_300, 1, dropped(Direction::Incoming, scene.agents[0], DropReason::Outdated, 1));
    // Nobody had anything newer when it expired.
    scene.at(1_300, 1, dropped(Direction::Incoming, scene.agents[0], DropReason::Expired, 1));
    assert_eq!(scene.value(0, "observation.delivery_ratio", None), Some(6.0 / 7.0));
    assert_eq!(scene.value(1, "observation.delivery_ratio", None), None);
}

#[test]
fn what_was_superseded_of_before_the_window_makes_no_more_than_all() {
    let scene = Scene::new();
    scene.at(1_000, 0, sent(1_000, 2, 0));
    (0..2).for_each(|_| scene.at(1_300, 1, delivered(scene.agents[0], 1_000)));
    scene.at(1_300, 0, dropped(Direction::Outgoing, scene.agents[1], DropReason::Replaced, 1));
    assert_eq!(scene.value(0, "observation.delivery_ratio", None), Some(1.0));
}

#[test]
fn dropping_counts_for_whoever_drops_by_reason() {
    let scene = Scene::new();
    scene.at(1_000, 0, sent(1_000, 1, 0));
    scene.at(1_300, 1, delivered(scene.agents[0], 1_000));
    scene.at(1_300, 1, dropped(Direction::Incoming, scene.agents[0], DropReason::RateLimited, 7));
    scene.at(1_300, 0, dropped(Direction::Outgoing, scene.agents[1], DropReason::NotSubscribed, 3));
    scene.at(900, 1, dropped(Direction::Incoming, scene.agents[0], DropReason::RateLimited, 1));
    assert_eq!(scene.value(1, "observation.dropped.rate_limited", None), Some(7.0));
    assert_eq!(scene.value(0, "observation.dropped.rate_limited", None), Some(0.0));
    assert_eq!(scene.value(0, "observation.dropped.not_subscribed", None), Some(3.0));
}

#[test]
fn gaps_count_for_whoever_is_told() {
    let scene = Scene::new();
    let gap = |missed| TraceEvent::ObservationGap { origin: scene.agents[0], missed };
    scene.at(1_300, 1, delivered(scene.agents[0], 1_000));
    assert_eq!(scene.value(1, "observation.gaps", None), Some(0.0));
    for (at, missed) in [(900, None), (1_500, None), (1_600, Some(3))] {
        scene.at(at, 1, gap(missed));
    }
    assert_eq!(scene.value(1, "observation.gaps", None), Some(2.0));
    assert_eq!(scene.value(0, "observation.gaps", None), None);
}

#[test]
fn peers_that_go_count_by_reason_while_it_is_measured() {
    let scene = Scene::new();
    let went = |reason| TraceEvent::PeerWent { peer: scene.agents[1], reason };
    for (at, reason) in
        [(900, GoneReason::Lost), (1_500, GoneReason::Misbehaved), (2_500, GoneReason::ShutDown)]
    {
        scene.at(at, 0, went(reason));
    }
    assert_eq!(scene.value(0, "peer.gone.misbehaved", None), Some(1.0));
    assert_eq!(scene.value(0, "peer.gone.lost", None), Some(0.0));
    assert_eq!(scene.value(0, "peer.gone.shut_down", None), Some(0.0));
}
