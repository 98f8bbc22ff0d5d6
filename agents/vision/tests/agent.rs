//! The agent as others meet it: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_vision::messages::{CLASSIFY, IMAGE_FEATURE, ImageFeature, Pass};
use agent_vision::{DigitPainter, VisionAgent, VisionParams};
use futures_util::StreamExt;
use swarm_core::{AgentId, AgentNode, AssistError, Chunk, Ending, IdleAgent, Reply, ReplyStream};

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

struct Pair {
    requester: AgentNode,
    vision: AgentNode,
    peer: AgentId,
}

impl Pair {
    async fn start(params: VisionParams) -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let vision = AgentNode::dev(VisionAgent::new(params, 1).unwrap()).bind(loopback).await.unwrap();
        let requester = AgentNode::dev(IdleAgent).bind(loopback).await.unwrap();
        let peer = requester.connect(&vision.url()).await.unwrap();
        Self { requester, vision, peer }
    }

    async fn ask(&self, body: impl Into<Vec<u8>>) -> ReplyStream {
        self.requester.request_assistance(self.peer, CLASSIFY, body.into()).await.unwrap()
    }

    async fn stop(self) {
        self.requester.shutdown(PATIENCE).await.unwrap();
        self.vision.shutdown(PATIENCE).await.unwrap();
    }
}

fn feature(chunk: Option<Chunk>) -> ImageFeature {
    let chunk = chunk.expect("there is another chunk");
    assert_eq!(chunk.label, IMAGE_FEATURE);
    chunk.decode().unwrap()
}

#[tokio::test]
async fn the_coarse_pass_streams_before_the_refined_one() {
    let pair = Pair::start(VisionParams::default()).await;
    let image = DigitPainter::new(900_010).draw(4);

    let mut replies = pair.ask(image.as_bytes()).await;

    assert_eq!(feature(replies.next_chunk().await.unwrap()).pass, Pass::Coarse);
    let refined = feature(replies.next_chunk().await.unwrap());
    assert_eq!((refined.pass, refined.guesses.best().digit), (Pass::Refined, 4));
    assert_eq!(replies.next_chunk().await, Ok(None));
    pair.stop().await;
}

#[tokio::test]
async fn the_passes_are_revisions_of_one_artefact() {
    let pair = Pair::start(VisionParams::default()).await;
    let image = DigitPainter::new(900_013).draw(8);

    let replies: Vec<_> = pair.ask(image.as_bytes()).await.collect().await;

    let revisions: Vec<_> = replies
        .into_iter()
        .map(|reply| match reply.unwrap() {
            Reply::Artefact(artefact) => (artefact.name, artefact.revision, artefact.quality),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(revisions, [(IMAGE_FEATURE.to_owned(), 1, 70), (IMAGE_FEATURE.to_owned(), 2, 100)]);
    pair.stop().await;
}

#[tokio::test]
async fn the_coarse_guess_does_not_wait_for_thinking() {
    let pair = Pair::start(VisionParams { think: Duration::from_secs(3600) }).await;
    let image = DigitPainter::new(900_011).draw(2);

    let mut replies = pair.ask(image.as_bytes()).await;

    assert_eq!(feature(replies.next_chunk().await.unwrap()).pass, Pass::Coarse);
    drop(replies);
    // An hour of thinking ends with its request: the node would not stop in time otherwise.
    pair.stop().await;
}

#[tokio::test]
async fn a_body_of_another_size_is_declined_with_the_reason() {
    let pair = Pair::start(VisionParams::default()).await;

    for size in [0, 399, 401, 100_000] {
        let error = pair.ask(vec![0; size]).await.next_chunk().await.unwrap_err();
        let AssistError::Declined { reason } = error else { panic!("{size} bytes: {error:?}") };
        assert!(reason.contains("send 400"), "{reason}");
    }
    pair.stop().await;
}

#[tokio::test]
async fn many_pictures_at_once_are_all_read() {
    let pair = Pair::start(VisionParams::default()).await;
    let mut asked = Vec::new();
    for (image, digit) in DigitPainter::new(900_012).take(40) {
        asked.push((pair.ask(image.as_bytes()).await, digit));
    }

    let mut right = 0;
    for (mut replies, digit) in asked {
        assert_eq!(feature(replies.next_chunk().await.unwrap()).pass, Pass::Coarse);
        right += usize::from(feature(replies.next_chunk().await.unwrap()).guesses.best().digit == digit);
        assert_eq!(replies.next_chunk().await, Ok(None));
    }

    assert!(right >= 36, "{right} of 40");
    assert_eq!(pair.requester.counters().requests_ended.get(&Ending::Completed), Some(&40));
    pair.stop().await;
}
