//! How well pictures are read that the network never saw: their seeds are far from those used in training.

use agent_vision::{DigitClassifier, DigitPainter, Image};

const UNSEEN_SEEDS: [u64; 4] = [900_001, 900_002, 900_003, 900_004];
const PER_SEED: usize = 600;

#[test]
fn refined_reads_unseen_digits_and_coarse_is_its_rough_draft() {
    let classifier = DigitClassifier::new().unwrap();
    let drawn: Vec<(Image, u8)> =
        UNSEEN_SEEDS.into_iter().flat_map(|seed| DigitPainter::new(seed).take(PER_SEED)).collect();

    let coarse = share(&drawn, |image| classifier.coarse(image).unwrap().best().digit);
    let refined = share(&drawn, |image| classifier.refined(image).unwrap().best().digit);

    assert!(refined > 0.95, "refined reads {refined}");
    assert!(coarse > 0.6 && coarse < refined, "coarse reads {coarse}, refined {refined}");
}

#[test]
fn the_right_digit_is_nearly_always_among_the_three() {
    let classifier = DigitClassifier::new().unwrap();
    let images: Vec<(Image, u8)> = DigitPainter::new(900_005).take(500).collect();
    let found = images.iter().filter(|(image, digit)| {
        let guesses = classifier.refined(image).unwrap();
        guesses.as_slice().iter().any(|guess| guess.digit == *digit)
    });
    assert!(found.count() > 485);
}

fn share(drawn: &[(Image, u8)], read: impl Fn(&Image) -> u8) -> f64 {
    let right = drawn.iter().filter(|(image, digit)| read(image) == *digit).count();
    right as f64 / drawn.len() as f64
}
