//! What every contender must do, on three nodes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::{Ability, Contender, Heard, LinkSettings, Problem, Shape};

/// Until what was sent has arrived.
const PATIENCE: Duration = Duration::from_secs(20);

const NODES: usize = 3;
const PAYLOADS: u64 = 10;

/// Nodes that send to whom they are connected with: in a star, only node 0 hears the others.
pub async fn direct(contender: &dyn Contender) -> Result<(), Problem> {
    run(contender, false, false).await?;
    run(contender, true, true).await?;
    far(contender).await
}

/// Nodes that pass on what they get, so that everybody hears everybody in whatever shape.
pub async fn overlay(contender: &dyn Contender) -> Result<(), Problem> {
    run(contender, false, true).await?;
    run(contender, true, true).await?;
    far(contender).await
}

async fn run(contender: &dyn Contender, full: bool, everybody: bool) -> Result<(), Problem> {
    let arrivals = Arrivals::default();
    let shape = Shape { nodes: NODES, full, link: None };
    let mesh = contender.start(shape, hearing(&arrivals)).await?;

    for number in 0..PAYLOADS {
        mesh.broadcast(0, payload(0, number)).await?;
    }
    let expected = (1..NODES).flat_map(|node| (0..PAYLOADS).map(move |number| (node, payload(0, number))));
    expect(&arrivals, expected.collect()).await?;

    lock(&arrivals).clear();
    mesh.broadcast(2, payload(2, 0)).await?;
    let hearers = if everybody { vec![0, 1] } else { vec![0] };
    expect(&arrivals, hearers.into_iter().map(|node| (node, payload(2, 0))).collect()).await?;

    if contender.can(Ability::Ask) {
        let question = payload(0, 7);
        let answer = timeout(PATIENCE, mesh.ask(1, question.clone())).await??;
        assert_eq!(answer, question);
    }
    if contender.can(Ability::Transfer) {
        timeout(PATIENCE, mesh.transfer(1_000_000)).await??;
        // Nothing is left over that would end the next one early.
        timeout(PATIENCE, mesh.transfer(1)).await??;
    }
    for process in mesh.processes() {
        assert!(std::fs::exists(format!("/proc/{process}"))?);
    }
    timeout(PATIENCE, mesh.stop()).await?;
    for process in mesh.processes() {
        assert!(!std::fs::exists(format!("/proc/{process}"))?, "a helper outlives the mesh");
    }
    Ok(())
}

/// Two nodes with an emulated link between them: what is broadcast takes at least as long as the link.
async fn far(contender: &dyn Contender) -> Result<(), Problem> {
    if !contender.can(Ability::Link) {
        return Ok(());
    }
    let arrivals = Arrivals::default();
    let delay = Duration::from_millis(30);
    let link = LinkSettings { delay_ms: 30, loss: 0.01, seed: 1 };
    let mesh = contender.start(Shape { nodes: 2, full: false, link: Some(link) }, hearing(&arrivals)).await?;
    let began = Instant::now();
    mesh.broadcast(0, payload(0, 0)).await?;
    expect(&arrivals, vec![(1, payload(0, 0))]).await?;
    assert!(began.elapsed() >= delay, "it went past the link");
    if contender.can(Ability::Transfer) {
        timeout(PATIENCE, mesh.transfer(200_000)).await??;
    }
    timeout(PATIENCE, mesh.stop()).await?;
    Ok(())
}

type Arrivals = Arc<Mutex<Vec<(usize, Bytes)>>>;

fn hearing(arrivals: &Arrivals) -> Heard {
    let arrivals = Arc::clone(arrivals);
    Arc::new(move |node, payload| lock(&arrivals).push((node, Bytes::copy_from_slice(payload))))
}

/// As in a workload: 256 bytes that begin with a number and differ from one another.
fn payload(from: u64, number: u64) -> Bytes {
    let mut payload = number.to_be_bytes().to_vec();
    payload.extend(from.to_be_bytes());
    payload.resize(256, 0);
    payload.into()
}

/// Waits until all of these have arrived; each may come once only, and nothing else.
async fn expect(
    arrivals: &Mutex<Vec<(usize, Bytes)>>,
    mut expected: Vec<(usize, Bytes)>,
) -> Result<(), Problem> {
    expected.sort();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut seen = lock(arrivals).clone();
        seen.sort();
        if seen == expected {
            return Ok(());
        }
        if seen.len() > expected.len() || Instant::now() >= deadline {
            return Err(format!("{} arrived of {}", seen.len(), expected.len()).into());
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
