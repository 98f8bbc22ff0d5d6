//! What is compared: two ends on loopback with one connection between them.

use futures_util::future::BoxFuture;

/// Whatever goes wrong ends the benchmark.
pub(crate) type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The size of a small request and of its reply, in bytes.
pub(crate) const SMALL: usize = 256;

/// What a transfer is handed over in, in bytes.
pub(crate) const PIECE: usize = 64 << 10;

/// Two ends with a connection. Its futures are boxed for all alike.
pub(crate) trait Contender: Send + Sync {
    fn name(&self) -> &'static str;

    /// A request of [`SMALL`] bytes on a stream of its own, until the end of its reply of as many bytes.
    fn ask(&self) -> BoxFuture<'_, Result<(), Problem>>;

    /// A request of so many bytes.
    fn upload(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>>;

    /// A reply of so many bytes.
    fn download(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>>;

    /// Tells the other end something that may be lost: from the requester, or from the responder. `false` when this
    /// contender has no such thing.
    fn observe(&self, from_requester: bool) -> Result<bool, Problem> {
        let _ = from_requester;
        Ok(false)
    }
}
