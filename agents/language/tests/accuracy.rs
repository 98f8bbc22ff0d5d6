//! How well sentences are understood that the network never saw: other seeds, and wordings kept from training.

use std::error::Error;

use agent_language::{Features, Intent, IntentClassifier, Sentence, SentenceWriter};

#[test]
fn sentences_of_unseen_seeds_are_understood() {
    let understood = share(SentenceWriter::new(900_001).take(1500)).unwrap();
    assert!(understood > 0.95, "understood {understood}");
}

#[test]
fn wordings_kept_from_training_are_understood() {
    let understood = share(SentenceWriter::held_out(900_002).take(1500)).unwrap();
    assert!(understood > 0.95, "understood {understood}");
}

#[test]
fn the_last_guess_of_a_stream_is_that_of_the_whole_sentence() {
    let classifier = IntentClassifier::new().unwrap();
    for (text, _) in SentenceWriter::new(900_003).take(100) {
        let sentence = Sentence::new(text).unwrap();
        let last = classifier.stream(&sentence).last().unwrap().unwrap();
        let whole = classifier.classify(&sentence.tokens().collect::<Features>()).unwrap();
        assert_eq!(last.guesses, whole, "{sentence}");
    }
}

#[test]
fn a_guess_follows_each_word_and_changes_its_mind_when_words_do() {
    let classifier = IntentClassifier::new().unwrap();
    let sentence = Sentence::new("What is the digit squared").unwrap();
    let guesses: Vec<_> = classifier.stream(&sentence).map(Result::unwrap).collect();
    assert_eq!(guesses.len(), 5);
    assert_eq!(guesses[3].guesses.best().intent, Intent::Name);
    assert_eq!(guesses[4].guesses.best().intent, Intent::Square);
}

fn share(sentences: impl Iterator<Item = (String, Intent)>) -> Result<f64, Box<dyn Error>> {
    let classifier = IntentClassifier::new()?;
    let (mut right, mut count) = (0_u32, 0_u32);
    for (text, intent) in sentences {
        let features: Features = Sentence::new(text)?.tokens().collect();
        right += u32::from(classifier.classify(&features)?.best().intent == intent);
        count += 1;
    }
    Ok(f64::from(right) / f64::from(count))
}
