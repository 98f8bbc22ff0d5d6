//! Who is connected to whom.

use super::*;

/// The file with another mesh; it has six members.
fn of(mesh: &str) -> String {
    with("topology = \"star\"\nhub = \"tower\"", mesh)
}

#[test]
fn every_topology_is_read_with_its_keys() {
    for (mesh, expected) in [
        ("topology = 'full'", "full mesh"),
        ("topology = 'ring'", "ring"),
        ("topology = 'star'", "star"),
        ("topology = 'tree'\nfanout = 2", "tree of fanout 2"),
        ("topology = 'grid'\nwidth = 3", "grid of width 3"),
        ("topology = 'grid'\nwidth = 3\nwrap = true", "grid of width 3 that wraps"),
        ("topology = 'random'\ndegree = 4", "random mesh of degree 4"),
        ("topology = 'small-world'\ndegree = 4\nrewire = '10%'", "small world of degree 4, 10 % rewired"),
        ("topology = 'scale-free'\nlinks = 2", "scale-free mesh of 2 links each"),
        ("topology = 'partial-view'\noptions = { active = 3 }", "random mesh of degree 3"),
        ("topology = 'geometric'\nradius = 0.25", "geometric mesh of radius 0.25"),
    ] {
        let scenario =
            Scenario::parse("x.toml", &of(mesh), &registry()).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(scenario.topology.to_string(), expected);
    }
}

#[test]
fn a_key_belongs_to_its_topologies_and_is_missed_there() {
    let (span, said, label, _) = only_problem(&of("topology = 'grid'\nwidth = 3\ndegree = 2"));
    assert_eq!((span.as_str(), said.as_str()), ("2", "`degree` means nothing to the topology `grid`"));
    assert_eq!(label, "expected only with topology = \"random\" or \"small-world\"");
    for (mesh, said) in [
        ("topology = 'tree'", "[mesh] lacks `fanout`"),
        ("topology = 'grid'", "[mesh] lacks `width`"),
        ("topology = 'random'", "[mesh] lacks `degree`"),
        ("topology = 'small-world'\ndegree = 4", "[mesh] lacks `rewire`"),
        ("topology = 'scale-free'", "[mesh] lacks `links`"),
        ("topology = 'partial-view'", "[mesh] lacks `options`"),
        ("topology = 'geometric'", "[mesh] lacks `radius`"),
        ("topology = 'file'", "[mesh] lacks `file`"),
    ] {
        assert_eq!(only_problem(&of(mesh)).1, said);
    }
}

#[test]
fn an_unknown_topology_names_the_nearest() {
    let (span, said, label, hint) = only_problem(&of("topology = 'smallworld'"));
    assert_eq!((span.as_str(), said.as_str()), ("'smallworld'", "unknown topology `smallworld`"));
    assert!(label.contains("scale-free, partial-view, geometric, file"), "{label}");
    assert_eq!(hint, "did you mean `small-world`?");
}

#[test]
fn what_cannot_be_so_many_is_underlined_where_it_says_so() {
    for (mesh, underlined, said) in [
        ("topology = 'grid'\nwidth = 4\nwrap = true", "4", "6 agents do not fill rows of 4"),
        (
            "topology = 'small-world'\ndegree = 5\nrewire = 0",
            "5",
            "a small world cannot begin with 5 peers for each",
        ),
        ("topology = 'scale-free'\nlinks = 6", "6", "6 agents cannot join with 6 connections each"),
        ("topology = 'geometric'\nradius = 0", "0", "`radius` cannot be 0"),
        ("topology = 'partial-view'\noptions = { active = 6 }", "6", "6 agents cannot have 6 peers each"),
    ] {
        let (span, message, ..) = only_problem(&of(mesh));
        assert_eq!((span.as_str(), message.as_str()), (underlined, said));
    }
}

#[test]
fn what_a_partial_view_does_not_do_yet_is_refused_by_name() {
    let (span, said, label, _) =
        only_problem(&of("topology = 'partial-view'\noptions = { active = 3, passive = 30 }"));
    assert_eq!(span, "30");
    assert_eq!(said, "`passive` is not supported yet: nodes keep the peers that they begin with");
    assert_eq!(label, "expected `active` alone");
}

fn with_file(list: &str) -> Result<Scenario, ScenarioErrors> {
    let files = |name: &str| match name {
        "edges.txt" => Ok(list.to_owned()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let text = of("topology = 'file'\nfile = 'edges.txt'");
    Scenario::parse_with_files("x.toml", &text, &registry(), &Overrides::default(), &files)
}

#[test]
fn a_list_of_edges_names_members_by_number_or_group() {
    let list = "ship[0] ship[1] # neighbours\n1 2\ntower[0] ship[2]\n3 4\npirate[1] tower[0]\n";
    let scenario = with_file(list).unwrap();
    assert_eq!(scenario.topology.pairs(6, 1), [(0, 1), (1, 2), (2, 3), (3, 4), (3, 5)]);
    assert_eq!(scenario.topology.to_string(), "mesh of 5 listed connections");
}

#[test]
fn what_is_wrong_with_a_list_of_edges_is_said_where_it_is_named() {
    let errors = with_file("0 1\nship[3] 2\n4 9\n").unwrap_err();
    let said: Vec<_> = errors.problems().iter().map(Problem::message).collect();
    assert_eq!(said, ["`edges.txt`: line 2: `ship[3]` is nobody", "`edges.txt`: line 3: `9` is nobody"]);
    let errors = with_file("0 1\n").unwrap_err();
    assert_eq!(errors.problems()[0].message(), "`edges.txt`: its edges do not hold all members together");
    let (span, said, label, _) = only_problem(&of("topology = 'file'\nfile = 'edges.txt'"));
    assert_eq!(
        (span.as_str(), label.as_str()),
        ("'edges.txt'", "expected a list of edges beside the scenario")
    );
    assert_eq!(said, "failed to read `edges.txt`: no other file can be read here");
}
