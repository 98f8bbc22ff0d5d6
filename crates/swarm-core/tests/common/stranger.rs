//! Whoever speaks to a node without being one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swarm_core::proto::{Frame, Hello, PeerLimits, VersionRange};
use swarm_core::transport::Speaker;
use swarm_core::trust::{Access, Credentials};
use swarm_core::{AgentNode, Epoch, IdentityKey, SwarmName, SystemClock, WallClock, identity};

use super::root;

/// The HTTP/3 control stream of a client that wants WebTransport: datagrams, and a session (draft 07).
pub(crate) const SETTINGS: &[u8] = b"\x00\x04\x0b\x33\x01\xc0\x00\x00\x00\xc6\x71\x70\x6a\x01";

pub(crate) const STRANGER: [u8; 32] = [66; 32];

pub(crate) fn address(node: &AgentNode) -> SocketAddr {
    format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()
}

/// What anybody needs to speak as the agent of this seed, in the swarm of the tests.
pub(crate) fn speaker(seed: [u8; 32]) -> Speaker {
    speaker_with(&credentials(seed))
}

/// Those of the agent of this seed, who may do everything in the swarm of the tests.
pub(crate) fn credentials(seed: [u8; 32]) -> Credentials {
    let identity = IdentityKey::from_seed(seed);
    Credentials::dev(&root(), SwarmName::default(), identity, SystemClock.now()).unwrap()
}

/// What anybody needs to speak with these credentials.
pub(crate) fn speaker_with(credentials: &Credentials) -> Speaker {
    Speaker {
        identity: Arc::clone(credentials.identity()),
        access: Arc::new(Access::new(credentials)),
        guests: false,
        wall_clock: Arc::new(SystemClock),
    }
}

/// A hello that would be accepted.
pub(crate) fn hello() -> Hello {
    Hello {
        versions: VersionRange::SPOKEN,
        agent: IdentityKey::from_seed(STRANGER).agent_id(),
        swarm: SwarmName::default(),
        epoch: Epoch::new(1),
        capabilities: Vec::new(),
        limits: PeerLimits::default(),
        subscriptions: vec![swarm_proto::TopicPattern::everything()],
    }
}

pub(crate) fn framed(frame: &impl Frame) -> Vec<u8> {
    let body = frame.encode().unwrap();
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// TLS as any client might do it, with or without a certificate of the swarm.
pub(crate) fn client_config(with_certificate: bool) -> quinn::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let speaker = speaker(STRANGER);
    let verifier = identity::SwarmVerifier::new(Arc::clone(&speaker.access), None, Arc::clone(&provider));
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = if with_certificate {
        let own = identity::issue(&speaker.identity, &speaker.access.grant(), SystemClock.now()).unwrap();
        builder.with_client_auth_cert(vec![own.certificate], own.private_key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h3".to_vec()];
    let quic = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(quic));
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(50)));
    config.transport_config(Arc::new(transport));
    config
}

pub(crate) async fn raw(to: SocketAddr, with_certificate: bool) -> (quinn::Endpoint, quinn::Connection) {
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(client_config(with_certificate), to, "swarm").unwrap();
    (endpoint, connecting.await.unwrap())
}
