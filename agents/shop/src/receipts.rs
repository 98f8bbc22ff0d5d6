//! Which orders were sold, in bounded memory. Pure.

use std::collections::BTreeSet;

/// How many orders back a sale can be told from its repetition.
const REMEMBERED: usize = 4096;

/// The orders of one customer that were sold.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    sold: BTreeSet<u64>,
}

impl Receipts {
    /// Notes a sale. Gives whether there was one of the same order before.
    pub(crate) fn note(&mut self, number: u64) -> bool {
        let twice = !self.sold.insert(number);
        while self.sold.len() > REMEMBERED {
            self.sold.pop_first();
        }
        twice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_sale_is_noticed_in_whatever_order_they_come() {
        let mut receipts = Receipts::default();
        assert_eq!(
            [3, 1, 2, 1, 3, 4].map(|number| receipts.note(number)),
            [false, false, false, true, true, false]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut receipts = Receipts::default();
        (0..10_000).for_each(|number| assert!(!receipts.note(number)));
        assert_eq!(receipts.sold.len(), REMEMBERED);
        assert!(receipts.note(9_999));
    }
}
