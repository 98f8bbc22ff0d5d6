//! Messages of every kind, drawn at random within their limits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use swarm_proto::{
    Advertisement, AgentId, Artefact, Capability, CapabilityPattern, Chunk, ControlFrame, Delivery, Epoch,
    FeedFrame, FeedPosition, Frame, Goodbye, Grant, Hello, Introduction, Key, Lane, Observation, Outcome,
    PeerLimits, Permissions, Progress, ProtocolVersion, PublicKey, ReplyFrame, RequestFrame, RequestHead,
    RequestId, Resume, Revocation, Revocations, Role, Sequence, Signed, Statement, Subject, SwarmName,
    TopicName, TopicPattern, TraceContext, UnixMicros, UnixSeconds, Validity, VersionRange,
    encode_observation,
};

const DOTTED: &str = "[a-z0-9_-]{1,20}(\\.[a-z0-9_-]{1,20}){0,4}";

pub(crate) fn agent_id() -> impl Strategy<Value = AgentId> {
    any::<[u8; 32]>().prop_map(AgentId::from_key_digest)
}

pub(crate) fn topic() -> impl Strategy<Value = TopicName> {
    DOTTED.prop_filter_map("a topic", |name| TopicName::try_from(name.as_str()).ok())
}

pub(crate) fn capability() -> impl Strategy<Value = Capability> {
    (DOTTED, 1..=u16::MAX).prop_filter_map("a capability", |(name, version)| {
        Capability::try_from(format!("{name}@{version}").as_str()).ok()
    })
}

pub(crate) fn pattern() -> impl Strategy<Value = CapabilityPattern> {
    let version =
        prop_oneof![Just(String::new()), Just("@*".to_owned()), (1..=u16::MAX).prop_map(|v| format!("@{v}"))];
    (labels("[a-z0-9_-]{1,20}"), version).prop_filter_map("a pattern", |(labels, version)| {
        format!("{}{version}", labels.join(".")).parse().ok()
    })
}

pub(crate) fn topic_pattern() -> impl Strategy<Value = TopicPattern> {
    labels("[a-z0-9_-]{1,20}").prop_filter_map("a pattern", |labels| labels.join(".").parse().ok())
}

/// Labels of a pattern; those that are no wildcards are alike to `plain`.
pub(crate) fn labels(plain: &'static str) -> impl Strategy<Value = Vec<String>> {
    let label = prop_oneof![Just("*".to_owned()), plain];
    let rest = prop_oneof![Just(None), Just(Some("**".to_owned()))];
    (vec(label, 0..=5), rest)
        .prop_map(|(labels, rest)| labels.into_iter().chain(rest).collect::<Vec<_>>())
        .prop_filter("a label at least", |labels| !labels.is_empty())
}

pub(crate) fn advertisement() -> impl Strategy<Value = Advertisement> {
    let attributes = prop_oneof![
        3 => Just(BTreeMap::new()),
        1 => btree_map(text(16), text(16), 0..=16),
        1 => btree_map(text(128), text(128), 0..=2),
    ];
    (capability(), attributes).prop_map(|(capability, attributes)| Advertisement { capability, attributes })
}

pub(crate) fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..400).prop_map(Bytes::from)
}

/// Texts within `max` bytes.
pub(crate) fn text(max: usize) -> impl Strategy<Value = String> {
    any::<String>().prop_map(move |mut text| {
        text.truncate(text.floor_char_boundary(max));
        text
    })
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    text(64).prop_map(|text| Key::try_from(text.as_str()).unwrap())
}

/// How an observation travels in a datagram, and when it expires.
pub(crate) fn unreliable() -> impl Strategy<Value = (Delivery, Option<NonZeroU32>)> {
    let delivery =
        prop_oneof![2 => Just(Delivery::Lossy), 1 => key().prop_map(|key| Delivery::Latest { key })];
    (delivery, option::of(any::<NonZeroU32>()))
}

pub(crate) fn observation_that(
    travels: impl Strategy<Value = (Delivery, Option<NonZeroU32>)>,
) -> impl Strategy<Value = Observation> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u8>());
    (agent_id(), numbers, topic(), payload(), travels).prop_map(
        |(origin, (epoch, sequence, sent_at, hops), topic, payload, (delivery, expires_ms))| Observation {
            origin,
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
            topic,
            sent_at: UnixMicros::new(sent_at),
            hops,
            payload,
            delivery,
            expires_ms,
            seal: None,
        },
    )
}

pub(crate) fn reliable_observation() -> impl Strategy<Value = Observation> {
    observation_that(Just((Delivery::Reliable, None)))
}

/// As its origin made it, or as somebody passed it on.
pub(crate) fn sealed(plain: impl Strategy<Value = Observation>) -> impl Strategy<Value = Observation> {
    (plain, any::<[u8; 32]>(), any::<u8>()).prop_map(|(plain, key, hops)| {
        let sign = |_: &[u8]| [key, key].concat().try_into().unwrap();
        Observation { hops, ..plain.sealed(&SwarmName::default(), PublicKey::from_bytes(key), sign) }
    })
}

pub(crate) fn observation() -> impl Strategy<Value = Observation> {
    let plain = || prop_oneof![3 => observation_that(unreliable()), 1 => reliable_observation()];
    prop_oneof![3 => plain(), 1 => sealed(plain())]
}

/// What may travel in a datagram.
pub(crate) fn in_datagram() -> impl Strategy<Value = Observation> {
    prop_oneof![3 => observation_that(unreliable()), 1 => sealed(observation_that(unreliable()))]
}

pub(crate) fn feed_frame() -> impl Strategy<Value = FeedFrame> {
    (any::<u64>(), observation())
        .prop_map(|(number, observation)| FeedFrame { number, encoded: encode_observation(&observation) })
}

pub(crate) fn feed_position() -> impl Strategy<Value = FeedPosition> {
    any::<u64>().prop_map(FeedPosition)
}

/// Everything, nothing, or some patterns.
pub(crate) fn subscriptions() -> impl Strategy<Value = Vec<TopicPattern>> {
    prop_oneof![Just(vec![TopicPattern::everything()]), vec(topic_pattern(), 0..=8)]
}

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    let claims = (any::<[u8; 2]>(), "[a-z0-9][a-z0-9-]{0,62}", any::<u64>(), any::<[u32; 2]>());
    (agent_id(), claims, vec(advertisement(), 0..20), subscriptions()).prop_filter_map(
        "a swarm name",
        |(agent, ([min, max], swarm, epoch, limits), capabilities, subscriptions)| {
            let [max_requests, max_datagram_bytes] = limits;
            let mut hello = Hello {
                versions: VersionRange { min: ProtocolVersion::new(min), max: ProtocolVersion::new(max) },
                agent,
                swarm: SwarmName::try_from(swarm.as_str()).ok()?,
                epoch: Epoch::new(epoch),
                capabilities,
                limits: PeerLimits { max_requests, max_datagram_bytes },
                subscriptions,
            };
            while hello.encode().is_err() {
                hello.capabilities.pop()?;
            }
            Some(hello)
        },
    )
}

pub(crate) fn introduction() -> impl Strategy<Value = Introduction> {
    let address = (any::<std::net::IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
    (agent_id(), address).prop_map(|(agent, address)| Introduction { agent, address })
}

pub(crate) fn control_frame() -> impl Strategy<Value = ControlFrame> {
    let goodbye = (any::<u32>(), text(256)).prop_map(|(code, reason)| Goodbye { code: code.into(), reason });
    prop_oneof![
        hello().prop_map(ControlFrame::Hello),
        goodbye.prop_map(ControlFrame::Goodbye),
        vec(introduction(), 0..=256).prop_map(ControlFrame::Introduce),
        any::<u16>().prop_map(ControlFrame::Load),
        vec(topic_pattern(), 0..=64).prop_map(ControlFrame::Subscribe),
        vec(grant(), 0..=32)
            .prop_map(|grants| ControlFrame::Grants(grants.into_iter().map(signed).collect())),
        revocations().prop_map(|list| ControlFrame::Revocations(signed(list))),
        any::<[u8; 32]>().prop_map(ControlFrame::Challenge),
        any::<[u8; 32]>().prop_map(|half| ControlFrame::Proof([half, half].concat().try_into().unwrap())),
    ]
}

fn signed<T: Statement>(statement: T) -> Signed<T> {
    Signed::new(statement, PublicKey::from_bytes([2; 32]), |_| [3; 64]).unwrap()
}

fn grant() -> impl Strategy<Value = Grant> {
    let subject = prop_oneof![
        any::<[u8; 32]>().prop_map(|key| Subject::Key(PublicKey::from_bytes(key))),
        any::<[u8; 16]>().prop_map(Subject::Bearer),
    ];
    let what = (vec(topic_pattern(), 0..=3), vec(capability(), 0..=3));
    (
        "[a-z0-9][a-z0-9-]{0,62}",
        subject,
        any::<bool>(),
        what,
        option::of((1..u32::MAX).prop_map(|n| NonZeroU32::new(n).unwrap())),
        any::<[u64; 2]>(),
    )
        .prop_map(|(swarm, subject, member, (topics, capabilities), datagrams_per_second, [from, until])| {
            Grant {
                swarm: swarm.parse().unwrap(),
                subject,
                role: if member { Role::Member } else { Role::Observer },
                permissions: Permissions {
                    publish: topics.clone(),
                    subscribe: topics.into_iter().rev().take(1).collect(),
                    serve: capabilities.into_iter().map(Into::into).collect(),
                    call: vec![CapabilityPattern::everything()],
                },
                datagrams_per_second,
                valid: Validity { from: UnixSeconds::new(from), until: UnixSeconds::new(until) },
            }
        })
        .prop_filter("it fits", |grant| grant.encode().is_ok())
}

fn revocations() -> impl Strategy<Value = Revocations> {
    let revocation = (any::<[u8; 32]>(), any::<u64>()).prop_map(|(digest, until)| Revocation {
        agent: AgentId::from_key_digest(digest),
        until: UnixSeconds::new(until),
    });
    ("[a-z0-9][a-z0-9-]{0,62}", any::<u64>(), vec(revocation, 0..=64))
        .prop_map(|(swarm, version, revoked)| Revocations { swarm: swarm.parse().unwrap(), version, revoked })
}

pub(crate) fn request_head() -> impl Strategy<Value = RequestHead> {
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

pub(crate) fn lane() -> impl Strategy<Value = Lane> {
    prop::sample::select(vec![Lane::Control, Lane::Interactive, Lane::Bulk])
}

pub(crate) fn trace_context() -> impl Strategy<Value = TraceContext> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<bool>(), text(512)).prop_filter_map(
        "ids that are not all zeros",
        |(trace_id, parent_id, sampled, state)| {
            TraceContext::new(trace_id, parent_id, sampled).map(|trace| trace.with_state(state))
        },
    )
}

pub(crate) fn resume() -> impl Strategy<Value = Resume> {
    (any::<[u8; 16]>(), any::<u64>()).prop_map(|(id, from)| Resume { id: RequestId::from_random(id), from })
}

pub(crate) fn chunk() -> impl Strategy<Value = Chunk> {
    (text(64), payload()).prop_map(|(label, payload)| Chunk::new(label, payload))
}

pub(crate) fn request_frame() -> impl Strategy<Value = RequestFrame> {
    prop_oneof![
        request_head().prop_map(RequestFrame::Head),
        resume().prop_map(RequestFrame::Resume),
        chunk().prop_map(RequestFrame::Chunk),
        Just(RequestFrame::End),
        any::<u64>().prop_map(RequestFrame::Feed),
    ]
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
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
        Just(Outcome::NotPermitted),
    ]
}

pub(crate) fn artefact() -> impl Strategy<Value = Artefact> {
    (text(64), any::<u32>(), 0..=100_u8, payload())
        .prop_map(|(name, revision, quality, payload)| Artefact::new(name, revision, quality, payload))
}

pub(crate) fn progress() -> impl Strategy<Value = Progress> {
    (text(256), option::of(0..=100_u8)).prop_map(|(text, percent)| Progress { text, percent })
}

pub(crate) fn reply_frame() -> impl Strategy<Value = ReplyFrame> {
    prop_oneof![
        chunk().prop_map(ReplyFrame::Chunk),
        progress().prop_map(ReplyFrame::Progress),
        artefact().prop_map(ReplyFrame::Artefact),
        any::<u64>().prop_map(ReplyFrame::Position),
        outcome().prop_map(ReplyFrame::End),
    ]
}

/// Bytes that look like the protocol more often than chance would have it: one frame, some bytes of it replaced.
pub(crate) fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let frame = prop_oneof![
        control_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        request_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        reply_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        feed_frame().prop_filter_map("encodable", |frame| frame.encode().ok()),
        feed_position().prop_filter_map("encodable", |position| position.encode().ok()),
        observation().prop_map(|observation| encode_observation(&observation)),
        in_datagram()
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
