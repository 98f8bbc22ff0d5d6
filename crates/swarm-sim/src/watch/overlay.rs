//! Who is connected to whom, as the nodes themselves say it.

use std::collections::BTreeSet;

/// The graph of the agents that run. Two are connected when both say so.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Whom each member says it is connected to.
    known: Vec<BTreeSet<usize>>,
    /// Pairs of which both say it, the smaller first.
    connections: BTreeSet<(usize, usize)>,
}

impl Overlay {
    pub(crate) fn new(members: usize) -> Self {
        Self { known: vec![BTreeSet::new(); members], connections: BTreeSet::new() }
    }

    /// A member says that a peer came, or that it went. True if the two are connected by it, or not any more.
    pub(crate) fn knows(&mut self, member: usize, peer: usize, came: bool) -> bool {
        let Some(known) = self.known.get_mut(member) else { return false };
        if came {
            known.insert(peer)
        } else {
            known.remove(&peer)
        };
        let both = came && self.known.get(peer).is_some_and(|known| known.contains(&member));
        if both {
            self.connections.insert(pair(member, peer))
        } else {
            self.connections.remove(&pair(member, peer))
        }
    }

    /// A member has ended without a word. Whoever knows it finds out by and by. Gives those whom it was connected to.
    pub(crate) fn forget(&mut self, member: usize) -> Vec<usize> {
        let known = self.known.get_mut(member).map(std::mem::take).unwrap_or_default();
        known.into_iter().filter(|peer| self.connections.remove(&pair(member, *peer))).collect()
    }

    /// Pairs that are connected, each once, sorted.
    pub(crate) fn connections(&self) -> &BTreeSet<(usize, usize)> {
        &self.connections
    }

    /// Into how many parts those who run have fallen.
    pub(crate) fn components(&self, runs: impl Fn(usize) -> bool) -> usize {
        let mut parts = Parts::new(self.known.len());
        let running = (0..self.known.len()).filter(|member| runs(*member)).count();
        let joined =
            self.connections.iter().filter(|(a, b)| runs(*a) && runs(*b) && parts.join(*a, *b)).count();
        running.saturating_sub(joined)
    }
}

/// The smaller first.
fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// Disjoint sets with path halving (Tarjan, van Leeuwen 1984).
struct Parts {
    parents: Vec<usize>,
}

impl Parts {
    fn new(members: usize) -> Self {
        Self { parents: (0..members).collect() }
    }

    fn root(&mut self, mut member: usize) -> usize {
        while let Some(parent) = self.parents.get(member).copied().filter(|parent| *parent != member) {
            let grandparent = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(entry) = self.parents.get_mut(member) {
                *entry = grandparent;
            }
            member = grandparent;
        }
        member
    }

    /// Whether they were not joined before.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(entry) = self.parents.get_mut(a) {
            *entry = b;
        }
        a != b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(overlay: &mut Overlay, a: usize, b: usize) {
        overlay.knows(a, b, true);
        overlay.knows(b, a, true);
    }

    #[test]
    fn two_are_connected_while_both_say_so() {
        let mut overlay = Overlay::new(3);
        overlay.knows(1, 0, true);
        assert!(overlay.connections().is_empty());
        overlay.knows(0, 1, true);
        assert_eq!(overlay.connections().iter().collect::<Vec<_>>(), [&(0, 1)]);
        overlay.knows(1, 0, false);
        assert!(overlay.connections().is_empty());
    }

    #[test]
    fn components_are_counted_among_those_who_run() {
        let mut overlay = Overlay::new(6);
        meet(&mut overlay, 0, 1);
        meet(&mut overlay, 1, 2);
        meet(&mut overlay, 2, 0);
        meet(&mut overlay, 4, 3);
        assert_eq!(overlay.components(|_| true), 3);
        assert_eq!(overlay.components(|member| member != 5), 2);
        overlay.forget(1);
        assert_eq!(overlay.components(|member| member < 3), 2);
    }
}
