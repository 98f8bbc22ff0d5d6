//! Observations that others pass on: they reach those who do not know their origin, and nobody can make, change or repeat
//! one in its name.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::observing::{datagram, dropped, until_dropped, until_subscribed};
use common::raw::{Raw, meet, meet_as};
use common::stranger::{address, framed, hello, speaker_with};
use common::{PATIENCE, Seen, Told, dev, node_with, root, stop, until, witness};
use swarm_core::proto::{
    ControlFrame, FeedFrame, Grant, Permissions, PublicKey, RequestFrame, Revocation, Revocations, Role,
    Signed, Subject, UnixSeconds, Validity, encode_observation,
};
use swarm_core::trust::{Credentials, TrustAnchor};
use swarm_core::{
    Agent, AgentNode, Context, Delivery, DropReason, Epoch, GoneReason, IdentityKey, NodeConfig, Observation,
    OutgoingObservation, PeerEvent, PublishError, Sequence, StartError, SwarmName, SystemClock, Topic,
    UnixMicros, WallClock,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Of the agent whose observations others pass on.
const ORIGIN: u8 = 11;
/// Of whoever passes them on, and may be up to something.
const RELAY: u8 = 66;
const TOPIC: &str = "rover.position";

/// Passes on all that it hears, and tells.
struct Relay(common::Witness);

impl Agent for Relay {
    async fn on_observation(&self, cx: &Context, observation: Observation) {
        let _ = cx.pass_on(&observation);
        self.0.on_observation(cx, observation).await;
    }

    async fn on_peer(&self, cx: &Context, event: PeerEvent) {
        self.0.on_peer(cx, event).await;
    }
}

fn relay() -> (Relay, Seen) {
    let (witness, seen) = witness();
    (Relay(witness), seen)
}

/// Nobody is introduced: a line stays a line.
fn apart() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.mesh.introduce = false;
    config
}

/// Nodes whose agents pass on, none connected.
async fn relays(count: usize) -> (Vec<AgentNode>, Vec<Seen>) {
    let (mut nodes, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (agent, told) = relay();
        nodes.push(node_with(agent, apart()).await);
        seen.push(told);
    }
    (nodes, seen)
}

/// A line, in which each node is connected to the one before and the one behind.
async fn line(count: usize) -> (Vec<AgentNode>, Vec<Seen>) {
    let (nodes, seen) = relays(count).await;
    for (node, next) in nodes.iter().zip(nodes.iter().skip(1)) {
        node.connect(&next.url()).await.unwrap();
    }
    for (place, node) in nodes.iter().enumerate() {
        let peers = if place == 0 || place == count - 1 { 1 } else { 2 };
        node.ready(peers, PATIENCE).await.unwrap();
        until_subscribed(node, TOPIC, peers).await;
    }
    (nodes, seen)
}

fn outgoing(payload: &'static str) -> OutgoingObservation {
    OutgoingObservation::new(TOPIC.parse().unwrap(), payload).signed()
}

fn key(seed: u8) -> IdentityKey {
    IdentityKey::from_seed([seed; 32])
}

fn now() -> SystemTime {
    SystemClock.now()
}

fn unsigned(sequence: u64) -> Observation {
    Observation {
        origin: key(ORIGIN).agent_id(),
        epoch: Epoch::new(1),
        sequence: Sequence::new(sequence),
        topic: TOPIC.parse().unwrap(),
        sent_at: UnixMicros::from_system_time(now()),
        hops: 0,
        payload: "true".into(),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    }
}

fn signed_by(seed: u8, observation: Observation) -> Observation {
    let key = key(seed);
    observation.sealed(&SwarmName::default(), key.public_key(), |message| key.sign(message))
}

/// As somebody passes on what the origin made.
fn passed_on(sequence: u64) -> Observation {
    Observation { hops: 1, ..signed_by(ORIGIN, unsigned(sequence)) }
}

fn grant(seed: u8, role: Role, permissions: Permissions) -> Signed<Grant> {
    let seconds = UnixSeconds::from_system_time(now()).get();
    let grant = Grant {
        swarm: SwarmName::default(),
        subject: Subject::Key(key(seed).public_key()),
        role,
        permissions,
        datagrams_per_second: None,
        valid: Validity { from: UnixSeconds::new(seconds - 60), until: UnixSeconds::new(seconds + 3600) },
    };
    root().grant(grant).unwrap()
}

fn everything(seed: u8) -> Signed<Grant> {
    grant(seed, Role::Member, Permissions::everything())
}

/// A node and its peer that passes on what the origin made, or says so. The node knows the origin by its grant alone.
async fn met(grant_of_origin: Option<Signed<Grant>>) -> (AgentNode, Seen, Raw) {
    let (agent, seen) = relay();
    let node = node_with(agent, apart()).await;
    let mut peer = meet(&node, RELAY).await;
    node.ready(1, PATIENCE).await.unwrap();
    if let Some(grant) = grant_of_origin {
        peer.tell(&ControlFrame::Grants(vec![grant])).await;
    }
    (node, seen, peer)
}

async fn until_gone(seen: &mut Seen) -> GoneReason {
    seen.next(|told| match told {
        Told::Peer(PeerEvent::Went { reason, .. }) => Some(reason),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn what_is_signed_reaches_those_who_are_not_connected_to_its_origin() {
    let (nodes, mut seen) = line(4).await;
    let latest = outgoing("latest").latest("".try_into().unwrap());
    let receipt = nodes[0].broadcast(outgoing("lossy")).unwrap();
    nodes[0].broadcast(latest).unwrap();
    nodes[0].broadcast(outgoing("reliable").reliable()).unwrap();
    let typed = Topic::<String>::lossy("rover.name").unwrap().signed();
    nodes[0].publish(&typed, &"seven".to_owned()).unwrap();
    assert_eq!(receipt.handed, 1);

    for (hops, seen) in (0..).zip(&mut seen[1..]) {
        let mut heard = Vec::new();
        for _ in 0..4 {
            let observation = seen.observation().await;
            assert_eq!((observation.origin, observation.hops), (nodes[0].id(), hops), "{observation:?}");
            let text = match typed.read(&observation) {
                Some(name) => name.unwrap(),
                None => String::from_utf8(observation.payload.to_vec()).unwrap(),
            };
            heard.push((text, observation.delivery.to_string()));
        }
        heard.sort();
        let wanted = [("latest", "latest"), ("lossy", "lossy"), ("reliable", "reliable"), ("seven", "lossy")];
        assert_eq!(heard, wanted.map(|(text, class)| (text.to_owned(), class.to_owned())));
    }
    assert_eq!(nodes[1].counters().observations_passed_on, 4);
    stop(nodes).await;
}

#[tokio::test]
async fn in_a_ring_everybody_hears_each_once_by_the_shorter_way() {
    let (nodes, mut seen) = relays(4).await;
    for place in 0..4 {
        nodes[place].connect(&nodes[(place + 1) % 4].url()).await.unwrap();
    }
    for node in &nodes {
        node.ready(2, PATIENCE).await.unwrap();
        until_subscribed(node, TOPIC, 2).await;
    }

    for _ in 0..10 {
        nodes[0].broadcast(outgoing("lossy")).unwrap();
        nodes[0].broadcast(outgoing("reliable").reliable()).unwrap();
    }

    for seen in &mut seen[1..] {
        for _ in 0..20 {
            seen.observation().await;
        }
    }
    // What comes by the other way was known.
    until("both ways have met", || dropped(&nodes[2].counters(), DropReason::Duplicate) >= 10).await;
    let again = |told: Vec<Told>| told.iter().any(|told| matches!(told, Told::Observed(_)));
    assert!(!seen.iter_mut().any(|seen| again(seen.drain())));
    assert_eq!(nodes[0].counters().observations_delivered, 0, "nobody hears itself");
    stop(nodes).await;
}

#[tokio::test]
async fn what_is_not_signed_or_went_far_enough_is_not_passed_on() {
    let (nodes, mut seen) = line(3).await;
    nodes[0].broadcast_observation(TOPIC, "plain").unwrap();
    nodes[0].broadcast(outgoing("signed")).unwrap();

    let plain = seen[1].observation().await;
    let signed = seen[1].observation().await;

    assert_eq!(nodes[1].pass_on(&plain), Err(PublishError::NotSigned));
    let far = Observation { hops: 8, ..signed.clone() };
    assert_eq!(nodes[1].pass_on(&far), Err(PublishError::HopLimit { max: 8 }));
    let unknown = Observation { origin: key(99).agent_id(), ..signed.clone() };
    assert!(matches!(nodes[1].pass_on(&unknown), Err(PublishError::OriginNotPermitted { .. })));
    assert_eq!(seen[2].observation().await.payload, "signed");
    // Its origin has it, and so has the other one by now.
    assert_eq!(nodes[1].pass_on(&signed).unwrap().handed, 0);
    stop(nodes).await;
}

/// What somebody in between may try.
fn forgeries() -> Vec<(&'static str, Observation)> {
    let good = passed_on(1);
    let swap = |payload: &'static [u8]| {
        let bytes = encode_observation(&good).to_vec();
        let place = bytes.windows(4).position(|window| window == b"true").unwrap();
        let changed = [&bytes[..place], payload, &bytes[place + 4..]].concat();
        swarm_core::proto::decode_observation(&changed.into()).unwrap()
    };
    let swarm: SwarmName = "elsewhere".parse().unwrap();
    let elsewhere = unsigned(1).sealed(&swarm, key(ORIGIN).public_key(), |message| key(ORIGIN).sign(message));
    let own = PublicKey::from_bytes(*key(RELAY).public_key().as_bytes());
    let made_up = unsigned(1).sealed(&SwarmName::default(), key(ORIGIN).public_key(), |_| [7; 64]);
    let by_own_key = unsigned(1).sealed(&SwarmName::default(), own, |message| key(RELAY).sign(message));
    vec![
        ("a changed payload", swap(b"lies")),
        ("no signature", Observation { hops: 1, ..unsigned(1) }),
        ("a signature that is made up", Observation { hops: 1, ..made_up }),
        ("a signature by another key", Observation { hops: 1, ..by_own_key }),
        ("a signature for another swarm", Observation { hops: 1, ..elsewhere }),
        ("the very bytes of the origin, as if it had sent them", signed_by(ORIGIN, unsigned(1))),
    ]
}

#[tokio::test]
async fn whoever_speaks_for_others_is_cut_off_after_three_times_and_nothing_of_it_is_delivered() {
    for number in 0..forgeries().len() {
        let (node, mut seen, peer) = met(Some(everything(ORIGIN))).await;
        // Made now: what is older than the node would not even be looked at.
        let (what, forged) = forgeries().swap_remove(number);
        for _ in 0..10 {
            // The connection may have ended by now.
            let _ = peer.connection.send_datagram(datagram(std::slice::from_ref(&forged)));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }

        assert_eq!(until_gone(&mut seen).await, GoneReason::Misbehaved, "{what}");
        let forged = dropped(&node.counters(), DropReason::Forged);
        assert!((1..=3).contains(&forged), "{what}: {forged}");
        assert_eq!(node.counters().observations_delivered, 0, "{what}");
        stop([node]).await;
    }
}

/// What is reliable, on a feed of this peer.
async fn feed(peer: &Raw, observation: &Observation) {
    let frame = FeedFrame { number: 1, encoded: encode_observation(observation) };
    // The connection may have ended by now, and the stream before all has come.
    let Ok(mut stream) = peer.connection.open_stream().await else { return };
    let opening = [framed(&RequestFrame::Feed(1)), framed(&frame)].concat();
    let _ = stream.send.write_all(&opening).await;
    // Until the node has read it, and says so or resets it.
    let _ = tokio::time::timeout(PATIENCE, stream.recv.read_exact(&mut [0; 20])).await.unwrap();
}

fn reliable(sequence: u64) -> Observation {
    Observation { delivery: Delivery::Reliable, ..unsigned(sequence) }
}

#[tokio::test]
async fn whoever_speaks_for_others_in_a_feed_is_cut_off_as_well() {
    let (node, mut seen, peer) = met(Some(everything(ORIGIN))).await;
    let made_up = reliable(1).sealed(&SwarmName::default(), key(ORIGIN).public_key(), |_| [7; 64]);
    for _ in 0..3 {
        feed(&peer, &Observation { hops: 1, ..made_up.clone() }).await;
    }

    assert_eq!(until_gone(&mut seen).await, GoneReason::Misbehaved);
    assert_eq!(node.counters().observations_delivered, 0);
    stop([node]).await;
}

#[tokio::test]
async fn a_feed_waits_for_the_grants_of_its_origins() {
    let (node, mut seen, mut peer) = met(None).await;
    let passed_on = Observation { hops: 1, ..signed_by(ORIGIN, reliable(1)) };
    let frame = FeedFrame { number: 1, encoded: encode_observation(&passed_on) };
    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;
    stream.send.write_all(&framed(&frame)).await.unwrap();

    peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;

    assert_eq!(seen.observation().await, passed_on);
    stop([node]).await;
}

#[tokio::test]
async fn a_forger_is_cut_off_even_where_its_victim_is_not_known() {
    let (node, mut seen, peer) = met(None).await;
    let made_up = unsigned(1).sealed(&SwarmName::default(), key(ORIGIN).public_key(), |_| [7; 64]);
    for sequence in 0..3 {
        let forged = Observation { hops: 1, sequence: Sequence::new(sequence), ..made_up.clone() };
        peer.send(&[forged]);
    }

    assert_eq!(until_gone(&mut seen).await, GoneReason::Misbehaved);
    assert_eq!(node.counters().observations_delivered, 0);
    stop([node]).await;
}

#[tokio::test]
async fn a_grant_that_comes_after_what_it_is_for_is_waited_for() {
    let (node, mut seen, mut peer) = met(None).await;
    peer.send(&[passed_on(1), passed_on(2)]);
    // Datagrams may be lost, even here: what comes behind them says that they have come.
    let marker = Observation { origin: peer.agent, topic: "marker".parse().unwrap(), ..unsigned(1) };
    peer.send(&[marker]);
    assert_eq!(seen.observation().await.topic.as_str(), "marker");

    peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;

    for sequence in [1, 2] {
        let observation = seen.observation().await;
        assert_eq!((observation.origin, observation.sequence.get()), (key(ORIGIN).agent_id(), sequence));
    }
    stop([node]).await;
}

#[tokio::test]
async fn what_an_origin_may_not_publish_is_not_delivered_although_it_is_signed() {
    let little = Permissions { publish: vec!["rover.battery".parse().unwrap()], ..Permissions::everything() };
    let (node, _seen, peer) = met(Some(grant(ORIGIN, Role::Member, little))).await;
    peer.send(&[passed_on(1)]);
    until_dropped(&node, DropReason::NotPermitted, 1).await;
    stop([node]).await;

    let (node, mut seen, peer) = met(Some(everything(ORIGIN))).await;
    peer.send(&[passed_on(1)]);
    let heard = seen.observation().await;
    let revoked = Revocation { agent: key(ORIGIN).agent_id(), until: UnixSeconds::from_system_time(now()) };
    let list = Revocations { swarm: SwarmName::default(), version: 1, revoked: vec![revoked] };
    node.revoke(root().revoke(list).unwrap()).unwrap();
    peer.send(&[passed_on(2)]);
    until_dropped(&node, DropReason::NotPermitted, 1).await;
    assert_eq!(node.counters().observations_delivered, 1);
    assert!(matches!(node.pass_on(&heard), Err(PublishError::OriginNotPermitted { .. })));
    stop([node]).await;
}

#[tokio::test]
async fn guests_pass_nothing_on() {
    let (agent, _seen) = relay();
    let node = node_with(agent, apart()).await;
    let guest = grant(RELAY, Role::Observer, Permissions::everything());
    let anchor = TrustAnchor::of(SwarmName::default(), guest.signer());
    let credentials = Credentials::new(key(RELAY), anchor, guest).unwrap();
    let mut peer = meet_as(address(&node), &speaker_with(&credentials), hello()).await;
    node.ready(1, PATIENCE).await.unwrap();

    peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;
    peer.send(&[passed_on(1)]);
    until_dropped(&node, DropReason::NotPermitted, 1).await;

    let own = signed_by(RELAY, Observation { origin: peer.agent, ..unsigned(1) });
    peer.send(&[own]);
    until("its own it may send", || node.counters().observations_delivered == 1).await;
    let agent = AgentNode::builder(swarm_core::IdleAgent).credentials(credentials);
    let observer = agent.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert_eq!(observer.pass_on(&passed_on(1)), Err(PublishError::NotMember));
    stop([node, observer]).await;
}

#[tokio::test]
async fn no_more_signatures_are_looked_at_than_a_peer_may_bring() {
    let (agent, _seen) = relay();
    let mut config = apart();
    config.max_signatures_per_second = 40;
    let node = node_with(agent, config).await;
    let mut peer = meet(&node, RELAY).await;
    node.ready(1, PATIENCE).await.unwrap();
    peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;
    for sequence in 1..=100 {
        peer.send(&[passed_on(sequence)]);
    }

    until("all are dealt with", || {
        let counters = node.counters();
        counters.observations_delivered + dropped(&counters, DropReason::RateLimited) == 100
    })
    .await;
    assert!(dropped(&node.counters(), DropReason::RateLimited) > 0);
    assert!(node.counters().observations_delivered >= 10, "a quarter of them may come at once");
    // What is plain costs none.
    let delivered = node.counters().observations_delivered;
    peer.send(&[Observation { origin: peer.agent, ..unsigned(1) }]);
    until("it is heard", || node.counters().observations_delivered > delivered).await;
    stop([node]).await;
}

/// A clock that a test sets.
#[derive(Debug, Clone)]
struct Clock(Arc<Mutex<SystemTime>>);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

impl Clock {
    fn pass(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[tokio::test]
async fn what_is_sent_again_after_a_second_a_minute_or_a_restart_is_not_delivered_again() {
    let clock = Clock(Arc::new(Mutex::new(now())));
    let start = async || {
        let (agent, seen) = relay();
        let builder = dev(agent).config(apart()).wall_clock(clock.clone());
        (builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), seen)
    };
    let replayed = passed_on(1);
    let repeat = async |node: &AgentNode| {
        let mut peer = meet(node, RELAY).await;
        node.ready(1, PATIENCE).await.unwrap();
        peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;
        peer.send(std::slice::from_ref(&replayed));
        peer
    };
    let (node, mut seen) = start().await;
    let peer = repeat(&node).await;
    assert_eq!(seen.observation().await, replayed);

    clock.pass(1);
    peer.send(std::slice::from_ref(&replayed));
    until_dropped(&node, DropReason::Duplicate, 1).await;
    clock.pass(60);
    peer.send(std::slice::from_ref(&replayed));
    until_dropped(&node, DropReason::Stale, 1).await;
    assert_eq!(node.counters().observations_delivered, 1);
    stop([node]).await;
    drop(peer);

    *clock.0.lock().unwrap() = now() + Duration::from_secs(1);
    let (node, _seen) = start().await;
    let _peer = repeat(&node).await;
    until_dropped(&node, DropReason::Stale, 1).await;
    assert_eq!(node.counters().observations_delivered, 0);
    stop([node]).await;
}

/// Made half a minute from now, by the clock of an origin that is ahead.
fn from_ahead(sequence: u64) -> Observation {
    let made = UnixMicros::from_system_time(now() + Duration::from_secs(30));
    Observation { hops: 1, ..signed_by(ORIGIN, Observation { sent_at: made, ..unsigned(sequence) }) }
}

/// A node of one agent that keeps what it has heard there, and a peer that passes on.
async fn keeping(directory: &std::path::Path) -> (AgentNode, Seen, Raw) {
    let (agent, seen) = relay();
    let builder = dev(agent).config(apart()).identity(key(5)).state_directory(directory);
    let node = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut peer = meet(&node, RELAY).await;
    node.ready(1, PATIENCE).await.unwrap();
    peer.tell(&ControlFrame::Grants(vec![everything(ORIGIN)])).await;
    (node, seen, peer)
}

#[tokio::test]
async fn what_was_heard_is_known_after_a_restart_however_the_clocks_go() {
    let directory = tempfile::tempdir().unwrap();
    let replayed = from_ahead(7);
    let (node, mut seen, peer) = keeping(directory.path()).await;
    peer.send(std::slice::from_ref(&replayed));
    assert_eq!(seen.observation().await, replayed);
    stop([node]).await;

    let (node, mut seen, peer) = keeping(directory.path()).await;
    peer.send(std::slice::from_ref(&replayed));
    until_dropped(&node, DropReason::Duplicate, 1).await;
    peer.send(&[from_ahead(8)]);
    assert_eq!(seen.observation().await.sequence.get(), 8);
    stop([node]).await;
}

#[tokio::test]
async fn what_was_heard_is_kept_while_the_node_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{}.marks", key(5).agent_id()));
    let (node, mut seen, peer) = keeping(directory.path()).await;
    let before = std::fs::read(&file).unwrap();

    peer.send(&[passed_on(1)]);
    seen.observation().await;

    until("it is written", || std::fs::read(&file).unwrap() != before).await;
    stop([node]).await;
}

#[tokio::test]
async fn a_damaged_file_counts_as_empty_and_a_directory_that_cannot_be_used_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{}.marks", key(5).agent_id()));
    std::fs::write(&file, "what is this?").unwrap();
    let (node, ..) = keeping(directory.path()).await;
    stop([node]).await;

    let no_directory = dev(swarm_core::IdleAgent).state_directory(&file);
    let error = no_directory.bind("127.0.0.1:0".parse().unwrap()).await.unwrap_err();
    assert!(matches!(&error, StartError::State(_)), "{error}");
}
