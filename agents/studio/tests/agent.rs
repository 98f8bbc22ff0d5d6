//! The agents as others meet them: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_studio::messages::{FRAME, LAYER, PICTURE, QUALITY, Quality, SHOW, SOUND, Take};
use agent_studio::{FusionAgent, FusionParams, LAYERS, Scene, StageAgent, StageParams};
use swarm_core::{Agent, AgentNode, AssistError, Chunk, IdleAgent, ReplyStream};

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

async fn node(agent: impl Agent) -> AgentNode {
    AgentNode::dev(agent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn all(mut reply: ReplyStream) -> Result<Vec<Chunk>, AssistError> {
    let mut chunks = Vec::new();
    let read = async {
        while let Some(chunk) = reply.next_chunk().await? {
            chunks.push(chunk);
        }
        Ok::<_, AssistError>(())
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it ends in time")?;
    Ok(chunks)
}

async fn stop(nodes: impl IntoIterator<Item = AgentNode>) {
    for node in nodes {
        node.shutdown(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_scene_is_shown_whole_if_there_is_time() {
    let stage = node(StageAgent::new(StageParams::default())).await;
    let fusion = node(FusionAgent::new(FusionParams { patience: PATIENCE, ..FusionParams::default() })).await;
    let viewer = node(IdleAgent).await;
    fusion.connect(&stage.url()).await.unwrap();
    viewer.connect(&fusion.url()).await.unwrap();

    let shown = all(viewer.request_assistance(fusion.id(), SHOW, "7").await.unwrap()).await.unwrap();

    assert!(Scene(7).is_shown_by(&shown));
    let quality: Quality = shown.last().unwrap().decode().unwrap();
    assert_eq!((quality.percent, quality.layers, quality.words_missing), (100, LAYERS, 0));
    stop([viewer, fusion, stage]).await;
}

#[tokio::test]
async fn when_time_is_over_it_shows_what_has_come_and_says_so() {
    // Words that never end, so that it is never whole.
    let stage = node(StageAgent::new(StageParams { word_every: Duration::from_hours(1) })).await;
    let patience = Duration::from_secs(2);
    let fusion = node(FusionAgent::new(FusionParams { patience, ..FusionParams::default() })).await;
    let viewer = node(IdleAgent).await;
    fusion.connect(&stage.url()).await.unwrap();
    viewer.connect(&fusion.url()).await.unwrap();

    let shown = all(viewer.request_assistance(fusion.id(), SHOW, "8").await.unwrap()).await.unwrap();

    let last = shown.last().unwrap();
    let quality: Quality = last.decode().unwrap();
    assert_eq!((last.label.as_str(), quality.percent, quality.words_missing), (QUALITY, 0, 11));
    assert!(!Scene(8).is_shown_by(&shown));
    stop([viewer, fusion, stage]).await;
}

#[tokio::test]
async fn a_stage_hands_out_what_is_wanted_and_nothing_else() {
    let (stage, asker) = (node(StageAgent::new(StageParams::default())).await, node(IdleAgent).await);
    asker.connect(&stage.url()).await.unwrap();
    let ask = async |capability: &str, body: Vec<u8>| {
        all(asker.request_assistance(stage.id(), capability, body).await.unwrap()).await
    };
    let take = |first, last| swarm_core::proto::to_vec(&Take { scene: 5, first, last }).unwrap();

    let layers = ask(PICTURE, take(1, 3)).await.unwrap();
    let expected: Vec<_> =
        Scene(5).layers()[1..=3].iter().map(|layer| Chunk::new(LAYER, layer.clone())).collect();
    assert_eq!(layers, expected);
    let sound = ask(SOUND, take(0, 0)).await.unwrap();
    let expected: Vec<_> = Scene(5).sound().into_iter().map(|frame| Chunk::new(FRAME, frame)).collect();
    assert_eq!(sound, expected);
    assert!(matches!(ask(SOUND, b"all".to_vec()).await, Err(AssistError::Declined { .. })));
    stop([asker, stage]).await;
}

#[tokio::test]
async fn without_a_stage_there_is_nothing_to_show() {
    let (fusion, viewer) = (node(FusionAgent::new(FusionParams::default())).await, node(IdleAgent).await);
    viewer.connect(&fusion.url()).await.unwrap();
    let shown = all(viewer.request_assistance(fusion.id(), SHOW, "1").await.unwrap()).await;
    assert!(matches!(&shown, Err(AssistError::Declined { reason }) if reason.contains("stage")), "{shown:?}");
    stop([viewer, fusion]).await;
}
