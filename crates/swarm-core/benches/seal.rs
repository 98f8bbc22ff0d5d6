//! What a signature on an observation of 160 bytes costs: making it, and looking at it, one by one as nodes do. It measures
//! and asserts nothing.
//!
//! ```text
//! just bench seal
//! ```

#![expect(clippy::print_stdout, reason = "what it measures goes to whoever runs it")]
#![expect(clippy::disallowed_methods, reason = "nothing here waits")]

use std::hint::black_box;
use std::time::Instant;

use ring::signature::{ED25519, UnparsedPublicKey};
use swarm_core::proto::{decode_observation, encode_observation};
use swarm_core::{
    AgentId, Delivery, Epoch, IdentityKey, Observation, Sequence, SwarmName, TopicName, UnixMicros,
};

const ROUNDS: usize = 101;
/// So many that reading the clock weighs nothing.
const CALLS: usize = 100;

type Problem = Box<dyn std::error::Error>;

fn main() -> Result<(), Problem> {
    let (swarm, key) = (SwarmName::default(), IdentityKey::from_seed([7; 32]));
    let plain = observation(key.agent_id())?;
    let seal = |plain: Observation| plain.sealed(&swarm, key.public_key(), |message| key.sign(message));
    let sealed = seal(plain.clone());
    let (encoded, encoded_plain) = (encode_observation(&sealed), encode_observation(&plain));
    println!("an observation takes {} B, signed {} B", encoded_plain.len(), encoded.len());
    println!("us per observation: median of {ROUNDS} rounds, and the fastest");

    report("encode", || drop(black_box(encode_observation(black_box(&plain)))));
    report("sign and encode", || drop(black_box(encode_observation(&seal(black_box(plain.clone()))))));
    report("decode", || drop(black_box(decode_observation(black_box(&encoded_plain)))));
    report("decode a signed one", || drop(black_box(decode_observation(black_box(&encoded)))));
    let seal = sealed.seal.ok_or("it has none")?;
    let public = UnparsedPublicKey::new(&ED25519, *seal.key().as_bytes());
    report("look at the signature", || {
        let _ = black_box(public.verify(&seal.message(&swarm), black_box(seal.signature())));
    });
    Ok(())
}

fn observation(origin: AgentId) -> Result<Observation, Problem> {
    Ok(Observation {
        origin,
        epoch: Epoch::new(1_700_000_000_000),
        sequence: Sequence::new(1 << 20),
        topic: TopicName::try_from("rover.position")?,
        sent_at: UnixMicros::new(1_700_000_000_250_000),
        hops: 0,
        payload: vec![7; 160].into(),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    })
}

fn report(what: &str, call: impl Fn()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(|_| call());
            began.elapsed().as_secs_f64() * 1e6 / CALLS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let at = |place: usize| rounds.get(place).copied().unwrap_or_default();
    println!("{what:<24} {:>8.2} {:>8.2}", at(ROUNDS / 2), at(0));
}
