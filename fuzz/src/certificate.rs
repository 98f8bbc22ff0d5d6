//! The certificate of a peer, with the extensions that bind it to an identity and carry its grant.

#![expect(clippy::panic, reason = "that is how a property fails")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use swarm_core::identity::SwarmVerifier;
use swarm_core::trust::{Access, Credentials, RootKey};
use swarm_core::{IdentityKey, SwarmName};

use crate::measure::bounded;

/// When the certificates of the corpus are valid, in seconds since 1970.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// Trusts the root that signed the grants of the corpus.
static VERIFIER: LazyLock<SwarmVerifier> = LazyLock::new(|| {
    let (root, identity) = (RootKey::from_seed([100; 32]), IdentityKey::from_seed([9; 32]));
    let now = SystemTime::UNIX_EPOCH + NOW;
    let credentials = Credentials::dev(&root, SwarmName::default(), identity, now);
    let access = Access::new(&credentials.unwrap_or_else(|error| panic!("no credentials: {error}")));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    SwarmVerifier::new(Arc::new(access), None, provider)
});
static ANY_NAME: LazyLock<ServerName<'static>> =
    LazyLock::new(|| ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));

/// Both sides of a handshake think the same of it.
pub(crate) fn certificate(input: &[u8]) {
    let (certificate, now) = (CertificateDer::from(input), UnixTime::since_unix_epoch(NOW));
    let (verifier, name) = (&*VERIFIER, &*ANY_NAME);
    let client = bounded(input, || verifier.verify_client_cert(&certificate, &[], now));
    let server = bounded(input, || verifier.verify_server_cert(&certificate, &[], name, &[], now));
    assert_eq!(client.err().map(|error| error.to_string()), server.err().map(|error| error.to_string()));
}
