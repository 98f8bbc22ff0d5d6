//! Real sockets: which addresses hosts have.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_core::transport::webtransport::BindError;
use swarm_core::trust::RootKey;
use swarm_core::{AgentNode, IdleAgent, NodeConfig, StartError};
use swarm_network::{Conditions, Fabric, Host, Network, Power, RealNetwork};

async fn start(network: &RealNetwork, host: u32) -> Result<AgentNode, StartError> {
    let node = AgentNode::builder(IdleAgent).dev_root(RootKey::from_seed([1; 32]));
    node.start(|speaker| network.open(Host(host), speaker, &NodeConfig::default())).await
}

fn fabric(hosts: usize) -> Arc<Mutex<Fabric>> {
    Arc::new(Mutex::new(Fabric::new(1, hosts, |_, _| Conditions::default())))
}

async fn stop(node: AgentNode) {
    node.shutdown(Duration::from_secs(5)).await.unwrap();
}

fn address(node: &AgentNode) -> SocketAddr {
    SocketAddr::new(node.url().host().parse().unwrap(), node.url().port())
}

#[tokio::test]
async fn a_port_that_is_in_use_is_named() {
    for fabric in [None, Some(fabric(2))] {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let network = RealNetwork::new(fabric, port.saturating_sub(1));

        let error = start(&network, 1).await.unwrap_err();

        let StartError::Bind(BindError::Socket { address, .. }) = &error else { panic!("{error:?}") };
        assert_eq!(*address, taken.local_addr().unwrap());
    }
}

#[tokio::test]
async fn a_host_keeps_whichever_port_was_free() {
    let fabric = fabric(2);
    let network = RealNetwork::new(Some(Arc::clone(&fabric)), 0);
    let first = start(&network, 1).await.unwrap();
    let at = address(&first);
    assert_eq!(fabric.lock().unwrap().host_at(at), Some(Host(1)));
    stop(first).await;

    let second = start(&network, 1).await.unwrap();

    assert_eq!(address(&second), at);
    stop(second).await;
}

#[tokio::test]
async fn nothing_stands_between_nodes_and_sockets_without_a_fabric() {
    let network = RealNetwork::new(None, 0);
    let (a, b) = (start(&network, 0).await.unwrap(), start(&network, 1).await.unwrap());

    a.connect(&b.url()).await.unwrap();

    assert_eq!(network.overflowed(), 0);
    stop(a).await;
    stop(b).await;
}

#[tokio::test]
async fn whoever_is_no_host_is_reached_as_ever() {
    let fabric = fabric(1);
    fabric.lock().unwrap().set_power(Host(0), Power::Up);
    let network = RealNetwork::new(Some(fabric), 0);
    let (host, elsewhere) =
        (start(&network, 0).await.unwrap(), start(&RealNetwork::new(None, 0), 0).await.unwrap());

    host.connect(&elsewhere.url()).await.unwrap();

    stop(host).await;
    stop(elsewhere).await;
}
