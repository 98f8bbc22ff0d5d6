//! The messages of which vectors are made.

use std::num::NonZeroU32;

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use swarm_proto::{
    Advertisement, AgentId, Artefact, Chunk, CloseCode, ControlFrame, Datagram, Delivery, Epoch, FeedFrame,
    FeedPosition, Frame, Goodbye, Grant, Hello, Introduction, Key, Lane, Observation, Outcome, PeerLimits,
    Permissions, Progress, PublicKey, ReplyFrame, RequestFrame, RequestHead, RequestId, Resume, Revocation,
    Revocations, Role, Sequence, Signed, Statement, Subject, SwarmName, TopicName, TopicPattern,
    TraceContext, UnixMicros, UnixSeconds, Validity, VersionRange, encode_observation,
};

use crate::describe::Message;

/// From the examples of the recommendation.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Messages whose bytes are those that this crate writes.
pub(crate) fn canonical(file: &str) -> Vec<(&'static str, Message)> {
    match file {
        "observation" => observations(),
        "datagram" => datagrams(),
        "hello" => hellos(),
        "control" => control_frames(),
        "request" => request_frames(),
        "reply" => reply_frames(),
        "feed" => feed_frames(),
        other => panic!("{other} has no examples"),
    }
}

/// Bytes that a reader accepts although this crate writes others: name, kind and bytes.
pub(crate) fn tolerated() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    vec![
        (
            "observation with an element of a later version",
            "observation",
            appended(&position(), 11, b"\x00\xa0\x00\xc4\x02\xab\xcd"),
        ),
        (
            "observation that says it is lossy and never expires",
            "observation",
            appended(&position(), 10, b"\x00\xa0\x00"),
        ),
        ("lossy observation with a key", "observation", appended(&position(), 10, b"\x00\xa5arm-2\x00")),
        (
            "reliable observation with an element of a later version",
            "observation",
            appended(&reliable(), 9, b"\xc4\x02\xab\xcd"),
        ),
        ("sealed observation in longer forms", "observation", sealed_in_longer_forms()),
        ("padding with something behind it", "datagram", b"\x10\xc1anything".to_vec()),
        ("hello with required fields only", "hello", sparse_hello(0x84, b"")),
        ("hello with a field of a later version", "hello", sparse_hello(0x85, b"\xa5later\x92\x01\x02")),
        ("goodbye with an element of a later version", "control", b"\x94\x02\x08\xa3bye\xc0".to_vec()),
        (
            "goodbye in longer forms",
            "control",
            b"\xdc\x00\x03\xcc\x02\xce\x00\x00\x00\x08\xd9\x03bye".to_vec(),
        ),
        ("end of request with an element of a later version", "request", b"\x92\x12\xa5later".to_vec()),
        ("load with an element of a later version", "control", b"\x93\x04\x32\xc0".to_vec()),
        ("hello that subscribes to everything", "hello", sparse_hello(0x85, b"\xadsubscriptions\x91\xa2**")),
        ("subscriptions with an element of a later version", "control", b"\x93\x05\x91\xa1a\xc0".to_vec()),
        ("head whose lane is not known", "request", head(b"\xa4lane\xa6urgent")),
        ("head whose traceparent is not valid", "request", head(b"\xabtraceparent\xa800-0-0-0")),
        ("head that leaves the hop limit open", "request", head(b"\xa9hop_limit\xc0")),
        ("head that names the default hop limit", "request", head(b"\xa9hop_limit\x08")),
        ("head that is not resumable", "request", head(b"\xa9resumable\xc2")),
        (
            "resume with a field of a later version",
            "request",
            named_request(b"\x92\x13\x83", b"\xa4from\x0c\xa5later\x01"),
        ),
        ("progress above 100 percent", "reply", b"\x92\x22\x81\xa7percent\xcc\xc8".to_vec()),
        ("busy without a pause", "reply", b"\x92\x21\x81\xa7outcome\xa4busy".to_vec()),
        ("declined without a reason", "reply", b"\x92\x21\x81\xa7outcome\xa8declined".to_vec()),
        ("outcome of a later version", "reply", b"\x92\x21\x81\xa7outcome\xa8postpone".to_vec()),
        ("feed head with an element of a later version", "request", b"\x93\x14\x07\xc0".to_vec()),
        ("feed frame with an element of a later version", "feed", appended_feed_frame()),
        ("feed position with an element of a later version", "feed_position", b"\x93\x25\x3a\xc0".to_vec()),
    ]
}

/// An observation with further elements, and as many in total as its header then says.
fn appended(observation: &Observation, elements: u8, further: &[u8]) -> Vec<u8> {
    let mut bytes = encode_observation(observation).to_vec();
    bytes[0] = 0x90 | elements;
    bytes.extend_from_slice(further);
    bytes
}

/// The array and the hops; what is signed stays as it is.
fn sealed_in_longer_forms() -> Vec<u8> {
    let bytes = encode_observation(&sealed(position()));
    [b"\xdc\x00\x04\xcc\x00".as_slice(), &bytes[2..]].concat()
}

fn appended_feed_frame() -> Vec<u8> {
    let mut bytes = feed_frame(1).encode().unwrap().to_vec();
    bytes[0] = 0x94;
    bytes.push(0xc0);
    bytes
}

fn sparse_hello(marker: u8, later: &[u8]) -> Vec<u8> {
    [
        &[marker],
        b"\xa8versions\x82\xa3min\x01\xa3max\x01\xa5agent\xc4\x10".as_slice(),
        agent(1).as_bytes(),
        b"\xa5swarm\xa5local\xa5epoch\x01",
        later,
    ]
    .concat()
}

/// A head with its required fields and one more.
fn head(further: &[u8]) -> Vec<u8> {
    named_request(b"\x92\x10\x83", &[b"\xaacapability\xa1a", further].concat())
}

/// What a frame begins with, the id of a request, and the rest.
fn named_request(marker: &[u8], rest: &[u8]) -> Vec<u8> {
    [marker, b"\xa2id\xc4\x10", RequestId::from_random([7; 16]).as_bytes(), rest].concat()
}

fn agent(seed: u8) -> AgentId {
    AgentId::from_key_digest([seed; 32])
}

fn position() -> Observation {
    Observation {
        origin: agent(1),
        epoch: Epoch::new(1_700_000_000_000),
        sequence: Sequence::FIRST,
        topic: TopicName::try_from("rover.position").unwrap(),
        sent_at: UnixMicros::new(1_700_000_000_250_000),
        hops: 0,
        payload: Bytes::from_static(b"\x82\xa1x\x03\xa1y\x04"),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    }
}

fn smallest() -> Observation {
    Observation {
        origin: agent(0),
        epoch: Epoch::new(0),
        sequence: Sequence::new(0),
        topic: TopicName::try_from("t").unwrap(),
        sent_at: UnixMicros::new(0),
        hops: 0,
        payload: Bytes::new(),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    }
}

fn latest() -> Observation {
    Observation {
        topic: TopicName::try_from("arm.pose").unwrap(),
        delivery: Delivery::Latest { key: Key::try_from("arm-2").unwrap() },
        expires_ms: NonZeroU32::new(250),
        ..position()
    }
}

fn reliable() -> Observation {
    Observation {
        topic: TopicName::try_from("map.tile").unwrap(),
        delivery: Delivery::Reliable,
        ..position()
    }
}

/// Signed by its origin, whose key has the seed 07 07 …, in the swarm `local`.
fn sealed(observation: Observation) -> Observation {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let key: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
    let id = digest(&SHA256, &[b"swarm agent id v1\0".as_slice(), &key].concat());
    let origin = AgentId::from_key_digest(id.as_ref().try_into().unwrap());
    let sign = |message: &[u8]| pair.sign(message).as_ref().try_into().unwrap();
    Observation { origin, ..observation }.sealed(&SwarmName::default(), PublicKey::from_bytes(key), sign)
}

fn observations() -> Vec<(&'static str, Message)> {
    let relayed = Observation { hops: 200, sequence: Sequence::new(65_536), ..position() };
    let long = Observation {
        topic: TopicName::try_from("building-7.floor_3.room-12.temperature").unwrap(),
        payload: Bytes::from(vec![0x5a; 256]),
        ..position()
    };
    let only_one = Observation { delivery: Delivery::Latest { key: Key::default() }, ..position() };
    [
        ("observation", position()),
        ("smallest observation", smallest()),
        ("relayed observation", relayed),
        ("observation with long topic and payload", long),
        ("latest observation with key and expiry", latest()),
        ("latest observation without key and expiry", only_one),
        ("lossy observation that expires", Observation { expires_ms: NonZeroU32::new(70_000), ..position() }),
        ("reliable observation", reliable()),
        ("sealed observation", sealed(position())),
        ("sealed observation that was passed on", Observation { hops: 3, ..sealed(latest()) }),
        ("sealed reliable observation", sealed(reliable())),
    ]
    .map(|(name, observation)| (name, Message::Observation(observation)))
    .into()
}

fn datagrams() -> Vec<(&'static str, Message)> {
    [
        ("padding", Datagram::Padding),
        ("datagram with one observation", Datagram::Observations(vec![position()])),
        ("datagram with two observations", Datagram::Observations(vec![position(), smallest()])),
        ("datagram with two classes", Datagram::Observations(vec![latest(), smallest()])),
        ("datagram with a sealed observation", Datagram::Observations(vec![smallest(), sealed(position())])),
    ]
    .map(|(name, datagram)| (name, Message::Datagram(datagram)))
    .into()
}

fn full_hello() -> Hello {
    Hello {
        versions: VersionRange::SPOKEN,
        agent: agent(1),
        swarm: SwarmName::try_from("harbour-7").unwrap(),
        epoch: Epoch::new(1_700_000_000_000),
        capabilities: ["vision.classify@2", "greet"].map(|name| name.parse().unwrap()).into(),
        limits: PeerLimits { max_requests: 8, max_datagram_bytes: 1_400 },
        subscriptions: vec![TopicPattern::everything()],
    }
}

fn patterns() -> Vec<TopicPattern> {
    ["rover.*.position", "map.**", "battery"].map(|pattern| pattern.parse().unwrap()).into()
}

fn hellos() -> Vec<(&'static str, Message)> {
    let plain = Hello {
        swarm: SwarmName::default(),
        capabilities: Vec::new(),
        limits: PeerLimits::default(),
        ..full_hello()
    };
    let classify = Advertisement::try_from("vision.classify@2").unwrap();
    let offered = classify.attribute("model", "digits-v2").attribute("device", "cpu");
    let attributed = Hello { capabilities: vec![offered], ..plain.clone() };
    let choosy = Hello { subscriptions: patterns(), ..plain.clone() };
    let deaf = Hello { subscriptions: Vec::new(), ..plain.clone() };
    [
        ("hello", full_hello()),
        ("hello without capabilities, default limits", plain),
        ("hello with attributes", attributed),
        ("hello with subscriptions", choosy),
        ("hello that subscribes to nothing", deaf),
    ]
    .map(|(name, hello)| (name, Message::Hello(hello)))
    .into()
}

fn control_frames() -> Vec<(&'static str, Message)> {
    let goodbye = |code, reason: &str| ControlFrame::Goodbye(Goodbye { code, reason: reason.into() });
    let introductions = vec![
        Introduction { agent: agent(2), address: "192.0.2.7:4433".parse().unwrap() },
        Introduction { agent: agent(3), address: "[2001:db8::7]:4433".parse().unwrap() },
    ];
    [
        ("hello as a frame", ControlFrame::Hello(full_hello())),
        ("goodbye", goodbye(CloseCode::ShutDown, "battery empty")),
        ("goodbye without words", goodbye(CloseCode::Normal, "")),
        ("goodbye with a code that is not defined", goodbye(CloseCode::from_u32(70_000), "à bientôt")),
        ("introductions", ControlFrame::Introduce(introductions)),
        ("no introductions", ControlFrame::Introduce(Vec::new())),
        ("load", ControlFrame::Load(175)),
        ("load of nothing", ControlFrame::Load(0)),
        ("subscriptions", ControlFrame::Subscribe(patterns())),
        ("subscription to everything", ControlFrame::Subscribe(vec![TopicPattern::everything()])),
        ("no subscriptions", ControlFrame::Subscribe(Vec::new())),
        ("grants", ControlFrame::Grants(vec![signed(member_grant()), signed(guest_grant())])),
        ("revocations", ControlFrame::Revocations(signed(revocations()))),
        ("challenge", ControlFrame::Challenge([5; 32])),
        ("proof", ControlFrame::Proof([6; 64])),
    ]
    .map(|(name, frame)| (name, Message::Control(frame)))
    .into()
}

/// The signature is none; an example of a real one is in the description of the protocol.
fn signed<T: Statement>(statement: T) -> Signed<T> {
    Signed::new(statement, PublicKey::from_bytes([2; 32]), |_| [3; 64]).unwrap()
}

fn member_grant() -> Grant {
    Grant {
        swarm: "harbour-7".parse().unwrap(),
        subject: Subject::Key(PublicKey::from_bytes([1; 32])),
        role: Role::Member,
        permissions: Permissions {
            publish: patterns(),
            subscribe: vec![TopicPattern::everything()],
            serve: vec!["vision.*@2".parse().unwrap()],
            call: vec!["**@*".parse().unwrap()],
        },
        datagrams_per_second: NonZeroU32::new(500),
        valid: Validity { from: UnixSeconds::new(1_700_000_000), until: UnixSeconds::new(1_702_592_000) },
    }
}

fn guest_grant() -> Grant {
    Grant {
        subject: Subject::Bearer([7; 16]),
        role: Role::Observer,
        permissions: Permissions { subscribe: patterns(), ..Permissions::default() },
        datagrams_per_second: None,
        ..member_grant()
    }
}

fn revocations() -> Revocations {
    let revoked = vec![Revocation { agent: agent(2), until: UnixSeconds::new(1_700_000_000) }];
    Revocations { swarm: "harbour-7".parse().unwrap(), version: 3, revoked }
}

fn request_frames() -> Vec<(&'static str, Message)> {
    let plain = RequestHead::new(RequestId::from_random([7; 16]), "vision.classify".parse().unwrap());
    let full = RequestHead {
        capability: "vision.classify@2".parse().unwrap(),
        deadline_ms: Some(2_000),
        metadata: [("language", "en"), ("camera", "left")].map(|(k, v)| (k.into(), v.into())).into(),
        ..plain.clone()
    };
    let trace = TraceContext::parse(TRACEPARENT).unwrap().with_state("congo=t61rcWkgMzE");
    let everything = RequestHead {
        idle_ms: Some(500),
        hop_limit: 2,
        lane: Lane::Bulk,
        trace: Some(trace),
        idempotency_key: Some("order-17".into()),
        resumable: true,
        ..full.clone()
    };
    let feature = Chunk::encode("image_feature", &[0.25_f32, 0.5]).unwrap();
    [
        ("head", RequestFrame::Head(full)),
        ("head with required fields only", RequestFrame::Head(plain.clone())),
        ("head with every field", RequestFrame::Head(everything)),
        ("resume", RequestFrame::Resume(Resume { id: plain.id, from: 12 })),
        ("request chunk", RequestFrame::Chunk(feature)),
        ("request chunk without label and payload", RequestFrame::Chunk(Chunk::new("", ""))),
        ("end of request", RequestFrame::End),
        ("feed head", RequestFrame::Feed(1_700_000_000_001)),
    ]
    .map(|(name, frame)| (name, Message::Request(frame)))
    .into()
}

fn reply_frames() -> Vec<(&'static str, Message)> {
    let note = Progress { text: "loading the model".into(), percent: Some(40) };
    let draft = Artefact::new("depth-map", 1, 30, b"\x01\x02\x03".as_slice());
    let last = Artefact::new("depth-map", 300, 100, b"\x04\x05\x06".as_slice());
    let mut frames = vec![
        ("reply chunk", ReplyFrame::Chunk(Chunk::new("text", "Grüß Gott"))),
        ("progress", ReplyFrame::Progress(note)),
        ("progress without words and percentage", ReplyFrame::Progress(Progress::default())),
        ("artefact", ReplyFrame::Artefact(draft)),
        ("final artefact", ReplyFrame::Artefact(last)),
        ("position", ReplyFrame::Position(12)),
    ];
    frames.extend(
        [
            ("completed", Outcome::Completed),
            ("declined", Outcome::Declined { reason: "no camera".into() }),
            ("failed", Outcome::Failed { error: "the lens is dirty".into() }),
            ("no such capability", Outcome::NoSuchCapability),
            ("busy", Outcome::Busy { retry_after_ms: 200 }),
            ("deadline exceeded", Outcome::DeadlineExceeded),
            ("idle", Outcome::Idle),
            ("hop limit", Outcome::HopLimit),
            ("unknown request", Outcome::UnknownRequest),
            ("malformed", Outcome::Malformed { reason: "a chunk before the head".into() }),
            ("shut down", Outcome::ShutDown),
            ("not permitted", Outcome::NotPermitted),
        ]
        .map(|(name, outcome)| (name, ReplyFrame::End(outcome))),
    );
    // A frame that cannot be encoded has no place among vectors; better to hear of it here.
    assert!(frames.iter().all(|(_, frame)| frame.encode().is_ok()));
    frames.into_iter().map(|(name, frame)| (name, Message::Reply(frame))).collect()
}

fn feed_frame(number: u64) -> FeedFrame {
    FeedFrame { number, encoded: encode_observation(&reliable()) }
}

fn feed_frames() -> Vec<(&'static str, Message)> {
    let long = Observation { payload: vec![0x5a; 300].into(), sequence: Sequence::new(130), ..reliable() };
    vec![
        ("feed frame", Message::Feed(feed_frame(1))),
        (
            "feed frame with long payload",
            Message::Feed(FeedFrame { number: 129, encoded: encode_observation(&long) }),
        ),
        (
            "feed frame with a sealed observation",
            Message::Feed(FeedFrame { number: 2, encoded: encode_observation(&sealed(reliable())) }),
        ),
        ("feed position", Message::FeedPosition(FeedPosition(58))),
        ("feed position of a feed that is not known", Message::FeedPosition(FeedPosition(0))),
    ]
}
