//! What is encoded comes back, and what was never encoded does no harm: properties over generated messages and bytes.
//!
//! The same cases are drawn at every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` draw others, or more.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use swarm_proto::{
    Advertisement, AgentId, Artefact, Capability, CapabilityPattern, Chunk, CloseCode, ControlFrame,
    Datagram, DatagramBuilder, Delivery, Epoch, Frame, Goodbye, GuardLimits, Hello, Introduction, Lane,
    Observation, Outcome, PeerLimits, Progress, ProtocolVersion, ReplyFrame, RequestFrame, RequestHead,
    RequestId, ResetCode, Resume, Sequence, SwarmName, TopicName, TopicPattern, TraceContext, UnixMicros,
    VersionRange, check, decode_datagram, decode_observation, encode_observation, from_slice, scan_one,
};

const DOTTED: &str = "[a-z0-9_-]{1,20}(\\.[a-z0-9_-]{1,20}){0,4}";
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

fn agent_id() -> impl Strategy<Value = AgentId> {
    any::<[u8; 32]>().prop_map(AgentId::from_key_digest)
}

fn topic() -> impl Strategy<Value = TopicName> {
    DOTTED.prop_filter_map("a topic", |name| TopicName::try_from(name.as_str()).ok())
}

fn capability() -> impl Strategy<Value = Capability> {
    (DOTTED, 1..=u16::MAX).prop_filter_map("a capability", |(name, version)| {
        Capability::try_from(format!("{name}@{version}").as_str()).ok()
    })
}

fn pattern() -> impl Strategy<Value = CapabilityPattern> {
    let label = prop_oneof![Just("*".to_owned()), "[a-z0-9_-]{1,20}"];
    let version =
        prop_oneof![Just(String::new()), Just("@*".to_owned()), (1..=u16::MAX).prop_map(|v| format!("@{v}"))];
    (vec(label, 1..=5), any::<bool>(), version).prop_filter_map("a pattern", |(mut labels, rest, version)| {
        if rest {
            labels.push("**".to_owned());
        }
        format!("{}{version}", labels.join(".")).parse().ok()
    })
}

fn advertisement() -> impl Strategy<Value = Advertisement> {
    let attributes = prop_oneof![
        3 => Just(BTreeMap::new()),
        1 => btree_map(text(16), text(16), 0..=16),
        1 => btree_map(text(128), text(128), 0..=2),
    ];
    (capability(), attributes).prop_map(|(capability, attributes)| Advertisement { capability, attributes })
}

fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..400).prop_map(Bytes::from)
}

/// Texts within `max` bytes.
fn text(max: usize) -> impl Strategy<Value = String> {
    any::<String>().prop_map(move |mut text| {
        text.truncate(text.floor_char_boundary(max));
        text
    })
}

fn observation() -> impl Strategy<Value = Observation> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u8>());
    (agent_id(), numbers, topic(), payload()).prop_map(
        |(origin, (epoch, sequence, sent_at, hops), topic, payload)| Observation {
            origin,
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
            topic,
            sent_at: UnixMicros::new(sent_at),
            hops,
            payload,
            delivery: Delivery::Lossy,
            expires_ms: None,
        },
    )
}

fn hello() -> impl Strategy<Value = Hello> {
    let claims = (any::<[u8; 2]>(), "[a-z0-9][a-z0-9-]{0,62}", any::<u64>(), any::<[u32; 2]>());
    (agent_id(), claims, vec(advertisement(), 0..20)).prop_filter_map(
        "a swarm name",
        |(agent, ([min, max], swarm, epoch, limits), capabilities)| {
            let [max_requests, max_datagram_bytes] = limits;
            let mut hello = Hello {
                versions: VersionRange { min: ProtocolVersion::new(min), max: ProtocolVersion::new(max) },
                agent,
                swarm: SwarmName::try_from(swarm.as_str()).ok()?,
                epoch: Epoch::new(epoch),
                capabilities,
                limits: PeerLimits { max_requests, max_datagram_bytes },
                subscriptions: vec![TopicPattern::everything()],
            };
            while hello.encode().is_err() {
                hello.capabilities.pop()?;
            }
            Some(hello)
        },
    )
}

fn introduction() -> impl Strategy<Value = Introduction> {
    let address = (any::<std::net::IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
    (agent_id(), address).prop_map(|(agent, address)| Introduction { agent, address })
}

fn control_frame() -> impl Strategy<Value = ControlFrame> {
    let goodbye = (any::<u32>(), text(256)).prop_map(|(code, reason)| Goodbye { code: code.into(), reason });
    prop_oneof![
        hello().prop_map(ControlFrame::Hello),
        goodbye.prop_map(ControlFrame::Goodbye),
        vec(introduction(), 0..=256).prop_map(ControlFrame::Introduce),
        any::<u16>().prop_map(ControlFrame::Load),
    ]
}

fn request_head() -> impl Strategy<Value = RequestHead> {
    let limits = (option::of(any::<u32>()), option::of(any::<u32>()), any::<u8>());
    let what = (any::<[u8; 16]>(), capability(), btree_map(text(200), text(200), 0..=32));
    let how = (lane(), option::of(trace_context()), option::of(text(128)), any::<bool>());
    (what, limits, how).prop_map(
        |(
            (id, capability, metadata),
            (deadline_ms, idle_ms, hop_limit),
            (lane, trace, idempotency_key, resumable),
        )| RequestHead {
            id: RequestId::from_random(id),
            capability,
            deadline_ms,
            idle_ms,
            hop_limit,
            lane,
            trace,
            idempotency_key,
            resumable,
            metadata,
        },
    )
}

fn lane() -> impl Strategy<Value = Lane> {
    prop::sample::select(vec![Lane::Control, Lane::Interactive, Lane::Bulk])
}

fn trace_context() -> impl Strategy<Value = TraceContext> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<bool>(), text(512)).prop_filter_map(
        "ids that are not all zeros",
        |(trace_id, parent_id, sampled, state)| {
            TraceContext::new(trace_id, parent_id, sampled).map(|trace| trace.with_state(state))
        },
    )
}

fn resume() -> impl Strategy<Value = Resume> {
    (any::<[u8; 16]>(), any::<u64>()).prop_map(|(id, from)| Resume { id: RequestId::from_random(id), from })
}

fn chunk() -> impl Strategy<Value = Chunk> {
    (text(64), payload()).prop_map(|(label, payload)| Chunk::new(label, payload))
}

fn request_frame() -> impl Strategy<Value = RequestFrame> {
    prop_oneof![
        request_head().prop_map(RequestFrame::Head),
        resume().prop_map(RequestFrame::Resume),
        chunk().prop_map(RequestFrame::Chunk),
        Just(RequestFrame::End),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Completed),
        text(1_024).prop_map(|reason| Outcome::Declined { reason }),
        text(1_024).prop_map(|error| Outcome::Failed { error }),
        Just(Outcome::NoSuchCapability),
        any::<u32>().prop_map(|retry_after_ms| Outcome::Busy { retry_after_ms }),
        Just(Outcome::DeadlineExceeded),
        Just(Outcome::Idle),
        Just(Outcome::HopLimit),
        Just(Outcome::UnknownRequest),
        text(1_024).prop_map(|reason| Outcome::Malformed { reason }),
        Just(Outcome::ShutDown),
    ]
}

fn artefact() -> impl Strategy<Value = Artefact> {
    (text(64), any::<u32>(), 0..=100_u8, payload())
        .prop_map(|(name, revision, quality, payload)| Artefact::new(name, revision, quality, payload))
}

fn progress() -> impl Strategy<Value = Progress> {
    (text(256), option::of(0..=100_u8)).prop_map(|(text, percent)| Progress { text, percent })
}

fn reply_frame() -> impl Strategy<Value = ReplyFrame> {
    prop_oneof![
        chunk().prop_map(ReplyFrame::Chunk),
        progress().prop_map(ReplyFrame::Progress),
        artefact().prop_map(ReplyFrame::Artefact),
        any::<u64>().prop_map(ReplyFrame::Position),
        outcome().prop_map(ReplyFrame::End),
    ]
}

/// Bytes that look like the protocol more often than chance would have it: one frame, some bytes of it replaced.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let frame = prop_oneof![
        control_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        request_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        reply_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        observation().prop_map(|observation| encode_observation(&observation)),
        observation()
            .prop_map(|observation| [b"\x11", &encode_observation(&observation)[..]].concat().into()),
    ];
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (frame, changes).prop_map(|(frame, changes)| {
        let mut bytes = frame.to_vec();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        bytes
    })
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
    fn the_observations_of_a_datagram_come_back(observations in vec(observation(), 1..20)) {
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
    fn what_a_chunk_encodes_it_decodes(values in btree_map(any::<String>(), vec(any::<f64>(), 0..50), 0..20)) {
        let chunk = Chunk::encode("numbers", &values)?;
        prop_assert_eq!(chunk.decode::<BTreeMap<String, Vec<f64>>>(), Ok(values));
    }

    #[test]
    fn text_forms_come_back(agent in agent_id(), capability in capability(), pattern in pattern(), topic in topic()) {
        prop_assert_eq!(agent.to_string().parse(), Ok(agent));
        prop_assert_eq!(capability.to_string().parse(), Ok(capability));
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
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
