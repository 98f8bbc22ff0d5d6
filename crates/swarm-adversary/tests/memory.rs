//! What attacks cost a node in memory: it runs in a process of its own.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod apart;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apart::{Apart, be_victim, root};
use swarm_adversary::{Adversary, Attack, Outcome, Plan};
use tokio_util::sync::CancellationToken;

#[tokio::test]
#[ignore = "the part of the other tests that runs in a process of its own"]
async fn victim_in_a_process_of_its_own() {
    be_victim().await;
}

/// What an attack came to, what the victim counted, and what it had in memory at most above what it had before, in KiB.
struct Cost {
    outcome: Outcome,
    counted: apart::Numbers,
    kib: u64,
}

/// The cost of a plan, once a few attempts have been made: what is allocated once is not of the others.
async fn cost(attack: Attack, plan: Plan) -> Cost {
    let mut victim = Apart::with(&["--exact", "victim_in_a_process_of_its_own", "--ignored", "--nocapture"]);
    let at: SocketAddr = victim.answer().await.parse().unwrap();
    let assault = async |seed, plan| {
        let adversary = Adversary::member(attack, seed, Arc::new(root()), vec![at]).unwrap();
        adversary.plan(plan).run(CancellationToken::new()).await
    };
    assault(1, Plan { attempts: 64, patience: Duration::from_secs(1), ..plan }).await;
    let before = victim.resident_kib();
    victim.forget_peak();
    let outcome = assault(2, plan).await;
    let kib = victim.peak_kib().saturating_sub(before);
    println!("{attack}: {kib} KiB, {outcome}");
    Cost { outcome, counted: victim.ask("state").await, kib }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_unauthorised_attempts_reach_no_agent_and_cost_less_than_five_mebibytes() {
    for attack in [Attack::NoCertificate, Attack::ForeignRoot, Attack::StolenId] {
        let plan = Plan { attempts: 1000, at_once: 16, rate: 1000, ..Plan::of(attack) };
        let Cost { outcome, counted, kib } = cost(attack, plan).await;
        assert_eq!((outcome.attempts, outcome.admitted), (1000, 0), "{outcome:?}");
        assert_eq!(outcome.borne, 0, "{outcome:?}");
        assert_eq!(counted.get("peers"), 0);
        assert!(counted.get("refused.handshake") > 900, "{counted:?}");
        assert!(kib < 5 << 10, "{attack} costs {kib} KiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_declare_more_than_they_hold_cost_little() {
    for attack in [Attack::OversizedFrames, Attack::NestedValues, Attack::LyingLengths, Attack::QpackBomb] {
        let plan = Plan { attempts: 100, at_once: 16, rate: 1000, ..Plan::of(attack) };
        let Cost { outcome, kib, .. } = cost(attack, plan).await;
        assert_eq!(outcome.borne, 0, "{outcome:?}");
        // Each connection may have some 300 KiB on its way.
        assert!(kib < 8 << 10, "{attack} costs {kib} KiB");
    }
}
