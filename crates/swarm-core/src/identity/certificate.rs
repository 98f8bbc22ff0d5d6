//! The certificate that a node shows in the TLS handshake, and reading that of another.
//!
//! A certificate is self-signed, on a fresh P-256 key (browsers and most TLS libraries take nothing else), valid for
//! 13 days (browsers that pin a certificate by its hash accept at most 14). One URI names swarm and agent, and an
//! extension binds the TLS key to the identity key: the construction of libp2p's TLS handshake.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PublicKeyData, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use swarm_proto::{AgentId, SwarmName};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::key::{self, IdentityKey, agent_id_of};

/// The extension that carries identity key and signature. The arc 2.25 is that of UUIDs and needs no registration
/// (ITU-T X.667); the digits are those of the golden ratio.
pub const IDENTITY_EXTENSION_OID: &[u64] = &[2, 25, 6_180_339_887_498_948_482];

const IDENTITY_EXTENSION_OID_TEXT: &str = "2.25.6180339887498948482";

/// What the identity key signs is this tag and the TLS key (as SubjectPublicKeyInfo, DER).
const BINDING_DOMAIN: &[u8] = b"swarm tls key v1\0";

/// The extension's value is a DER octet string of 96 bytes: 32 of key, 64 of signature.
const OCTET_STRING_OF_96: [u8; 2] = [0x04, 96];

const VALIDITY: Duration = Duration::from_secs(13 * 24 * 3600);
/// Clocks differ: a certificate is valid a little before it was made.
const BACKDATED: Duration = Duration::from_secs(3600);

/// A certificate with its private key, as a TLS library wants them.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use swarm_core::{IdentityKey, SwarmName, identity};
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let certificate: identity::TlsCertificate =
///     identity::issue(&IdentityKey::from_seed([7; 32]), &SwarmName::default(), now).unwrap();
/// assert!(!certificate.certificate.is_empty());
/// ```
#[derive(Debug)]
pub struct TlsCertificate {
    /// The certificate, DER.
    pub certificate: CertificateDer<'static>,
    /// Its private key, PKCS #8.
    pub private_key: PrivateKeyDer<'static>,
}

/// Why no certificate could be made. It is the TLS library that failed, for want of randomness for example.
#[derive(Debug, thiserror::Error)]
#[error("could not make a certificate")]
pub struct CertificateIssueError(#[from] rcgen::Error);

/// Why a certificate does not prove an identity in this swarm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is no X.509 certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The extension that names the identity key is missing or has another form.
    #[error("the certificate names no identity key (extension {IDENTITY_EXTENSION_OID_TEXT})")]
    NoIdentity,
    /// The identity key did not sign this TLS key: somebody shows an identity that is not theirs.
    #[error("the identity key did not sign the key of this certificate")]
    BadSignature,
    /// The URI in the certificate does not name this swarm and the agent of the identity key.
    #[error("the certificate names {found:?} where {expected:?} was expected")]
    WrongName {
        /// What the URI should be.
        expected: String,
        /// What it is; empty when there is none.
        found: String,
    },
    /// It is not valid now, by our clock.
    #[error("the certificate is not valid at this time: check the clocks of both sides")]
    NotValidNow,
    /// It proves an agent, but another one than was dialled.
    #[error("the peer is {found} where {expected} was expected")]
    OtherAgent {
        /// Who was dialled.
        expected: AgentId,
        /// Who answered.
        found: AgentId,
    },
}

/// Makes a certificate for `identity` in `swarm`, valid from an hour before `now` for 13 days.
///
/// # Errors
/// When the TLS library cannot make a key or sign, which on a healthy system does not happen.
pub fn issue(
    identity: &IdentityKey,
    swarm: &SwarmName,
    now: SystemTime,
) -> Result<TlsCertificate, CertificateIssueError> {
    let tls_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now - BACKDATED + VALIDITY).into();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::URI(spiffe_uri(swarm, identity.agent_id()).try_into()?)];
    params.custom_extensions = vec![binding(identity, &tls_key.subject_public_key_info())];
    let certificate = params.self_signed(&tls_key)?;
    Ok(TlsCertificate {
        certificate: certificate.der().clone(),
        private_key: PrivatePkcs8KeyDer::from(tls_key.serialize_der()).into(),
    })
}

/// Reads whose certificate this is and checks that it is theirs, of this swarm, and valid at `now` (seconds since
/// 1970). Whether the peer holds the certificate's private key is for the TLS handshake to check.
pub(crate) fn verify(der: &[u8], swarm: &SwarmName, now: i64) -> Result<AgentId, CertificateError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
    if !rest.is_empty() {
        return Err(CertificateError::Unreadable);
    }
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() {
        return Err(CertificateError::NotValidNow);
    }
    let agent = bound_agent(&certificate)?;
    check_name(&certificate, &spiffe_uri(swarm, agent))?;
    Ok(agent)
}

/// The agent that a certificate speaks of, without a check of swarm or validity: for reading it again once the
/// handshake has verified it.
#[cfg(any(feature = "webtransport", test))]
pub(crate) fn agent_in(der: &[u8]) -> Result<AgentId, CertificateError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
    bound_agent(&certificate)
}

fn spiffe_uri(swarm: &SwarmName, agent: AgentId) -> String {
    format!("spiffe://{swarm}/agent/{agent}")
}

fn binding(identity: &IdentityKey, tls_key: &[u8]) -> CustomExtension {
    let signature = identity.sign(&[BINDING_DOMAIN, tls_key].concat());
    let content = [&OCTET_STRING_OF_96[..], &identity.public_key(), &signature].concat();
    CustomExtension::from_oid_content(IDENTITY_EXTENSION_OID, content)
}

fn bound_agent(certificate: &X509Certificate<'_>) -> Result<AgentId, CertificateError> {
    let mut extensions =
        certificate.extensions().iter().filter(|e| e.oid.to_id_string() == IDENTITY_EXTENSION_OID_TEXT);
    let (Some(extension), None) = (extensions.next(), extensions.next()) else {
        return Err(CertificateError::NoIdentity);
    };
    let content = extension.value.strip_prefix(&OCTET_STRING_OF_96).ok_or(CertificateError::NoIdentity)?;
    let (public_key, signature) = content.split_first_chunk::<32>().ok_or(CertificateError::NoIdentity)?;
    let message = [BINDING_DOMAIN, certificate.public_key().raw].concat();
    if key::verify(public_key, &message, signature) {
        Ok(agent_id_of(public_key))
    } else {
        Err(CertificateError::BadSignature)
    }
}

fn check_name(certificate: &X509Certificate<'_>, expected: &str) -> Result<(), CertificateError> {
    let found = certificate
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        })
        .and_then(|names| match names.as_slice() {
            [GeneralName::URI(uri)] => Some(*uri),
            _ => None,
        })
        .unwrap_or_default();
    if found == expected {
        Ok(())
    } else {
        Err(CertificateError::WrongName {
            expected: expected.to_owned(),
            found: found.chars().take(128).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_SECONDS: u64 = 1_800_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
    }

    fn issued(seed: u8, swarm: &str) -> TlsCertificate {
        issue(&IdentityKey::from_seed([seed; 32]), &swarm.parse().unwrap(), now()).unwrap()
    }

    #[test]
    fn a_certificate_proves_the_agent_of_its_key() {
        let certificate = issued(1, "local");

        let agent = verify(&certificate.certificate, &SwarmName::default(), NOW_SECONDS as i64);

        assert_eq!(agent, Ok(IdentityKey::from_seed([1; 32]).agent_id()));
    }

    #[test]
    fn a_certificate_of_another_swarm_is_refused() {
        let certificate = issued(1, "elsewhere");

        let agent = verify(&certificate.certificate, &SwarmName::default(), NOW_SECONDS as i64);

        assert!(matches!(agent, Err(CertificateError::WrongName { .. })), "{agent:?}");
    }

    #[test]
    fn a_certificate_is_refused_before_and_after_its_thirteen_days() {
        let certificate = issued(1, "local");

        for seconds in [NOW_SECONDS as i64 - 3601, NOW_SECONDS as i64 + 13 * 24 * 3600] {
            let agent = verify(&certificate.certificate, &SwarmName::default(), seconds);
            assert_eq!(agent, Err(CertificateError::NotValidNow), "at {seconds}");
        }
    }

    #[test]
    fn an_identity_over_another_tls_key_is_refused() {
        let victim = IdentityKey::from_seed([1; 32]);
        let bound_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let own_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params.custom_extensions = vec![binding(&victim, &bound_key.subject_public_key_info())];
        let stolen = params.self_signed(&own_key).unwrap();

        let agent = agent_in(stolen.der());

        assert_eq!(agent, Err(CertificateError::BadSignature));
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for bytes in [&b""[..], b"\x30", b"nonsense"] {
            assert_eq!(verify(bytes, &SwarmName::default(), 0), Err(CertificateError::Unreadable));
        }
    }
}
