//! Which numbers of one sender have come.

/// How far behind the highest number a duplicate is still told from one that is merely late.
const WINDOW: u64 = 1024;

/// Remembers the highest number and the window behind it. What is older counts as new: nothing holds it back so long
/// but a queue, and queues do not duplicate.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The highest number and one; 0 before the first.
    end: u64,
    bits: [u64; (WINDOW / 64) as usize],
}

impl Default for Seen {
    fn default() -> Self {
        Self { end: 0, bits: [0; (WINDOW / 64) as usize] }
    }
}

impl Seen {
    /// Whether this number comes for the first time.
    pub fn is_new(&mut self, number: u64) -> bool {
        if number >= self.end {
            let skipped_from = self.end.max(number.saturating_sub(WINDOW - 1));
            (skipped_from..number).for_each(|skipped| self.set(skipped, false));
            self.end = number + 1;
            self.set(number, true);
            return true;
        }
        if self.end - number > WINDOW {
            return true;
        }
        let new = !self.has(number);
        self.set(number, true);
        new
    }

    fn has(&self, number: u64) -> bool {
        self.bits.get(word(number)).is_some_and(|bits| bits & mask(number) != 0)
    }

    fn set(&mut self, number: u64, seen: bool) {
        if let Some(bits) = self.bits.get_mut(word(number)) {
            *bits = if seen { *bits | mask(number) } else { *bits & !mask(number) };
        }
    }
}

fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

fn mask(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_in_any_order() {
        let mut seen = Seen::default();

        assert!([0, 2, 1, 5, 4, 3].iter().all(|number| seen.is_new(*number)));
        assert!((0..6).all(|number| !seen.is_new(number)));
    }

    #[test]
    fn a_jump_forgets_what_the_window_held_before() {
        let mut seen = Seen::default();
        (0..10).for_each(|number| assert!(seen.is_new(number)));

        assert!(seen.is_new(WINDOW + 5));

        assert!(seen.is_new(WINDOW + 3), "skipped by the jump");
        assert!(!seen.is_new(6), "still within the window");
        assert!(!seen.is_new(WINDOW + 5));
    }

    #[test]
    fn a_jump_over_several_windows_leaves_nothing_behind() {
        let mut seen = Seen::default();
        (0..WINDOW).for_each(|number| assert!(seen.is_new(number)));

        assert!(seen.is_new(10 * WINDOW));

        assert!((9 * WINDOW + 1..10 * WINDOW).all(|number| seen.is_new(number)));
    }
}
