//! The certificate of a peer, with the extension that binds it to an identity.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use swarm_core::SwarmName;
use swarm_core::identity::SwarmVerifier;

use crate::measure::bounded;

/// When the certificates of the corpus are valid, in seconds since 1970.
const NOW: Duration = Duration::from_secs(1_800_000_000);

static VERIFIER: LazyLock<SwarmVerifier> = LazyLock::new(|| {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    SwarmVerifier::new(SwarmName::default(), None, provider)
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
