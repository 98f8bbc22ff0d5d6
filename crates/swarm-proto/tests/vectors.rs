//! The test vectors in `vectors/` say what this crate does: each of them is decoded, described and encoded again. They
//! serve whoever writes the protocol in another language.
//!
//! An entry has a `name`, a `kind` (which decoder it is for), `hex` and `value`: what the bytes mean. Payloads are hex
//! in the value, ids and names text. Where `only_decode` is true a reader must accept the bytes, but this crate would
//! write them differently. To write the files anew after a deliberate change of the protocol:
//!
//! ```text
//! UPDATE_VECTORS=1 cargo test -p swarm-proto --test vectors the_vectors_are
//! ```

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use swarm_proto::SwarmName;

#[path = "vectors/describe.rs"]
mod describe;
#[path = "vectors/examples.rs"]
mod examples;

use describe::{Message, describe, hex, unhex};

/// One entry of a file of vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    kind: String,
    hex: String,
    value: Value,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    only_decode: bool,
}

/// The files, in the order of the protocol.
const FILES: [&str; 8] =
    ["observation", "datagram", "hello", "control", "request", "reply", "feed", "tolerated"];

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file).with_extension("json")
}

fn load(file: &str) -> Vec<Vector> {
    let text = fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the file should hold.
fn wanted(file: &str) -> Vec<Vector> {
    if file == "tolerated" {
        return examples::tolerated()
            .into_iter()
            .map(|(name, kind, bytes)| {
                let value = describe(&Message::decode(kind, &bytes));
                Vector { name: name.into(), kind: kind.into(), hex: hex(&bytes), value, only_decode: true }
            })
            .collect();
    }
    examples::canonical(file)
        .into_iter()
        .map(|(name, message)| Vector {
            name: name.into(),
            kind: message.kind().into(),
            hex: hex(&message.encode()),
            value: describe(&message),
            only_decode: false,
        })
        .collect()
}

#[test]
fn the_vectors_are_those_of_the_examples() {
    let update = std::env::var_os("UPDATE_VECTORS").is_some();
    for file in FILES {
        let wanted = wanted(file);
        if update {
            let text = serde_json::to_string_pretty(&wanted).unwrap() + "\n";
            fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            fs::write(path(file), text).unwrap();
        }
        assert_eq!(load(file), wanted, "{file}");
    }
}

#[test]
fn each_vector_decodes_to_its_value() {
    for vector in FILES.into_iter().flat_map(load) {
        let message = Message::decode(&vector.kind, &unhex(&vector.hex));
        assert_eq!(describe(&message), vector.value, "{}", vector.name);
    }
}

#[test]
fn each_value_encodes_to_its_hex_unless_it_is_only_decoded() {
    for vector in FILES.into_iter().flat_map(load) {
        let message = Message::decode(&vector.kind, &unhex(&vector.hex));
        let same = hex(&message.encode()) == vector.hex;
        assert_eq!(same, !vector.only_decode, "{}", vector.name);
    }
}

#[test]
fn every_seal_of_a_vector_holds() {
    let mut checked = 0;
    for vector in load("observation").into_iter().chain(load("tolerated")) {
        let Message::Observation(observation) = Message::decode(&vector.kind, &unhex(&vector.hex)) else {
            continue;
        };
        let Some(seal) = observation.seal else { continue };
        let key = UnparsedPublicKey::new(&ED25519, seal.key().as_bytes().to_vec());
        let message = seal.message(&SwarmName::default());
        assert_eq!(key.verify(&message, seal.signature()), Ok(()), "{}", vector.name);
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn every_kind_of_message_has_a_vector() {
    let seen: BTreeSet<_> = FILES
        .into_iter()
        .flat_map(load)
        .filter(|vector| !vector.only_decode)
        .map(|vector| Message::decode(&vector.kind, &unhex(&vector.hex)).variant())
        .collect();

    assert_eq!(seen.into_iter().collect::<Vec<_>>(), describe::VARIANTS);
}

#[test]
fn names_of_vectors_are_unique() {
    let names: Vec<_> = FILES.into_iter().flat_map(load).map(|vector| vector.name).collect();
    let distinct: BTreeSet<_> = names.iter().collect();

    assert_eq!(distinct.len(), names.len());
}
