//! Any message of the protocol as readable JSON.

use bytes::Bytes;
use serde_json::{Value, json, to_value};
use swarm_proto::{
    Chunk, ControlFrame, Datagram, DatagramBuilder, Delivery, FeedFrame, FeedPosition, Frame, Grant, Hello,
    Observation, Outcome, ReplyFrame, RequestFrame, Signed, Subject, decode_datagram, decode_observation,
    encode_observation, padding,
};

/// What a vector may be.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Observation(Observation),
    Datagram(Datagram),
    Hello(Hello),
    Control(ControlFrame),
    Request(RequestFrame),
    Reply(ReplyFrame),
    Feed(FeedFrame),
    FeedPosition(FeedPosition),
}

/// Everything that [`Message::variant`] may answer, sorted.
pub(crate) const VARIANTS: [&str; 39] = [
    "control challenge",
    "control goodbye",
    "control grants",
    "control hello",
    "control introduce",
    "control load",
    "control proof",
    "control revocations",
    "control subscribe",
    "datagram observations",
    "datagram padding",
    "feed",
    "feed position",
    "hello",
    "observation latest",
    "observation lossy",
    "observation reliable",
    "observation sealed",
    "reply artefact",
    "reply chunk",
    "reply end busy",
    "reply end completed",
    "reply end deadline_exceeded",
    "reply end declined",
    "reply end failed",
    "reply end hop_limit",
    "reply end idle",
    "reply end malformed",
    "reply end no_such_capability",
    "reply end not_permitted",
    "reply end shut_down",
    "reply end unknown_request",
    "reply position",
    "reply progress",
    "request chunk",
    "request end",
    "request feed",
    "request head",
    "request resume",
];

impl Message {
    pub(crate) fn decode(kind: &str, bytes: &[u8]) -> Self {
        let shared = Bytes::copy_from_slice(bytes);
        match kind {
            "observation" => Self::Observation(decode_observation(&shared).unwrap()),
            "datagram" => Self::Datagram(decode_datagram(&shared).unwrap()),
            "hello" => Self::Hello(Hello::decode(bytes).unwrap()),
            "control" => Self::Control(ControlFrame::decode(bytes).unwrap()),
            "request" => Self::Request(RequestFrame::decode(bytes).unwrap()),
            "reply" => Self::Reply(ReplyFrame::decode(bytes).unwrap()),
            "feed" => Self::Feed(FeedFrame::decode(bytes).unwrap()),
            "feed_position" => Self::FeedPosition(FeedPosition::decode(bytes).unwrap()),
            other => panic!("{other} is no kind of message"),
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Self::Observation(observation) => encode_observation(observation),
            Self::Datagram(Datagram::Padding) => padding(),
            Self::Datagram(Datagram::Observations(observations)) => {
                let mut builder = DatagramBuilder::new(1_200);
                for observation in observations {
                    assert!(builder.try_push(&encode_observation(observation)));
                }
                builder.finish()
            }
            Self::Hello(hello) => hello.encode().unwrap(),
            Self::Control(frame) => frame.encode().unwrap(),
            Self::Request(frame) => frame.encode().unwrap(),
            Self::Reply(frame) => frame.encode().unwrap(),
            Self::Feed(frame) => frame.encode().unwrap(),
            Self::FeedPosition(position) => position.encode().unwrap(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Observation(_) => "observation",
            Self::Datagram(_) => "datagram",
            Self::Hello(_) => "hello",
            Self::Control(_) => "control",
            Self::Request(_) => "request",
            Self::Reply(_) => "reply",
            Self::Feed(_) => "feed",
            Self::FeedPosition(_) => "feed_position",
        }
    }

    pub(crate) fn variant(&self) -> &'static str {
        match self {
            Self::Observation(Observation { seal: Some(_), .. }) => "observation sealed",
            Self::Observation(observation) => match observation.delivery {
                Delivery::Lossy => "observation lossy",
                Delivery::Latest { .. } => "observation latest",
                Delivery::Reliable => "observation reliable",
            },
            Self::Datagram(Datagram::Padding) => "datagram padding",
            Self::Datagram(Datagram::Observations(_)) => "datagram observations",
            Self::Hello(_) => "hello",
            Self::Control(ControlFrame::Hello(_)) => "control hello",
            Self::Control(ControlFrame::Goodbye(_)) => "control goodbye",
            Self::Control(ControlFrame::Introduce(_)) => "control introduce",
            Self::Control(ControlFrame::Load(_)) => "control load",
            Self::Control(ControlFrame::Subscribe(_)) => "control subscribe",
            Self::Control(ControlFrame::Grants(_)) => "control grants",
            Self::Control(ControlFrame::Revocations(_)) => "control revocations",
            Self::Control(ControlFrame::Challenge(_)) => "control challenge",
            Self::Control(ControlFrame::Proof(_)) => "control proof",
            Self::Request(RequestFrame::Head(_)) => "request head",
            Self::Request(RequestFrame::Resume(_)) => "request resume",
            Self::Request(RequestFrame::Chunk(_)) => "request chunk",
            Self::Request(RequestFrame::End) => "request end",
            Self::Request(RequestFrame::Feed(_)) => "request feed",
            Self::Reply(ReplyFrame::Chunk(_)) => "reply chunk",
            Self::Reply(ReplyFrame::Progress(_)) => "reply progress",
            Self::Reply(ReplyFrame::Artefact(_)) => "reply artefact",
            Self::Reply(ReplyFrame::Position(_)) => "reply position",
            Self::Reply(ReplyFrame::End(outcome)) => ended(outcome),
            Self::Feed(_) => "feed",
            Self::FeedPosition(_) => "feed position",
        }
    }
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "reply end completed",
        Outcome::Declined { .. } => "reply end declined",
        Outcome::Failed { .. } => "reply end failed",
        Outcome::NoSuchCapability => "reply end no_such_capability",
        Outcome::Busy { .. } => "reply end busy",
        Outcome::DeadlineExceeded => "reply end deadline_exceeded",
        Outcome::Idle => "reply end idle",
        Outcome::HopLimit => "reply end hop_limit",
        Outcome::UnknownRequest => "reply end unknown_request",
        Outcome::Malformed { .. } => "reply end malformed",
        Outcome::ShutDown => "reply end shut_down",
        Outcome::NotPermitted => "reply end not_permitted",
    }
}

pub(crate) fn describe(message: &Message) -> Value {
    match message {
        Message::Observation(observation) => described(observation),
        Message::Datagram(Datagram::Padding) => json!({ "padding": true }),
        Message::Datagram(Datagram::Observations(observations)) => {
            json!({ "observations": observations.iter().map(described).collect::<Vec<_>>() })
        }
        Message::Hello(hello) => to_value(hello).unwrap(),
        Message::Control(ControlFrame::Hello(hello)) => json!({ "hello": hello }),
        Message::Control(ControlFrame::Goodbye(goodbye)) => {
            json!({ "goodbye": { "code": goodbye.code, "reason": goodbye.reason } })
        }
        Message::Control(ControlFrame::Introduce(introductions)) => json!({ "introduce": introductions }),
        Message::Request(RequestFrame::Head(head)) => json!({ "head": head }),
        Message::Request(RequestFrame::Chunk(chunk)) | Message::Reply(ReplyFrame::Chunk(chunk)) => {
            piece(chunk)
        }
        Message::Control(ControlFrame::Load(percent)) => json!({ "load": percent }),
        Message::Control(ControlFrame::Subscribe(patterns)) => json!({ "subscribe": patterns }),
        Message::Control(ControlFrame::Grants(grants)) => {
            json!({ "grants": grants.iter().map(|grant| signed(grant, granted(grant.statement()))).collect::<Vec<_>>() })
        }
        Message::Control(ControlFrame::Revocations(list)) => {
            json!({ "revocations": signed(list, to_value(list.statement()).unwrap()) })
        }
        Message::Control(ControlFrame::Challenge(nonce)) => json!({ "challenge": hex(nonce) }),
        Message::Control(ControlFrame::Proof(signature)) => json!({ "proof": hex(signature) }),
        Message::Request(RequestFrame::Resume(resume)) => json!({ "resume": resume }),
        Message::Request(RequestFrame::Feed(feed)) => json!({ "feed": feed }),
        Message::Request(RequestFrame::End) => json!({ "end": true }),
        Message::Reply(ReplyFrame::Progress(progress)) => json!({ "progress": progress }),
        Message::Reply(ReplyFrame::Artefact(artefact)) => json!({ "artefact": {
            "name": artefact.name,
            "revision": artefact.revision,
            "quality": artefact.quality,
            "payload": hex(&artefact.payload),
        } }),
        Message::Reply(ReplyFrame::Position(number)) => json!({ "position": number }),
        Message::Reply(ReplyFrame::End(outcome)) => json!({ "end": outcome }),
        Message::Feed(frame) => {
            json!({ "number": frame.number, "observation": described(&frame.observation().unwrap()) })
        }
        Message::FeedPosition(FeedPosition(number)) => json!({ "position": number }),
    }
}

fn signed<T>(signed: &Signed<T>, statement: Value) -> Value {
    json!({ "statement": statement, "signer": signed.signer(), "signature": hex(signed.signature()) })
}

/// Without what a grant does not say.
fn granted(grant: &Grant) -> Value {
    let mut value = json!({
        "swarm": grant.swarm,
        "role": grant.role,
        "publish": grant.permissions.publish,
        "subscribe": grant.permissions.subscribe,
        "serve": grant.permissions.serve,
        "call": grant.permissions.call,
        "from": grant.valid.from,
        "until": grant.valid.until,
    });
    match grant.subject {
        Subject::Key(key) => value["key"] = json!(key),
        Subject::Bearer(token) => value["bearer"] = json!(hex(&token)),
    }
    if let Some(rate) = grant.datagrams_per_second {
        value["datagrams_per_second"] = json!(rate);
    }
    value
}

/// Without what an observation does not say.
fn described(observation: &Observation) -> Value {
    let mut value = json!({
        "origin": observation.origin,
        "epoch": observation.epoch,
        "sequence": observation.sequence,
        "topic": observation.topic,
        "sent_at": observation.sent_at,
        "hops": observation.hops,
        "payload": hex(&observation.payload),
    });
    if observation.delivery != Delivery::Lossy {
        value["delivery"] = json!(observation.delivery.to_string());
    }
    if let Delivery::Latest { key } = &observation.delivery {
        value["key"] = json!(key.as_str());
    }
    if let Some(milliseconds) = observation.expires_ms {
        value["expires_ms"] = json!(milliseconds);
    }
    if let Some(seal) = &observation.seal {
        value["seal"] = json!({ "key": seal.key(), "signature": hex(seal.signature()) });
    }
    value
}

fn piece(chunk: &Chunk) -> Value {
    json!({ "chunk": { "label": chunk.label, "payload": hex(&chunk.payload) } })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {hex}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
