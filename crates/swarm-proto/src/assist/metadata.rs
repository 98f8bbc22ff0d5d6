//! Reads the metadata of a request. A key that comes twice is refused, since two readers could pick different ones; what
//! the entries mean is between requester and responder.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};

use crate::wire::Text;

/// For `deserialize_with`: a map of strings, each key once.
pub(super) fn unique<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(UniqueVisitor)
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<Text<'de>, Text<'de>>()? {
            let (key, value) = (key.0.into_owned(), value.0.into_owned());
            if entries.contains_key(&key) {
                return Err(A::Error::custom(format_args!("metadata has {key:?} twice")));
            }
            entries.insert(key, value);
        }
        Ok(entries)
    }
}
