//! What it costs to encode an observation of 256 bytes, and to decode a datagram of one or five of them. It measures and
//! asserts nothing.
//!
//! ```text
//! just bench observation
//! ```

#![expect(clippy::print_stdout, reason = "what it measures goes to whoever runs it")]
#![expect(clippy::disallowed_methods, reason = "nothing here waits, and this crate knows no runtime")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use swarm_proto::{
    AgentId, DatagramBuilder, Delivery, Epoch, Key, Observation, Sequence, TopicName, UnixMicros,
    decode_datagram, encode_observation,
};

const PAYLOAD: [u8; 256] = [7; 256];
const ROUNDS: usize = 101;
/// So many that reading the clock weighs nothing.
const CALLS: usize = 2_000;

type Problem = Box<dyn std::error::Error>;

fn main() -> Result<(), Problem> {
    let lossy = |sequence| observation(sequence, "rover.position", Delivery::Lossy);
    let latest = |sequence| observation(sequence, "rover.position", Delivery::Latest { key: Key::default() });
    println!("ns per observation of {} B: median of {ROUNDS} rounds, and the fastest", PAYLOAD.len());

    let one = lossy(1)?;
    report("encode", 1, || drop(black_box(encode_observation(black_box(&one)))));
    decoding("decode a datagram of 1", &[lossy(1)?]);
    decoding("decode a datagram of 5", &(1..=5).map(lossy).collect::<Result<Vec<_>, _>>()?);
    decoding("decode a datagram of 5, latest", &(1..=5).map(latest).collect::<Result<Vec<_>, _>>()?);
    let topics = ["rover.position", "rover.battery", "arm.pose", "map.tile", "camera.left.exposure"];
    let apart = (1..).zip(topics).map(|(sequence, topic)| observation(sequence, topic, Delivery::Lossy));
    decoding("decode a datagram of 5, a topic each", &apart.collect::<Result<Vec<_>, _>>()?);
    Ok(())
}

fn observation(sequence: u64, topic: &str, delivery: Delivery) -> Result<Observation, Problem> {
    Ok(Observation {
        origin: AgentId::from_key_digest([1; 32]),
        epoch: Epoch::new(1_700_000_000_000),
        sequence: Sequence::new(sequence),
        topic: TopicName::try_from(topic)?,
        sent_at: UnixMicros::new(1_700_000_000_250_000),
        hops: 0,
        payload: Bytes::from_static(&PAYLOAD),
        delivery,
        expires_ms: None,
        seal: None,
    })
}

fn decoding(what: &str, observations: &[Observation]) {
    let mut builder = DatagramBuilder::new(65_535);
    for observation in observations {
        assert!(builder.try_push(&encode_observation(observation)));
    }
    let datagram = builder.finish();
    assert!(decode_datagram(&datagram).is_ok());
    report(what, observations.len(), || drop(black_box(decode_datagram(black_box(&datagram)))));
}

/// Times `call`, which handles so many observations.
fn report(what: &str, observations: usize, mut call: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(|_| call());
            began.elapsed().as_secs_f64() * 1e9 / (CALLS * observations) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let (fastest, median) = (rounds.first(), rounds.get(ROUNDS / 2));
    println!("{what:<38} {:>6.0} {:>6.0}", median.unwrap_or(&0.0), fastest.unwrap_or(&0.0));
}
