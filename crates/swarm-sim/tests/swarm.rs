//! Swarms inside ordinary tests: what the guide to testing agents promises, on both networks in virtual time.

use std::time::Duration;

use swarm_core::{
    Advertisement, Agent, AgentError, AssistError, AssistanceRequest, Context, IdleAgent, OutgoingRequest,
    Replies,
};
use swarm_network::{Change, Conditions, Loss};
use swarm_sim::{Member, Network, Swarm, SwarmBuilder};

const SECOND: Duration = Duration::from_secs(1);

/// Counts to ten, a number every 100 ms.
struct Counter;

impl Agent for Counter {
    fn capabilities(&self) -> Vec<Advertisement> {
        "count.to-ten".parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        for number in 1..=10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            replies.send("number", number.to_string()).await?;
        }
        Ok(())
    }
}

fn on_both(test: impl Fn(SwarmBuilder)) {
    for network in [Network::Model, Network::Quic] {
        test(Swarm::builder().network(network));
    }
}

fn pair(builder: SwarmBuilder) -> (Swarm, Member, Member) {
    let mut swarm = builder.build();
    let (a, b) = (swarm.add("a", || IdleAgent), swarm.add("b", || Counter));
    swarm.connect(a, b);
    (swarm, a, b)
}

fn is_alone(member: Member) -> impl Fn(&Swarm) -> bool {
    move |swarm| swarm.node(member).peers().is_empty()
}

fn has_a_peer(member: Member) -> impl Fn(&Swarm) -> bool {
    move |swarm| !swarm.node(member).peers().is_empty()
}

#[test]
fn what_one_sees_the_other_is_told() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        swarm.broadcast(a, "weather.rain", "it begins").unwrap();
        swarm.run_for(SECOND);
        let seen = swarm.seen(b);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen.first().unwrap().observation.payload, "it begins");
        assert_eq!(swarm.member(seen.first().unwrap().observation.origin), Some(a));
        assert!(swarm.seen(a).is_empty());
    });
}

#[test]
fn a_request_takes_as_long_as_the_agent_does() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        let begun = swarm.now();
        let reply = swarm.ask(a, b, "count.to-ten", "").unwrap();
        assert_eq!(reply.len(), 10);
        let took = swarm.now() - begun;
        assert!((SECOND..SECOND + Duration::from_millis(20)).contains(&took), "{took:?}");
    });
}

#[test]
fn a_deadline_is_kept() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        let request = OutgoingRequest::new("count.to-ten".parse().unwrap()).deadline(SECOND / 2);
        let error = swarm.request(a, b, request).unwrap_err();
        assert!(matches!(error, AssistError::DeadlineExceeded), "{error:?}");
    });
}

#[test]
fn those_who_are_cut_off_lose_one_another_and_find_back() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        let cut = swarm.cut(&[a], &[b]);
        assert_eq!(swarm.conditions(a, b), None);
        let lost = swarm.run_until(10 * SECOND, is_alone(a)).unwrap();
        assert!(lost > SECOND, "{lost:?}");
        swarm.heal(cut);
        swarm.run_until(30 * SECOND, has_a_peer(a)).unwrap();
        swarm.run_until(SECOND, has_a_peer(b)).unwrap();
    });
}

#[test]
fn who_crashes_while_it_answers_leaves_an_error_and_comes_back_as_itself() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        let (node, id) = (swarm.node(a), swarm.node(b).id());
        let mut reply =
            swarm.block_on(async { node.request_assistance(id, "count.to-ten", "").await.unwrap() });
        swarm.run_for(SECOND / 2);
        swarm.crash(b);
        assert!(!swarm.is_running(b));
        let ended = swarm.block_on(async {
            loop {
                match reply.next_chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        });
        assert!(matches!(ended, Some(AssistError::PeerLost)), "{ended:?}");
        swarm.restart(b);
        swarm.run_until(30 * SECOND, has_a_peer(a)).unwrap();
        assert_eq!(swarm.node(a).peers().first().unwrap().id, id);
        assert_eq!(swarm.ask(a, b, "count.to-ten", "").unwrap().len(), 10);
    });
}

#[test]
fn who_is_paused_is_lost_and_goes_on() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        swarm.pause(b);
        swarm.broadcast(a, "weather.rain", "it begins").unwrap();
        swarm.run_for(SECOND);
        assert!(swarm.seen(b).is_empty());
        swarm.resume(b);
        swarm.run_for(SECOND);
        assert_eq!(swarm.seen(b).len(), 1);
    });
}

#[test]
fn who_crashes_while_it_is_paused_stays_down_and_its_next_life_is_not_paused() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        swarm.pause(b);
        swarm.crash(b);
        swarm.resume(b);
        assert_eq!(swarm.conditions(a, b), None);
        swarm.pause(b);
        swarm.restart(b);
        swarm.run_until(30 * SECOND, has_a_peer(b)).unwrap();
        assert_eq!(swarm.ask(a, b, "count.to-ten", "").unwrap().len(), 10);
    });
}

#[test]
fn a_bad_link_loses_observations_and_no_requests() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        let mut bad = Change::default();
        bad.loss = Some(Loss::Random(0.3));
        swarm.shape(&[a], &[b], bad);
        for _ in 0..200 {
            swarm.broadcast(a, "weather.rain", "still").unwrap();
            swarm.run_for(Duration::from_millis(10));
        }
        swarm.run_for(SECOND);
        let heard = swarm.seen(b).len();
        assert!((100..180).contains(&heard), "{heard}");
        assert_eq!(swarm.ask(a, b, "count.to-ten", "").unwrap().len(), 10);
    });
}

#[test]
fn a_clock_that_is_wrong_shows_in_what_it_stamps() {
    let (mut swarm, a, b) = pair(Swarm::builder());
    swarm.set_clock(a, -5_000_000, 0.0);
    swarm.broadcast(a, "weather.rain", "it begins").unwrap();
    swarm.run_for(SECOND);
    let seen = swarm.seen(b);
    let seen = seen.first().unwrap();
    let truth = Duration::from_secs(1_767_225_600) + seen.at;
    let late = truth - Duration::from_micros(seen.observation.sent_at.get());
    assert!((5 * SECOND..6 * SECOND).contains(&late), "{late:?}");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_does_not() {
    for network in [Network::Model, Network::Quic] {
        let digest = |seed| {
            let wifi = Conditions::profile("wifi").unwrap();
            let (mut swarm, a, b) = pair(Swarm::builder().network(network).links(wifi).seed(seed));
            swarm.ask(a, b, "count.to-ten", "").unwrap();
            swarm.broadcast(b, "weather.rain", "it begins").unwrap();
            swarm.run_for(SECOND);
            swarm.traffic().digest
        };
        assert_eq!(digest(7), digest(7));
        assert_ne!(digest(7), digest(8));
    }
}

#[test]
fn nothing_goes_on_after_everybody_has_stopped() {
    on_both(|builder| {
        let (mut swarm, a, b) = pair(builder);
        swarm.ask(a, b, "count.to-ten", "").unwrap();
        swarm.shut_down().unwrap();
    });
}
