//! What there is to know about a digit. Pure: the same question always has the same answer.

use agent_language::Intent;

/// The English names of the digits.
const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// The answer to a question about a digit; `None` for a question newer than this agent or a number beyond 9.
pub(crate) fn answer(digit: u8, intent: Intent) -> Option<String> {
    let name = NAMES.get(usize::from(digit))?;
    let number = i16::from(digit);
    Some(match intent {
        Intent::Name => digit.to_string(),
        Intent::Parity if digit.is_multiple_of(2) => format!("{digit} is even"),
        Intent::Parity => format!("{digit} is odd"),
        Intent::Double => (2 * number).to_string(),
        Intent::Square => (number * number).to_string(),
        Intent::Successor => (number + 1).to_string(),
        Intent::Predecessor => (number - 1).to_string(),
        Intent::IsPrime if matches!(digit, 2 | 3 | 5 | 7) => format!("{digit} is prime"),
        Intent::IsPrime => format!("{digit} is not prime"),
        Intent::Spell => spell(name),
        _ => return None,
    })
}

fn spell(name: &str) -> String {
    name.chars().map(String::from).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_about_seven_has_its_answer() {
        let answers = Intent::ALL.map(|intent| answer(7, intent).unwrap());
        assert_eq!(answers, ["7", "7 is odd", "14", "49", "8", "6", "7 is prime", "s-e-v-e-n"]);
    }

    #[test]
    fn zero_is_even_not_prime_and_has_a_predecessor() {
        assert_eq!(answer(0, Intent::Parity).unwrap(), "0 is even");
        assert_eq!(answer(0, Intent::IsPrime).unwrap(), "0 is not prime");
        assert_eq!(answer(0, Intent::Predecessor).unwrap(), "-1");
    }

    #[test]
    fn the_primes_are_those_without_a_divisor() {
        for digit in 0..10_u8 {
            let prime = digit > 1 && (2..digit).all(|divisor| digit % divisor != 0);
            let said = answer(digit, Intent::IsPrime).unwrap();
            assert_eq!(!said.contains("not"), prime, "{said}");
        }
    }

    #[test]
    fn what_is_no_digit_has_no_answer() {
        assert_eq!(answer(10, Intent::Name), None);
    }
}
