//! The agent as others meet it: over real WebTransport, between peers that see and understand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use std::time::Duration;

use agent_language::messages::{TEXT_FEATURE, TextFeature};
use agent_language::{Intent, LanguageAgent, LanguageParams};
use agent_reasoner::Puzzles;
use agent_reasoner::messages::{ANSWER, Answer, IMAGE, SENTENCE, THOUGHT};
use agent_vision::messages::{IMAGE_FEATURE, ImageFeature, Pass};
use agent_vision::{DigitPainter, VisionAgent, VisionParams};
use futures_util::stream;
use stage::{BlindEyes, PausingEyes, Stage, request, rest};
use swarm_core::{AssistError, Chunk, Ending, ReplyStream};

fn vision() -> VisionAgent {
    VisionAgent::new(VisionParams::default(), 1).unwrap()
}

fn language() -> LanguageAgent {
    LanguageAgent::new(LanguageParams::default(), 1).unwrap()
}

fn image() -> Chunk {
    Chunk::new(IMAGE, DigitPainter::new(900_030).draw(7).as_bytes().to_vec())
}

fn sentence(text: &'static str) -> Chunk {
    Chunk::new(SENTENCE, text)
}

async fn ask_parts(stage: &Stage, parts: impl IntoIterator<Item = Chunk>) -> ReplyStream {
    let parts: Vec<Chunk> = parts.into_iter().collect();
    stage.ask(request().body_stream(stream::iter(parts))).await
}

async fn next(replies: &mut ReplyStream) -> Chunk {
    replies.next_chunk().await.unwrap().unwrap()
}

fn labels(chunks: &[Chunk]) -> Vec<&str> {
    chunks.iter().map(|chunk| chunk.label.as_str()).collect()
}

#[tokio::test]
async fn partial_results_come_before_either_is_complete_and_the_answer_comes_last() {
    let eyes = PausingEyes::default();
    let stage = Stage::new().await.with(eyes.clone()).await.with(language()).await;

    let mut replies = ask_parts(&stage, [image(), sentence("What is its square")]).await;

    // Vision pauses after its first pass; whatever comes now comes before it is complete.
    let early = [next(&mut replies).await, next(&mut replies).await, next(&mut replies).await];
    let late_words = [next(&mut replies).await, next(&mut replies).await];
    let all: Vec<Chunk> = early.into_iter().chain(late_words).collect();
    let coarse: Vec<&Chunk> = all.iter().filter(|chunk| chunk.label == IMAGE_FEATURE).collect();
    assert_eq!(coarse.len(), 1, "{:?}", labels(&all));
    assert_eq!(coarse[0].decode::<ImageFeature>().unwrap().pass, Pass::Coarse);
    let words = all.iter().filter(|chunk| chunk.label == TEXT_FEATURE);
    let words: Vec<TextFeature> = words.map(|chunk| chunk.decode().unwrap()).collect();
    assert_eq!(
        words.iter().map(|word| word.token.as_str()).collect::<Vec<_>>(),
        ["What", "is", "its", "square"]
    );

    eyes.go_on();
    let end = rest(replies).await.unwrap();
    assert_eq!(labels(&end), [IMAGE_FEATURE, THOUGHT, THOUGHT, ANSWER]);
    let answer: Answer = end[3].decode().unwrap();
    assert_eq!((answer.digit, answer.intent, answer.text.as_str()), (7, Intent::Square, "49"));
    assert!(answer.confidence > 0.0 && answer.confidence <= 1.0);
    stage.stop().await;
}

#[tokio::test]
async fn a_sense_is_asked_as_soon_as_its_part_is_there() {
    let stage = Stage::new().await.with(vision()).await.with(language()).await;
    let (part, parts) = tokio::sync::mpsc::channel(1);
    let body = stream::unfold(parts, |mut parts| async { parts.recv().await.map(|part| (part, parts)) });
    let mut replies = stage.ask(request().body_stream(body)).await;

    // The sentence alone is answered to its end while the picture is still to come.
    part.send(sentence("Spell it")).await.unwrap();
    assert!(!next(&mut replies).await.decode::<TextFeature>().unwrap().last);
    assert!(next(&mut replies).await.decode::<TextFeature>().unwrap().last);

    part.send(image()).await.unwrap();
    let end = rest(replies).await.unwrap();
    assert_eq!(labels(&end), [IMAGE_FEATURE, IMAGE_FEATURE, THOUGHT, THOUGHT, ANSWER]);
    assert_eq!(end[4].decode::<Answer>().unwrap().text, "s-e-v-e-n");
    stage.stop().await;
}

#[tokio::test]
async fn puzzles_in_one_chunk_are_solved() {
    let stage = Stage::new().await;
    let stage = stage.with(vision()).await.with(vision()).await.with(language()).await.with(language()).await;

    let mut solved = 0;
    for puzzle in Puzzles::new(1).take(20) {
        let reply = rest(stage.ask(request().payload(puzzle.payload().unwrap())).await).await.unwrap();
        solved += usize::from(puzzle.is_solved_by(&reply));
    }

    assert!(solved >= 18, "{solved} of 20");
    assert_eq!(stage.reasoner().counters().requests_ended.get(&Ending::Completed), Some(&40));
    stage.stop().await;
}

#[tokio::test]
async fn a_peer_that_fails_is_made_up_for_by_another() {
    let stage = Stage::new().await.with(BlindEyes).await.with(vision()).await.with(language()).await;

    for puzzle in Puzzles::new(2).take(8) {
        let reply = rest(stage.ask(request().payload(puzzle.payload().unwrap())).await).await.unwrap();
        assert_eq!(reply.last().unwrap().label, ANSWER);
    }
    stage.stop().await;
}

#[tokio::test]
async fn a_missing_vision_peer_is_declined() {
    let stage = Stage::new().await.with(language()).await;

    let error = rest(ask_parts(&stage, [sentence("Is it odd?"), image()]).await).await.unwrap_err();

    let AssistError::Declined { reason } = error else { panic!("{error:?}") };
    assert!(reason.contains("no peer offers vision.classify"), "{reason}");
    stage.stop().await;
}

#[tokio::test]
async fn a_failing_peer_fails_the_request_with_its_error() {
    let stage = Stage::new().await.with(BlindEyes).await.with(language()).await;

    let error = rest(ask_parts(&stage, [image(), sentence("Is it odd?")]).await).await.unwrap_err();

    let AssistError::Failed { error } = error else { panic!("{error:?}") };
    assert!(error.contains("vision.classify") && error.contains("it is dark"), "{error}");
    stage.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_declined_with_the_reason() {
    let stage = Stage::new().await.with(vision()).await.with(language()).await;

    let small = Chunk::new(IMAGE, "small");
    let cases = [
        (vec![image()], "without the sentence"),
        (vec![], "without the image"),
        (vec![image(), image()], "twice"),
        (vec![Chunk::new("sound", "")], "\"sound\""),
        (vec![Chunk::new("", "gibberish")], "map with image and sentence"),
        (vec![small, sentence("Is it odd?")], "send 400"),
    ];
    for (parts, why) in cases {
        let error = rest(ask_parts(&stage, parts).await).await.unwrap_err();
        assert!(
            matches!(&error, AssistError::Declined { reason } if reason.contains(why)),
            "{why}: {error:?}"
        );
    }
    stage.stop().await;
}

#[tokio::test]
async fn cancelling_travels_on_to_the_peers() {
    let eyes = PausingEyes::default();
    let stage = Stage::new().await.with(eyes.clone()).await.with(language()).await;
    let mut replies = ask_parts(&stage, [image(), sentence("Is it odd?")]).await;
    while next(&mut replies).await.label != IMAGE_FEATURE {}

    drop(replies);

    eyes.interrupted().await;
    stage.stop().await;
}

#[tokio::test]
async fn what_it_asks_inherits_the_deadline() {
    let eyes = PausingEyes::default();
    let stage = Stage::new().await.with(eyes.clone()).await.with(language()).await;
    // Less than the 30 s that a request has of its own, and long enough for any machine.
    let deadline = Duration::from_secs(20);
    let body = stream::iter([image(), sentence("Is it odd?")]);

    let replies = stage.ask(request().body_stream(body).deadline(deadline)).await;
    eyes.go_on();

    assert_eq!(rest(replies).await.unwrap().pop().unwrap().label, ANSWER);
    assert!(eyes.time_left() <= deadline, "{:?}", eyes.time_left());
    stage.stop().await;
}
