//! Whom a node trusts, and what others may do.
//!
//! A **root** is a key that stays away from the network. It signs [`Grant`](swarm_proto::Grant)s: who, what it may do,
//! until when. Every node holds the public halves of one or two roots, its [`TrustAnchor`], and a grant of its own, which
//! it shows in its certificate; nobody is asked online. A root can also sign a list of those whose grants are void, which
//! nodes pass on to one another. [`Access`] decides, by the time that it is handed; files are read and written in
//! [`files`] and [`dev`] alone.

mod access;
mod anchor;
mod credentials;
pub mod dev;
pub mod files;
mod guests;
mod invitation;
#[cfg(feature = "node")]
mod origins;
pub mod pem;
mod root;

pub use self::access::{Access, GrantError, RevocationError};
pub use self::anchor::{AnchorError, TrustAnchor};
pub use self::credentials::{Credentials, CredentialsError};
pub use self::files::FileError;
pub use self::guests::{Admitted, GuestConfig, GuestError, Guests, is_proof, proof_message};
pub use self::invitation::{Invitation, InviteError};
#[cfg(feature = "node")]
pub(crate) use self::origins::{OriginGrants, ToldGrants};
pub use self::pem::KeyFileError;
pub use self::root::RootKey;
