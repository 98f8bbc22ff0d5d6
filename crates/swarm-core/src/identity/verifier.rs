//! Checks the certificate of the other side during the TLS handshake.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme,
};
use swarm_proto::{AgentId, UnixSeconds};

use super::certificate::{self, CertificateError};
use crate::trust::Access;

/// Accepts whoever proves an identity by its certificate, with a grant that counts, on either side of the handshake; with
/// an expected agent, that one alone. TLS 1.3 only (RFC 8446).
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, SystemTime};
/// use swarm_core::trust::{Access, Credentials, RootKey};
/// use swarm_core::{IdentityKey, SwarmName, identity::SwarmVerifier};
///
/// let (root, now) = (RootKey::from_seed([1; 32]), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let credentials = Credentials::dev(&root, SwarmName::default(), IdentityKey::from_seed([7; 32]), now).unwrap();
/// let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let verifier = SwarmVerifier::new(Arc::new(Access::new(&credentials)), None, provider);
/// # let _ = verifier;
/// ```
#[derive(Debug)]
pub struct SwarmVerifier {
    access: Arc<Access>,
    expected: Option<AgentId>,
    certificate_required: bool,
    provider: Arc<CryptoProvider>,
}

impl SwarmVerifier {
    /// A verifier for members of the swarm, or for `expected` alone when the dialler knows whom it dials.
    pub fn new(access: Arc<Access>, expected: Option<AgentId>, provider: Arc<CryptoProvider>) -> Self {
        Self { access, expected, certificate_required: true, provider }
    }

    /// Lets clients in that show no certificate: they must show something else later. One that is shown is verified.
    #[must_use]
    pub fn certificate_optional(self) -> Self {
        Self { certificate_required: false, ..self }
    }

    fn verify(&self, end_entity: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
        let now = UnixSeconds::new(now.as_secs());
        let found = certificate::verify(end_entity, &self.access, now).map_err(refused)?.agent;
        match self.expected {
            Some(expected) if expected != found => {
                Err(refused(CertificateError::OtherAgent { expected, found }))
            }
            _ => Ok(()),
        }
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }
}

fn refused(error: CertificateError) -> Error {
    Error::InvalidCertificate(rustls::CertificateError::Other(OtherError(Arc::new(InWords(error)))))
}

/// The TLS library tells the other side why in the form for debugging; this gives people something to read there.
#[derive(thiserror::Error)]
#[error(transparent)]
struct InWords(CertificateError);

impl fmt::Debug for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl ServerCertVerifier for SwarmVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for SwarmVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.certificate_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
