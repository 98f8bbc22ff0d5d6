//! A QUIC connection below everything that a node would do with it, from somebody who takes any server.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::DigitallySignedStruct;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{Error, SignatureScheme};
use swarm_core::identity::TlsCertificate;
use swarm_core::proto::PATH;
use url::Url;
use web_transport_quinn::Session;

use crate::outcome::{Fate, failed};
use crate::scene::Scene;

/// How often it says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// A connection and the socket that it needs.
#[derive(Debug)]
pub(crate) struct Line {
    _endpoint: quinn::Endpoint,
    pub(crate) connection: quinn::Connection,
}

impl Line {
    /// Finishes TLS, as far as a client can tell.
    pub(crate) async fn dial(scene: &Scene<'_>, shown: Option<TlsCertificate>) -> Result<Self, Fate> {
        Self::dial_with(scene, shown, quinn::TransportConfig::default()).await
    }

    pub(crate) async fn dial_with(
        scene: &Scene<'_>,
        shown: Option<TlsCertificate>,
        mut transport: quinn::TransportConfig,
    ) -> Result<Self, Fate> {
        transport.keep_alive_interval(Some(KEEP_ALIVE));
        let mut config = quinn::ClientConfig::new(Arc::new(tls(shown)?));
        config.transport_config(Arc::new(transport));
        let endpoint = quinn::Endpoint::client(scene.papers.source_for(scene.target)).map_err(failed)?;
        let connecting = endpoint.connect_with(config, scene.target, "swarm").map_err(failed)?;
        let connection = connecting.await?;
        Ok(Self { _endpoint: endpoint, connection })
    }

    /// Opens a session where those of a swarm are.
    pub(crate) async fn session(&self, scene: &Scene<'_>) -> Result<Session, Fate> {
        let url = Url::parse(&format!("https://{}{PATH}", scene.target)).map_err(failed)?;
        match Session::connect(self.connection.clone(), url).await {
            Ok(session) => Ok(session),
            Err(_) => match self.connection.close_reason() {
                Some(reason) => Err(reason.into()),
                None => Err(Fate::CutOff("no session".to_owned())),
            },
        }
    }

    /// Waits until the target ends it.
    pub(crate) async fn closed(&self) -> Fate {
        self.connection.closed().await.into()
    }
}

fn tls(shown: Option<TlsCertificate>) -> Result<QuicClientConfig, Fate> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match shown {
        Some(own) => builder.with_client_auth_cert(vec![own.certificate], own.private_key).map_err(failed)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h3".to_vec()];
    QuicClientConfig::try_from(config).map_err(failed)
}

/// Takes whoever answers: an attacker does not care.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
