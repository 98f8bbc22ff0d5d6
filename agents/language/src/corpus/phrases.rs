//! The words of the corpus: how questions about a digit open, what they ask, how they close. Data, no behaviour.
//!
//! `{x}` stands for the digit, `[one|another]` for a choice of words.

use crate::Intent;

/// The grammar of a request, which decides what can come before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Form {
    /// "Is it even?"
    #[default]
    Question,
    /// "Tell me" "whether it is even".
    Clause,
    /// "Please" "double it".
    Command,
}

impl Form {
    /// What can open a request of this form.
    pub(super) const fn openings(self) -> &'static [&'static str] {
        match self {
            Self::Question => &[
                "",
                "",
                "hey,",
                "hello,",
                "so,",
                "quick question:",
                "excuse me,",
                "sorry to bother you,",
                "well then,",
                "one more thing:",
                "just curious,",
            ],
            Self::Clause => &[
                "tell me",
                "please tell me",
                "can you tell me",
                "could you please tell me",
                "i would like to know",
                "i want to know",
                "do you know",
                "let me know",
                "i wonder",
                "could you find out",
                "any idea",
                "would you mind telling me",
            ],
            Self::Command => &[
                "",
                "please",
                "can you",
                "could you",
                "would you kindly",
                "now",
                "hey, please",
                "i need you to",
                "go ahead and",
                "i want you to",
                "be so kind and",
            ],
        }
    }
}

/// Ways to speak of the digit.
pub(super) const REFERENCES: [&str; 14] = [
    "it",
    "this",
    "that",
    "this digit",
    "that digit",
    "the digit",
    "the number",
    "this number",
    "the figure",
    "the digit in the picture",
    "the number in the image",
    "the number on the photo",
    "the digit you see",
    "the handwritten digit",
];

/// What can follow a request.
pub(super) const CLOSINGS: [&str; 12] = [
    "",
    "",
    "",
    "please",
    "thanks",
    "thank you",
    "for me",
    "if you can",
    "right now",
    "when you have a moment",
    "as quickly as possible",
    "my friend",
];

/// How sentences end.
pub(super) const ENDINGS: [&str; 5] = ["", "", "?", ".", "!"];

/// What is asked, for each intent and form. Never empty.
pub(super) const fn cores(intent: Intent, form: Form) -> &'static [&'static str] {
    let [questions, clauses, commands] = match intent {
        Intent::Name => NAME,
        Intent::Parity => PARITY,
        Intent::Double => DOUBLE,
        Intent::Square => SQUARE,
        Intent::Successor => SUCCESSOR,
        Intent::Predecessor => PREDECESSOR,
        Intent::IsPrime => IS_PRIME,
        Intent::Spell => SPELL,
    };
    match form {
        Form::Question => questions,
        Form::Clause => clauses,
        Form::Command => commands,
    }
}

/// Questions, clauses, commands.
type Cores = [&'static [&'static str]; 3];

const NAME: Cores = [
    &[
        "what is {x}",
        "which [digit|number|figure] is {x}",
        "what [digit|number] [do you see|can you see|is shown]",
        "what does {x} [show|say|look like]",
        "which [digit|number] are we looking at",
        "is {x} a [one or a seven|three or an eight|four or a nine|five or a six]",
    ],
    &[
        "which [digit|number] {x} is",
        "what {x} is",
        "what {x} [shows|says]",
        "which [digit|number] you [see|recognise|think it is]",
        "what [digit|number] is [shown|drawn|written] [here|there]",
    ],
    &[
        "[read|name|identify|recognise|classify] {x}",
        "say which [digit|number] {x} is",
        "have a look at {x} and say what it is",
        "read {x} [aloud|to me]",
    ],
];

const PARITY: Cores = [
    &[
        "is {x} [even or odd|odd or even]",
        "is {x} [even|odd|an even number|an odd number]",
        "can {x} be [divided by two|halved] without a [remainder|rest]",
        "what is the parity of {x}",
        "is {x} divisible by [two|2]",
    ],
    &[
        "whether {x} is [even or odd|odd or even]",
        "if {x} is [even|odd|an even one|an odd one]",
        "the parity of {x}",
        "whether {x} is divisible by [two|2]",
        "if [two|2] divides {x}",
    ],
    &[
        "[check|decide|determine] whether {x} is [even|odd|even or odd]",
        "[give|state|determine] the parity of {x}",
        "say [even or odd|odd or even] for {x}",
        "[test|check] {x} for [parity|evenness|oddness]",
    ],
];

const DOUBLE: Cores = [
    &[
        "what is [twice|two times|2 times|double] {x}",
        "what is {x} [times two|times 2|doubled|multiplied by two|plus itself]",
        "how much is [twice|two times|double] {x}",
        "what do i get if i [double {x}|multiply {x} by two|add {x} to itself]",
        "what is the double of {x}",
    ],
    &[
        "what [twice|two times|double] {x} is",
        "how much {x} [doubled|times two|plus itself] is",
        "the double of {x}",
        "what {x} is when [doubled|multiplied by two|added to itself]",
    ],
    &[
        "double {x}",
        "multiply {x} by [two|2]",
        "[compute|calculate|give me] [twice|two times|the double of] {x}",
        "add {x} to itself",
        "take {x} [twice|two times]",
    ],
];

const SQUARE: Cores = [
    &[
        "what is {x} [squared|times itself|to the power of two]",
        "what is the square of {x}",
        "how much is {x} [squared|times itself|multiplied by itself]",
        "what do i get if i [square {x}|multiply {x} by itself]",
        "what is the second power of {x}",
    ],
    &[
        "what {x} [squared|times itself] is",
        "the square of {x}",
        "how much {x} [squared|multiplied by itself] is",
        "what the [square|second power] of {x} is",
    ],
    &[
        "square {x}",
        "multiply {x} by itself",
        "[compute|calculate|give me] the [square|second power] of {x}",
        "raise {x} to the [second power|power of two]",
        "[compute|calculate] {x} [squared|times itself]",
    ],
];

const SUCCESSOR: Cores = [
    &[
        "what [comes|follows] [after|right after|next after] {x}",
        "what is the [successor|next number] [of|after] {x}",
        "what is {x} plus [one|1]",
        "which number [follows|comes after|is one above] {x}",
        "what is one more than {x}",
        "what comes next if i count up from {x}",
    ],
    &[
        "what [comes after|follows] {x}",
        "the [successor of|number after|next number after] {x}",
        "what {x} plus [one|1] is",
        "which number is one [more|higher|greater|larger] than {x}",
        "what follows {x} when counting up",
    ],
    &[
        "add [one|1] to {x}",
        "increment {x}",
        "[count|go] [up|one up|forward] from {x}",
        "[give|name] the [successor of|number after] {x}",
        "increase {x} by [one|1]",
    ],
];

const PREDECESSOR: Cores = [
    &[
        "what [comes|is] [before|right before|just before] {x}",
        "what is the [predecessor of|previous number before|number before] {x}",
        "what is {x} minus [one|1]",
        "which number [precedes|comes before|is one below] {x}",
        "what is one less than {x}",
        "what comes next if i count down from {x}",
    ],
    &[
        "what [comes before|precedes] {x}",
        "the [predecessor of|number before|previous number of] {x}",
        "what {x} minus [one|1] is",
        "which number is one [less|lower|smaller] than {x}",
        "what precedes {x} when counting down",
    ],
    &[
        "subtract [one|1] from {x}",
        "decrement {x}",
        "[count|go] [down|one down|backward] from {x}",
        "[give|name] the [predecessor of|number before] {x}",
        "[decrease|reduce] {x} by [one|1]",
        "take [one|1] away from {x}",
    ],
];

const IS_PRIME: Cores = [
    &[
        "is {x} [prime|a prime|a prime number|composite]",
        "is {x} [prime or composite|prime or not]",
        "does {x} have [divisors|factors] other than one and itself",
        "is {x} divisible only by one and itself",
        "can {x} be [factored|split into factors]",
        "does {x} belong to the primes",
    ],
    &[
        "whether {x} is [prime|a prime|a prime number|composite]",
        "if {x} is [prime|a prime number|composite]",
        "whether {x} has [divisors|factors] besides one and itself",
        "if {x} belongs to the [primes|prime numbers]",
    ],
    &[
        "[check|decide|determine] whether {x} is [prime|a prime number|composite]",
        "test {x} for [primality|primeness]",
        "run a [prime|primality] test on {x}",
        "say [prime or not|prime or composite] for {x}",
    ],
];

const SPELL: Cores = [
    &[
        "how do you [spell|spell out] {x}",
        "how is {x} [spelt|spelled|spelled out]",
        "what are the letters of {x}",
        "which letters [make up|are in the name of|does one need for] {x}",
        "how do i write {x} in [letters|words]",
        "what is the spelling of {x}",
    ],
    &[
        "how to spell {x}",
        "how {x} is [spelt|spelled|written in letters|written as a word]",
        "the letters of {x}",
        "the spelling of {x}",
        "which letters {x} is spelled with",
    ],
    &[
        "spell {x}",
        "spell out {x} [letter by letter|in letters]",
        "write {x} [in letters|as a word|in words|out in full]",
        "[give|list] the letters of {x}",
        "write out the word for {x}",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_intent_can_be_asked_in_every_form() {
        for intent in Intent::ALL {
            for form in [Form::Question, Form::Clause, Form::Command] {
                assert!(cores(intent, form).len() >= 4, "{intent} as {form:?}");
            }
        }
    }

    #[test]
    fn no_core_asks_for_two_intents() {
        let all = Intent::ALL
            .into_iter()
            .flat_map(|intent| [Form::Question, Form::Clause, Form::Command].map(|form| cores(intent, form)));
        let mut cores: Vec<&str> = all.flatten().copied().collect();
        let count = cores.len();
        cores.sort_unstable();
        cores.dedup();
        assert_eq!(cores.len(), count);
    }
}
