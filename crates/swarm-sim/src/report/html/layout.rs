//! Where members stand in the picture of a swarm. The same record gives the same picture.
//!
//! Two arrangements: by links, where who is few hops apart stands close, and by groups, each a disc of its own.

use std::{
    collections::{BTreeSet, VecDeque},
    f64::consts::{PI, TAU},
};

use rand::{
    SeedableRng,
    rngs::StdRng,
    seq::{SliceRandom, index},
};

use crate::RunRecord;

/// Width and height of every picture. The page scales it.
pub(super) const SIDE: i32 = 10_000;

/// Most others whose distance from a member is kept to: enough for the shape, and the work stays in bounds. Which, is left
/// to chance, so that none has more of a say than another.
const MOST_SPRINGS: usize = 200;

/// How often every distance is mended. The picture hardly moves any more after so many (Zheng, Pawar, Goodman: Graph
/// Drawing by Stochastic Gradient Descent, 2019).
const ROUNDS: u32 = 30;

/// From one member of a spiral to the next: the golden angle, which leaves no gaps.
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;

/// A place in the picture, from 0 to [`SIDE`] each way.
pub(super) type Place = (i32, i32);

type Point = (f64, f64);

/// Who is few hops apart stands close together; groups and zones keep together where links let them.
pub(super) fn by_links(record: &RunRecord) -> Vec<Place> {
    let count = record.members.len();
    let links: BTreeSet<(usize, usize)> = record
        .connections
        .iter()
        .map(|link| (link.a.min(link.b), link.a.max(link.b)))
        .filter(|(a, b)| a != b && *b < count)
        .collect();
    let mut points = if is_dense(links.len(), count) {
        on_a_circle(record)
    } else {
        Tension::of(record, &links).relaxed(record.seed)
    };
    outside_without_links(&mut points, &links);
    fitted(&points)
}

/// Each group a disc, those of a zone next to one another.
pub(super) fn by_groups(record: &RunRecord) -> Vec<Place> {
    let discs = discs(record);
    let mut placed: Vec<usize> = vec![0; discs.len()];
    let points: Vec<Point> = record
        .members
        .iter()
        .map(|member| {
            let (Some(disc), Some(number)) = (discs.get(member.group), placed.get_mut(member.group)) else {
                return (0.0, 0.0);
            };
            *number += 1;
            disc.point(*number - 1)
        })
        .collect();
    fitted(&points)
}

/// Whether so many are linked that distances in hops say nothing.
fn is_dense(links: usize, members: usize) -> bool {
    let pairs = members.saturating_mul(members.saturating_sub(1)) / 2;
    members > 2 && links.saturating_mul(5) > pairs.saturating_mul(2)
}

/// Everybody on one circle in the order of the groups, with a gap between them.
fn on_a_circle(record: &RunRecord) -> Vec<Point> {
    let count = record.members.len() as f64;
    let groups = record.groups.len().max(1) as f64;
    let gap = if groups > 1.0 { (0.25 / groups).min(0.02) } else { 0.0 };
    let mut last = None;
    let mut gaps = 0.0;
    let places = record.members.iter().enumerate().map(|(number, member)| {
        if last.replace(member.group).is_some_and(|last| last != member.group) {
            gaps += gap;
        }
        let share = number as f64 / count * (1.0 - gap * groups) + gaps;
        let angle = TAU * share - PI / 2.0;
        (angle.cos(), angle.sin())
    });
    places.collect()
}

/// A disc in which a group stands.
struct Disc {
    centre: Point,
    radius: f64,
    count: usize,
}

impl Disc {
    /// A few stand in a circle, more fill the disc as the seeds of a sunflower do.
    fn point(&self, number: usize) -> Point {
        let (x, y) = self.centre;
        let (radius, angle) = match self.count {
            1 => (0.0, 0.0),
            few @ 2..=12 => (0.75, number as f64 / few as f64 * TAU - PI / 2.0),
            many => (((number as f64 + 0.5) / many as f64).sqrt(), number as f64 * GOLDEN_ANGLE),
        };
        (x + self.radius * radius * angle.cos(), y + self.radius * radius * angle.sin())
    }
}

/// The discs of all groups in their order. They stand around a centre, those of a zone side by side.
fn discs(record: &RunRecord) -> Vec<Disc> {
    let mut discs: Vec<Disc> = record
        .groups
        .iter()
        .enumerate()
        .map(|(group, _)| {
            let count = record.members.iter().filter(|member| member.group == group).count();
            Disc { centre: (0.0, 0.0), radius: (count as f64).sqrt().max(1.0), count }
        })
        .collect();
    if discs.len() < 2 {
        return discs;
    }
    let mut order: Vec<usize> = (0..discs.len()).collect();
    order.sort_by_key(|group| record.groups.get(*group).map(|group| (group.zone.clone(), group.rogues)));
    let around: f64 = discs.iter().map(|disc| disc.radius * 2.5).sum();
    let largest = discs.iter().map(|disc| disc.radius).fold(0.0, f64::max);
    let ring = (around / TAU).max(largest * 1.15);
    let mut travelled = 0.0;
    for group in order {
        let Some(disc) = discs.get_mut(group) else { continue };
        let angle = (travelled + disc.radius * 1.25) / around * TAU + PI;
        travelled += disc.radius * 2.5;
        disc.centre = (ring * angle.cos(), ring * angle.sin());
    }
    discs
}

/// Distances between members that the picture ought to show.
struct Tension {
    count: usize,
    /// Two members and how far apart they should be.
    springs: Vec<(usize, usize, f64)>,
}

impl Tension {
    fn of(record: &RunRecord, links: &BTreeSet<(usize, usize)>) -> Self {
        let count = record.members.len();
        let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (a, b) in links {
            for (one, other) in [(a, b), (b, a)] {
                if let Some(of_one) = neighbours.get_mut(*one) {
                    of_one.push(*other);
                }
            }
        }
        let mut rng = StdRng::seed_from_u64(record.seed);
        let apart = |a: usize, b: usize| spread(record, a, b);
        let mut springs: Vec<_> = links.iter().map(|(a, b)| (*a, *b, apart(*a, *b))).collect();
        for member in 0..count {
            let hops = hops_from(member, &neighbours);
            // Who cannot be reached is further than whoever can.
            let furthest = hops.iter().flatten().max().copied().unwrap_or_default();
            let others = index::sample(&mut rng, count, count.min(MOST_SPRINGS));
            springs.extend(others.into_iter().filter(|other| *other != member).map(|other| {
                let hops = hops.get(other).copied().flatten().unwrap_or(furthest + 1);
                (member, other, f64::from(hops) * apart(member, other))
            }));
        }
        Self { count, springs }
    }

    /// Moves two members at a time towards their distance, ever less far.
    fn relaxed(mut self, seed: u64) -> Vec<Point> {
        let mut points: Vec<Point> = (0..self.count)
            .map(|number| {
                let (radius, angle) = (((number + 1) as f64).sqrt(), number as f64 * GOLDEN_ANGLE);
                (radius * angle.cos(), radius * angle.sin())
            })
            .collect();
        let mut rng = StdRng::seed_from_u64(seed);
        let furthest = self.springs.iter().map(|spring| spring.2).fold(1.0, f64::max);
        let (first, last) = (furthest * furthest, 0.1);
        for round in 0..ROUNDS {
            let cooled = f64::from(round) / f64::from(ROUNDS - 1);
            let step = first * f64::powf(last / first, cooled);
            self.springs.shuffle(&mut rng);
            self.springs.iter().for_each(|spring| pull(&mut points, *spring, step));
        }
        points
    }
}

fn hops_from(start: usize, neighbours: &[Vec<usize>]) -> Vec<Option<u32>> {
    let mut hops: Vec<Option<u32>> = vec![None; neighbours.len()];
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((member, distance)) = queue.pop_front() {
        let Some(known @ None) = hops.get_mut(member) else { continue };
        *known = Some(distance);
        queue.extend(neighbours.get(member).into_iter().flatten().map(|other| (*other, distance + 1)));
    }
    hops
}

/// Members of other groups, and more so of other zones, stand further apart than their hops say.
fn spread(record: &RunRecord, a: usize, b: usize) -> f64 {
    let group = |member: usize| record.members.get(member).map(|member| member.group);
    let zone = |member: usize| {
        group(member).and_then(|group| record.groups.get(group)).and_then(|group| group.zone.as_ref())
    };
    match (zone(a) == zone(b), group(a) == group(b)) {
        (true, true) => 1.0,
        (true, false) => 1.2,
        (false, _) => 1.8,
    }
}

fn pull(points: &mut [Point], (a, b, wanted): (usize, usize, f64), step: f64) {
    let (Some(&one), Some(&other)) = (points.get(a), points.get(b)) else { return };
    let (dx, dy) = (other.0 - one.0, other.1 - one.1);
    let distance = dx.hypot(dy).max(1e-6);
    let share = (step / (wanted * wanted)).min(1.0) * (distance - wanted) / 2.0 / distance;
    if let Some(point) = points.get_mut(a) {
        *point = (one.0 + dx * share, one.1 + dy * share);
    }
    if let Some(point) = points.get_mut(b) {
        *point = (other.0 - dx * share, other.1 - dy * share);
    }
}

/// Who has no link at all, such as rogues, stands on an arc around the others.
fn outside_without_links(points: &mut [Point], links: &BTreeSet<(usize, usize)>) {
    let linked: BTreeSet<usize> = links.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let alone = points.len() - linked.len().min(points.len());
    if linked.is_empty() || alone == 0 {
        return;
    }
    let of_linked: Vec<Point> = linked.iter().filter_map(|member| points.get(*member).copied()).collect();
    let (centre, reach) = surround(&of_linked);
    let mut number = 0.0;
    for (member, point) in points.iter_mut().enumerate() {
        if !linked.contains(&member) {
            let angle = number / alone as f64 * TAU - PI / 2.0;
            *point = (centre.0 + reach * 1.25 * angle.cos(), centre.1 + reach * 1.25 * angle.sin());
            number += 1.0;
        }
    }
}

/// The middle of points and how far the furthest is from it.
fn surround(points: &[Point]) -> (Point, f64) {
    let count = points.len().max(1) as f64;
    let centre = (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| point.1).sum::<f64>() / count,
    );
    let distance = |point: &Point| (point.0 - centre.0).hypot(point.1 - centre.1);
    (centre, points.iter().map(distance).fold(0.1, f64::max))
}

/// Moved and scaled into the picture, without distortion.
#[expect(clippy::cast_possible_truncation, reason = "a place in the picture is far below the limit")]
fn fitted(points: &[Point]) -> Vec<Place> {
    let side = f64::from(SIDE);
    let bounds = |of: fn(&Point) -> f64| {
        let least = points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    };
    let ((left, right), (top, bottom)) = (bounds(|point| point.0), bounds(|point| point.1));
    let extent = (right - left).max(bottom - top);
    if !extent.is_finite() || extent < 1e-9 {
        return vec![(SIDE / 2, SIDE / 2); points.len()];
    }
    let place = |value: f64, least: f64, most: f64| {
        ((value - (least + most) / 2.0) / extent * side + side / 2.0).round().clamp(0.0, side) as i32
    };
    points.iter().map(|point| (place(point.0, left, right), place(point.1, top, bottom))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Sketch, swarm};

    fn distance(a: Place, b: Place) -> f64 {
        f64::from(a.0 - b.0).hypot(f64::from(a.1 - b.1))
    }

    #[test]
    fn the_same_record_gives_the_same_picture() {
        let record = swarm(Sketch { agents: 60, degree: 4, ..Sketch::default() });
        assert_eq!(by_links(&record), by_links(&record));
        assert_eq!(by_groups(&record), by_groups(&record));
    }

    #[test]
    fn no_two_members_stand_in_the_same_place() {
        for agents in [2, 3, 7, 50, 300] {
            for degree in [2, 6, agents] {
                let record = swarm(Sketch { agents, degree, ..Sketch::default() });
                for places in [by_links(&record), by_groups(&record)] {
                    let distinct: BTreeSet<Place> = places.iter().copied().collect();
                    assert_eq!(distinct.len(), agents, "{agents} agents of degree {degree}");
                    assert!(places.iter().all(|(x, y)| (0..=SIDE).contains(x) && (0..=SIDE).contains(y)));
                }
            }
        }
    }

    #[test]
    fn a_ring_is_drawn_as_a_ring() {
        let record = swarm(Sketch { agents: 24, degree: 2, groups: 1, ..Sketch::default() });
        let places = by_links(&record);
        let next = distance(places[0], places[1]);
        let across = distance(places[0], places[12]);
        assert!(across > next * 5.0, "{next} to the next, {across} across");
    }

    #[test]
    fn members_without_links_and_swarms_of_nobody_have_a_place_too() {
        let mut record = swarm(Sketch { agents: 5, degree: 2, ..Sketch::default() });
        record.connections.retain(|link| link.a != 4 && link.b != 4);
        assert_eq!(by_links(&record).len(), 5);
        assert!(by_links(&RunRecord::default()).is_empty());
        assert!(by_groups(&RunRecord::default()).is_empty());
    }
}
