//! TLS for both directions, and what its failures mean to a node.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use ring::digest;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig, SignatureScheme};
use swarm_proto::{AgentId, Grant, Signed};

use super::config::BindError;
use super::seed::Seed;
use crate::clock::WallClock;
use crate::error::{AcceptError, DialError};
use crate::identity::{self, CertificateIssueError, SwarmVerifier, TlsCertificate};
use crate::transport::Speaker;

const ALPN_HTTP3: &[u8] = b"h3";

/// What TLS needs to speak as this node.
#[derive(Debug)]
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    own: Arc<OwnCertificate>,
}

impl Tls {
    /// With a seed, on keys that follow from it.
    pub(super) fn new(speaker: Speaker, seed: Option<&Seed>) -> Result<Self, BindError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let own = OwnCertificate::new(speaker, Arc::clone(&provider), seed.cloned());
        // What cannot be made now would fail every handshake later.
        own.current().map_err(bind_error)?;
        Ok(Self { provider, own: Arc::new(own) })
    }

    /// For connections that others begin: they must show a certificate of the swarm, or none if guests may come. No tickets, because a resumed
    /// session would skip that check, and no early data.
    pub(super) fn server(&self) -> Result<Arc<QuicServerConfig>, BindError> {
        let verifier = self.verifier(None);
        let verifier = if self.own.speaker.guests { verifier.certificate_optional() } else { verifier };
        let mut config = ServerConfig::builder_with_details(Arc::clone(&self.provider), self.time())
            .with_protocol_versions(&[&TLS13])
            .map_err(bind_error)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::clone(&self.own) as _);
        config.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(QuicServerConfig::try_from(config).map_err(bind_error)?))
    }

    /// For a connection that we begin, to `expected` or to any member of the swarm.
    pub(super) fn client(&self, expected: Option<AgentId>) -> Result<Arc<QuicClientConfig>, TlsSetupError> {
        let mut config = ClientConfig::builder_with_details(Arc::clone(&self.provider), self.time())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.verifier(expected)))
            .with_client_cert_resolver(Arc::clone(&self.own) as _);
        config.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        Ok(Arc::new(QuicClientConfig::try_from(config)?))
    }

    /// Of the certificate that is shown now, and of the next one if it is about to take its place.
    pub(super) fn certificate_hashes(&self) -> Vec<[u8; 32]> {
        let hashes = self.own.hashes();
        hashes.inspect_err(|error| tracing::error!(%error, "no certificate can be made")).unwrap_or_default()
    }

    /// The clock that certificates of others are checked by: the same as that of our own.
    fn time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(TlsTime(Arc::clone(&self.own.speaker.wall_clock)))
    }

    fn verifier(&self, expected: Option<AgentId>) -> SwarmVerifier {
        SwarmVerifier::new(Arc::clone(&self.own.speaker.access), expected, Arc::clone(&self.provider))
    }
}

#[derive(Debug)]
struct TlsTime(Arc<dyn WallClock>);

impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        self.0.now().duration_since(SystemTime::UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

/// Our certificate, made anew long before it runs out, and for a new grant. Connections that are open keep the one that they began with.
#[derive(Debug)]
struct OwnCertificate {
    speaker: Speaker,
    provider: Arc<CryptoProvider>,
    seed: Option<Seed>,
    issued: Mutex<Certificates>,
}

#[derive(Debug, Default)]
struct Certificates {
    latest: Option<Issued>,
    /// Made ahead, for those that have to know it before they see it.
    next: Option<Issued>,
}

#[derive(Debug)]
struct Issued {
    at: SystemTime,
    grant: Arc<Signed<Grant>>,
    hash: [u8; 32],
    certified: Arc<CertifiedKey>,
}

impl Issued {
    fn serves(&self, now: SystemTime, grant: &Arc<Signed<Grant>>) -> bool {
        self.is_younger_than(RENEW_AFTER, now) && Arc::ptr_eq(&self.grant, grant)
    }

    fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|own| own < age)
    }
}

/// Less than half of the thirteen days for which a certificate is valid.
const RENEW_AFTER: Duration = Duration::from_secs(6 * 24 * 3600);

/// What is to take its place is known a day before.
const ANNOUNCE_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);

impl OwnCertificate {
    fn new(speaker: Speaker, provider: Arc<CryptoProvider>, seed: Option<Seed>) -> Self {
        Self { speaker, provider, seed, issued: Mutex::default() }
    }

    fn current(&self) -> Result<Arc<CertifiedKey>, TlsSetupError> {
        let (now, grant) = (self.speaker.wall_clock.now(), self.speaker.access.grant());
        Ok(Arc::clone(&self.latest(&mut self.issued(), now, &grant)?.certified))
    }

    fn hashes(&self) -> Result<Vec<[u8; 32]>, TlsSetupError> {
        let (now, grant) = (self.speaker.wall_clock.now(), self.speaker.access.grant());
        let mut issued = self.issued();
        let latest = self.latest(&mut issued, now, &grant)?;
        let mut hashes = vec![latest.hash];
        if !latest.is_younger_than(ANNOUNCE_AFTER, now) {
            let next = match issued.next.take().filter(|next| next.serves(now, &grant)) {
                Some(next) => next,
                None => self.issue(now, &grant)?,
            };
            hashes.push(issued.next.insert(next).hash);
        }
        Ok(hashes)
    }

    fn latest<'a>(
        &self,
        issued: &'a mut Certificates,
        now: SystemTime,
        grant: &Arc<Signed<Grant>>,
    ) -> Result<&'a Issued, TlsSetupError> {
        let serves = |issued: &Issued| issued.serves(now, grant);
        let latest = match issued.latest.take().filter(serves).or_else(|| issued.next.take().filter(serves)) {
            Some(latest) => latest,
            None => self.issue(now, grant)?,
        };
        Ok(issued.latest.insert(latest))
    }

    fn issue(&self, now: SystemTime, grant: &Arc<Signed<Grant>>) -> Result<Issued, TlsSetupError> {
        let identity = &self.speaker.identity;
        let TlsCertificate { certificate, private_key } = match &self.seed {
            None => identity::issue(identity, grant, now)?,
            Some(seed) => {
                identity::issue_from_seed(seed.derive(&format!("tls key at {now:?}")), identity, grant, now)?
            }
        };
        let mut hash = [0; 32];
        let digest = digest::digest(&digest::SHA256, &certificate);
        hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        let certified = Arc::new(CertifiedKey::from_der(vec![certificate], private_key, &self.provider)?);
        Ok(Issued { at: now, grant: Arc::clone(grant), hash, certified })
    }

    fn issued(&self) -> MutexGuard<'_, Certificates> {
        // What is missing is made anew, so a poisoned lock is as good as any.
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current_or_none(&self) -> Option<Arc<CertifiedKey>> {
        let current = self.current();
        current.inspect_err(|error| tracing::error!(%error, "no certificate can be made")).ok()
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current_or_none()
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current_or_none()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// TLS refused our own configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsSetupError {
    #[error(transparent)]
    Certificate(#[from] CertificateIssueError),
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
pub(super) fn accept_error(error: &dyn std::error::Error) -> AcceptError {
    AcceptError::Handshake { reason: error.to_string() }
}

fn is_tls_alert(code: u64) -> bool {
    (0x100..0x200).contains(&code)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use swarm_proto::SwarmName;

    use super::*;
    use crate::identity::IdentityKey;
    use crate::trust::{Access, Credentials, RootKey};

    #[derive(Debug)]
    struct Days(Arc<AtomicU64>);

    impl WallClock for Days {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
                + Duration::from_secs(24 * 3600 * (20_000 + self.0.load(Ordering::Relaxed)))
        }
    }

    fn own(clock: Days) -> OwnCertificate {
        let root = RootKey::from_seed([1; 32]);
        let identity = IdentityKey::from_seed([7; 32]);
        let credentials = Credentials::dev(&root, SwarmName::default(), identity, clock.now()).unwrap();
        let speaker = Speaker {
            identity: Arc::clone(credentials.identity()),
            access: Arc::new(Access::new(&credentials)),
            guests: false,
            wall_clock: Arc::new(clock),
        };
        OwnCertificate::new(speaker, Arc::new(rustls::crypto::ring::default_provider()), None)
    }

    #[test]
    fn a_certificate_is_renewed_before_it_runs_out() {
        let day = Arc::new(AtomicU64::new(0));
        let own = own(Days(Arc::clone(&day)));
        let on = |n| {
            day.store(n, Ordering::Relaxed);
            own.current().unwrap().cert.clone()
        };

        let first = on(0);

        assert_eq!(on(5), first);
        assert_ne!(on(6), first);
        assert_eq!(on(11), on(6));
        assert_ne!(on(0), first, "a clock that was put back gives no certificate of the future");
    }

    #[test]
    fn the_hash_of_the_next_certificate_is_known_a_day_before_it_is_shown() {
        let day = Arc::new(AtomicU64::new(0));
        let own = own(Days(Arc::clone(&day)));
        let on = |n| {
            day.store(n, Ordering::Relaxed);
            let shown = digest::digest(&digest::SHA256, own.current().unwrap().end_entity_cert().unwrap());
            let hashes = own.hashes().unwrap();
            assert_eq!(shown.as_ref(), hashes[0]);
            hashes
        };

        let first = on(0);
        assert_eq!((first.len(), on(4)), (1, first.clone()));
        let both = on(5);
        assert_eq!((both.len(), both[0]), (2, first[0]));
        assert_eq!(on(5), both, "it is made once");

        assert_eq!(on(6), both[1..]);
    }
}
