//! Who may join, and what they may do there: what no grant covers goes nowhere, over real connections.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::observing::{by_hand, until_dropped};
use common::raw::{heard, meet_as};
use common::stranger::{address, hello, speaker_with};
use common::{PATIENCE, node, root, stop, until, witness};
use swarm_core::proto::{
    CloseCode, Grant, Hello, Outcome, Permissions, ReplyFrame, RequestFrame, RequestHead, RequestId,
    Revocation, Revocations, Role, Signed, Subject, UnixSeconds, Validity,
};
use swarm_core::trust::{Credentials, RootKey, TrustAnchor, files};
use swarm_core::{
    Agent, AgentNode, AssistError, DropReason, GoneReason, IdentityKey, IdleAgent, OutgoingObservation,
    PublishError, RefusedReason, StartError, SwarmName, SystemClock, WallClock,
};

fn now() -> UnixSeconds {
    UnixSeconds::from_system_time(SystemClock.now())
}

fn key(seed: u8) -> IdentityKey {
    IdentityKey::from_seed([seed; 32])
}

fn may(publish: &[&str], subscribe: &[&str], serve: &[&str], call: &[&str]) -> Permissions {
    let topics = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    let capabilities = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    Permissions {
        publish: topics(publish),
        subscribe: topics(subscribe),
        serve: capabilities(serve),
        call: capabilities(call),
    }
}

/// For the agent of this seed, from a minute ago on.
fn grant(seed: u8, permissions: Permissions, seconds: u64) -> Grant {
    Grant {
        swarm: SwarmName::default(),
        subject: Subject::Key(key(seed).public_key()),
        role: Role::Member,
        permissions,
        datagrams_per_second: None,
        valid: Validity {
            from: UnixSeconds::new(now().get() - 60),
            until: UnixSeconds::new(now().get() + seconds),
        },
    }
}

fn signed(seed: u8, permissions: Permissions) -> Signed<Grant> {
    root().grant(grant(seed, permissions, 3600)).unwrap()
}

fn credentials(seed: u8, grant: Signed<Grant>) -> Credentials {
    let anchor = TrustAnchor::of(SwarmName::default(), grant.signer());
    Credentials::new(key(seed), anchor, grant).unwrap()
}

async fn granted(seed: u8, agent: impl Agent, permissions: Permissions) -> AgentNode {
    let credentials = credentials(seed, signed(seed, permissions));
    AgentNode::builder(agent).credentials(credentials).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn start(agent: impl Agent, credentials: Credentials) -> Result<AgentNode, StartError> {
    AgentNode::builder(agent).credentials(credentials).bind("127.0.0.1:0".parse().unwrap()).await
}

#[tokio::test]
async fn without_a_trust_anchor_no_node_starts_and_it_is_said_what_to_do() {
    let error = AgentNode::builder(IdleAgent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap_err();

    assert!(matches!(error, StartError::NoTrustAnchor));
    assert!(error.to_string().contains("credentials") && error.to_string().contains("--dev"), "{error}");
}

#[tokio::test]
async fn a_node_for_local_work_stays_on_the_machine() {
    let outside = "0.0.0.0:0".parse().unwrap();
    let error = common::dev(IdleAgent).bind(outside).await.unwrap_err();
    assert!(matches!(error, StartError::NotLoopback { .. }), "{error}");

    let local = node(IdleAgent).await;
    let elsewhere = "https://192.0.2.7:4433".parse().unwrap();
    let error = local.connect(&elsewhere).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
    stop([local]).await;
}

#[tokio::test]
async fn credentials_name_swarm_and_key_themselves() {
    let all = credentials(1, signed(1, Permissions::everything()));
    let address = "127.0.0.1:0".parse().unwrap();

    let twice = AgentNode::builder(IdleAgent).credentials(all.clone()).identity(key(2));
    assert!(matches!(twice.bind(address).await, Err(StartError::Contradiction { what: "identity" })));
    let twice = AgentNode::builder(IdleAgent).credentials(all).swarm("other".parse().unwrap());
    assert!(matches!(twice.bind(address).await, Err(StartError::Contradiction { what: "swarm" })));
}

#[tokio::test]
async fn a_node_whose_own_grant_does_not_count_does_not_start() {
    let ended = Grant {
        valid: Validity { from: UnixSeconds::new(0), until: UnixSeconds::new(now().get() - 1) },
        ..grant(1, Permissions::everything(), 0)
    };
    let expired = start(IdleAgent, credentials(1, root().grant(ended).unwrap())).await;
    assert!(matches!(expired, Err(StartError::Grant(_))), "{expired:?}");

    let forged = Signed::new(grant(1, Permissions::everything(), 3600), root().public_key(), |_| [7; 64]);
    let forged = start(IdleAgent, credentials(1, forged.unwrap())).await;
    assert!(matches!(forged, Err(StartError::Grant(_))), "{forged:?}");

    let revoked = credentials(1, signed(1, Permissions::everything())).with_revocations(revoking(1, 1));
    let revoked = start(IdleAgent, revoked).await;
    assert!(matches!(revoked, Err(StartError::Grant(_))), "{revoked:?}");
}

#[tokio::test]
async fn whoever_was_granted_by_another_root_does_not_get_in() {
    let (agent, _seen) = witness();
    let ours = node(agent).await;
    let other = RootKey::from_seed([7; 32]).grant(grant(2, Permissions::everything(), 3600)).unwrap();
    let theirs = start(IdleAgent, credentials(2, other)).await.unwrap();

    assert!(theirs.connect(&ours.url()).await.is_err());
    assert!(ours.connect(&theirs.url()).await.is_err());

    assert_eq!((ours.peers().len(), theirs.peers().len()), (0, 0));
    stop([ours, theirs]).await;
}

#[tokio::test]
async fn while_a_root_takes_the_place_of_another_both_count() {
    let next = RootKey::from_seed([7; 32]);
    let both = TrustAnchor::new(SwarmName::default(), vec![root().public_key(), next.public_key()]).unwrap();
    let by = |root: &RootKey, seed| {
        let grant = root.grant(grant(seed, Permissions::everything(), 3600)).unwrap();
        Credentials::new(key(seed), both.clone(), grant).unwrap()
    };

    let old = start(IdleAgent, by(&root(), 1)).await.unwrap();
    let new = start(IdleAgent, by(&next, 2)).await.unwrap();

    assert_eq!(old.connect(&new.url()).await.unwrap(), new.id());
    stop([old, new]).await;
}

#[tokio::test]
async fn what_a_grant_does_not_cover_is_neither_published_nor_asked_nor_offered() {
    let (agent, _seen) = witness();
    let server = node(agent).await;
    let client = granted(1, IdleAgent, may(&["mine.**"], &[], &[], &["test.echo"])).await;
    client.connect(&server.url()).await.unwrap();

    let refused = client.broadcast_observation("theirs", "").unwrap_err();
    assert!(matches!(refused, PublishError::NotPermitted { .. }), "{refused}");
    let reliable = OutgoingObservation::new("theirs".parse().unwrap(), "").reliable();
    assert!(matches!(client.broadcast(reliable), Err(PublishError::NotPermitted { .. })));
    assert_eq!(client.broadcast_observation("mine.own", "").unwrap().handed, 1);

    let refused = client.request_assistance(server.id(), "test.count", "").await.unwrap_err();
    assert_eq!(refused, AssistError::NotPermitted);
    let mut replies = client.request_assistance(server.id(), "test.echo", "hello").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");

    let (agent, _seen) = witness();
    let error =
        start(agent, credentials(2, signed(2, may(&[], &[], &["test.echo"], &[])))).await.unwrap_err();
    assert!(matches!(error, StartError::OfferNotGranted { .. }), "{error}");
    stop([client, server]).await;
}

#[tokio::test]
async fn whoever_may_hear_little_is_told_little() {
    let (agent, mut seen) = witness();
    let speaker = node(IdleAgent).await;
    let all_but_hears_maps = may(&["**"], &["map.**"], &["**@*"], &["**@*"]);
    let hearer = granted(1, agent, all_but_hears_maps).await;
    hearer.connect(&speaker.url()).await.unwrap();

    for class in ["lossy", "reliable"] {
        let of = |topic: &str| {
            let observation = OutgoingObservation::new(topic.parse().unwrap(), class);
            if class == "reliable" { observation.reliable() } else { observation }
        };
        let secret = speaker.broadcast(of("secret.plan")).unwrap();
        assert_eq!((secret.handed, secret.not_handed_for(DropReason::NotSubscribed)), (0, 1));
        assert_eq!(speaker.broadcast(of("map.tile")).unwrap().handed, 1);
        let heard = seen.observation().await;
        assert_eq!((heard.topic.as_str(), &heard.payload[..]), ("map.tile", class.as_bytes()));
    }
    stop([speaker, hearer]).await;
}

/// Its own node would not let it, but this peer has none.
#[tokio::test]
async fn a_receiver_checks_for_itself_what_a_peer_may() {
    let (agent, mut seen) = witness();
    let server = node(agent).await;
    let little = speaker_with(&credentials(1, signed(1, may(&["mine"], &["**"], &[], &["test.echo"]))));
    let peer = meet_as(address(&server), &little, hello()).await;

    peer.send(&[by_hand(peer.agent, 1, "any"), by_hand(peer.agent, 2, "mine")]);

    assert_eq!(seen.observation().await.topic.as_str(), "mine");
    until_dropped(&server, DropReason::NotPermitted, 1).await;
    for (number, capability, permitted) in [(1, "test.echo", true), (2, "test.count", false)] {
        let head = RequestHead::new(RequestId::from_random([number; 16]), capability.parse().unwrap());
        let mut stream = peer.say(&[RequestFrame::Head(head), RequestFrame::End]).await;
        let ended = if permitted { Outcome::Completed } else { Outcome::NotPermitted };
        assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::End(ended)));
    }
    stop([server]).await;
}

#[tokio::test]
async fn whoever_offers_more_than_it_may_is_turned_away() {
    let server = node(IdleAgent).await;
    let little = speaker_with(&credentials(1, signed(1, may(&[], &[], &["test.echo"], &[]))));
    let boast = Hello { capabilities: vec!["test.count".parse().unwrap()], ..hello() };

    let mut peer = meet_as(address(&server), &little, boast).await;

    let goodbye = peer.goodbye().await;
    assert_eq!(goodbye.code, CloseCode::NotPermitted, "{goodbye:?}");
    assert!(goodbye.reason.contains("test.count"), "{goodbye:?}");
    let counted = || server.counters().refused.get(&RefusedReason::NotPermitted).copied();
    until("it is counted", || counted() == Some(1)).await;
    stop([server]).await;
}

fn revoking(seed: u8, version: u64) -> Signed<Revocations> {
    let revoked = vec![Revocation { agent: key(seed).agent_id(), until: now() }];
    root().revoke(Revocations { swarm: SwarmName::default(), version, revoked }).unwrap()
}

#[tokio::test]
async fn a_revocation_ends_connections_all_over_the_mesh() {
    let (first, second) = (node(IdleAgent).await, node(IdleAgent).await);
    let (agent, mut seen) = witness();
    let third = node(agent).await;
    let thief = granted(1, IdleAgent, Permissions::everything()).await;
    first.connect(&second.url()).await.unwrap();
    second.connect(&third.url()).await.unwrap();
    for node in [&first, &second, &third] {
        thief.connect(&node.url()).await.unwrap();
    }

    assert_eq!(first.revoke(revoking(1, 1)), Ok(true));

    for node in [&first, &second, &third] {
        until("the thief is gone", || node.peers().iter().all(|peer| peer.id != thief.id())).await;
        assert!(node.counters().refused.contains_key(&RefusedReason::NotPermitted));
    }
    let went = seen.next(|told| match told {
        common::Told::Peer(swarm_core::PeerEvent::Went { peer, reason }) if peer == thief.id() => {
            Some(reason)
        }
        _ => None,
    });
    assert_eq!(went.await, GoneReason::NotPermitted);
    assert!(thief.connect(&third.url()).await.is_err(), "it does not get in again");
    assert_eq!(first.revoke(revoking(1, 1)), Ok(false), "known");
    stop([first, second, third, thief]).await;
}

#[tokio::test]
async fn whoever_joins_later_learns_what_was_revoked() {
    let (first, later) = (node(IdleAgent).await, node(IdleAgent).await);
    first.revoke(revoking(1, 1)).unwrap();

    later.connect(&first.url()).await.unwrap();

    let thief = granted(1, IdleAgent, Permissions::everything()).await;
    let told = async {
        // It is told on the control stream, right after the hello.
        while thief.connect(&later.url()).await.is_ok() && !later.peers().iter().all(|p| p.id != thief.id()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    stop([first, later, thief]).await;
}

#[tokio::test]
async fn a_grant_that_ends_ends_its_connections_unless_it_was_renewed() {
    let server = node(IdleAgent).await;
    let brief = |seed| credentials(seed, root().grant(grant(seed, Permissions::everything(), 2)).unwrap());
    let ends = start(IdleAgent, brief(1)).await.unwrap();
    let renews = start(IdleAgent, brief(2)).await.unwrap();
    for client in [&ends, &renews] {
        client.connect(&server.url()).await.unwrap();
    }

    renews.renew_grant(signed(2, may(&["renewed"], &["**"], &[], &[]))).unwrap();

    until("the other one is gone", || server.peers().iter().all(|peer| peer.id != ends.id())).await;
    assert_eq!(server.peers().len(), 1, "and only that one");
    until("and the renewed one alone", || renews.peers().len() == 1).await;
    assert!(renews.broadcast_observation("renewed", "").is_ok());
    assert!(renews.broadcast_observation("other", "").is_err());
    stop([server, ends, renews]).await;
}

#[tokio::test]
async fn a_node_does_not_take_a_grant_that_does_not_count() {
    let node = granted(1, IdleAgent, may(&["mine"], &[], &[], &[])).await;

    assert!(node.renew_grant(signed(2, Permissions::everything())).is_err(), "of another agent");
    let stranger = RootKey::from_seed([7; 32]).grant(grant(1, Permissions::everything(), 3600)).unwrap();
    assert!(node.renew_grant(stranger).is_err(), "of another root");

    assert!(node.broadcast_observation("other", "").is_err());
    stop([node]).await;
}

#[tokio::test]
async fn what_is_put_into_the_directory_of_credentials_is_heeded() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name| directory.path().join(name);
    files::write_identity(&at(files::IDENTITY), &key(1)).unwrap();
    files::write_public(&at(files::ROOTS), &[root().public_key()]).unwrap();
    files::write_signed(&at(files::GRANT), &signed(1, may(&["old"], &["**"], &[], &[]))).unwrap();
    let watcher = AgentNode::builder(IdleAgent).credentials_in(directory.path()).unwrap();
    let watcher = watcher.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let thief = granted(2, IdleAgent, Permissions::everything()).await;
    thief.connect(&watcher.url()).await.unwrap();

    files::write_signed(&at(files::REVOCATIONS), &revoking(2, 1)).unwrap();
    until("the thief is gone", || watcher.peers().is_empty()).await;

    // A file that is nonsense for a moment does no harm.
    std::fs::write(at(files::GRANT), "half a grant").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(watcher.broadcast_observation("old", "").is_ok());
    files::write_signed(&at(files::GRANT), &signed(1, may(&["new", "other"], &["**"], &[], &[]))).unwrap();
    until("the new grant counts", || watcher.broadcast_observation("new", "").is_ok()).await;
    stop([watcher, thief]).await;
}

#[tokio::test]
async fn a_peer_may_send_no_more_datagrams_than_its_grant_says() {
    let server = node(IdleAgent).await;
    let rate = std::num::NonZeroU32::new(8);
    let slow = Grant { datagrams_per_second: rate, ..grant(1, Permissions::everything(), 3600) };
    let slow = speaker_with(&credentials(1, root().grant(slow).unwrap()));
    let peer = meet_as(address(&server), &slow, hello()).await;

    for number in 1..=20 {
        peer.send(&[by_hand(peer.agent, number, "t")]);
    }

    let refused = || server.counters().observations_dropped.get(&DropReason::RateLimited).copied();
    until("most are refused", || refused() >= Some(10)).await;
    stop([server]).await;
}
