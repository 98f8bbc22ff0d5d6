//! The hot path of observations, part by part, for `just instructions` to count what each takes of the processor.
//!
//! They are tests because only tests reach what nobody outside may, and because a count is worth nothing when the part
//! does not do what it seems to. The limits are in `instructions.limits`, by the names of the tests. A part costs the
//! same for every observation: what comes before its loop is counted once, and cancels out between two runs.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{
    AgentId, DATAGRAM_OVERHEAD_BYTES, Datagram, DatagramBuilder, Delivery, Epoch, Key, Observation, Sequence,
    TopicName, UnixMicros, decode_datagram, encode_observation,
};
use tokio::time::Instant;

use super::inbox::{Inbox, Next};
use super::intake::Intake;
use super::outbox::Outbox;
use super::pace::{Pace, Verdict};
use super::subscriptions::Subscriptions;
use super::waiting::Waits;
use crate::trace::DropReason;

const PAYLOAD: [u8; 160] = [7; 160];
const IN_A_DATAGRAM: u64 = 5;
const ORIGINS: u8 = 8;
/// What a transport puts before each datagram.
const PREFIX: &[u8] = &[0];

/// How many observations a part handles: few as a test, many for whoever counts; a multiple of 45, to end with a datagram.
fn observations() -> u64 {
    std::env::var("OBSERVATIONS").map_or(90, |many| many.parse().unwrap())
}

fn observation(origin: u8, sequence: u64, topic: &str, delivery: Delivery) -> Observation {
    Observation {
        origin: AgentId::from_key_digest([origin; 32]),
        epoch: Epoch::new(1_700_000_000_000),
        sequence: Sequence::new(sequence),
        topic: TopicName::try_from(topic).unwrap(),
        sent_at: UnixMicros::new(1_700_000_000_250_000),
        hops: 0,
        payload: Bytes::from_static(&PAYLOAD),
        delivery,
        expires_ms: None,
        seal: None,
    }
}

fn lossy(origin: u8) -> Observation {
    observation(origin, 1 << 20, "rover.position", Delivery::Lossy)
}

/// A value of each key that has room in a datagram.
fn latest(origin: u8) -> Vec<Observation> {
    let key = |number| Key::try_from(format!("arm-{number}").as_str()).unwrap();
    (0..IN_A_DATAGRAM)
        .map(|number| observation(origin, 1 << 20, "rover.arm", Delivery::Latest { key: key(number) }))
        .collect()
}

/// The size of a datagram that so many of these fill.
fn filled_by(observation: &Observation) -> usize {
    IN_A_DATAGRAM as usize * encode_observation(observation).len() + DATAGRAM_OVERHEAD_BYTES
}

fn next_of(observation: &mut Observation) {
    observation.sequence = Sequence::new(observation.sequence.get() + 1);
}

#[test]
fn encode() {
    let observation = lossy(0);
    let bytes: usize = (0..observations()).map(|_| encode_observation(black_box(&observation)).len()).sum();

    assert_eq!(bytes as u64, observations() * encode_observation(&observation).len() as u64);
}

fn decode(observations_inside: &[Observation]) {
    let mut builder = DatagramBuilder::new(65_535);
    observations_inside.iter().for_each(|inside| assert!(builder.try_push(&encode_observation(inside))));
    let datagram = builder.finish();
    let inside = observations_inside.len() as u64;

    let decoded: u64 = (0..observations() / inside).map(|_| decoded(black_box(&datagram)).len() as u64).sum();

    assert_eq!(decoded, observations());
}

fn decoded(datagram: &Bytes) -> Vec<Observation> {
    match decode_datagram(datagram) {
        Ok(Datagram::Observations(observations)) => observations,
        other => panic!("{other:?}"),
    }
}

#[test]
fn decode_one() {
    decode(&[lossy(0)]);
}

#[test]
fn decode_five() {
    decode(&[0; IN_A_DATAGRAM as usize].map(lossy));
}

#[test]
fn decode_five_latest() {
    decode(&latest(0));
}

#[test]
fn decode_five_topics() {
    let topics = ["rover.position", "rover.battery", "arm.pose", "map.tile", "camera.left.exposure"];
    decode(&topics.map(|topic| observation(0, 1 << 20, topic, Delivery::Lossy)));
}

/// Full datagrams go out of an outbox in which a value may replace the one before. Gives what goes and what is replaced.
fn through_outbox(mut published: Vec<Observation>) -> (u64, u64) {
    let now = Instant::now();
    let max = published.first().map(filled_by).unwrap();
    let encoded = published.first().map(encode_observation).unwrap();
    let mut outbox = Outbox::new(Duration::from_secs(1), 1024);
    let (mut gone, mut replaced) = (0, 0);
    let mut push = |observation: &Observation| {
        let lost = outbox.push(now, encoded.clone(), Waits::of(observation, now));
        replaced += u64::from(lost == Some(DropReason::Replaced));
        let taken = outbox.take(now, PREFIX, max, max, |reason| panic!("{reason}"));
        if let Some((datagram, inside)) = taken {
            drop(black_box(datagram));
            gone += inside;
        }
    };
    // One alone goes at once, the others when a datagram is full.
    push(&lossy(0));
    let kinds = published.len();
    for number in 0..observations() as usize {
        let observation = &mut published[number % kinds];
        next_of(observation);
        push(observation);
    }
    (gone - 1, replaced)
}

#[test]
fn outbox() {
    assert_eq!(through_outbox(vec![lossy(0)]), (observations(), 0));
}

#[test]
fn outbox_latest() {
    // Four values are replaced before the fifth fills the datagram.
    let mut published = latest(0);
    published.splice(0..0, published[..4].to_vec());

    let rounds = observations() / published.len() as u64;
    assert_eq!(through_outbox(published), (rounds * 5, rounds * 4));
}

fn admitted(mut arriving: Vec<Observation>, are_new: bool) -> u64 {
    let mut intake = Intake::new(UnixMicros::new(0), Duration::from_secs(60), &[]);
    for observation in &arriving {
        intake.admit(observation.origin, observation).unwrap();
    }
    let kinds = arriving.len();
    (0..observations() as usize)
        .filter(|number| {
            let observation = &mut arriving[number % kinds];
            if are_new {
                next_of(observation);
            }
            intake.admit(observation.origin, black_box(observation)).is_ok()
        })
        .count() as u64
}

#[test]
fn intake() {
    assert_eq!(admitted((0..ORIGINS).map(lossy).collect(), true), observations());
}

#[test]
fn intake_duplicate() {
    assert_eq!(admitted((0..ORIGINS).map(lossy).collect(), false), 0);
}

#[test]
fn intake_latest() {
    assert_eq!(admitted((0..ORIGINS).flat_map(latest).collect(), true), observations());
}

/// So many wait all the time; one comes, one is taken.
fn through_inbox(mut arriving: Vec<Observation>) -> u64 {
    let now = Instant::now();
    let mut inbox = Inbox::new(1024);
    let mut push = |inbox: &mut Inbox, number: usize| {
        let kinds = arriving.len();
        let observation = &mut arriving[number % kinds];
        next_of(observation);
        inbox.push(now, observation.clone())
    };
    (0..usize::from(ORIGINS)).for_each(|number| assert_eq!(push(&mut inbox, number), None));
    (0..observations() as usize)
        .filter(|number| {
            push(&mut inbox, number + usize::from(ORIGINS));
            let next = inbox.next(|| now, |origin| panic!("{origin}"));
            matches!(black_box(next), Some(Next::Observation(_)))
        })
        .count() as u64
}

#[test]
fn inbox() {
    assert_eq!(through_inbox((0..ORIGINS).map(lossy).collect()), observations());
}

#[test]
fn inbox_latest() {
    // The origins take turns, each with all its keys.
    let of_each: Vec<_> = (0..ORIGINS).map(latest).collect();
    let by_key = (0..IN_A_DATAGRAM as usize).flat_map(|key| of_each.iter().map(move |of| of[key].clone()));

    assert_eq!(through_inbox(by_key.collect()), observations());
}

/// From the publisher to the agent of a subscriber, without the network between them.
fn whole_path(mut published: Vec<Observation>) -> u64 {
    let now = Instant::now();
    let max = published.first().map(filled_by).unwrap();
    let mut outbox = Outbox::new(Duration::from_secs(1), 1024);
    let mut pace = Pace::new(1_000_000_000, None, now);
    let subscriptions = Subscriptions::new(vec!["map.**".parse().unwrap(), "rover.**".parse().unwrap()]);
    let mut intake = Intake::new(UnixMicros::new(0), Duration::from_secs(60), &[]);
    let mut inbox = Inbox::new(1024);
    let mut publish = |observation: &Observation| {
        outbox.push(now, encode_observation(observation), Waits::of(observation, now));
        let taken = outbox.take(now, &[], max, max, |reason| panic!("{reason}"));
        taken.map_or(0, |(datagram, _)| {
            assert_eq!(pace.came(now), Verdict::Take);
            let mut observations = decoded(&datagram);
            observations.retain(|arrived| {
                subscriptions.wants(&arrived.topic) && intake.admit(arrived.origin, arrived).is_ok()
            });
            observations.into_iter().for_each(|arrived| assert_eq!(inbox.push(now, arrived), None));
            let told = || inbox.next(|| now, |origin| panic!("{origin}"));
            std::iter::from_fn(told).map(black_box).count() as u64
        })
    };
    publish(&lossy(0));
    let kinds = published.len();
    (0..observations() as usize)
        .map(|number| {
            let observation = &mut published[number % kinds];
            next_of(observation);
            publish(observation)
        })
        .sum()
}

#[test]
fn path() {
    assert_eq!(whole_path(vec![lossy(0)]), observations());
}

#[test]
fn path_latest() {
    assert_eq!(whole_path(latest(0)), observations());
}
