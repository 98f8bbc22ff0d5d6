//! Whether what an agent does is to be the same in the next run.

use std::future::Future;

tokio::task_local! {
    static REPEATS: bool;
}

/// Runs something of a node that repeats, or does not.
pub(crate) fn scope<T>(repeats: bool, call: impl Future<Output = T>) -> impl Future<Output = T> {
    REPEATS.scope(repeats, call)
}

/// Whether what runs now is of a node that repeats.
pub(crate) fn now() -> bool {
    REPEATS.try_with(|repeats| *repeats).unwrap_or(false)
}
