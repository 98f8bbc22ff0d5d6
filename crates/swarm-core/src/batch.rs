//! Turns many concurrent requests into batches, for agents that run a model.
//!
//! A model takes eight inputs in little more time than one. An agent that serves requests concurrently gets them one by
//! one, though; a [`Batcher`] in between collects what comes within a short time, or while the model is busy, and runs
//! it as one. [`queue`] decides what goes together and when, without IO; the rest waits.

mod queue;

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::queue::BatchQueue;
use crate::deadline::at;

/// What goes into a batch, and how long it may wait for company.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::BatchConfig;
///
/// let mut config = BatchConfig::default();
/// config.max_items = 8;
/// config.max_wait = Duration::from_millis(5);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BatchConfig {
    /// The most items in a batch, at least 1. Default 16.
    pub max_items: usize,
    /// The longest that an item waits for company while the model is idle. Default 2 ms; zero runs at once what is
    /// there, and still collects while the model is busy.
    pub max_wait: Duration,
    /// How many items may wait for a batch. Default 256; beyond it [`Batcher::submit`] waits for room.
    pub max_waiting: usize,
    /// How many batches may run at once, at least 1. Default 1: most models use all cores already.
    pub max_running: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { max_items: 16, max_wait: Duration::from_millis(2), max_waiting: 256, max_running: 1 }
    }
}

/// Nothing comes of an item any more: the worker has ended, or its batch panicked or gave too few results.
///
/// ```
/// assert_eq!(swarm_core::BatchError.to_string(), "the batch gave no result");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the batch gave no result")]
pub struct BatchError;

struct Item<I, O> {
    input: I,
    output: oneshot::Sender<O>,
}

/// Where concurrent calls hand their items in. Cheap to clone.
///
/// Items go together that have the same key: the model's name, say, or the shape of the input.
///
/// ```
/// use swarm_core::{BatchConfig, Batcher};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let (doubler, worker) = Batcher::new(BatchConfig::default(), |_model: &'static str, numbers: Vec<u32>| async {
///     numbers.into_iter().map(|number| number * 2).collect()
/// });
/// // In an agent: cx.spawn(worker) in on_start.
/// let worker = async { worker.await };
/// let asked = async {
///     let both = tokio::join!(doubler.submit("small", 1), doubler.submit("small", 2));
///     assert_eq!(both, (Ok(2), Ok(4)));
///     drop(doubler);
/// };
/// tokio::join!(worker, asked);
/// # });
/// ```
pub struct Batcher<K, I, O> {
    items: mpsc::Sender<(K, Item<I, O>)>,
}

impl<K, I, O> Batcher<K, I, O>
where
    K: Ord + Clone + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    /// A batcher, and the worker that must run for it: give it to [`Context::spawn`](crate::Context::spawn). It ends
    /// when every clone of the batcher is gone. `run` computes a batch and gives one result per item, in order; heavy
    /// work belongs into `spawn_blocking` there.
    pub fn new<F, R>(config: BatchConfig, run: F) -> (Self, impl Future<Output = ()> + Send + 'static)
    where
        F: Fn(K, Vec<I>) -> R + Send + 'static,
        R: Future<Output = Vec<O>> + Send + 'static,
    {
        let (items, queue) = mpsc::channel(1);
        (Self { items }, work(config, run, queue))
    }

    /// Hands an item in and waits for its result. Waits for room while too many wait. Dropping it before its batch
    /// begins takes the item out of the batch.
    ///
    /// # Errors
    /// When the worker has ended or the batch gave no result for this item.
    pub async fn submit(&self, key: K, input: I) -> Result<O, BatchError> {
        let (output, result) = oneshot::channel();
        self.items.send((key, Item { input, output })).await.map_err(|_| BatchError)?;
        result.await.map_err(|_| BatchError)
    }
}

impl<K, I, O> Clone for Batcher<K, I, O> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone() }
    }
}

impl<K, I, O> fmt::Debug for Batcher<K, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("room", &self.items.capacity()).finish()
    }
}

async fn work<K, I, O, F, R>(config: BatchConfig, run: F, mut items: mpsc::Receiver<(K, Item<I, O>)>)
where
    K: Ord + Clone + Send + 'static,
    F: Fn(K, Vec<I>) -> R + Send,
    R: Future<Output = Vec<O>> + Send,
{
    let mut queue = BatchQueue::new(config.max_items.max(1), config.max_wait);
    let mut running = FuturesUnordered::new();
    let mut open = true;
    while open || !queue.is_empty() || !running.is_empty() {
        let idle = running.len() < config.max_running.max(1);
        let due = queue.next_due().filter(|_| idle);
        tokio::select! {
            biased;
            Some(()) = running.next() => {}
            item = items.recv(), if open && queue.len() < config.max_waiting.max(1) => match item {
                Some((key, item)) => queue.push(Instant::now(), key, item),
                None => open = false,
            },
            // Last, so that whatever has come already goes along.
            () = at(due), if due.is_some() => {
                if let Some((key, batch)) = queue.take_due(Instant::now()) {
                    running.extend(begin(&run, key, batch));
                }
            }
        }
    }
}

/// Runs a batch, without the items that nobody waits for any more; nothing if none are left.
fn begin<K, I, O, F, R>(
    run: &F,
    key: K,
    batch: Vec<Item<I, O>>,
) -> Option<impl Future<Output = ()> + use<K, I, O, F, R>>
where
    F: Fn(K, Vec<I>) -> R,
    R: Future<Output = Vec<O>>,
{
    let wanted = batch.into_iter().filter(|item| !item.output.is_closed());
    let (inputs, outputs): (Vec<_>, Vec<_>) = wanted.map(|item| (item.input, item.output)).unzip();
    (!inputs.is_empty()).then(|| {
        let results = run(key, inputs);
        async move {
            // A panic fails the items of this batch and nothing else.
            let results = AssertUnwindSafe(results).catch_unwind().await.unwrap_or_default();
            for (result, output) in results.into_iter().zip(outputs) {
                // Whoever stopped waiting meanwhile misses nothing.
                let _ = output.send(result);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Log = Arc<Mutex<Vec<(char, Vec<u32>)>>>;

    /// Doubles numbers, in a second each time, and logs the batches.
    fn slow_doubler(config: BatchConfig) -> (Batcher<char, u32, u32>, impl Future<Output = ()>, Log) {
        let log = Log::default();
        let batches = Arc::clone(&log);
        let (batcher, worker) = Batcher::new(config, move |key, numbers: Vec<u32>| {
            batches.lock().unwrap().push((key, numbers.clone()));
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                numbers.into_iter().map(|number| number * 2).collect()
            }
        });
        (batcher, worker, log)
    }

    fn config(max_items: usize) -> BatchConfig {
        BatchConfig { max_items, ..BatchConfig::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_together_runs_together_by_key() {
        let (batcher, worker, log) = slow_doubler(config(3));
        let asked = async {
            let calls = [('a', 1), ('b', 10), ('a', 2), ('a', 3), ('a', 4)];
            let results = calls.map(|(key, number)| batcher.submit(key, number));
            let results = futures_util::future::join_all(results).await;
            drop(batcher);
            results
        };

        let (results, ()) = tokio::join!(asked, worker);

        assert_eq!(results, [Ok(2), Ok(20), Ok(4), Ok(6), Ok(8)]);
        let mut batches = log.lock().unwrap().clone();
        batches.sort();
        assert_eq!(batches, [('a', vec![1, 2, 3]), ('a', vec![4]), ('b', vec![10])]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_the_model_is_busy_waits_and_runs_as_one() {
        let (batcher, worker, log) = slow_doubler(config(16));
        let later = async |after_ms, number| {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            batcher.submit('a', number).await
        };
        let asked = async {
            tokio::join!(later(0, 1), later(100, 2), later(500, 3), later(900, 4)).0.unwrap();
            drop(batcher.clone());
        };
        let log_at_end = async {
            asked.await;
            log.lock().unwrap().clone()
        };

        let batches = tokio::select! {
            biased;
            batches = log_at_end => batches,
            () = worker => unreachable!("a batcher is left"),
        };

        assert_eq!(batches, [('a', vec![1]), ('a', vec![2, 3, 4])]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_that_nobody_waits_for_is_not_computed() {
        let (batcher, worker, log) = slow_doubler(config(16));
        let asked = async {
            let given_up = tokio::time::timeout(Duration::from_millis(1), batcher.submit('a', 1)).await;
            assert!(given_up.is_err());
            assert_eq!(batcher.submit('a', 2).await, Ok(4));
            drop(batcher);
        };

        tokio::join!(asked, worker);

        assert_eq!(*log.lock().unwrap(), [('a', vec![2])]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_panics_fails_its_items_and_not_the_next() {
        let (batcher, worker) = Batcher::new(config(1), |_: (), numbers: Vec<u32>| async move {
            assert_ne!(numbers, [13], "as expected");
            numbers
        });
        let asked = async {
            assert_eq!(batcher.submit((), 13).await, Err(BatchError));
            assert_eq!(batcher.submit((), 14).await, Ok(14));
            drop(batcher);
        };

        tokio::join!(asked, worker);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_gives_too_few_results_fails_the_rest_only() {
        let (batcher, worker) = Batcher::new(config(2), |_: (), numbers: Vec<u32>| async move {
            numbers.into_iter().take(1).collect()
        });
        let asked = async {
            let both = tokio::join!(batcher.submit((), 1), batcher.submit((), 2));
            drop(batcher);
            both
        };

        let (both, ()) = tokio::join!(asked, worker);

        assert_eq!(both, (Ok(1), Err(BatchError)));
    }
}
