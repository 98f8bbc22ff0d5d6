//! A client of another WebTransport library speaks with a node.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::observing::by_hand;
use common::stranger::{STRANGER, address, client_config, framed, hello};
use common::{PATIENCE, node, stop, witness};
use swarm_core::IdentityKey;
use swarm_core::proto::{
    Chunk, CloseCode, ControlFrame, DatagramBuilder, Frame, Goodbye, Outcome, PATH, ReplyFrame, RequestFrame,
    RequestHead, RequestId, encode_observation,
};
use tokio::io::AsyncReadExt;
use wtransport::endpoint::endpoint_side::Client;
use wtransport::{ClientConfig, Endpoint};

fn wtransport_client() -> Endpoint<Client> {
    let address = "127.0.0.1:0".parse().unwrap();
    let config =
        ClientConfig::builder().with_bind_address(address).build_with_quic_config(client_config(true));
    Endpoint::client(config).unwrap()
}

#[tokio::test]
async fn a_client_of_wtransport_says_hello_publishes_asks_and_leaves() {
    let (agent, mut seen) = witness();
    let node = node(agent).await;
    let client = wtransport_client();
    let session = client.connect(format!("https://{}{PATH}", address(&node))).await.unwrap();

    let (mut say, mut hear) = session.open_bi().await.unwrap().await.unwrap();
    say.write_all(&framed(&ControlFrame::Hello(hello()))).await.unwrap();
    let mut answer = vec![0; hear.read_u32().await.unwrap() as usize];
    hear.read_exact(&mut answer).await.unwrap();
    assert!(matches!(ControlFrame::decode(&answer).unwrap(), ControlFrame::Hello(_)));
    node.ready(1, PATIENCE).await.unwrap();

    let me = IdentityKey::from_seed(STRANGER).agent_id();
    let mut datagram = DatagramBuilder::behind(&[], 1100, 0);
    assert!(datagram.try_push(&encode_observation(&by_hand(me, 1, "from.elsewhere"))));
    session.send_datagram(datagram.finish()).unwrap();
    assert_eq!(seen.observation().await.topic.as_str(), "from.elsewhere");

    let (mut ask, mut answer) = session.open_bi().await.unwrap().await.unwrap();
    let head = RequestHead::new(RequestId::from_random([1; 16]), "test.echo".parse().unwrap());
    let hello = || Chunk::new("", "hello");
    let request = [RequestFrame::Head(head), RequestFrame::Chunk(hello()), RequestFrame::End]
        .map(|frame| framed(&frame));
    ask.write_all(&request.concat()).await.unwrap();
    let mut reply = Vec::new();
    tokio::time::timeout(PATIENCE, answer.read_to_end(&mut reply)).await.expect("an answer").unwrap();
    let expected =
        [ReplyFrame::Chunk(hello()), ReplyFrame::End(Outcome::Completed)].map(|frame| framed(&frame));
    assert_eq!(reply, expected.concat());

    let goodbye = Goodbye { code: CloseCode::Normal, reason: String::new() };
    say.write_all(&framed(&ControlFrame::Goodbye(goodbye))).await.unwrap();
    common::until("it has left", || node.peers().is_empty()).await;
    drop(session);
    stop([node]).await;
}

#[tokio::test]
async fn a_client_of_wtransport_hears_that_there_is_nothing_on_another_path() {
    let node = node(witness().0).await;
    let client = wtransport_client();

    let refused = client.connect(format!("https://{}/chat", address(&node))).await;

    assert!(refused.is_err(), "{refused:?}");
    stop([node]).await;
}
