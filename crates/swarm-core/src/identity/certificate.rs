//! The certificate that a node shows in the TLS handshake, and reading that of another.
//!
//! A certificate is self-signed, on a fresh P-256 key (browsers and most TLS libraries take nothing else), valid for
//! 13 days (browsers that pin a certificate by its hash accept at most 14). One URI names swarm and agent, one extension
//! binds the TLS key to the identity key (the construction of libp2p's TLS handshake), another carries the grant.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(feature = "webtransport")]
use pkcs8::EncodePrivateKey;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PublicKeyData, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use swarm_proto::{AgentId, Grant, PublicKey, Signed, Subject, SwarmName, UnixSeconds};
use x509_parser::asn1_rs::{Any, Class, OctetString, Tag};
use x509_parser::nom::Parser;
use x509_parser::prelude::{FromDer, X509Certificate, X509CertificateParser};

use super::der;
use super::key::{self, IdentityKey, agent_id_of};
use crate::trust::{Access, GrantError};

/// The extension that carries identity key and signature. The arc 2.25 is that of UUIDs and needs no registration
/// (ITU-T X.667); the digits are those of the golden ratio.
pub const IDENTITY_EXTENSION_OID: &[u64] = &[2, 25, 6_180_339_887_498_948_482];

const IDENTITY_EXTENSION_OID_TEXT: &str = "2.25.6180339887498948482";

/// The extension that carries the grant. The digits are those of Euler's number.
pub const GRANT_EXTENSION_OID: &[u64] = &[2, 25, 2_718_281_828_459_045_235];

const GRANT_EXTENSION_OID_TEXT: &str = "2.25.2718281828459045235";

const SUBJECT_ALTERNATIVE_NAME: &str = "2.5.29.17";

/// The tag of a URI among the names.
const URI: Tag = Tag(6);

/// What the identity key signs is this tag, the end of the validity, the TLS key and the URI: then a TLS key that leaks
/// serves until its certificate runs out, and for its own swarm only.
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
/// use swarm_core::trust::{Credentials, RootKey};
/// use swarm_core::{IdentityKey, SwarmName, identity};
///
/// let (root, now) = (RootKey::from_seed([1; 32]), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let credentials = Credentials::dev(&root, SwarmName::default(), IdentityKey::from_seed([7; 32]), now).unwrap();
/// let certificate: identity::TlsCertificate =
///     identity::issue(credentials.identity(), credentials.grant(), now).unwrap();
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
    /// The extension with the grant is missing, comes twice or has another form.
    #[error("the certificate carries no grant (extension {GRANT_EXTENSION_OID_TEXT})")]
    NoGrant,
    /// The grant does not count.
    #[error("{0}")]
    Grant(#[from] GrantError),
    /// The identity key did not sign this TLS key: somebody shows an identity that is not theirs.
    #[error("the identity key did not sign the key, the dates and the name of this certificate")]
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

/// Makes a certificate for `identity` with its grant, valid from an hour before `now` for 13 days.
///
/// # Errors
/// When the TLS library cannot make a key or sign, which on a healthy system does not happen.
pub fn issue(
    identity: &IdentityKey,
    grant: &Signed<Grant>,
    now: SystemTime,
) -> Result<TlsCertificate, CertificateIssueError> {
    issue_on(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?, identity, grant, now)
}

/// As [`issue`], on the Ed25519 key whose RFC 8032 private seed this is: the same bytes each time. P-256 would not do, as its
/// signatures are drawn, and differ in length too. For runs that repeat alone, since a TLS key should not outlive its node.
#[cfg(feature = "webtransport")]
pub(crate) fn issue_from_seed(
    seed: [u8; 32],
    identity: &IdentityKey,
    grant: &Signed<Grant>,
    now: SystemTime,
) -> Result<TlsCertificate, CertificateIssueError> {
    let pair = ed25519::pkcs8::KeypairBytes { secret_key: seed, public_key: None };
    let der = pair.to_pkcs8_der().map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &rcgen::PKCS_ED25519)?;
    issue_on(key, identity, grant, now)
}

fn issue_on(
    tls_key: KeyPair,
    identity: &IdentityKey,
    grant: &Signed<Grant>,
    now: SystemTime,
) -> Result<TlsCertificate, CertificateIssueError> {
    let not_before = now - BACKDATED;
    let not_after = not_before + VALIDITY;
    let uri = spiffe_uri(&grant.statement().swarm, identity.agent_id());
    let binding = Binding {
        not_after: not_after.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        tls_key: &tls_key.subject_public_key_info(),
        uri: &uri,
    };
    let mut params = CertificateParams::default();
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![binding.extension(identity), grant_extension(grant)];
    params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
    let certificate = params.self_signed(&tls_key)?;
    Ok(TlsCertificate {
        certificate: certificate.der().clone(),
        private_key: PrivatePkcs8KeyDer::from(tls_key.serialize_der()).into(),
    })
}

/// What a certificate proves.
pub(crate) struct Proven {
    pub(crate) agent: AgentId,
    pub(crate) grant: Signed<Grant>,
}

/// Reads whose certificate this is and checks that it is theirs, that its grant counts, and that it is valid at `now`
/// (seconds since 1970). Whether the peer holds the certificate's private key is for the TLS handshake to check.
pub(crate) fn verify(der: &[u8], access: &Access, now: UnixSeconds) -> Result<Proven, CertificateError> {
    let certificate = parse(der)?;
    let (validity, seconds) = (certificate.validity(), i64::try_from(now.get()).unwrap_or(i64::MAX));
    if seconds < validity.not_before.timestamp() || seconds > validity.not_after.timestamp() {
        return Err(CertificateError::NotValidNow);
    }
    let proven = proven(&certificate)?;
    let (expected, found) = (spiffe_uri(access.swarm(), proven.agent), only_uri(&certificate));
    if found != expected {
        return Err(CertificateError::WrongName { expected, found: found.chars().take(128).collect() });
    }
    access.admit(&proven.grant, now)?;
    Ok(proven)
}

/// What a certificate says, without a check of swarm, validity or the grant's signature: for reading it again once the
/// handshake has verified it.
#[cfg(any(feature = "webtransport", test))]
pub(crate) fn read_again(der: &[u8]) -> Result<Proven, CertificateError> {
    proven(&parse(der)?)
}

/// What extensions hold is left unread: most of it nobody asks for, and strangers could fill it.
fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    if !der::is_modest(der) {
        return Err(CertificateError::Unreadable);
    }
    match X509CertificateParser::new().with_deep_parse_extensions(false).parse(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::Unreadable),
    }
}

/// The identity that signed the certificate's key, and its own grant.
fn proven(certificate: &X509Certificate<'_>) -> Result<Proven, CertificateError> {
    let key = bound_key(certificate)?;
    let grant = grant_in(certificate)?;
    let agent = agent_id_of(&key);
    if grant.statement().subject == Subject::Key(key) {
        return Ok(Proven { agent, grant });
    }
    let granted = key::agent_id_of_subject(&grant.statement().subject);
    Err(GrantError::OtherAgent { granted, shown_by: agent }.into())
}

fn grant_extension(grant: &Signed<Grant>) -> CustomExtension {
    let grant = grant.encode();
    // Lengths in DER (X.690, section 8.1.3); a grant is far below 64 KiB.
    let [.., high, low] = grant.len().to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[0x04, low],
        (0, _) => &[0x04, 0x81, low],
        _ => &[0x04, 0x82, high, low],
    };
    CustomExtension::from_oid_content(GRANT_EXTENSION_OID, [header, &grant].concat())
}

fn grant_in(certificate: &X509Certificate<'_>) -> Result<Signed<Grant>, CertificateError> {
    let content = only_extension(certificate, GRANT_EXTENSION_OID_TEXT).ok_or(CertificateError::NoGrant)?;
    let (rest, grant) = OctetString::from_der(content).map_err(|_| CertificateError::NoGrant)?;
    if !rest.is_empty() {
        return Err(CertificateError::NoGrant);
    }
    Signed::decode(grant.as_ref()).map_err(|error| GrantError::from(error).into())
}

/// The value of an extension that is there exactly once.
fn only_extension<'a>(certificate: &X509Certificate<'a>, oid: &str) -> Option<&'a [u8]> {
    let mut extensions = certificate.extensions().iter().filter(|e| e.oid.to_id_string() == oid);
    match (extensions.next(), extensions.next()) {
        (Some(extension), None) => Some(extension.value),
        _ => None,
    }
}

fn spiffe_uri(swarm: &SwarmName, agent: AgentId) -> String {
    format!("spiffe://{swarm}/agent/{agent}")
}

/// What ties a certificate to an identity.
struct Binding<'a> {
    /// Seconds since 1970.
    not_after: u64,
    /// SubjectPublicKeyInfo, DER.
    tls_key: &'a [u8],
    uri: &'a str,
}

impl Binding<'_> {
    fn message(&self) -> Vec<u8> {
        [BINDING_DOMAIN, &self.not_after.to_be_bytes(), self.tls_key, self.uri.as_bytes()].concat()
    }

    fn extension(&self, identity: &IdentityKey) -> CustomExtension {
        let signature = identity.sign(&self.message());
        let content = [&OCTET_STRING_OF_96[..], identity.public_key().as_bytes(), &signature].concat();
        CustomExtension::from_oid_content(IDENTITY_EXTENSION_OID, content)
    }
}

fn bound_key(certificate: &X509Certificate<'_>) -> Result<PublicKey, CertificateError> {
    let content =
        only_extension(certificate, IDENTITY_EXTENSION_OID_TEXT).ok_or(CertificateError::NoIdentity)?;
    let content = content.strip_prefix(&OCTET_STRING_OF_96).ok_or(CertificateError::NoIdentity)?;
    let (public_key, signature) = content.split_first_chunk::<32>().ok_or(CertificateError::NoIdentity)?;
    let public_key = PublicKey::from_bytes(*public_key);
    let binding = Binding {
        not_after: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or_default(),
        tls_key: certificate.public_key().raw,
        uri: only_uri(certificate),
    };
    if key::verify(&public_key, &binding.message(), signature) {
        Ok(public_key)
    } else {
        Err(CertificateError::BadSignature)
    }
}

/// The one URI that a certificate names; empty when there is none, or anything beside it.
fn only_uri<'a>(certificate: &X509Certificate<'a>) -> &'a str {
    only_extension(certificate, SUBJECT_ALTERNATIVE_NAME).and_then(uri_alone).unwrap_or_default()
}

/// The URI in a list of names that holds nothing else (RFC 5280, section 4.2.1.6).
fn uri_alone(names: &[u8]) -> Option<&str> {
    let list = whole(names).filter(|list| list.tag() == Tag::Sequence)?;
    let uri = whole(list.data).filter(|name| name.class() == Class::ContextSpecific && name.tag() == URI)?;
    str::from_utf8(uri.data).ok()
}

/// The element that fills `bytes`.
fn whole(bytes: &[u8]) -> Option<Any<'_>> {
    Any::from_der(bytes).ok().and_then(|(rest, element)| rest.is_empty().then_some(element))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::{Credentials, RootKey};

    const NOW_SECONDS: u64 = 1_800_000_000;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
    }

    fn credentials(seed: u8, swarm: &str) -> Credentials {
        let root = RootKey::from_seed([100; 32]);
        Credentials::dev(&root, swarm.parse().unwrap(), IdentityKey::from_seed([seed; 32]), now()).unwrap()
    }

    fn issued(seed: u8, swarm: &str) -> TlsCertificate {
        let credentials = credentials(seed, swarm);
        issue(credentials.identity(), credentials.grant(), now()).unwrap()
    }

    fn verified(der: &[u8], seconds: u64) -> Result<AgentId, CertificateError> {
        let access = Access::new(&credentials(9, "local"));
        verify(der, &access, UnixSeconds::new(seconds)).map(|proven| proven.agent)
    }

    #[test]
    fn a_certificate_proves_the_agent_of_its_key() {
        let certificate = issued(1, "local");

        let agent = verified(&certificate.certificate, NOW_SECONDS);

        assert_eq!(agent, Ok(IdentityKey::from_seed([1; 32]).agent_id()));
    }

    #[test]
    fn a_certificate_of_another_swarm_is_refused() {
        let certificate = issued(1, "elsewhere");

        let agent = verified(&certificate.certificate, NOW_SECONDS);

        assert!(matches!(agent, Err(CertificateError::WrongName { .. })), "{agent:?}");
    }

    #[test]
    fn a_certificate_is_refused_before_and_after_its_thirteen_days() {
        let certificate = issued(1, "local");

        for seconds in [NOW_SECONDS - 3601, NOW_SECONDS + 13 * 24 * 3600] {
            let agent = verified(&certificate.certificate, seconds);
            assert_eq!(agent, Err(CertificateError::NotValidNow), "at {seconds}");
        }
    }

    #[cfg(feature = "webtransport")]
    #[test]
    fn a_certificate_from_a_seed_is_the_same_each_time_and_proves_as_much() {
        let credentials = credentials(1, "local");
        let issued = |seed| {
            let issued = issue_from_seed([seed; 32], credentials.identity(), credentials.grant(), now());
            issued.unwrap().certificate
        };

        assert_eq!(issued(1), issued(1));
        assert_ne!(issued(1), issued(2));
        assert_eq!(verified(&issued(1), NOW_SECONDS), Ok(credentials.agent_id()));
    }

    /// A certificate whose binding was made for something else than what it says.
    fn forged(change: impl FnOnce(&mut CertificateParams), bound_to: &KeyPair, own: &KeyPair) -> Vec<u8> {
        let victim = IdentityKey::from_seed([1; 32]);
        let uri = spiffe_uri(&SwarmName::default(), victim.agent_id());
        let not_after = now() + VALIDITY;
        let binding = Binding {
            not_after: not_after.duration_since(UNIX_EPOCH).unwrap().as_secs(),
            tls_key: &bound_to.subject_public_key_info(),
            uri: &uri,
        };
        let mut params = CertificateParams::default();
        params.not_after = not_after.into();
        params.custom_extensions =
            vec![binding.extension(&victim), grant_extension(credentials(1, "local").grant())];
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        change(&mut params);
        params.self_signed(own).unwrap().der().to_vec()
    }

    #[test]
    fn an_identity_over_another_tls_key_another_date_or_another_name_is_refused() {
        let key = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let (own, other) = (key(), key());

        assert!(read_again(&forged(|_| {}, &own, &own)).is_ok(), "nothing was changed");
        let stolen = forged(|_| {}, &other, &own);
        let prolonged = forged(|params| params.not_after = (now() + 2 * VALIDITY).into(), &own, &own);
        let elsewhere = forged(
            |params| params.subject_alt_names = vec![SanType::URI("spiffe://other/".try_into().unwrap())],
            &own,
            &own,
        );

        for certificate in [stolen, prolonged, elsewhere] {
            assert_eq!(read_again(&certificate).err(), Some(CertificateError::BadSignature));
        }
    }

    #[test]
    fn a_certificate_without_a_grant_of_its_own_is_refused() {
        let own = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let without = forged(|params| drop(params.custom_extensions.pop()), &own, &own);
        let twice =
            forged(|params| params.custom_extensions.push(params.custom_extensions[1].clone()), &own, &own);
        for certificate in [without, twice] {
            assert_eq!(verified(&certificate, NOW_SECONDS + 1), Err(CertificateError::NoGrant));
        }

        let of_another = grant_extension(credentials(2, "local").grant());
        let borrowed = forged(|params| params.custom_extensions[1] = of_another, &own, &own);
        let refused = verified(&borrowed, NOW_SECONDS + 1);
        assert!(
            matches!(refused, Err(CertificateError::Grant(GrantError::OtherAgent { .. }))),
            "{refused:?}"
        );
    }

    #[test]
    fn a_certificate_whose_grant_no_root_signed_is_refused() {
        let credentials = credentials(1, "local");
        let stranger = RootKey::from_seed([101; 32]).grant(credentials.grant().statement().clone()).unwrap();
        let certificate = issue(credentials.identity(), &stranger, now()).unwrap();

        let refused = verified(&certificate.certificate, NOW_SECONDS);

        assert!(
            matches!(refused, Err(CertificateError::Grant(GrantError::UnknownRoot { .. }))),
            "{refused:?}"
        );
    }

    /// The worked example of `docs/protocol.md`, computed by another library.
    #[test]
    fn the_signature_is_the_one_that_other_languages_compute() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let identity = IdentityKey::from_seed([7; 32]);
        let binding = Binding {
            not_after: 1_800_000_000,
            tls_key: &hex(concat!(
                "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
                "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
                "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
            )),
            uri: &spiffe_uri(&SwarmName::default(), identity.agent_id()),
        };

        assert_eq!(identity.agent_id().to_string(), "d8847d91-4101-8863-8914-2419781bbbdd");
        assert_eq!(
            identity.sign(&binding.message()).to_vec(),
            hex(concat!(
                "278101418af54d4b99e740843afd2968b4a3b5db66673c6006b93592af7ddad5",
                "8c85b205f42c396e2e23a787da9d1efb076f9aecd54debc877d57f9b4402d909"
            ))
        );
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for bytes in [&b""[..], b"\x30", b"nonsense"] {
            assert_eq!(verified(bytes, 0), Err(CertificateError::Unreadable));
        }
    }
}
