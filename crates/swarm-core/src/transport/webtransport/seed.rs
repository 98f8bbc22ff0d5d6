//! What a run in virtual time draws from a seed instead of the system's entropy, so that it repeats packet for packet.
//!
//! What is left to entropy are connection ids and the secrets of a handshake: they have the same lengths in each run, and
//! nothing that is sent depends on their values.

use ring::hmac;

/// Where one life of a node draws from. Whoever knows it knows the node's TLS keys.
#[derive(Clone)]
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// A secret of its own for each purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), purpose.as_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed").finish_non_exhaustive()
    }
}
