//! What batches are worth: the refined pass of the network for many requesters at once, one picture at a time and in
//! batches. The two take turns, so that whatever else the machine does hits both. It measures and asserts nothing.
//!
//! ```text
//! just bench batching
//! ```

#![expect(clippy::print_stdout, reason = "what it measures goes to whoever runs it")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_vision::{DigitClassifier, DigitPainter, Guesses, Image};
use swarm_core::{BatchConfig, Batcher, Inference};
use tokio::task::JoinSet;
use tokio::time::Instant;

type Problem = Box<dyn Error + Send + Sync>;

/// Each looks at one picture after the other.
const REQUESTERS: usize = 64;
const PICTURES_EACH: usize = 50;
const ROUNDS: usize = 5;

fn main() -> Result<(), Problem> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Problem> {
    let (classifier, inference) = (DigitClassifier::new()?, Inference::new());
    let mut config = BatchConfig::default();
    config.max_wait = Duration::ZERO;
    let (batcher, worker) = Batcher::new(config, {
        let (classifier, inference) = (classifier.clone(), inference.clone());
        move |(), images| in_one(classifier.clone(), inference.clone(), images)
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(worker);

    println!("{REQUESTERS} requesters, {} pictures a round", REQUESTERS * PICTURES_EACH);
    println!("{:>14} {:>14} {:>6}", "one by one ms", "in batches ms", "ratio");
    let images: Arc<[Image]> = DigitPainter::new(1).take(PICTURES_EACH).map(|(image, _)| image).collect();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (classifier, inference) = (classifier.clone(), inference.clone());
        let one_by_one = timed(&images, move |image| {
            let (classifier, inference) = (classifier.clone(), inference.clone());
            async move { Ok(inference.run(move || classifier.refined(&image)).await??) }
        })
        .await?;
        let batcher = batcher.clone();
        let in_batches = timed(&images, move |image| {
            let batcher = batcher.clone();
            async move { Ok(batcher.submit((), image).await?) }
        })
        .await?;
        let ratio = one_by_one.as_secs_f64() / in_batches.as_secs_f64();
        println!("{:>14.1} {:>14.1} {ratio:>6.2}", millis(one_by_one), millis(in_batches));
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios.get(ROUNDS / 2).copied().unwrap_or_default());
    Ok(())
}

async fn in_one(classifier: DigitClassifier, inference: Inference, images: Vec<Image>) -> Vec<Guesses> {
    let guesses = inference.run(move || classifier.refined_batch(&images)).await;
    guesses.ok().and_then(Result::ok).unwrap_or_default()
}

/// How long all requesters together take.
async fn timed<F>(
    images: &Arc<[Image]>,
    look: impl Fn(Image) -> F + Clone + Send + 'static,
) -> Result<Duration, Problem>
where
    F: Future<Output = Result<Guesses, Problem>> + Send,
{
    let began = Instant::now();
    let mut requesters = JoinSet::new();
    for _ in 0..REQUESTERS {
        let (images, look) = (Arc::clone(images), look.clone());
        requesters.spawn(async move {
            for image in &*images {
                look(image.clone()).await?;
            }
            Ok::<_, Problem>(())
        });
    }
    while let Some(looked) = requesters.join_next().await {
        looked??;
    }
    Ok(began.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
