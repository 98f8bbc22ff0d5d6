//! What is encoded comes back, and what was never encoded does no harm: properties over generated messages and bytes.
//!
//! The same cases are drawn at every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` draw others, or more.

#![cfg(test)]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use swarm_proto::{
    CapabilityPattern, Chunk, CloseCode, ControlFrame, Datagram, DatagramBuilder, DecodeError, Delivery,
    FeedFrame, FeedPosition, Frame, GuardLimits, Hello, Outcome, ReplyFrame, RequestFrame, ResetCode,
    TopicPattern, TraceContext, check, decode_datagram, decode_observation, encode_observation, from_slice,
    scan_one,
};

#[path = "roundtrip/messages.rs"]
mod messages;

use messages::{
    agent_id, capability, control_frame, feed_position, hello, in_datagram, labels, nearly_a_message,
    observation, pattern, reliable_observation, reply_frame, request_frame, sealed, topic, topic_pattern,
    trace_context,
};

const MAX_DATAGRAM_BYTES: usize = 65_535;

fn seeded() -> ProptestConfig {
    let config = ProptestConfig::default();
    match config.rng_seed {
        RngSeed::Random => {
            ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..config }
        }
        RngSeed::Fixed(_) => ProptestConfig { failure_persistence: None, ..config },
    }
}

/// What a pattern means, in the words of its description: label by label, with every way to read a `**`.
fn means(wanted: &[String], named: &[String]) -> bool {
    match (wanted, named) {
        ([], []) => true,
        ([first, wanted @ ..], [_, rest @ ..]) if first == "*" => means(wanted, rest),
        ([first, wanted @ ..], [_, ..]) if first == "**" => {
            (1..=named.len()).any(|taken| means(wanted, &named[taken..]))
        }
        ([first, wanted @ ..], [label, rest @ ..]) => first == label && means(wanted, rest),
        _ => false,
    }
}

/// Runs every decoder; what they answer does not matter here.
fn decode_as_everything(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    let _ = decode_datagram(&shared);
    let _ = decode_observation(&shared);
    let _ = Hello::decode(bytes);
    let _ = ControlFrame::decode(bytes);
    let _ = RequestFrame::decode(bytes);
    let _ = ReplyFrame::decode(bytes);
    let _ = FeedFrame::decode(bytes).and_then(|frame| frame.observation());
    let _ = FeedPosition::decode(bytes);
    let _ = from_slice::<BTreeMap<String, Vec<Option<i64>>>>(bytes);
    let _ = from_slice::<Outcome>(bytes);
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn an_observation_comes_back(observation in observation()) {
        prop_assert_eq!(decode_observation(&encode_observation(&observation)), Ok(observation));
    }

    #[test]
    fn the_observations_of_a_datagram_come_back(observations in vec(in_datagram(), 1..20)) {
        let mut builder = DatagramBuilder::new(MAX_DATAGRAM_BYTES);
        for observation in &observations {
            prop_assert!(builder.try_push(&encode_observation(observation)));
        }
        prop_assert_eq!(decode_datagram(&builder.finish()), Ok(Datagram::Observations(observations)));
    }

    #[test]
    fn a_hello_comes_back(hello in hello()) {
        let encoded = hello.encode()?;
        prop_assert_eq!(Hello::decode(&encoded), Ok(hello));
    }

    #[test]
    fn a_control_frame_comes_back(frame in control_frame()) {
        let encoded = frame.encode()?;
        prop_assert_eq!(ControlFrame::decode(&encoded), Ok(frame));
    }

    #[test]
    fn a_request_frame_comes_back(frame in request_frame()) {
        let encoded = frame.encode()?;
        prop_assert_eq!(RequestFrame::decode(&encoded), Ok(frame));
    }

    #[test]
    fn a_reply_frame_comes_back(frame in reply_frame()) {
        let encoded = frame.encode()?;
        prop_assert_eq!(ReplyFrame::decode(&encoded), Ok(frame));
    }

    #[test]
    fn what_a_feed_carries_comes_back(
        number in any::<u64>(),
        observation in prop_oneof![reliable_observation(), sealed(reliable_observation())],
    ) {
        let frame = FeedFrame { number, encoded: encode_observation(&observation) };
        let read = FeedFrame::decode(&frame.encode()?);
        prop_assert_eq!(&read, &Ok(frame));
        prop_assert_eq!(read.and_then(|frame| frame.observation()), Ok(observation));
    }

    #[test]
    fn a_feed_position_comes_back(position in feed_position()) {
        prop_assert_eq!(FeedPosition::decode(&position.encode()?), Ok(position));
    }

    #[test]
    fn an_observation_travels_in_datagrams_or_in_feeds_and_never_in_both(observation in observation()) {
        let encoded = encode_observation(&observation);
        let datagram = decode_datagram(&[b"\x11", &encoded[..]].concat().into());
        let feed = FeedFrame { number: 1, encoded }.observation();
        let reliable = observation.delivery == Delivery::Reliable;
        prop_assert_eq!(feed.is_ok(), reliable);
        prop_assert_eq!(datagram.is_ok(), !reliable);
        for refused in [feed.err(), datagram.err()].into_iter().flatten() {
            prop_assert!(matches!(refused, DecodeError::Malformed(_)), "{refused}");
        }
    }

    #[test]
    fn what_a_chunk_encodes_it_decodes(values in btree_map(any::<String>(), vec(any::<f64>(), 0..50), 0..20)) {
        let chunk = Chunk::encode("numbers", &values)?;
        prop_assert_eq!(chunk.decode::<BTreeMap<String, Vec<f64>>>(), Ok(values));
    }

    #[test]
    fn text_forms_come_back(agent in agent_id(), capability in capability(), pattern in pattern(), wanted in topic_pattern(), topic in topic()) {
        prop_assert_eq!(agent.to_string().parse(), Ok(agent));
        prop_assert_eq!(capability.to_string().parse(), Ok(capability));
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
        prop_assert_eq!(wanted.to_string().parse(), Ok(wanted));
        prop_assert_eq!(topic.to_string().parse(), Ok(topic));
    }

    #[test]
    fn a_trace_context_comes_back(trace in trace_context()) {
        let parsed = TraceContext::parse(&trace.to_string()).map(|parsed| parsed.with_state(trace.state()));
        prop_assert_eq!(parsed, Some(trace));
    }

    #[test]
    fn a_capability_is_a_pattern_of_itself_alone(one in capability(), other in capability()) {
        let pattern = CapabilityPattern::from(one.clone());
        prop_assert_eq!(one.to_string().parse(), Ok(pattern.clone()));
        prop_assert!(pattern.matches(&one));
        prop_assert_eq!(pattern.matches(&other), one == other);
    }

    #[test]
    fn a_topic_is_a_pattern_of_itself_alone(one in topic(), other in topic()) {
        let pattern = TopicPattern::from(one.clone());
        prop_assert_eq!(one.to_string().parse(), Ok(pattern.clone()));
        prop_assert!(pattern.matches(&one));
        prop_assert_eq!(pattern.matches(&other), one == other);
    }

    // Few labels, so that patterns and topics often meet.
    #[test]
    fn a_pattern_means_what_its_labels_say(wanted in labels("[ab]"), named in vec("[ab]", 1..=6)) {
        let (pattern, topic) = (wanted.join(".").parse::<TopicPattern>()?, named.join(".").parse()?);
        prop_assert_eq!(pattern.matches(&topic), means(&wanted, &named), "{} {}", pattern, topic);
        prop_assert_eq!(pattern.is_everything(), wanted == ["**"]);
    }

    #[test]
    fn codes_come_back(number in any::<u32>()) {
        prop_assert_eq!(CloseCode::from_u32(number).to_u32(), number);
        prop_assert_eq!(ResetCode::from_u32(number).to_u32(), number);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(bytes in nearly_a_message()) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn what_is_not_sound_is_never_decoded(bytes in nearly_a_message()) {
        if check(&bytes, &GuardLimits::default()).is_err() {
            prop_assert!(decode_observation(&Bytes::copy_from_slice(&bytes)).is_err());
            prop_assert!(Hello::decode(&bytes).is_err());
            prop_assert!(ControlFrame::decode(&bytes).is_err());
            prop_assert!(RequestFrame::decode(&bytes).is_err());
            prop_assert!(ReplyFrame::decode(&bytes).is_err());
            prop_assert!(FeedFrame::decode(&bytes).is_err());
            prop_assert!(FeedPosition::decode(&bytes).is_err());
        }
    }

    #[test]
    fn what_is_decoded_means_the_same_when_it_is_sent_on(bytes in nearly_a_message()) {
        if let Ok(frame) = ReplyFrame::decode(&bytes) {
            prop_assert_eq!(ReplyFrame::decode(&frame.encode()?), Ok(frame));
        }
        if let Ok(frame) = RequestFrame::decode(&bytes) {
            prop_assert_eq!(RequestFrame::decode(&frame.encode()?), Ok(frame));
        }
        if let Ok(frame) = ControlFrame::decode(&bytes) {
            prop_assert_eq!(ControlFrame::decode(&frame.encode()?), Ok(frame));
        }
        if let Ok(frame) = FeedFrame::decode(&bytes) {
            prop_assert_eq!(FeedFrame::decode(&frame.encode()?), Ok(frame));
        }
        if let Ok(position) = FeedPosition::decode(&bytes) {
            prop_assert_eq!(FeedPosition::decode(&position.encode()?), Ok(position));
        }
        if let Ok(observation) = decode_observation(&bytes.into()) {
            prop_assert_eq!(decode_observation(&encode_observation(&observation)), Ok(observation));
        }
    }

    #[test]
    fn the_guard_accepts_no_message_that_is_cut_short(frame in request_frame(), cut in any::<prop::sample::Index>()) {
        let encoded = frame.encode()?;
        let shorter = encoded.slice(..cut.index(encoded.len()));
        prop_assert!(check(&shorter, &GuardLimits::default()).is_err());
        prop_assert!(scan_one(&shorter, &GuardLimits::default()).is_err());
    }

    #[test]
    fn the_guard_stays_within_the_input(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(length) = scan_one(&bytes, &GuardLimits::default()) {
            prop_assert!(0 < length && length <= bytes.len());
            prop_assert_eq!(check(&bytes[..length], &GuardLimits::default()), Ok(()));
        }
    }

    #[test]
    fn the_guard_measures_as_far_as_the_decoder_reads(values in vec(any::<(Option<bool>, i64, String)>(), 0..20), tail in any::<u8>()) {
        let mut bytes = swarm_proto::to_vec(&values)?;
        let length = bytes.len();
        bytes.push(tail);
        prop_assert_eq!(scan_one(&bytes, &GuardLimits::default()), Ok(length));
    }
}
