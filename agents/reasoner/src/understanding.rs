//! What has been seen and understood so far, and what follows from it. Pure: asks nobody and waits for nothing.

use agent_language::messages::TextFeature;
use agent_language::{Intent, IntentGuess};
use agent_vision::Guess;
use agent_vision::messages::{ImageFeature, Pass};

use crate::arithmetic;
use crate::messages::{Answer, Thought};

/// The results of both senses, once they are there. Partial results change nothing.
#[derive(Debug, Default)]
pub(crate) struct Understanding {
    digit: Option<Guess>,
    intent: Option<IntentGuess>,
}

/// Why nothing can be concluded although both senses have ended.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoConclusion {
    #[error("vision ended without a refined guess")]
    NotSeen,
    #[error("language ended before the last word")]
    NotUnderstood,
    #[error("a question of the kind {0} is newer than this agent")]
    Unanswerable(Intent),
}

/// What was understood, and the answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Conclusion {
    pub(crate) thoughts: [Thought; 2],
    pub(crate) answer: Answer,
}

impl Understanding {
    pub(crate) fn see(&mut self, feature: &ImageFeature) {
        if feature.pass == Pass::Refined {
            self.digit = Some(feature.guesses.best());
        }
    }

    pub(crate) fn hear(&mut self, feature: &TextFeature) {
        if feature.last {
            self.intent = Some(feature.guesses.best());
        }
    }

    pub(crate) fn conclude(&self) -> Result<Conclusion, NoConclusion> {
        let Guess { digit, probability: seen } = self.digit.ok_or(NoConclusion::NotSeen)?;
        let IntentGuess { intent, probability: understood } =
            self.intent.ok_or(NoConclusion::NotUnderstood)?;
        let text = arithmetic::answer(digit, intent).ok_or(NoConclusion::Unanswerable(intent))?;
        let thoughts = [
            Thought { text: format!("the picture shows {digit}, by {:.0} %", seen * 100.0) },
            Thought { text: format!("the question is {intent}, by {:.0} %", understood * 100.0) },
        ];
        Ok(Conclusion { thoughts, answer: Answer { digit, intent, text, confidence: seen * understood } })
    }
}

#[cfg(test)]
mod tests {
    use agent_language::IntentGuesses;
    use agent_vision::Guesses;

    use super::*;

    fn seen(pass: Pass, digit: u8) -> ImageFeature {
        let three = [(digit, 0.5), ((digit + 1) % 10, 0.3), ((digit + 2) % 10, 0.2)];
        let guesses = three.map(|(digit, probability)| Guess { digit, probability });
        ImageFeature { pass, guesses: Guesses::try_from(guesses).unwrap() }
    }

    fn heard(intent: Intent, last: bool) -> TextFeature {
        let others = Intent::ALL.into_iter().filter(|other| *other != intent);
        let mut ranked = [intent].into_iter().chain(others).zip([0.5, 0.3, 0.2]);
        let guesses = std::array::from_fn(|_| {
            let (intent, probability) = ranked.next().unwrap();
            IntentGuess { intent, probability }
        });
        TextFeature { token: "word".into(), guesses: IntentGuesses::try_from(guesses).unwrap(), last }
    }

    #[test]
    fn the_answer_follows_from_the_last_guesses_alone() {
        let mut understanding = Understanding::default();
        understanding.see(&seen(Pass::Coarse, 1));
        understanding.hear(&heard(Intent::Name, false));
        understanding.see(&seen(Pass::Refined, 7));
        understanding.hear(&heard(Intent::Square, true));

        let Conclusion { thoughts, answer } = understanding.conclude().unwrap();

        let expected = Answer { digit: 7, intent: Intent::Square, text: "49".into(), confidence: 0.25 };
        assert_eq!(answer, expected);
        assert_eq!(thoughts[0].text, "the picture shows 7, by 50 %");
        assert_eq!(thoughts[1].text, "the question is square, by 50 %");
    }

    #[test]
    fn partial_results_lead_to_no_conclusion() {
        let mut understanding = Understanding::default();
        understanding.see(&seen(Pass::Coarse, 7));
        assert_eq!(understanding.conclude(), Err(NoConclusion::NotSeen));
        understanding.see(&seen(Pass::Refined, 7));
        understanding.hear(&heard(Intent::Square, false));
        assert_eq!(understanding.conclude(), Err(NoConclusion::NotUnderstood));
    }
}
