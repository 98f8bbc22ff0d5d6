//! What two nodes say on the control stream, the first bidirectional one of a connection. Carries it only: when to
//! say goodbye, whom to introduce, what a load means and who is sent what is decided elsewhere.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes};
use serde::{Deserialize, Serialize};

use crate::code::CloseCode;
use crate::codec::to_vec;
use crate::error::{DecodeError, EncodeError, at_most};
use crate::frame::{Frame, begin_frame, check_len, cut, end_frame, open_frame};
use crate::grant::{Grant, Revocations};
use crate::hello::{Hello, HelloWire};
use crate::id::AgentId;
use crate::limits::{
    MAX_FRAME_BYTES, MAX_GOODBYE_REASON_BYTES, MAX_GRANTS, MAX_HELLO_BYTES, MAX_INTRODUCTIONS,
    MAX_SUBSCRIPTIONS,
};
use crate::reader::ArrayReader;
use crate::signed::Signed;
use crate::topic::TopicPattern;
use crate::wire::{Binary, Map, Text};
use crate::writer::{put_binary, put_text, put_uint};

const HELLO: u8 = 1;
const GOODBYE: u8 = 2;
const INTRODUCE: u8 = 3;
const LOAD: u8 = 4;
const SUBSCRIBE: u8 = 5;
const GRANTS: u8 = 6;
const REVOCATIONS: u8 = 7;
const CHALLENGE: u8 = 8;
const PROOF: u8 = 9;

const REASON: &str = "bytes of a goodbye's reason";
const INTRODUCTIONS: &str = "introductions of a frame";
const GRANTS_OF_A_FRAME: &str = "grants of a frame";
pub(crate) const SUBSCRIPTIONS: &str = "subscriptions of a node";

/// A frame on the control stream.
///
/// ```
/// use swarm_proto::{CloseCode, ControlFrame, Frame, Goodbye};
///
/// let goodbye = Goodbye { code: CloseCode::ShutDown, reason: "battery empty".into() };
/// let frame = ControlFrame::Goodbye(goodbye);
/// assert_eq!(ControlFrame::decode(&frame.encode()?)?, frame);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlFrame {
    /// The first frame each way, `[1, map]`; at most 4,096 bytes.
    Hello(Hello),
    /// The last frame each way, `[2, code, reason]`.
    Goodbye(Goodbye),
    /// Peers worth dialling, `[3, [map, …]]`; at most 256.
    Introduce(Vec<Introduction>),
    /// How busy the sender is now, `[4, percent]`: requests that it serves and lets wait, in percent of those that it
    /// serves at once; above 100 some wait. It is 0 until the sender says otherwise.
    Load(u16),
    /// All that the sender wants to hear of from now on, `[5, [pattern, …]]`; at most 64, possibly nothing. Until the
    /// first one what its hello says holds.
    Subscribe(Vec<TopicPattern>),
    /// Grants, `[6, [signed grant, …]]`; at most 32. The sender's own takes the place of the one that it has shown before;
    /// those of others are for verifying what the sender passes on of them.
    Grants(Vec<Signed<Grant>>),
    /// What was taken back, `[7, signed revocations]`; whoever learns something new by it passes it on.
    Revocations(Signed<Revocations>),
    /// To whoever shows a grant and no certificate, before its hello: 32 random bytes to sign, `[8, nonce]`.
    Challenge([u8; 32]),
    /// The answer, `[9, signature]`: the signature of the grant's key over the domain `swarm proof v1`, a zero byte, the
    /// nonce, and the id of the agent that challenges.
    Proof([u8; 64]),
}

/// What goes before nonce and id in the message of a [`ControlFrame::Proof`].
pub const PROOF_DOMAIN: &[u8] = b"swarm proof v1\0";

/// Why the sender is about to close the connection.
///
/// ```
/// use swarm_proto::{CloseCode, Goodbye};
///
/// let goodbye = Goodbye { code: CloseCode::Duplicate, reason: String::new() };
/// assert_eq!(goodbye.code.to_u32(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// The code with which it will be closed.
    pub code: CloseCode,
    /// More for a human reader, possibly nothing. Cut to 256 bytes when it is encoded.
    pub reason: String,
}

/// A peer of the sender, and where it was reached.
///
/// A map on the wire, with the address as text (`192.0.2.7:4433`, `[2001:db8::7]:4433`). The flow label of an IPv6
/// address does not travel.
///
/// ```
/// use swarm_proto::{AgentId, Introduction};
///
/// let agent = AgentId::from_key_digest([1; 32]);
/// let introduction = Introduction { agent, address: "192.0.2.7:4433".parse()? };
/// assert!(introduction.address.is_ipv4());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Introduction {
    /// Who it is.
    pub agent: AgentId,
    /// Where to dial it.
    #[serde(with = "address_text")]
    pub address: SocketAddr,
}

impl Frame for ControlFrame {
    fn encode(&self) -> Result<Bytes, EncodeError> {
        match self {
            Self::Hello(hello) => {
                let mut frame = begin_frame(HELLO, 1);
                frame.put_slice(&hello.encode()?);
                end_frame(frame, MAX_HELLO_BYTES)
            }
            Self::Goodbye(goodbye) => {
                let mut frame = begin_frame(GOODBYE, 2);
                put_uint(&mut frame, u64::from(goodbye.code.to_u32()));
                put_text(&mut frame, cut(&goodbye.reason, MAX_GOODBYE_REASON_BYTES));
                end_frame(frame, MAX_FRAME_BYTES)
            }
            Self::Introduce(introductions) => encode_introductions(introductions),
            Self::Subscribe(patterns) => {
                at_most(MAX_SUBSCRIPTIONS, patterns.len(), SUBSCRIPTIONS)?;
                let mut frame = begin_frame(SUBSCRIBE, 1);
                frame.put_slice(&to_vec(patterns)?);
                end_frame(frame, MAX_FRAME_BYTES)
            }
            Self::Grants(grants) => encode_grants(grants),
            Self::Revocations(revocations) => encode_binary(REVOCATIONS, &revocations.encode()),
            Self::Challenge(nonce) => encode_binary(CHALLENGE, nonce),
            Self::Proof(signature) => encode_binary(PROOF, signature),
            Self::Load(percent) => {
                let mut frame = begin_frame(LOAD, 1);
                put_uint(&mut frame, u64::from(*percent));
                end_frame(frame, MAX_FRAME_BYTES)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open_frame(bytes)?;
        match u8::try_from(kind) {
            Ok(HELLO) => {
                check_len(bytes, MAX_HELLO_BYTES)?;
                reader.next_map::<HelloWire>("hello")?.try_into().map(Self::Hello)
            }
            Ok(GOODBYE) => read_goodbye(&mut reader).map(Self::Goodbye),
            Ok(INTRODUCE) => read_introductions(&mut reader).map(Self::Introduce),
            Ok(LOAD) => reader.next("percent").map(Self::Load),
            Ok(SUBSCRIBE) => read_subscriptions(&mut reader).map(Self::Subscribe),
            Ok(GRANTS) => read_grants(&mut reader).map(Self::Grants),
            Ok(REVOCATIONS) => {
                let bytes = reader.next::<Binary<'_>>("revocations")?.0;
                Signed::decode(bytes).map(Self::Revocations)
            }
            Ok(CHALLENGE) => read_exactly(&mut reader, "nonce").map(Self::Challenge),
            Ok(PROOF) => read_exactly(&mut reader, "signature").map(Self::Proof),
            _ => Err(DecodeError::UnknownKind(kind)),
        }
    }
}

fn encode_binary(kind: u8, bytes: &[u8]) -> Result<Bytes, EncodeError> {
    let mut frame = begin_frame(kind, 1);
    put_binary(&mut frame, bytes);
    end_frame(frame, MAX_FRAME_BYTES)
}

fn encode_grants(grants: &[Signed<Grant>]) -> Result<Bytes, EncodeError> {
    at_most(MAX_GRANTS, grants.len(), GRANTS_OF_A_FRAME)?;
    let grants: Vec<Bytes> = grants.iter().map(Signed::encode).collect();
    let mut frame = begin_frame(GRANTS, 1);
    frame.put_slice(&to_vec(&grants)?);
    end_frame(frame, MAX_FRAME_BYTES)
}

fn read_grants(reader: &mut ArrayReader<'_>) -> Result<Vec<Signed<Grant>>, DecodeError> {
    let grants: Vec<Binary<'_>> = reader.next("grants")?;
    at_most(MAX_GRANTS, grants.len(), GRANTS_OF_A_FRAME)?;
    grants.into_iter().map(|grant| Signed::decode(grant.0)).collect()
}

fn read_exactly<const BYTES: usize>(
    reader: &mut ArrayReader<'_>,
    what: &'static str,
) -> Result<[u8; BYTES], DecodeError> {
    let bytes = reader.next::<Binary<'_>>(what)?.0;
    let exact = bytes.try_into();
    exact.map_err(|_| DecodeError::Malformed(format!("{what} of {} bytes, not {BYTES}", bytes.len())))
}

fn encode_introductions(introductions: &[Introduction]) -> Result<Bytes, EncodeError> {
    at_most(MAX_INTRODUCTIONS, introductions.len(), INTRODUCTIONS)?;
    let mut frame = begin_frame(INTRODUCE, 1);
    frame.put_slice(&to_vec(introductions)?);
    end_frame(frame, MAX_FRAME_BYTES)
}

fn read_subscriptions(reader: &mut ArrayReader<'_>) -> Result<Vec<TopicPattern>, DecodeError> {
    let patterns: Vec<TopicPattern> = reader.next("subscriptions")?;
    at_most(MAX_SUBSCRIPTIONS, patterns.len(), SUBSCRIPTIONS)?;
    Ok(patterns)
}

fn read_goodbye(reader: &mut ArrayReader<'_>) -> Result<Goodbye, DecodeError> {
    let code = reader.next("code")?;
    let reason = reader.next::<Text<'_>>("reason")?.0;
    at_most(MAX_GOODBYE_REASON_BYTES, reason.len(), REASON)?;
    Ok(Goodbye { code, reason: reason.into_owned() })
}

fn read_introductions(reader: &mut ArrayReader<'_>) -> Result<Vec<Introduction>, DecodeError> {
    let introductions: Vec<Map<Introduction>> = reader.next("introductions")?;
    at_most(MAX_INTRODUCTIONS, introductions.len(), INTRODUCTIONS)?;
    Ok(introductions.into_iter().map(|map| map.0).collect())
}

/// An address as text in every format: serde's own compact form is an enum of byte arrays, which no other language
/// reads with ease.
mod address_text {
    use std::net::SocketAddr;

    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    use crate::wire::text;

    pub(super) fn serialize<S: Serializer>(address: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(address)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
        let text = text(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format_args!("{text:?} is not an address with a port")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn introductions(count: usize) -> Vec<Introduction> {
        let agent = AgentId::from_key_digest([1; 32]);
        vec![Introduction { agent, address: "[2001:db8::7]:4433".parse().unwrap() }; count]
    }

    #[test]
    fn a_long_reason_is_cut_when_it_is_sent() {
        let reason = format!("a{}", "é".repeat(200));
        let frame = ControlFrame::Goodbye(Goodbye { code: CloseCode::Overloaded, reason });

        let Ok(ControlFrame::Goodbye(goodbye)) = ControlFrame::decode(&frame.encode().unwrap()) else {
            panic!("no goodbye")
        };

        assert_eq!(goodbye.reason, format!("a{}", "é".repeat(127)));
    }

    #[test]
    fn a_frame_introduces_256_peers_at_most() {
        let full = ControlFrame::Introduce(introductions(256));

        assert_eq!(ControlFrame::decode(&full.encode().unwrap()), Ok(full));
        assert_eq!(
            ControlFrame::Introduce(introductions(257)).encode(),
            Err(EncodeError::LimitExceeded { what: INTRODUCTIONS, max: 256 })
        );
    }

    #[test]
    fn a_node_subscribes_to_64_patterns_at_most() {
        let patterns = |count| ControlFrame::Subscribe(vec![TopicPattern::everything(); count]);

        assert_eq!(ControlFrame::decode(&patterns(64).encode().unwrap()), Ok(patterns(64)));
        assert_eq!(patterns(65).encode(), Err(EncodeError::LimitExceeded { what: SUBSCRIPTIONS, max: 64 }));
    }

    #[test]
    fn an_address_is_text_on_the_wire() {
        let encoded = to_vec(&introductions(1)).unwrap();

        assert!(encoded.ends_with(b"\xa7address\xb2[2001:db8::7]:4433"), "{encoded:x?}");
    }

    #[test]
    fn a_framed_hello_takes_no_more_than_a_bare_one() {
        let bytes = [b"\x92\x01\xc5\x0f\xfc".as_slice(), &[0; 4_092]].concat();

        assert_eq!(ControlFrame::decode(&bytes), Err(DecodeError::TooLarge { len: 4_097, max: 4_096 }));
    }
}
