//! Where a node is, as people write it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use swarm_proto::PATH;
use url::{Host, Url};

use crate::error::ConnectError;

/// The address of a node: `https://HOST:PORT/swarm/v1`. The path may be left out.
///
/// ```
/// use swarm_core::PeerUrl;
///
/// let url: PeerUrl = "https://127.0.0.1:4433".parse().unwrap();
/// assert_eq!(url.to_string(), "https://127.0.0.1:4433/swarm/v1");
/// assert!("http://127.0.0.1:4433".parse::<PeerUrl>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerUrl {
    /// A name, or an IP address without brackets.
    host: String,
    port: u16,
}

/// Why a text is no address of a node.
///
/// ```
/// let error = "https://localhost:4433/chat".parse::<swarm_core::PeerUrl>().unwrap_err();
/// assert!(error.to_string().contains("/swarm/v1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerUrlError {
    /// It is no URL.
    #[error("{text:?} is no URL; expected https://HOST:PORT, with or without {PATH}")]
    Syntax {
        /// What was given.
        text: String,
        /// What the parser says.
        source: url::ParseError,
    },
    /// It has another scheme, path, or further parts.
    #[error("{text:?} is no address of a node; expected https://HOST:PORT, with or without {PATH}")]
    Form {
        /// What was given.
        text: String,
    },
}

impl PeerUrl {
    /// The host name or IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses to try, in order. Looks names up with the system's resolver.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let no_address = || ConnectError::NoAddress { host: self.host.clone() };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        Ok(found.map_err(|_| no_address())?.collect())
    }
}

impl FromStr for PeerUrl {
    type Err = PeerUrlError;

    fn from_str(text: &str) -> Result<Self, PeerUrlError> {
        let shortened = || text.chars().take(128).collect::<String>();
        let url = Url::parse(text).map_err(|source| PeerUrlError::Syntax { text: shortened(), source })?;
        let form = || PeerUrlError::Form { text: shortened() };
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if url.scheme() != "https" || !plain || !matches!(url.path(), "" | "/" | PATH) {
            return Err(form());
        }
        let host = match url.host().ok_or_else(form)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let port = url.port_or_known_default().ok_or_else(form)?;
        Ok(Self { host, port })
    }
}

impl From<SocketAddr> for PeerUrl {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}{PATH}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}{PATH}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_read_again() {
        for text in ["https://127.0.0.1:1", "https://[::1]:4433/", "https://robot-7.lan:4433/swarm/v1"] {
            let url: PeerUrl = text.parse().unwrap();
            assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn anything_but_the_address_of_a_node_is_refused() {
        for text in [
            "",
            "localhost:1",
            "http://a:1",
            "https://a:1/other",
            "https://a:1/?x",
            "https://u@a:1",
            "https://:p@a:1",
            "https://",
        ] {
            assert!(text.parse::<PeerUrl>().is_err(), "{text:?}");
        }
    }
}
