//! What one node holds of another, for all pairs that are connected.

use std::time::Duration;

use super::{Problem, Shape};

/// For all pairs to be connected.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// By node, then by peer; both ends of each pair.
pub struct Pairs<P> {
    by_peer: Vec<Vec<Option<P>>>,
    missing: usize,
}

impl<P> Pairs<P> {
    /// None is there yet.
    pub fn new(shape: Shape) -> Self {
        let pairs = if shape.full { shape.nodes * (shape.nodes - 1) / 2 } else { shape.nodes - 1 };
        let by_peer = (0..shape.nodes).map(|_| (0..shape.nodes).map(|_| None).collect());
        Self { by_peer: by_peer.collect(), missing: 2 * pairs }
    }

    /// How many ends are missing.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// One more end is there.
    pub fn put(&mut self, node: usize, peer: usize, end: P) -> Result<(), Problem> {
        let place = self.by_peer.get_mut(node).and_then(|peers| peers.get_mut(peer));
        if place.ok_or("there is no such node")?.replace(end).is_none() {
            self.missing = self.missing.saturating_sub(1);
        }
        Ok(())
    }

    /// What this node holds of its peers.
    pub fn of(&self, node: usize) -> impl Iterator<Item = &P> {
        self.by_peer.get(node).into_iter().flatten().flatten()
    }

    /// What this node holds of a peer.
    pub fn get(&self, node: usize, peer: usize) -> Result<&P, Problem> {
        let end = self.by_peer.get(node).and_then(|peers| peers.get(peer)).and_then(Option::as_ref);
        Ok(end.ok_or("these two are not connected")?)
    }
}
