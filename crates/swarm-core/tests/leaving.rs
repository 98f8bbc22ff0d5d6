//! What becomes of requests when their peer is killed, and when it leaves in order.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{PATIENCE, node, stop, witness};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistError, AssistanceRequest, Context, IdleAgent,
    NodeConfig, NodeHandle, OutgoingRequest, PeerUrl, Replies,
};
use tokio::task::JoinSet;

const VICTIM: &str = "SWARM_TEST_IS_THE_VICTIM";

/// Says where it is, and waits for its end.
#[tokio::test]
#[ignore = "the process that the next test kills"]
async fn the_victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let (witness, _seen) = witness();
    let node = node(witness).await;
    println!("\nlistening at {}", node.url());
    std::future::pending::<()>().await;
}

fn start_victim() -> (Child, PeerUrl) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim", "--ignored", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let url =
        lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("listening at ")?.to_owned()));
    (victim, url.unwrap().parse().unwrap())
}

#[tokio::test]
async fn the_requests_of_a_killed_process_end_as_peer_lost() {
    let (mut victim, url) = start_victim();
    let node = node(IdleAgent).await;
    let peer = node.connect(&url).await.unwrap();
    let mut replies = Vec::new();
    for _ in 0..20 {
        let mut reply = node.request_assistance(peer, "test.hang", "").await.unwrap();
        assert_eq!(reply.next_chunk().await.unwrap().unwrap().label, "begun");
        replies.push(reply);
    }

    // SIGKILL: no goodbye, and nobody left to answer.
    victim.kill().unwrap();
    victim.wait().unwrap();
    let killed_at = tokio::time::Instant::now();

    for mut reply in replies {
        let end = tokio::time::timeout(PATIENCE, reply.next_chunk()).await.unwrap();
        assert_eq!(end, Err(AssistError::PeerLost));
    }
    println!("noticed after {:?}", killed_at.elapsed());
    stop([node]).await;
}

#[test]
fn a_silent_peer_is_noticed_within_four_seconds() {
    let idle_timeout = NodeConfig::default().web_transport.idle_timeout;
    // The last keep-alive may have been answered just before.
    assert!(idle_timeout + idle_timeout / 4 < Duration::from_secs(4));
}

/// Works a little on each request.
struct Worker;

impl Agent for Worker {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["leaving.work".parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let payload = request.payload(64).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        replies.send("done", payload).await?;
        Ok(())
    }
}

async fn worker(requester: SocketAddr) -> AgentNode {
    common::dev(Worker).seed_peer(requester).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

const REQUESTS: usize = 10_000;

async fn keep_asking(node: NodeHandle, made: Arc<AtomicUsize>) {
    loop {
        let number = made.fetch_add(1, Ordering::Relaxed);
        if number >= REQUESTS {
            return;
        }
        let mut reply = node.request_capability("leaving.work", number.to_string()).await.unwrap();
        let chunk = reply.next_chunk().await.unwrap().unwrap();
        assert_eq!(chunk.payload, number.to_string());
        assert_eq!(reply.next_chunk().await, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_workers_come_and_leave_in_order_not_one_request_fails() {
    let requester = node(IdleAgent).await;
    let address = SocketAddr::from(([127, 0, 0, 1], requester.url().port()));
    let stays = worker(address).await;
    requester.ready(1, PATIENCE).await.unwrap();

    let made = Arc::new(AtomicUsize::new(0));
    let mut askers = JoinSet::new();
    for _ in 0..16 {
        askers.spawn(keep_asking(requester.handle(), Arc::clone(&made)));
    }
    let mut left = 0;
    while made.load(Ordering::Relaxed) < REQUESTS {
        let leaves = worker(address).await;
        requester.ready(2, PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        leaves.shutdown(PATIENCE).await.unwrap();
        left += 1;
    }
    while let Some(asker) = askers.join_next().await {
        asker.unwrap();
    }

    assert!(left > 0);
    println!("{left} workers left");
    stop([requester, stays]).await;
}

#[tokio::test]
async fn a_worker_that_leaves_finishes_what_it_has_begun() {
    let requester = node(IdleAgent).await;
    let address = SocketAddr::from(([127, 0, 0, 1], requester.url().port()));
    let leaves = worker(address).await;
    requester.ready(1, PATIENCE).await.unwrap();

    let mut reply = requester.request_capability("leaving.work", "last").await.unwrap();
    let (left, chunk) = tokio::join!(leaves.shutdown(PATIENCE), reply.next_chunk());

    left.unwrap();
    assert_eq!(chunk.unwrap().unwrap().payload, "last");
    assert_eq!(reply.next_chunk().await, Ok(None));
    stop([requester]).await;
}

#[tokio::test]
async fn nobody_waits_to_resume_at_a_node_that_has_stopped() {
    let (witness, _seen) = witness();
    let (stays, leaves) = (node(IdleAgent).await, node(witness).await);
    let peer = stays.connect(&leaves.url()).await.unwrap();
    let request = OutgoingRequest::new("test.hang".parse().unwrap()).resumable();
    let mut reply = stays.request(peer, request.deadline(2 * PATIENCE)).await.unwrap();
    assert_eq!(reply.next_chunk().await.unwrap().unwrap().label, "begun");

    let stopped = leaves.shutdown(Duration::from_millis(50)).await;

    assert_eq!(stopped.unwrap_err().aborted, 1);
    let end = tokio::time::timeout(PATIENCE, reply.next_chunk()).await.expect("it waits for nobody");
    assert!(matches!(end, Err(AssistError::PeerLost | AssistError::ShutDown)), "{end:?}");
    stop([stays]).await;
}

#[tokio::test]
async fn what_a_leaving_node_gives_up_ends_as_shut_down() {
    let (requester, leaves) = (node(IdleAgent).await, node(witness().0).await);
    let peer = requester.connect(&leaves.url()).await.unwrap();
    let mut reply = requester.request_assistance(peer, "test.hang", "").await.unwrap();
    assert_eq!(reply.next_chunk().await.unwrap().unwrap().label, "begun");

    let (left, end) = tokio::join!(leaves.shutdown(Duration::from_millis(100)), reply.next_chunk());

    assert_eq!(left.unwrap_err().aborted, 1);
    assert_eq!(end, Err(AssistError::ShutDown));
    stop([requester]).await;
}
