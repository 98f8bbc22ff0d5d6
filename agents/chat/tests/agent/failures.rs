//! What a requester learns when the endpoint does not do its part.

use std::time::Duration;

use agent_chat::ChatParams;
use agent_chat::messages::COMPLETE;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use tokio::net::TcpListener;

use crate::stage::{Call, KEY, Stage, asking, done, failure, nodes, token};

/// What the requester learns when the endpoint answers in this way.
async fn failure_after(respond: impl FnOnce(Call)) -> String {
    let mut stage = Stage::new().await;
    let mut replies = stage.ask(&asking("Hello")).await;
    respond(stage.call().await);
    let error = failure(&mut replies).await;
    assert!(!error.contains(KEY) && !error.contains("127.0.0.1"), "{error}");
    stage.stop().await;
    error
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_cannot_be_reached() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (requester, agent) = nodes(ChatParams::new(&format!("http://{nobody}/v1"), "m").unwrap()).await;
    let body = swarm_core::proto::to_vec(&asking("Hello")).unwrap();

    let mut replies = requester.request_assistance(agent.id(), COMPLETE, body).await.unwrap();

    let error = failure(&mut replies).await;
    assert!(error.starts_with("the endpoint cannot be reached: "), "{error}");
    assert!(!error.contains(&nobody.to_string()), "{error}");
}

#[tokio::test]
async fn a_refusal_is_passed_on_with_the_words_of_the_endpoint() {
    let not_found = r#"{"error":{"message":"no model named gpt-0","type":"invalid_request_error"}}"#;
    let error = failure_after(|call| call.refuse(StatusCode::NOT_FOUND, not_found)).await;
    assert_eq!(error, "the endpoint refuses the request (404 Not Found): no model named gpt-0");

    let error = failure_after(|call| call.refuse(StatusCode::BAD_GATEWAY, "<html>")).await;
    assert_eq!(error, "the endpoint refuses the request (502 Bad Gateway)");
}

#[tokio::test]
async fn too_many_requests_say_so() {
    let error = failure_after(|call| {
        let response = Response::builder().status(429).header("retry-after", "7");
        call.respond(response.body(Body::from(r#"{"error":{"message":"slow down"}}"#)).unwrap());
    });
    let expected = "the endpoint has too many requests (429): try again in 7 s: slow down";
    assert_eq!(error.await, expected);
}

#[tokio::test]
async fn an_endpoint_that_repeats_the_key_does_not_give_it_away() {
    let repeated = format!(r#"{{"error":{{"message":"who is {KEY}?"}}}}"#);
    let error = failure_after(|call| call.refuse(StatusCode::BAD_REQUEST, &repeated)).await;
    assert!(error.ends_with("who is [key]?"), "{error}");

    let masked = r#"{"error":{"message":"wrong key: sk-on****int"}}"#;
    let error = failure_after(|call| call.refuse(StatusCode::UNAUTHORIZED, masked)).await;
    assert!(error.contains("OPENAI_API_KEY") && !error.contains("sk-on"), "{error}");
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let mut elsewhere = Stage::new().await;
    let mut stage = Stage::new().await;
    let mut there = elsewhere.ask(&asking("Hello")).await;
    let call = elsewhere.call().await;
    let host = call.headers.get("host").unwrap().to_str().unwrap().to_owned();
    call.refuse(StatusCode::GONE, "");
    failure(&mut there).await;

    let mut replies = stage.ask(&asking("Hello")).await;
    let location = format!("http://{host}/v1/chat/completions");
    let redirect = Response::builder().status(307).header("location", location);
    stage.call().await.respond(redirect.body(Body::empty()).unwrap());

    assert!(failure(&mut replies).await.contains("307"));
    assert!(elsewhere.no_call_came());
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_told_as_such() {
    let error = failure_after(|call| {
        let response = Response::builder().header("content-type", "application/json");
        call.respond(response.body(Body::from("{}")).unwrap());
    });
    assert_eq!(error.await, "the endpoint does not stream: it answered with application/json");
}

#[tokio::test]
async fn tokens_that_came_before_a_failure_are_valid() {
    for ending in ["broken", "early", "nonsense", "complaint"] {
        let mut stage = Stage::new().await;
        let mut replies = stage.ask(&asking("Hello")).await;
        let answer = stage.call().await.stream();
        answer.token("Good").await;
        assert_eq!(token(&mut replies).await, "Good");

        let expected = match ending {
            "broken" => {
                answer.break_off().await;
                "the answer broke off: "
            }
            "early" => {
                drop(answer);
                "the answer ended before it was finished"
            }
            "nonsense" => {
                answer.event("{\"choices\": 7").await;
                "the answer is not in the chat protocol: "
            }
            _ => {
                answer.event(r#"{"error":{"message":"out of memory","code":500}}"#).await;
                "the endpoint gave up: out of memory"
            }
        };

        let error = failure(&mut replies).await;
        assert!(error.starts_with(expected), "{error}");
        stage.stop().await;
    }
}

#[tokio::test]
async fn an_answer_without_its_last_event_is_complete_once_the_model_has_finished() {
    let mut stage = Stage::new().await;
    let mut replies = stage.ask(&asking("Hello")).await;
    let answer = stage.call().await.stream();
    answer.event(r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"length"}]}"#).await;
    drop(answer);

    assert_eq!(token(&mut replies).await, "Hi");
    let done = done(&mut replies).await;
    assert_eq!((done.finish_reason.as_deref(), done.model.as_str()), (Some("length"), "house-model"));
    assert_eq!(done.usage, None);
    stage.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_is_given_up() {
    let brief = Duration::from_millis(200);
    let mut stage = Stage::with(|params| params.silence_timeout(brief)).await;

    let mut replies = stage.ask(&asking("Hello")).await;
    let call = stage.call().await;
    assert_eq!(failure(&mut replies).await, "the endpoint said nothing for 200ms");
    call.closed().await;

    let mut replies = stage.ask(&asking("Hello")).await;
    let answer = stage.call().await.stream();
    assert_eq!(failure(&mut replies).await, "the endpoint said nothing for 200ms");
    answer.closed().await;
    stage.stop().await;
}
