//! The agent as others meet it: over real WebTransport.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_language::messages::{INTENT, TEXT_FEATURE, TextFeature};
use agent_language::{Intent, LanguageAgent, LanguageParams, SentenceWriter};
use swarm_core::{AgentId, AgentNode, AssistError, IdleAgent, ReplyStream};

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

struct Pair {
    requester: AgentNode,
    language: AgentNode,
    peer: AgentId,
}

impl Pair {
    async fn start() -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let agent = LanguageAgent::new(LanguageParams::default(), 1).unwrap();
        let language = AgentNode::dev(agent).bind(loopback).await.unwrap();
        let requester = AgentNode::dev(IdleAgent).bind(loopback).await.unwrap();
        let peer = requester.connect(&language.url()).await.unwrap();
        Self { requester, language, peer }
    }

    async fn ask(&self, body: impl Into<Vec<u8>>) -> ReplyStream {
        self.requester.request_assistance(self.peer, INTENT, body.into()).await.unwrap()
    }

    async fn stop(self) {
        self.requester.shutdown(PATIENCE).await.unwrap();
        self.language.shutdown(PATIENCE).await.unwrap();
    }
}

async fn features(mut replies: ReplyStream) -> Result<Vec<TextFeature>, AssistError> {
    let mut features = Vec::new();
    while let Some(chunk) = replies.next_chunk().await? {
        assert_eq!(chunk.label, TEXT_FEATURE);
        features.push(chunk.decode().unwrap());
    }
    Ok(features)
}

#[tokio::test]
async fn a_guess_streams_after_each_token_and_the_last_says_so() {
    let pair = Pair::start().await;

    let features = features(pair.ask("What is the digit squared?").await).await.unwrap();

    let said: Vec<_> = features.iter().map(|feature| (feature.token.as_str(), feature.last)).collect();
    let expected = [("What", false), ("is", false), ("the", false), ("digit", false), ("squared?", true)];
    assert_eq!(said, expected);
    assert_eq!(features[3].guesses.best().intent, Intent::Name);
    assert_eq!(features[4].guesses.best().intent, Intent::Square);
    pair.stop().await;
}

#[tokio::test]
async fn what_is_no_sentence_is_declined_with_the_reason() {
    let pair = Pair::start().await;

    let cases = [
        (b"\xff\xfe".to_vec(), "UTF-8"),
        (vec![], "empty"),
        (vec![b'a'; 5000], "4096"),
        (b"a ".repeat(300), "256"),
    ];
    for (body, why) in cases {
        let error = features(pair.ask(body).await).await.unwrap_err();
        assert!(
            matches!(&error, AssistError::Declined { reason } if reason.contains(why)),
            "{why}: {error:?}"
        );
    }
    pair.stop().await;
}

#[tokio::test]
async fn sentences_asked_at_once_do_not_mix() {
    let pair = Pair::start().await;
    let mut asked = Vec::new();
    for (sentence, _) in SentenceWriter::held_out(900_020).take(20) {
        asked.push((pair.ask(sentence.as_str()).await, sentence));
    }

    for (replies, sentence) in asked {
        let features = features(replies).await.unwrap();
        let heard: Vec<_> = features.iter().map(|feature| feature.token.as_str()).collect();
        assert_eq!(heard, sentence.split_whitespace().collect::<Vec<_>>());
        assert_eq!(features.iter().filter(|feature| feature.last).count(), 1);
    }
    pair.stop().await;
}
