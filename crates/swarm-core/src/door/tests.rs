//! The door as the driver sees it: strangers and the time in, verdicts out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::address::MOST_ADDRESSES;
use super::sent_away::MOST_SENT_AWAY;
use super::*;

const MOST: Places = Places { half_open: 64, connections: 512 };
const QUIET: Places = Places { half_open: 0, connections: 0 };
const TOO_OFTEN: Verdict = Verdict::Refuse(RefusedReason::AddressRate);

#[expect(clippy::disallowed_methods, reason = "an arbitrary beginning of time")]
fn beginning() -> Instant {
    Instant::now()
}

fn door_at(local: &str, config: &DoorConfig) -> Door {
    Door::new(config, MOST, SocketAddr::new(local.parse().unwrap(), 4433))
}

fn door() -> Door {
    door_at("127.0.0.1", &DoorConfig::default())
}

fn from(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 1000))
}

fn agent(number: u32) -> AgentId {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    AgentId::from_key_digest(digest)
}

#[test]
fn a_stranger_is_admitted_when_there_is_room() {
    assert_eq!(door().knock(beginning(), from(1), false, QUIET), Verdict::Admit);
}

#[test]
fn too_many_handshakes_or_connections_are_refused_whoever_knocks() {
    let overloaded = Verdict::Refuse(RefusedReason::Overloaded);
    for proven in [false, true] {
        for present in [Places { half_open: 64, connections: 0 }, Places { half_open: 0, connections: 512 }] {
            assert_eq!(door().knock(beginning(), from(1), proven, present), overloaded);
        }
        let almost = Places { half_open: 15, connections: 511 };
        assert_eq!(door().knock(beginning(), from(1), proven, almost), Verdict::Admit);
    }
}

#[test]
fn in_a_crowd_strangers_prove_their_address_and_are_then_admitted() {
    let mut door = door();
    let crowd = Places { half_open: 16, connections: 0 };

    assert_eq!(door.knock(beginning(), from(1), false, crowd), Verdict::Retry);
    assert_eq!(door.knock(beginning(), from(1), true, crowd), Verdict::Admit);
}

#[test]
fn where_anybody_may_knock_everybody_proves_its_address() {
    let verdict = |local| door_at(local, &DoorConfig::default()).knock(beginning(), from(1), false, QUIET);
    for public in ["0.0.0.0", "::", "203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "100.64.0.1"] {
        assert_eq!(verdict(public), Verdict::Retry, "{public}");
    }
    for private in [
        "127.0.0.1",
        "127.3.2.1",
        "::1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.0.1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(verdict(private), Verdict::Admit, "{private}");
    }
}

#[test]
fn whether_to_ask_for_proof_can_be_said() {
    let crowd = Places { half_open: 63, connections: 0 };
    let verdict = |retry, local, present| {
        let config = DoorConfig { retry, ..DoorConfig::default() };
        door_at(local, &config).knock(beginning(), from(1), false, present)
    };

    assert_eq!(verdict(Retry::Always, "127.0.0.1", QUIET), Verdict::Retry);
    assert_eq!(verdict(Retry::Never, "0.0.0.0", crowd), Verdict::Admit);
}

#[test]
fn one_address_may_knock_so_often_and_others_as_often() {
    let (mut door, now) = (door(), beginning());
    let knocks = |door: &mut Door, now, from| {
        (0..3000).filter(|_| door.knock(now, from, true, QUIET) == Verdict::Admit).count()
    };

    assert_eq!(knocks(&mut door, now, from(1)), 1000);
    assert_eq!(door.knock(now, from(1), true, QUIET), TOO_OFTEN);
    assert_eq!(knocks(&mut door, now, from(2)), 1000);
    assert_eq!(knocks(&mut door, now + Duration::from_secs(1), from(1)), 200);
    assert_eq!(knocks(&mut door, now + Duration::from_secs(60), from(1)), 1000);
}

#[test]
fn an_address_that_is_not_proven_is_not_held_against_its_owner() {
    let (mut door, now) = (door(), beginning());
    for _ in 0..5000 {
        door.knock(now, from(1), false, QUIET);
    }

    assert_eq!(door.knock(now, from(1), true, QUIET), Verdict::Admit);
}

#[test]
fn an_ipv6_network_is_one_address_and_a_mapped_ipv4_address_is_itself() {
    let config =
        DoorConfig { address_rate: Some(AddressRate { per_second: 1, at_once: 1 }), ..DoorConfig::default() };
    let mut door = door_at("127.0.0.1", &config);
    let mut knock =
        |address: &str| door.knock(beginning(), SocketAddr::new(address.parse().unwrap(), 1), true, QUIET);

    assert_eq!(knock("2001:db8:0:1::1"), Verdict::Admit);
    assert_eq!(knock("2001:db8:0:1:ffff::2"), TOO_OFTEN);
    assert_eq!(knock("2001:db8:0:2::1"), Verdict::Admit);
    assert_eq!(knock("::ffff:192.0.2.1"), Verdict::Admit);
    assert_eq!(knock("192.0.2.1"), TOO_OFTEN);
    assert_eq!(knock("::ffff:192.0.2.2"), Verdict::Admit);
}

#[test]
fn without_a_rate_an_address_may_knock_for_ever() {
    let config = DoorConfig { address_rate: None, ..DoorConfig::default() };
    let (mut door, now) = (door_at("127.0.0.1", &config), beginning());

    assert!((0..10_000).all(|_| door.knock(now, from(1), true, QUIET) == Verdict::Admit));
}

#[test]
fn no_more_addresses_are_remembered_than_there_is_room_for() {
    let mut rates = AddressRates::new(AddressRate { per_second: 1, at_once: 1 });
    let address = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
    let now = beginning();
    let many = u32::try_from(MOST_ADDRESSES).unwrap();

    assert!((0..=many).all(|n| rates.admits(now, address(n))));

    assert_eq!(rates.len(), MOST_ADDRESSES);
    assert!(!rates.admits(now, address(many)), "the last one is remembered");
    assert!(!rates.admits(now, address(1)), "and so is the second");
    assert!(rates.admits(now, address(0)), "but not the first");
}

#[test]
fn an_agent_that_was_sent_away_may_come_back_after_a_while() {
    let (mut door, now) = (door(), beginning());

    door.send_away(now, agent(1));

    assert_eq!(door.sent_away_until(agent(1)), Some(now + Duration::from_secs(60)));
    assert!(door.is_sent_away(now + Duration::from_secs(59), agent(1)));
    assert!(!door.is_sent_away(now + Duration::from_secs(60), agent(1)));
    assert!(!door.is_sent_away(now, agent(2)));
}

#[test]
fn whoever_is_sent_away_again_stays_away_longer_and_is_remembered_once() {
    let (mut away, now) = (SentAway::new(Duration::from_secs(60)), beginning());
    away.add(now, agent(1));

    away.add(now + Duration::from_secs(30), agent(1));

    assert_eq!((away.len(), away.until(agent(1))), (1, Some(now + Duration::from_secs(90))));
}

#[test]
fn no_more_agents_are_remembered_than_there_is_room_for() {
    let (mut away, now) = (SentAway::new(Duration::MAX), beginning());
    let many = u32::try_from(MOST_SENT_AWAY).unwrap();
    (0..=many).for_each(|n| away.add(now, agent(n)));

    assert_eq!((away.len(), away.until(agent(0))), (MOST_SENT_AWAY, None));
    assert!(away.until(agent(1)).is_some() && away.until(agent(many)).is_some());
}

#[test]
fn with_no_time_to_stay_away_nobody_does() {
    let config = DoorConfig { sent_away_for: Duration::ZERO, ..DoorConfig::default() };
    let (mut door, now) = (door_at("127.0.0.1", &config), beginning());
    door.send_away(now, agent(1));

    assert!(!door.is_sent_away(now, agent(1)));
}

proptest! {
    /// Over any stretch of time no address is admitted more often than its rate and a burst.
    #[test]
    fn no_address_begins_more_handshakes_than_the_rate_allows(
        knocks in proptest::collection::vec((0_u64..50, 0_u8..4), 1..800),
    ) {
        let rate = AddressRate { per_second: 20, at_once: 10 };
        let config = DoorConfig { address_rate: Some(rate), ..DoorConfig::default() };
        let (mut door, start) = (door_at("127.0.0.1", &config), beginning());
        let (mut now, mut admitted) = (start, BTreeMap::<u8, u32>::new());
        for (millis, host) in knocks {
            now += Duration::from_millis(millis);
            if door.knock(now, from(host), true, QUIET) == Verdict::Admit {
                *admitted.entry(host).or_default() += 1;
            }
            let most = 10.0 + (now - start).as_secs_f64() * 20.0;
            prop_assert!(admitted.values().all(|count| f64::from(*count) <= most + 0.001));
        }
    }

    /// Whatever the addresses are, what is remembered of them is bounded, and those that are in a crowd and not proven
    /// are never admitted.
    #[test]
    fn a_crowd_admits_nobody_without_proof(addresses in proptest::collection::vec(any::<u128>(), 1..200)) {
        let (mut door, now) = (door(), beginning());
        for address in addresses {
            let from = SocketAddr::new(IpAddr::V6(Ipv6Addr::from(address)), 1);
            let crowd = Places { half_open: 16, connections: 0 };
            prop_assert_eq!(door.knock(now, from, false, crowd), Verdict::Retry);
        }
        prop_assert_eq!(door.rates.map(|rates| rates.len()), Some(0));
    }
}
