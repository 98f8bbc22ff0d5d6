//! Who a node is and how it proves it.
//!
//! A node holds an Ed25519 [`IdentityKey`]. Its [`AgentId`](swarm_proto::AgentId) is derived from the public half, so
//! nobody else can claim it. For TLS it issues itself a short-lived certificate on a fresh P-256 key, and an extension
//! of that certificate carries the identity key with its signature over the TLS key. [`SwarmVerifier`] checks that on both
//! sides of the handshake. Nothing here reads a clock: the time is handed in.

mod certificate;
mod key;
mod verifier;

#[cfg(feature = "webtransport")]
pub(crate) use certificate::agent_in;
pub use certificate::{
    CertificateError, CertificateIssueError, IDENTITY_EXTENSION_OID, TlsCertificate, issue,
};
pub use key::{IdentityKey, agent_id_of};
pub use verifier::SwarmVerifier;
