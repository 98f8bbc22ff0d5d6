//! What a requester gets when the endpoint does its part, and what the endpoint sees of requesters.

use std::time::Duration;

use agent_chat::messages::{ChatRequest, Done, Message, Role, Usage};
use agent_chat::{ChatAgent, ChatParams, MAX_REQUEST_BYTES};
use swarm_core::AssistError;
use tokio::sync::watch;

use crate::stage::{KEY, Stage, asking, done, soon, token};

#[tokio::test]
async fn tokens_arrive_while_the_model_still_generates() {
    let mut stage = Stage::new().await;
    let mut replies = stage.ask(&asking("Hello")).await;
    let answer = stage.call().await.stream();

    // Each is asserted before the endpoint sends the next.
    for text in ["Good", " morning", " — grüß dich"] {
        answer.token(text).await;
        assert_eq!(token(&mut replies).await, text);
    }
    answer.finish().await;

    let usage = Some(Usage { prompt_tokens: 5, completion_tokens: 2 });
    let expected = Done { finish_reason: Some("stop".to_owned()), model: "real-model".to_owned(), usage };
    assert_eq!(done(&mut replies).await, expected);
    stage.stop().await;
}

#[tokio::test]
async fn the_endpoint_gets_the_conversation_and_the_key() {
    let mut stage = Stage::new().await;
    let request = ChatRequest {
        model: Some("other-model".to_owned()),
        temperature: Some(0.5),
        max_tokens: Some(9),
        ..ChatRequest::new([Message::new(Role::System, "Be brief."), Message::new(Role::User, "Hello")])
    };
    let _plain = stage.ask(&asking("Hi")).await;
    let plain = stage.call().await;
    let _full = stage.ask(&request).await;
    let full = stage.call().await;

    let expected = serde_json::json!({
        "model": "other-model",
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Hello" }],
        "temperature": 0.5,
        "max_tokens": 9,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    assert_eq!(full.json(), expected);
    assert_eq!(full.headers.get("authorization").unwrap(), &format!("Bearer {KEY}"));
    assert_eq!(plain.json().get("model").unwrap(), "house-model");
}

#[tokio::test]
async fn the_key_is_not_in_debug() {
    let params = ChatParams::new("http://127.0.0.1:9/v1", "m").unwrap().api_key(KEY).unwrap();
    assert!(!format!("{params:?} {:#?}", ChatAgent::new(params.clone()).unwrap()).contains(KEY));
}

#[tokio::test]
async fn conversations_are_served_side_by_side() {
    let mut stage = Stage::new().await;
    let mut first = stage.ask(&asking("first")).await;
    let first_answer = stage.call().await.stream();
    let mut second = stage.ask(&asking("second")).await;
    let second_answer = stage.call().await.stream();

    second_answer.token("2").await;
    assert_eq!(token(&mut second).await, "2");
    second_answer.finish().await;
    done(&mut second).await;
    first_answer.token("1").await;
    assert_eq!(token(&mut first).await, "1");
    stage.stop().await;
}

#[tokio::test]
async fn dropping_the_replies_closes_the_upstream_request() {
    let mut stage = Stage::new().await;
    let mut replies = stage.ask(&asking("Hello")).await;
    let answer = stage.call().await.stream();
    answer.token("Good").await;
    assert_eq!(token(&mut replies).await, "Good");

    drop(replies);

    answer.closed().await;
    stage.stop().await;
}

#[tokio::test]
async fn dropping_the_replies_closes_a_request_that_has_no_answer_yet() {
    let mut stage = Stage::new().await;
    let replies = stage.ask(&asking("Hello")).await;
    let call = stage.call().await;

    drop(replies);

    call.closed().await;
    stage.stop().await;
}

#[tokio::test]
async fn the_deadline_closes_the_upstream_request() {
    let mut stage = Stage::new().await;
    let deadline = Duration::from_millis(500);
    let mut replies = stage.ask_with(&asking("Hello"), |request| request.deadline(deadline)).await;
    let call = stage.call().await;

    assert_eq!(soon(replies.next_chunk()).await, Err(AssistError::DeadlineExceeded));

    call.closed().await;
    stage.stop().await;
}

#[tokio::test]
async fn a_slow_requester_holds_the_endpoint_back() {
    const TOKEN_BYTES: usize = 32 * 1024;
    const TOKENS: usize = 1024;
    /// 16 MiB: several times what all the buffers on the way hold, those of the kernel included.
    const BOUND: usize = 512;

    let mut stage = Stage::new().await;
    let patient = Duration::from_secs(120);
    let mut replies = stage.ask_with(&asking("Tell me all"), |request| request.deadline(patient)).await;
    let answer = stage.call().await.stream();
    let (sent, mut progress) = watch::channel(0);
    let generating = async {
        let text = "x".repeat(TOKEN_BYTES);
        for number in 1..=TOKENS {
            answer.token(&text).await;
            sent.send_replace(number);
        }
        answer.finish().await;
    };
    let reading_late = async {
        // Nothing is read until the endpoint makes no progress any more, or has said all.
        while *progress.borrow() < TOKENS
            && tokio::time::timeout(Duration::from_secs(1), progress.changed()).await.is_ok()
        {}
        let held_back_at = *progress.borrow();
        assert!((1..BOUND).contains(&held_back_at), "{held_back_at} of {TOKENS} tokens were taken");
        let mut bytes = 0;
        while bytes < TOKENS * TOKEN_BYTES {
            bytes += token(&mut replies).await.len();
        }
        done(&mut replies).await;
    };

    tokio::join!(generating, reading_late);
    stage.stop().await;
}

#[tokio::test]
async fn what_is_no_conversation_is_declined_with_the_reason() {
    let mut stage = Stage::new().await;
    let encoded = |request: &ChatRequest| swarm_core::proto::to_vec(request).unwrap();
    let strange_role = swarm_core::proto::to_vec(&serde_json::json!({
        "messages": [{ "role": "wizard", "content": "Hello" }]
    }));
    let wrong = [
        (Vec::new(), "not a ChatRequest"),
        (b"Hello".to_vec(), "not a ChatRequest"),
        (strange_role.unwrap(), "wizard"),
        (encoded(&ChatRequest::new([])), "no messages"),
        (encoded(&ChatRequest { temperature: Some(3.0), ..asking("Hello") }), "not from 0 to 2"),
        (encoded(&asking(&"x".repeat(MAX_REQUEST_BYTES))), "longer than 262144 bytes"),
    ];
    for (body, expected) in wrong {
        let error = soon(stage.ask_bytes(body).await.next_chunk()).await.unwrap_err();
        let AssistError::Declined { reason } = error else { panic!("{expected}: {error:?}") };
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(stage.no_call_came());
    stage.stop().await;
}

#[tokio::test]
async fn a_conversation_may_be_longer_than_a_chunk_and_so_may_what_is_said_at_once() {
    let mut stage = Stage::new().await;
    let long = "ö".repeat(50_000);
    let mut replies = stage.ask(&asking(&long)).await;
    let call = stage.call().await;
    assert_eq!(call.json().pointer("/messages/0/content").unwrap(), &long);

    let answer = call.stream();
    answer.token(&long).await;
    let said = [token(&mut replies).await, token(&mut replies).await].concat();
    assert!(said == long, "{} bytes of {}", said.len(), long.len());
    stage.stop().await;
}
