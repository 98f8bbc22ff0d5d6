//! Names, patterns, ids and other short texts.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use swarm_core::PeerUrl;
use swarm_proto::{
    Advertisement, AgentId, Capability, CapabilityPattern, Grant, Key, PublicKey, RequestId, Signed,
    SwarmName, TopicName, TopicPattern, TraceContext,
};

use crate::measure::{FROM_PEOPLE, bounded};

/// Every kind of text, from the same input.
pub(crate) fn text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    same_again::<AgentId>(text);
    same_again::<RequestId>(text);
    same_again::<SwarmName>(text);
    same_again::<TopicName>(text);
    same_again::<TopicPattern>(text);
    same_again::<Capability>(text);
    same_again::<CapabilityPattern>(text);
    same_again::<PublicKey>(text);
    if let Ok(url) = FROM_PEOPLE.holds(input, || text.parse::<PeerUrl>()) {
        assert_eq!(url.to_string().parse(), Ok(url));
    }
    let _ = bounded(input, || text.parse::<Advertisement>());
    if let Ok(key) = bounded(input, || Key::try_from(text)) {
        assert_eq!(key.as_str(), text);
    }
    if let Some(trace) = bounded(input, || TraceContext::parse(text)) {
        assert_eq!(TraceContext::parse(&trace.to_string()), Some(trace));
    }
    matches(text);
}

/// A grant as guests hand it over, in a header or a query.
pub(crate) fn token(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        same_again::<Signed<Grant>>(text);
    }
}

fn same_again<T: FromStr<Err: Debug + PartialEq> + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = bounded(text.as_bytes(), || text.parse::<T>()) {
        assert_eq!(value.to_string().parse::<T>(), Ok(value));
    }
}

/// A name that is also a pattern matches itself.
fn matches(text: &str) {
    if let (Ok(topic), Ok(pattern)) = (text.parse::<TopicName>(), text.parse::<TopicPattern>()) {
        assert!(pattern.matches(&topic));
    }
    if let (Ok(capability), Ok(pattern)) = (text.parse::<Capability>(), text.parse::<CapabilityPattern>()) {
        assert!(pattern.matches(&capability));
    }
}
