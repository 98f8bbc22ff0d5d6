//! How much of a transfer has been read.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what node 1 has read, for node 0 to wait for. One transfer at a time.
#[derive(Debug, Default)]
pub struct Moved {
    bytes: AtomicUsize,
    news: Notify,
}

impl Moved {
    /// So many bytes more have been read.
    pub fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Waits for what a transfer brings, and forgets it.
    pub async fn take(&self, bytes: usize) {
        while self.bytes.load(Ordering::Relaxed) < bytes {
            self.news.notified().await;
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
