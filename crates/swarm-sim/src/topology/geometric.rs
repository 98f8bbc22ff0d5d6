//! Meshes of agents that hear whoever is near, as radios do (Gilbert 1961, "Random plane networks").

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::graph::{hangs_together, sorted};

/// Agents at random places of a square with sides of length 1, each connected to all within the radius. Where that leaves
/// parts for themselves, the shortest connections between them are added.
pub(super) fn pairs(agents: usize, radius: f64, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let places: Vec<Place> = (0..agents).map(|_| (rng.random(), rng.random())).collect();
    let mut pairs = near(&places, radius);
    if !hangs_together(pairs.iter().copied(), agents) {
        pairs.extend(shortest_tree(&places));
    }
    pairs.into_iter().collect()
}

type Place = (f64, f64);

fn squared_distance(a: Place, b: Place) -> f64 {
    (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)
}

/// All pairs within the radius. Only agents of neighbouring cells, none narrower than the radius, are compared.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place lies between 0 and 1, and there are at most a thousand cells to a side"
)]
fn near(places: &[Place], radius: f64) -> BTreeSet<(usize, usize)> {
    let side = (1.0 / radius).floor().clamp(1.0, 1000.0);
    let cell = |(x, y): Place| ((x * side) as usize, (y * side) as usize);
    let mut cells: BTreeMap<(usize, usize), Vec<(usize, Place)>> = BTreeMap::new();
    for (agent, place) in places.iter().enumerate() {
        cells.entry(cell(*place)).or_default().push((agent, *place));
    }
    let around = |at: usize| at.saturating_sub(1)..=at.saturating_add(1);
    let mut pairs = BTreeSet::new();
    for (agent, place) in places.iter().enumerate() {
        let (column, row) = cell(*place);
        let nearby = around(column).flat_map(|column| around(row).map(move |row| (column, row)));
        for (peer, there) in nearby.filter_map(|cell| cells.get(&cell)).flatten() {
            if agent != *peer && squared_distance(*place, *there) <= radius * radius {
                pairs.insert(sorted(agent, *peer));
            }
        }
    }
    pairs
}

/// The connections that hold everybody together at the least length: what of them is within the radius is there already,
/// and the others are the shortest between the parts (Prim 1957).
fn shortest_tree(places: &[Place]) -> Vec<(usize, usize)> {
    let Some(first) = places.first() else { return Vec::new() };
    // Of each agent that is still outside: its number, its place, and who inside is nearest, at what distance.
    let mut outside: Vec<_> = (1..)
        .zip(places.iter().skip(1))
        .map(|(agent, place)| (agent, *place, 0_usize, squared_distance(*first, *place)))
        .collect();
    let mut tree = Vec::with_capacity(outside.len());
    while let Some(nearest) = (0..outside.len()).min_by(|a, b| {
        let distance = |of: &usize| outside.get(*of).map_or(f64::INFINITY, |(.., distance)| *distance);
        distance(a).total_cmp(&distance(b))
    }) {
        let (agent, place, peer, _) = outside.swap_remove(nearest);
        tree.push(sorted(agent, peer));
        for (_, other, nearest, distance) in &mut outside {
            let over_the_new_one = squared_distance(place, *other);
            if over_the_new_one < *distance {
                (*nearest, *distance) = (agent, over_the_new_one);
            }
        }
    }
    tree
}
