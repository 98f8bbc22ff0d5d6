//! An observation before it has an origin and a number.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{Delivery, Key, TopicName};

/// An observation that is about to be broadcast, with its delivery class.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::{Context, OutgoingObservation, PublishError, Receipt};
///
/// fn report(cx: &Context, arm: &str, angle: f32) -> Result<Receipt, PublishError> {
///     let observation = OutgoingObservation::new("arm.angle".parse()?, angle.to_be_bytes().to_vec())
///         .latest(arm.try_into()?)
///         .expires_after(Duration::from_millis(200));
///     cx.broadcast(observation)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingObservation {
    pub(crate) topic: TopicName,
    pub(crate) payload: Bytes,
    pub(crate) delivery: Delivery,
    pub(crate) expires_ms: Option<NonZeroU32>,
    pub(crate) signed: bool,
}

impl OutgoingObservation {
    /// A lossy one.
    #[must_use]
    pub fn new(topic: TopicName, payload: impl Into<Bytes>) -> Self {
        Self { topic, payload: payload.into(), delivery: Delivery::Lossy, expires_ms: None, signed: false }
    }

    /// Only the newest of this topic and key counts: wherever an older one waits, this one takes its place, and it is not
    /// delivered after a newer one. With [`Key::default`] the topic is about one thing only.
    #[must_use]
    pub fn latest(self, key: Key) -> Self {
        Self { delivery: Delivery::Latest { key }, ..self }
    }

    /// On a stream: it arrives once and in order behind the others of this kind, and may be up to 1 MiB long. Each peer
    /// has a bounded queue of them
    /// ([`NodeConfig::reliable_buffer_bytes`](crate::NodeConfig::reliable_buffer_bytes)); one that is too slow for it is
    /// told how many it missed. It never expires.
    #[must_use]
    pub fn reliable(self) -> Self {
        Self { delivery: Delivery::Reliable, expires_ms: None, ..self }
    }

    /// With a signature of this node, so that whoever gets it can [pass it on](crate::Context::pass_on) to others. It takes
    /// some 105 bytes more, a signature here and a look at it at every receiver, and counts for a minute after it was made
    /// ([`NodeConfig::freshness`](crate::NodeConfig::freshness)).
    #[must_use]
    pub fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    /// Not worth delivering after it has waited for so long, here or at the other end; each end begins at zero, and the time
    /// on the way does not count. In whole milliseconds, at least one and at most 49 days. Nothing for a reliable one.
    #[must_use]
    pub fn expires_after(self, life: Duration) -> Self {
        let ms = u32::try_from(life.as_millis()).unwrap_or(u32::MAX);
        let expires_ms = NonZeroU32::new(ms.max(1)).filter(|_| self.delivery != Delivery::Reliable);
        Self { expires_ms, ..self }
    }
}
