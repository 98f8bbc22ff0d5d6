//! What strangers without an address and a member without measure cost a node in memory and processor time: the node
//! runs in a process of its own.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::apart::{Apart, State, obey};
use common::observing::{by_hand, datagram};
use common::spoofed::{initials, is_retry};
use common::{PATIENCE, node_with, stop};
use swarm_core::{IdleAgent, NodeConfig};
use tokio::net::UdpSocket;
use tokio::time::Instant;

#[tokio::test]
#[ignore = "the part of the other tests that runs in a process of its own"]
async fn node_in_a_process_of_its_own() {
    let mut config = NodeConfig::default();
    // The flood is to be measured for as long as it lasts.
    config.greedy_patience = None;
    obey(node_with(IdleAgent, config).await, async |_, _| {}).await;
}

fn cpu(since: &State, now: &State) -> Duration {
    Duration::from_millis(now.get("cpu_ms") - since.get("cpu_ms"))
}

/// Sends these packets in turns from these sockets, some three thousand in a second. Gives how many were answered, and how
/// many of the answers ask for a proof of the address.
async fn spoof(sockets: &[UdpSocket], packets: &[Vec<u8>], node: &Apart) -> (usize, usize) {
    let (mut answers, mut retries) = (0, 0);
    let mut answer = [0; 1];
    for (number, (packet, socket)) in packets.iter().zip(sockets.iter().cycle()).enumerate() {
        socket.send_to(packet, node.at).await.unwrap();
        while socket.try_recv(&mut answer).is_ok() {
            answers += 1;
            retries += usize::from(is_retry(&answer));
        }
        if number % 3 == 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    (answers, retries)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_spoofed_packets_cost_little_and_an_honest_node_joins_meanwhile() {
    const PACKETS: usize = 3000;
    const MOST_KIB: u64 = 2048;
    let mut node = Apart::new().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    }
    // What is allocated once is not of the others.
    spoof(&sockets, &initials(node.at, 100), &node).await;
    let newcomer = node_with(IdleAgent, NodeConfig::default()).await;
    newcomer.connect(&node.at.into()).await.unwrap();
    stop([newcomer]).await;
    let packets = initials(node.at, PACKETS);
    let newcomer = node_with(IdleAgent, NodeConfig::default()).await;
    let before = node.ask_until(|state| state.get("peers") == 0).await;

    let joining = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        tokio::time::timeout(PATIENCE, newcomer.connect(&node.at.into())).await.expect("in time").unwrap();
        began.elapsed()
    };
    let (joined_after, (answers, retries)) = tokio::join!(joining, spoof(&sockets, &packets, &node));

    let after = node.ask_until(|state| state.get("peers") == 1).await;
    let (cost, cpu) = (after.kib().saturating_sub(before.kib()), cpu(&before, &after));
    println!(
        "{PACKETS} spoofed packets: {retries} of {answers} answers are Retries, {cost} KiB, {:?} of CPU each with all that \
         happened beside; an honest node joined after {joined_after:?}",
        cpu / PACKETS as u32
    );
    assert!(retries > PACKETS * 9 / 10, "{retries}");
    assert!(cost < MOST_KIB, "{cost} KiB");
    stop([newcomer]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_datagrams_a_second_cost_their_sender_and_nobody_else() {
    const A_MILLISECOND: usize = 50;
    const SECONDS: usize = 3;
    let mut node = Apart::new().await;
    let flooder = common::raw::meet_and_say(node.at, 1, common::stranger::hello()).await;
    let honest = node_with(IdleAgent, NodeConfig::default()).await;
    honest.connect(&node.at.into()).await.unwrap();
    let before = node.ask_until(|state| state.get("peers") == 2).await;

    let began = Instant::now();
    let flood = async {
        let mut sequence = 0;
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..1000 * SECONDS {
            tick.tick().await;
            for _ in 0..A_MILLISECOND {
                sequence += 1;
                let one = datagram(&[by_hand(flooder.agent, sequence, "flood")]);
                let _ = flooder.connection.send_datagram(one);
            }
        }
        sequence
    };
    let talk = async {
        let mut said = 0_u64;
        while began.elapsed() < Duration::from_secs(SECONDS as u64) {
            honest.broadcast_observation("word", vec![0; 100]).unwrap();
            said += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        said
    };
    let (sent, said) = tokio::join!(flood, talk);

    let took = began.elapsed();
    let delivered = format!("from.{}", honest.id());
    let after = node
        .ask_until(|state| state.get(&delivered) + state.get(&format!("lost.{}", honest.id())) >= said)
        .await;
    let (limited, share) =
        (after.get("rate_limited"), cpu(&before, &after).as_secs_f64() / took.as_secs_f64());
    println!(
        "{sent} datagrams in {took:?}: {limited} dropped unread, {:.1} % of a core, {} KiB; of {said} observations of \
         another {} arrived",
        100.0 * share,
        after.kib().saturating_sub(before.kib()),
        after.get(&delivered)
    );
    assert!(limited > 0);
    assert_eq!(after.get(&delivered), said);
    stop([honest]).await;
}
