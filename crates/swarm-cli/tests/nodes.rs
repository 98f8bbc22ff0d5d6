//! What the program makes is what nodes start with, and what it takes back they heed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::fs;
use std::time::Duration;

use common::Desk;
use swarm_core::{AgentNode, IdleAgent, StartError};

/// Long enough for anything that should happen on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(desk: &Desk, directory: &str) -> Result<AgentNode, StartError> {
    let node = AgentNode::builder(IdleAgent).credentials_in(desk.at(directory)).unwrap();
    node.bind("127.0.0.1:0".parse().unwrap()).await
}

async fn until(condition: impl Fn() -> bool) {
    let fulfilled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, fulfilled).await.unwrap();
}

/// Keys made where they are used, and grants carried there.
fn carried(desk: &Desk, node: &str) {
    let key = desk.json(&["key", "new", "--out", node])["public_key"].as_str().unwrap().to_owned();
    let grant = format!("{node}.grant");
    desk.done(&["grant", "--root", "root", "--key", &key, "--all", "--days", "30", "--out", &grant]);
    fs::copy(desk.at(&grant), desk.at(node).join("grant")).unwrap();
    fs::copy(desk.at("root/root.pub.pem"), desk.at(node).join("roots.pem")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_start_with_what_was_made_for_them_and_whoever_is_revoked_is_sent_away() {
    let desk = Desk::with_root();
    carried(&desk, "rover");
    desk.done(&["enrol", "--root", "root", "--out", "control", "--all", "--days", "30"]);

    let (rover, control) = (start(&desk, "rover").await.unwrap(), start(&desk, "control").await.unwrap());
    assert_eq!(rover.connect(&control.url()).await.unwrap(), control.id());
    until(|| control.peers().len() == 1).await;

    desk.done(&["revoke", "--root", "root", "--agent", &rover.id().to_string()]);
    fs::copy(desk.at("root/revocations"), desk.at("control/revocations")).unwrap();
    until(|| control.peers().is_empty() && rover.peers().is_empty()).await;
    assert!(rover.connect(&control.url()).await.is_err());

    desk.done(&[
        "grant",
        "--root",
        "root",
        "--key",
        "rover",
        "--all",
        "--days",
        "30",
        "--after-revocation",
        "--out",
        "rover",
    ]);
    until(|| rover.grant().statement().valid.from > control.grant().statement().valid.from).await;
    until(|| desk.run(&["inspect", "rover"]).code == 0).await;
    assert_eq!(rover.connect(&control.url()).await.unwrap(), control.id());

    rover.shutdown(PATIENCE).await.unwrap();
    control.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_node_starts_with_what_inspection_says_counts_and_with_nothing_else() {
    let desk = Desk::with_root();
    carried(&desk, "rover");
    assert_eq!(desk.run(&["inspect", "rover"]).code, 0);
    start(&desk, "rover").await.unwrap().shutdown(PATIENCE).await.unwrap();

    desk.done(&["revoke", "--root", "root", "--agent", "rover"]);
    fs::copy(desk.at("root/revocations"), desk.at("rover/revocations")).unwrap();
    assert_eq!(desk.run(&["inspect", "rover"]).code, 1);
    assert!(matches!(start(&desk, "rover").await, Err(StartError::Grant(_))));
}
