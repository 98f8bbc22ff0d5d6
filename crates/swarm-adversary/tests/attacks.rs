//! Each attack against a node that an honest peer talks with all the while: the attacker is cut off for a reason that is
//! counted, and the honest lose nothing. What it costs is measured elsewhere.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod apart;

use std::sync::Arc;
use std::time::Duration;

use apart::{Honest, PATIENCE, address, root, victim};
use swarm_adversary::{Adversary, Attack, Outcome, Plan};
use swarm_core::{Counters, DropReason, NodeConfig, RefusedReason};
use tokio_util::sync::CancellationToken;

/// Like the default, but the tests need not wait as long as it does.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.handshake_deadline = Duration::from_millis(500);
    config.head_deadline = Duration::from_millis(500);
    config.max_datagrams_per_second = 1000;
    config.greedy_patience = Some(Duration::from_millis(500));
    config
}

/// What came of an attack.
#[derive(Debug)]
struct Aftermath {
    outcome: Outcome,
    /// What the victim counted.
    counters: Counters,
}

impl Aftermath {
    fn refused(&self, reason: RefusedReason) -> u64 {
        self.counters.refused.get(&reason).copied().unwrap_or_default()
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.counters.observations_dropped.get(&reason).copied().unwrap_or_default()
    }

    /// The victim ended every attempt.
    #[track_caller]
    fn was_cut_off(self) -> Self {
        let Outcome { attempts, refused, sent_away, .. } = self.outcome;
        assert!(attempts > 0 && refused + sent_away == attempts, "{self:#?}");
        self
    }

    #[track_caller]
    fn was_never_let_in(self) -> Self {
        assert_eq!(self.outcome.admitted, 0, "{self:#?}");
        self
    }

    #[track_caller]
    fn was_refused_for(self, reason: RefusedReason) -> Self {
        assert_eq!(self.refused(reason), self.outcome.attempts, "{self:#?}");
        self
    }
}

/// Attacks while an honest peer of the victim talks with it, which must not lose a word.
async fn attack(attack: Attack, plan: Plan) -> Aftermath {
    let victim = victim(config()).await;
    let honest = Honest::meet(address(&victim)).await;
    let adversary = Adversary::member(attack, 7, Arc::new(root()), vec![address(&victim)]).unwrap();
    let assault = adversary.plan(plan).run(CancellationToken::new());
    tokio::pin!(assault);

    let outcome = loop {
        let talk = honest.talk(Duration::from_millis(200));
        tokio::pin!(talk);
        let (over, said) = tokio::select! {
            outcome = &mut assault => (Some(outcome), talk.await),
            said = &mut talk => (None, said),
        };
        assert!(said.get("said") > 0 && said.get("lost") == 0, "beside {attack}: {said:?}");
        if let Some(outcome) = over {
            break outcome;
        }
    };

    println!("{attack}: {outcome} {:?}", outcome.words);
    let others = async {
        while victim.peers().len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, others).await.expect("nobody but the honest is left");
    assert_eq!(honest.node.peers().len(), 1, "the honest stay");
    let counters = victim.counters();
    assert_eq!(counters.refused.get(&RefusedReason::Broken), None, "{counters:?}");
    for node in [honest.node, victim] {
        node.shutdown(PATIENCE).await.unwrap();
    }
    Aftermath { outcome, counters }
}

/// So many attempts, all of them begun at once.
fn at_once(attack: Attack, attempts: usize) -> Plan {
    Plan { attempts: attempts as u64, at_once: attempts, rate: 1000, ..Plan::of(attack) }
}

/// One attempt, for as long as it takes.
fn once(attack: Attack) -> Plan {
    Plan { attempts: 1, at_once: 1, ..Plan::of(attack) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_right_to_be_let_in_is_not() {
    for kind in
        [Attack::NoCertificate, Attack::ForeignRoot, Attack::WrongSwarm, Attack::Expired, Attack::StolenId]
    {
        let aftermath = attack(kind, at_once(kind, 8)).await;
        aftermath.was_cut_off().was_never_let_in().was_refused_for(RefusedReason::Handshake);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_of_noise_change_nothing() {
    let plan = Plan { rate: 2000, patience: Duration::from_secs(1), ..once(Attack::GarbagePackets) };
    let aftermath = attack(Attack::GarbagePackets, plan).await.was_never_let_in();
    assert!(aftermath.outcome.acts > 100, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_is_taken_back_ends_the_connection_and_opens_none() {
    let plan = Plan { attempts: 5, at_once: 1, ..Plan::of(Attack::Revoked) };
    let aftermath = attack(Attack::Revoked, plan).await.was_cut_off();
    assert_eq!((aftermath.outcome.sent_away, aftermath.outcome.refused), (1, 4), "{aftermath:#?}");
    assert_eq!(aftermath.refused(RefusedReason::NotPermitted), 1);
    assert_eq!(aftermath.refused(RefusedReason::Handshake), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_on_its_way_in_is_given_up_at_the_deadline() {
    for kind in [Attack::Silent, Attack::HalfHello] {
        let aftermath = attack(kind, at_once(kind, 8)).await;
        aftermath.was_cut_off().was_never_let_in().was_refused_for(RefusedReason::Deadline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_ends_its_request_for_a_session_gets_none() {
    let aftermath = attack(Attack::HalfConnect, at_once(Attack::HalfConnect, 8)).await;
    aftermath.was_cut_off().was_never_let_in().was_refused_for(RefusedReason::Deadline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_blocks_that_overflow_end_their_connections() {
    let aftermath = attack(Attack::QpackBomb, at_once(Attack::QpackBomb, 8)).await;
    aftermath.was_cut_off().was_never_let_in().was_refused_for(RefusedReason::Handshake);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_in_place_of_a_hello_is_nonsense() {
    let aftermath = attack(Attack::GarbageHello, at_once(Attack::GarbageHello, 8)).await;
    aftermath.was_cut_off().was_never_let_in().was_refused_for(RefusedReason::Nonsense);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_whose_words_cannot_be_read_are_sent_away() {
    for kind in [
        Attack::Garbage,
        Attack::TruncatedFrames,
        Attack::OversizedFrames,
        Attack::NestedValues,
        Attack::LyingLengths,
    ] {
        let aftermath = attack(kind, at_once(kind, 4)).await.was_cut_off();
        assert_eq!(aftermath.outcome.sent_away, 4, "{aftermath:#?}");
        let reasons = [RefusedReason::Nonsense, RefusedReason::Misconduct];
        assert_eq!(reasons.map(|reason| aftermath.refused(reason)).iter().sum::<u64>(), 4, "{aftermath:#?}");
        assert!(aftermath.dropped(DropReason::Malformed) > 0, "{aftermath:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sends_observations_in_the_name_of_another() {
    let aftermath = attack(Attack::ForgedOrigin, once(Attack::ForgedOrigin)).await.was_cut_off();
    assert_eq!(aftermath.refused(RefusedReason::Misconduct), 1, "{aftermath:#?}");
    // The third is one too many; more may have come by then.
    assert!(aftermath.dropped(DropReason::Forged) >= 3, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_again_is_heard_once() {
    let plan = Plan { patience: Duration::from_secs(1), ..once(Attack::Replays) };
    let aftermath = attack(Attack::Replays, plan).await;
    assert!(aftermath.dropped(DropReason::Duplicate) > 100, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_goes_beyond_its_grant_achieves_nothing_and_goes() {
    let aftermath = attack(Attack::BeyondGrant, once(Attack::BeyondGrant)).await.was_cut_off();
    assert_eq!(aftermath.refused(RefusedReason::Misconduct), 1, "{aftermath:#?}");
    assert!(aftermath.dropped(DropReason::NotPermitted) > 0, "{aftermath:#?}");
    assert!(aftermath.counters.refused.len() <= 2, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_floods_is_sent_away() {
    let plan = Plan { rate: 5000, ..once(Attack::DatagramFlood) };
    let aftermath = attack(Attack::DatagramFlood, plan).await.was_cut_off();
    assert_eq!(aftermath.outcome.sent_away, 1, "{aftermath:#?}");
    assert!(aftermath.dropped(DropReason::RateLimited) > 0, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_opens_and_resets_streams_without_end_is_sent_away() {
    let aftermath = attack(Attack::ResetFlood, once(Attack::ResetFlood)).await.was_cut_off();
    assert_eq!(aftermath.refused(RefusedReason::Misconduct), 1, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_keeps_streams_open_has_as_many_as_it_was_granted() {
    let plan = Plan { patience: Duration::from_secs(2), ..once(Attack::StreamFlood) };
    let aftermath = attack(Attack::StreamFlood, plan).await;
    // Those of HTTP/3 and the control stream are among the 68.
    assert!(aftermath.outcome.acts <= 67, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_never_reads_holds_nobody_up() {
    let plan = Plan { patience: Duration::from_secs(2), ..once(Attack::NeverReads) };
    let aftermath = attack(Attack::NeverReads, plan).await;
    assert!(aftermath.outcome.acts <= 67, "{aftermath:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_no_goodbye_goes_without_one() {
    let aftermath = attack(Attack::NeverCredits, once(Attack::NeverCredits)).await.was_cut_off();
    assert_eq!(aftermath.outcome.sent_away, 1, "{aftermath:#?}");
}
