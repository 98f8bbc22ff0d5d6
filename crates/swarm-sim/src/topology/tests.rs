use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Both directions of every pair; fails on a pair that is there twice and on an agent dialling itself.
fn peers(pairs: &[(usize, usize)]) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut peers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (dialler, target) in pairs {
        assert_ne!(dialler, target);
        assert!(peers.entry(*dialler).or_default().insert(*target), "{dialler} and {target} twice");
        assert!(peers.entry(*target).or_default().insert(*dialler), "{dialler} and {target} twice");
    }
    peers
}

fn hang_together(pairs: &[(usize, usize)], agents: usize) -> bool {
    let peers = peers(pairs);
    let mut reached = BTreeSet::from([0]);
    let mut frontier = vec![0];
    while let Some(agent) = frontier.pop() {
        for peer in peers.get(&agent).into_iter().flatten() {
            if reached.insert(*peer) {
                frontier.push(*peer);
            }
        }
    }
    reached.len() == agents
}

proptest! {
    #[test]
    fn a_full_mesh_has_every_pair_once(agents in 1..80usize, seed: u64) {
        let pairs = Topology::Full.pairs(agents, seed);
        prop_assert_eq!(pairs.len(), agents * (agents - 1) / 2);
        prop_assert!(hang_together(&pairs, agents));
    }

    #[test]
    fn everybody_in_a_ring_has_two_peers(agents in 3..80usize, seed: u64) {
        let pairs = Topology::Ring.pairs(agents, seed);
        prop_assert!(peers(&pairs).values().all(|peers| peers.len() == 2));
        prop_assert!(hang_together(&pairs, agents));
    }

    #[test]
    fn everybody_in_a_star_dials_the_hub(agents in 2..80usize, hub: prop::sample::Index, seed: u64) {
        let hub = hub.index(agents);
        let pairs = Topology::Star { hub }.pairs(agents, seed);
        prop_assert_eq!(pairs.len(), agents - 1);
        prop_assert!(pairs.iter().all(|(_, target)| *target == hub));
        prop_assert!(hang_together(&pairs, agents));
    }

    #[test]
    fn a_random_mesh_hangs_together_and_keeps_its_degree(agents in 2..70usize, degree in 1..12usize, seed: u64) {
        let topology = Topology::Random { degree };
        prop_assume!(topology.check(agents).is_ok());
        let pairs = topology.pairs(agents, seed);
        let peers = peers(&pairs);
        prop_assert_eq!(peers.len(), agents);
        prop_assert!(peers.values().all(|peers| peers.len() == degree), "{:?}", peers);
        prop_assert!(hang_together(&pairs, agents));
        prop_assert_eq!(&pairs, &topology.pairs(agents, seed));
    }

    #[test]
    fn everybody_in_a_tree_has_a_parent_and_few_children(agents in 2..200usize, fanout in 1..9usize, seed: u64) {
        let pairs = Topology::Tree { fanout }.pairs(agents, seed);
        prop_assert_eq!(pairs.len(), agents - 1);
        let peers = peers(&pairs);
        prop_assert!(peers[&0].len() <= fanout);
        prop_assert!(peers.values().all(|peers| peers.len() <= fanout + 1));
        prop_assert!(hang_together(&pairs, agents));
    }

    #[test]
    fn neighbours_in_a_grid_stand_next_to_each_other(agents in 2..150usize, width in 1..20usize, seed: u64) {
        let pairs = Topology::Grid { width, wrap: false }.pairs(agents, seed);
        for (a, b) in &pairs {
            let (rows, columns) = ((a / width).abs_diff(b / width), (a % width).abs_diff(b % width));
            prop_assert_eq!(rows + columns, 1, "{} and {}", a, b);
        }
        prop_assert!(hang_together(&pairs, agents));
    }

    #[test]
    fn nobody_stands_at_the_edge_of_a_grid_that_wraps(height in 3..12usize, width in 3..12usize, seed: u64) {
        let topology = Topology::Grid { width, wrap: true };
        prop_assert!(topology.check(height * width).is_ok());
        let pairs = topology.pairs(height * width, seed);
        prop_assert!(peers(&pairs).values().all(|peers| peers.len() == 4));
        prop_assert!(hang_together(&pairs, height * width));
    }

    #[test]
    fn a_small_world_keeps_its_connections_and_hangs_together(
        agents in 5..120usize, half in 2..6usize, rewire in 0.0..=1.0f64, seed: u64,
    ) {
        let topology = Topology::SmallWorld { degree: half * 2, rewire };
        prop_assume!(topology.check(agents).is_ok());
        let pairs = topology.pairs(agents, seed);
        prop_assert_eq!(pairs.len(), agents * half);
        prop_assert!(peers(&pairs).values().all(|peers| peers.len() >= half));
        prop_assert!(hang_together(&pairs, agents));
        prop_assert_eq!(&pairs, &topology.pairs(agents, seed));
    }

    #[test]
    fn everybody_in_a_scale_free_mesh_has_its_links(agents in 2..150usize, links in 1..6usize, seed: u64) {
        let topology = Topology::ScaleFree { links };
        prop_assume!(topology.check(agents).is_ok());
        let pairs = topology.pairs(agents, seed);
        prop_assert_eq!(pairs.len(), links * (links + 1) / 2 + (agents - links - 1) * links);
        prop_assert!(peers(&pairs).values().all(|peers| peers.len() >= links));
        prop_assert!(hang_together(&pairs, agents));
        prop_assert_eq!(&pairs, &topology.pairs(agents, seed));
    }

    #[test]
    fn nobody_in_a_geometric_mesh_is_cut_off(agents in 1..120usize, radius in 0.001..1.5f64, seed: u64) {
        let topology = Topology::Geometric { radius };
        let pairs = topology.pairs(agents, seed);
        prop_assert!(hang_together(&pairs, agents));
        prop_assert_eq!(&pairs, &topology.pairs(agents, seed));
        if radius > 1.42 {
            prop_assert_eq!(pairs.len(), agents * (agents - 1) / 2, "all of the square is near");
        }
    }

    #[test]
    fn no_shape_and_number_panics(
        agents in 0..40usize, number in 0..50usize, share in 0.0..=1.0f64, wrap: bool, seed: u64,
    ) {
        for topology in [
            Topology::Full,
            Topology::Ring,
            Topology::Star { hub: number },
            Topology::Tree { fanout: number },
            Topology::Grid { width: number, wrap },
            Topology::Random { degree: number },
            Topology::SmallWorld { degree: number, rewire: share },
            Topology::ScaleFree { links: number },
            Topology::Geometric { radius: share },
            Topology::Listed { pairs: [(0, number + 1)].into() },
        ] {
            let pairs = topology.pairs(agents, seed);
            peers(&pairs);
            assert!(pairs.iter().all(|(a, b)| *a < agents && (*b < agents || topology == Topology::Star { hub: *b })));
            let _ = topology.check(agents);
        }
    }
}

#[test]
fn another_seed_makes_another_random_mesh() {
    let topology = Topology::Random { degree: 4 };
    assert_ne!(topology.pairs(30, 1), topology.pairs(30, 2));
}

#[test]
fn another_seed_makes_another_mesh_of_every_kind_that_is_left_to_chance() {
    for topology in [
        Topology::SmallWorld { degree: 4, rewire: 0.5 },
        Topology::ScaleFree { links: 2 },
        Topology::Geometric { radius: 0.3 },
    ] {
        assert_ne!(topology.pairs(30, 1), topology.pairs(30, 2), "{topology}");
    }
}

/// In a mesh of this size where everybody had the same chance, nobody would come near so many peers.
#[test]
fn a_scale_free_mesh_has_hubs() {
    let peers = peers(&Topology::ScaleFree { links: 2 }.pairs(1_000, 7));
    let most = peers.values().map(BTreeSet::len).max().unwrap();
    assert!(most > 30, "{most}");
}

#[test]
fn rewiring_shortens_the_ways_of_a_small_world() {
    let farthest = |rewire| {
        let pairs = Topology::SmallWorld { degree: 4, rewire }.pairs(400, 3);
        let peers = peers(&pairs);
        let (mut reached, mut frontier, mut hops) = (BTreeSet::from([0]), vec![0], 0);
        while reached.len() < 400 {
            frontier =
                frontier.iter().flat_map(|a| &peers[a]).filter(|b| reached.insert(**b)).copied().collect();
            hops += 1;
        }
        hops
    };
    assert_eq!(farthest(0.0), 100);
    assert!(farthest(0.1) < 25);
}

#[test]
fn the_smallest_meshes_are_what_they_can_be() {
    assert_eq!(Topology::Ring.pairs(1, 1), []);
    assert_eq!(Topology::Ring.pairs(2, 1), [(0, 1)]);
    assert_eq!(Topology::Random { degree: 1 }.pairs(2, 1), [(0, 1)]);
}

#[test]
fn impossible_degrees_are_refused() {
    let refused = |degree, agents| Topology::Random { degree }.check(agents).is_err();
    assert!(refused(5, 5) && refused(3, 5) && refused(1, 4));
    assert!(!refused(4, 5) && !refused(1, 2));
}

#[test]
fn what_does_not_work_out_is_refused() {
    let said = |topology: Topology, agents| topology.check(agents).unwrap_err().message;
    assert_eq!(said(Topology::Full, 1_000), "a full mesh of 1000 agents has 499 500 connections");
    assert!(Topology::Full.check(512).is_ok(), "as many real nodes as there can be");
    assert_eq!(said(Topology::Grid { width: 4, wrap: true }, 10), "10 agents do not fill rows of 4");
    assert!(Topology::Grid { width: 4, wrap: false }.check(10).is_ok());
    assert_eq!(
        said(Topology::SmallWorld { degree: 5, rewire: 0.1 }, 10),
        "a small world cannot begin with 5 peers for each"
    );
    assert_eq!(
        said(Topology::SmallWorld { degree: 10, rewire: 0.1 }, 10),
        "10 agents cannot have 10 peers each"
    );
    assert_eq!(said(Topology::ScaleFree { links: 3 }, 3), "3 agents cannot join with 3 connections each");
    assert!(said(Topology::Geometric { radius: 0.5 }, 20_000).contains("connections"));
}
