//! Certificates for contenders that want one.

use std::path::{Path, PathBuf};

use super::Problem;

/// A certificate for 127.0.0.1 that signs itself, in files.
#[derive(Debug)]
pub struct Certificate {
    /// In PEM. Who dials trusts just this one.
    pub path: PathBuf,
    /// Its private key, in PEM.
    pub key_path: PathBuf,
}

impl Certificate {
    /// Makes one and leaves it in a directory, and makes *ring* the cryptography of whoever does not say otherwise.
    pub fn written_to(directory: &Path) -> Result<Self, Problem> {
        // Only the first call of a process has an effect.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        let certificate =
            Self { path: directory.join("certificate.pem"), key_path: directory.join("key.pem") };
        std::fs::write(&certificate.path, made.cert.pem())?;
        std::fs::write(&certificate.key_path, made.signing_key.serialize_pem())?;
        Ok(certificate)
    }
}
