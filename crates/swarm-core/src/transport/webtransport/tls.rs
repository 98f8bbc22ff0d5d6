//! TLS for both directions, and what its failures mean to a node.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use swarm_proto::{AgentId, SwarmName};

use super::Credentials;
use super::config::BindError;
use crate::error::{AcceptError, DialError};
use crate::identity::{self, SwarmVerifier, TlsCertificate};

const ALPN_HTTP3: &[u8] = b"h3";

/// What TLS needs to speak as this node.
#[derive(Debug)]
pub(super) struct Tls {
    swarm: SwarmName,
    provider: Arc<CryptoProvider>,
    certificate: TlsCertificate,
}

impl Tls {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, BindError> {
        let now = credentials.wall_clock.now();
        Ok(Self {
            swarm: credentials.swarm.clone(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            certificate: identity::issue(&credentials.identity, &credentials.swarm, now)?,
        })
    }

    /// For connections that others begin: they must show a certificate of the swarm. No tickets, because a resumed
    /// session would skip that check, and no early data.
    pub(super) fn server(&self) -> Result<Arc<QuicServerConfig>, BindError> {
        let (chain, key) = self.chain_and_key();
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(bind_error)?
            .with_client_cert_verifier(self.verifier(None))
            .with_single_cert(chain, key)
            .map_err(bind_error)?;
        config.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(QuicServerConfig::try_from(config).map_err(bind_error)?))
    }

    /// For a connection that we begin, to `expected` or to any member of the swarm.
    pub(super) fn client(&self, expected: Option<AgentId>) -> Result<Arc<QuicClientConfig>, TlsSetupError> {
        let (chain, key) = self.chain_and_key();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(expected))
            .with_client_auth_cert(chain, key)?;
        config.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        Ok(Arc::new(QuicClientConfig::try_from(config)?))
    }

    fn verifier(&self, expected: Option<AgentId>) -> Arc<SwarmVerifier> {
        Arc::new(SwarmVerifier::new(self.swarm.clone(), expected, Arc::clone(&self.provider)))
    }

    fn chain_and_key(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.certificate.certificate.clone()], self.certificate.private_key.clone_key())
    }
}

/// TLS refused our own configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsSetupError {
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    #[error(transparent)]
    CipherSuite(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

fn bind_error(error: impl std::error::Error + Send + Sync + 'static) -> BindError {
    BindError::Tls(Arc::new(error))
}

/// Why a dial failed, told apart where the caller would act differently. A TLS alert (0x100 to 0x1ff in QUIC, RFC 9001
/// section 4.8) means that somebody answered and one side did not accept the other.
pub(super) fn dial_error(error: quinn::ConnectionError) -> DialError {
    match error {
        quinn::ConnectionError::TransportError(e) if is_tls_alert(u64::from(e.code)) => {
            DialError::Refused { reason: e.reason }
        }
        quinn::ConnectionError::ConnectionClosed(e) if is_tls_alert(u64::from(e.error_code)) => {
            DialError::Refused { reason: String::from_utf8_lossy(&e.reason).into_owned() }
        }
        quinn::ConnectionError::TimedOut => DialError::NoAnswer,
        other => DialError::failed(other),
    }
}

/// Why an accepted connection did not become a session.
pub(super) fn accept_error(error: &wtransport::error::ConnectionError) -> AcceptError {
    AcceptError::Handshake { reason: error.to_string() }
}

fn is_tls_alert(code: u64) -> bool {
    (0x100..0x200).contains(&code)
}
