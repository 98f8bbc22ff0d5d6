//! Who a node is and how it proves it.
//!
//! A node holds an Ed25519 [`IdentityKey`]. Its [`AgentId`](swarm_proto::AgentId) is derived from the public half, so
//! nobody else can claim it. For TLS it issues itself a short-lived certificate on a fresh P-256 key, and an extension
//! of that certificate carries the identity key with its signature over the TLS key, another the grant that a root has
//! signed for it ([`crate::trust`]). [`SwarmVerifier`] checks both on both sides of the handshake. Nothing here reads a clock: the time is handed in.

mod certificate;
mod der;
mod key;
mod verifier;

pub use certificate::{
    CertificateError, CertificateIssueError, GRANT_EXTENSION_OID, IDENTITY_EXTENSION_OID, TlsCertificate,
    issue,
};
#[cfg(feature = "webtransport")]
pub(crate) use certificate::{Proven, issue_from_seed, read_again};
pub(crate) use key::verify as verify_signature;
pub use key::{IdentityKey, agent_id_of, agent_id_of_subject};
pub use verifier::SwarmVerifier;
