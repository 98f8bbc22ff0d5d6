//! The public halves of the roots.

use swarm_proto::{PublicKey, SwarmName};

/// Whom a node believes about its swarm: one root, or two while one takes the place of the other.
///
/// ```
/// use swarm_core::trust::{RootKey, TrustAnchor};
///
/// let root = RootKey::from_seed([1; 32]);
/// let anchor = TrustAnchor::new("harbour-7".parse()?, vec![root.public_key()])?;
/// assert!(anchor.is_root(&root.public_key()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    swarm: SwarmName,
    roots: Vec<PublicKey>,
}

/// An anchor has one root or two.
///
/// ```
/// use swarm_core::trust::{AnchorError, TrustAnchor};
///
/// assert_eq!(TrustAnchor::new("harbour-7".parse().unwrap(), vec![]), Err(AnchorError(0)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a swarm has one root, or two while one takes the place of the other; these are {0}")]
pub struct AnchorError(pub usize);

impl TrustAnchor {
    /// Trusts these roots, in this swarm.
    ///
    /// # Errors
    /// With none or more than two.
    pub fn new(swarm: SwarmName, mut roots: Vec<PublicKey>) -> Result<Self, AnchorError> {
        roots.sort_unstable();
        roots.dedup();
        match roots.len() {
            1 | 2 => Ok(Self { swarm, roots }),
            other => Err(AnchorError(other)),
        }
    }

    /// Trusts this root alone.
    pub fn of(swarm: SwarmName, root: PublicKey) -> Self {
        Self { swarm, roots: vec![root] }
    }

    /// The swarm of which they are the roots.
    pub fn swarm(&self) -> &SwarmName {
        &self.swarm
    }

    /// The roots, sorted.
    pub fn roots(&self) -> &[PublicKey] {
        &self.roots
    }

    /// Whether this is one of them.
    pub fn is_root(&self, key: &PublicKey) -> bool {
        self.roots.contains(key)
    }
}
