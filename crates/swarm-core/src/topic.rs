//! Topics whose observations are values.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarm_proto::{
    DecodeError, Delivery, Key, NameError, Observation, TopicName, TopicPattern, from_slice, to_vec,
};

use crate::error::PublishError;
use crate::node::OutgoingObservation;

/// A topic whose observations are values of one type, with the delivery class that suits them.
///
/// Publisher and subscribers make it with the same name and type; the class counts where it is published. Payloads are
/// MessagePack with named fields, so that fields can be added later and other languages can read them.
///
/// ```
/// use std::time::Duration;
/// use serde::{Deserialize, Serialize};
/// use swarm_core::{Agent, Context, Observation, Topic, TopicPattern};
///
/// #[derive(Serialize, Deserialize)]
/// struct Position {
///     x: f64,
///     y: f64,
/// }
///
/// struct Rover {
///     positions: Topic<Position>,
/// }
///
/// impl Rover {
///     fn new() -> Self {
///         let positions = Topic::latest("rover.position").expect("a dotted name");
///         Self { positions: positions.expires_after(Duration::from_secs(1)) }
///     }
/// }
///
/// impl Agent for Rover {
///     fn subscriptions(&self) -> Vec<TopicPattern> {
///         vec![self.positions.pattern()]
///     }
///
///     async fn on_start(&self, cx: &Context) {
///         let _ = cx.publish(&self.positions, &Position { x: 0.0, y: 0.0 });
///     }
///
///     async fn on_observation(&self, _cx: &Context, observation: Observation) {
///         if let Some(Ok(position)) = self.positions.read(&observation) {
///             println!("{} is at {}, {}", observation.origin, position.x, position.y);
///         }
///     }
/// }
/// ```
pub struct Topic<T> {
    name: TopicName,
    delivery: Delivery,
    life: Option<Duration>,
    signed: bool,
    values: PhantomData<fn(&T) -> T>,
}

impl<T> Topic<T> {
    /// A topic whose observations may be lost, and are all worth having.
    ///
    /// # Errors
    /// When the name is no dotted name.
    pub fn lossy(name: &str) -> Result<Self, NameError> {
        Self::with(name, Delivery::Lossy)
    }

    /// A topic of which only the newest observation counts.
    ///
    /// # Errors
    /// When the name is no dotted name.
    pub fn latest(name: &str) -> Result<Self, NameError> {
        Self::with(name, Delivery::Latest { key: Key::default() })
    }

    /// A topic whose observations come once and in order, or the receiver learns how many are missing.
    ///
    /// # Errors
    /// When the name is no dotted name.
    pub fn reliable(name: &str) -> Result<Self, NameError> {
        Self::with(name, Delivery::Reliable)
    }

    fn with(name: &str, delivery: Delivery) -> Result<Self, NameError> {
        Ok(Self { name: name.try_into()?, delivery, life: None, signed: false, values: PhantomData })
    }

    /// Its observations are not worth delivering after they have waited for so long. Nothing for reliable ones.
    #[must_use]
    pub fn expires_after(self, life: Duration) -> Self {
        Self { life: Some(life), ..self }
    }

    /// Its observations carry a signature, so that others can pass them on: see
    /// [`OutgoingObservation::signed`](crate::OutgoingObservation::signed).
    #[must_use]
    pub fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// What to subscribe to in order to hear of it.
    #[must_use]
    pub fn pattern(&self) -> TopicPattern {
        self.name.clone().into()
    }
}

impl<T: Serialize> Topic<T> {
    /// An observation of this value, for [`Context::broadcast`](crate::Context::broadcast).
    ///
    /// # Errors
    /// [`PublishError::Unencodable`] when the value cannot be written as MessagePack.
    pub fn observation(&self, value: &T) -> Result<OutgoingObservation, PublishError> {
        self.with_delivery(value, self.delivery.clone())
    }

    /// As [`Self::observation`], about one of several things: only the newest of its key counts. The key means something
    /// for [`Topic::latest`] only.
    ///
    /// # Errors
    /// As [`Self::observation`], and when the key is longer than 64 bytes.
    pub fn observation_of(&self, key: &str, value: &T) -> Result<OutgoingObservation, PublishError> {
        let delivery = match self.delivery {
            Delivery::Latest { .. } => Delivery::Latest { key: key.try_into()? },
            ref other => other.clone(),
        };
        self.with_delivery(value, delivery)
    }

    fn with_delivery(&self, value: &T, delivery: Delivery) -> Result<OutgoingObservation, PublishError> {
        let outgoing = OutgoingObservation::new(self.name.clone(), to_vec(value)?);
        let outgoing = OutgoingObservation { delivery, signed: self.signed, ..outgoing };
        Ok(match self.life {
            Some(life) => outgoing.expires_after(life),
            None => outgoing,
        })
    }
}

impl<T: DeserializeOwned> Topic<T> {
    /// The value of an observation; `None` if it is about another topic.
    ///
    /// # Errors
    /// A [`DecodeError`] inside if its payload is no such value.
    pub fn read(&self, observation: &Observation) -> Option<Result<T, DecodeError>> {
        (observation.topic == self.name).then(|| from_slice(&observation.payload))
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            delivery: self.delivery.clone(),
            life: self.life,
            signed: self.signed,
            values: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("name", &self.name)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}
