//! Random meshes in which every agent has the same number of peers and nobody is cut off.
//!
//! A regular lattice over the shuffled agents is rewired by exchanging the far ends of two connections, which keeps
//! everybody's number of peers, until nothing of the lattice is left to see; then on until all hang together.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::graph::{hangs_together, sorted};

/// Rewirings per connection after which the lattice is forgotten. Ten is the customary number (Milo et al. 2003,
/// "On the uniform generation of random graphs with prescribed degree sequences").
const REWIRINGS: usize = 10;

/// Rounds of further rewiring for a mesh that fell apart. From degree 3 on a random one nearly always hangs together,
/// so the second round is already rare.
const ROUNDS: usize = 32;

pub(super) fn pairs(agents: usize, degree: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..agents).collect();
    order.shuffle(&mut rng);
    let lattice = Mesh::lattice(&order, degree.min(agents.saturating_sub(1)));
    // With two peers each, hanging together means being one ring, and a shuffled ring is as random as it gets.
    if degree <= 2 {
        return lattice.into_pairs();
    }
    let mut mesh = lattice.clone();
    for _ in 0..ROUNDS {
        mesh.rewire(&mut rng);
        if hangs_together(mesh.set.iter().copied(), agents) {
            return mesh.into_pairs();
        }
    }
    lattice.into_pairs()
}

/// Connections with the smaller number first, as a list to draw from and as a set to look up.
#[derive(Clone)]
struct Mesh {
    list: Vec<(usize, usize)>,
    set: BTreeSet<(usize, usize)>,
}

impl Mesh {
    /// Each agent of the circle to its nearest: `degree / 2` on either side, and the one opposite if that is odd.
    fn lattice(circle: &[usize], degree: usize) -> Self {
        let agents = circle.len();
        let mut set = BTreeSet::new();
        for (place, agent) in circle.iter().enumerate() {
            let opposite = (degree % 2 == 1).then_some(agents / 2);
            for distance in (1..=degree / 2).chain(opposite) {
                let peer = circle.get((place + distance) % agents.max(1));
                set.extend(peer.filter(|peer| *peer != agent).map(|peer| sorted(*agent, *peer)));
            }
        }
        Self { list: set.iter().copied().collect(), set }
    }

    fn rewire(&mut self, rng: &mut StdRng) {
        for _ in 0..self.list.len().saturating_mul(REWIRINGS) {
            let (first, second) =
                (rng.random_range(0..self.list.len()), rng.random_range(0..self.list.len()));
            self.exchange(first, second, rng.random());
        }
    }

    /// `a-b` and `c-d` become `a-d` and `c-b`, or `a-c` and `b-d`, unless somebody would be their own peer or a peer
    /// twice.
    fn exchange(&mut self, first: usize, second: usize, crossed: bool) {
        let (Some(&(a, b)), Some(&(c, d))) = (self.list.get(first), self.list.get(second)) else { return };
        let (c, d) = if crossed { (d, c) } else { (c, d) };
        let (one, other) = (sorted(a, d), sorted(c, b));
        if a == d || c == b || one == other || self.set.contains(&one) || self.set.contains(&other) {
            return;
        }
        for (place, new) in [(first, one), (second, other)] {
            if let Some(old) = self.list.get_mut(place) {
                self.set.remove(old);
                self.set.insert(new);
                *old = new;
            }
        }
    }

    fn into_pairs(self) -> Vec<(usize, usize)> {
        self.set.into_iter().collect()
    }
}
