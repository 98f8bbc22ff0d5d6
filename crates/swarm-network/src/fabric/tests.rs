use std::sync::atomic::AtomicUsize;

use super::*;
use crate::{Bursts, Distribution, Latency, Loss};

const PACKETS: u32 = 100_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn host(number: u32) -> Host {
    Host(number)
}

/// Three hosts that are up.
fn fabric(seed: u64, conditions: Conditions) -> Fabric {
    let mut fabric = Fabric::new(seed, 3, move |_, _| conditions.clone());
    (0..3).for_each(|number| fabric.set_power(Host(number), Power::Up));
    fabric
}

fn scope(from: &[u32], to: &[u32], both_ways: bool) -> Scope {
    let hosts = |numbers: &[u32]| numbers.iter().copied().map(Host).collect();
    Scope { from: hosts(from), to: hosts(to), both_ways }
}

/// One packet per millisecond from the first host to the second.
fn sent(fabric: &mut Fabric, packets: u32) -> Vec<Fate> {
    (0..packets).map(|n| fabric.on_packet(ms(n.into()), host(0), host(1), 1200)).collect()
}

fn lost(fates: &[Fate]) -> f64 {
    let lost = fates.iter().filter(|fate| matches!(fate, Fate::Lost(_))).count();
    lost as f64 / fates.len() as f64
}

fn arrival(fate: Fate) -> Duration {
    match fate {
        Fate::Arrives { after, .. } => after,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_share_of_the_packets_is_lost() {
    let mut fabric = fabric(1, Conditions { loss: Loss::Random(0.1), ..Conditions::default() });

    let lost = lost(&sent(&mut fabric, PACKETS));

    assert!((0.095..0.105).contains(&lost), "{lost}");
    let traffic = fabric.traffic();
    assert_eq!(traffic.packets + traffic.lost[&LostWhy::Loss], u64::from(PACKETS));
    assert_eq!(traffic.bytes, traffic.packets * 1200);
}

#[test]
fn bursts_lose_as_much_as_they_say_and_in_a_row() {
    let bursts = Bursts { enter: 0.01, leave: 0.1, lost_inside: 1.0, lost_outside: 0.0 };
    let mut fabric = fabric(1, Conditions { loss: Loss::Bursts(bursts), ..Conditions::default() });

    let fates = sent(&mut fabric, PACKETS);

    let share = lost(&fates);
    assert!((share - bursts.mean()).abs() < 0.01, "{share} of {}", bursts.mean());
    let begins =
        fates.windows(2).filter(|two| !matches!(two[0], Fate::Lost(_)) && matches!(two[1], Fate::Lost(_)));
    let length = share * f64::from(PACKETS) / begins.count() as f64;
    assert!((9.0..11.0).contains(&length), "bursts of {length}");
}

#[test]
fn copies_and_packets_out_of_order_come_as_often_as_they_should() {
    let conditions = Conditions {
        latency: Distribution::Constant(ms(20)),
        duplicate: 0.2,
        reorder: 0.1,
        ..Conditions::default()
    };
    let mut fabric = fabric(1, conditions);

    let fates = sent(&mut fabric, PACKETS);

    let copies =
        fates.iter().filter(|fate| matches!(fate, Fate::Arrives { copy_after: Some(_), .. })).count();
    let late = fates.iter().filter(|fate| arrival(**fate) == ms(40)).count();
    assert!((19_500..20_500).contains(&copies), "{copies}");
    assert!((9_500..10_500).contains(&late), "{late}");
    assert!(fates.iter().all(|fate| [ms(20), ms(40)].contains(&arrival(*fate))));
}

#[test]
fn jitter_and_added_latency_come_on_top() {
    let conditions = Conditions {
        latency: Distribution::Constant(ms(20)),
        added: ms(100),
        jitter: ms(10),
        ..Conditions::default()
    };
    let fates = sent(&mut fabric(1, conditions), PACKETS);

    let mean = fates.iter().map(|fate| arrival(*fate).as_secs_f64()).sum::<f64>() / f64::from(PACKETS);
    assert!((0.1249..0.1251).contains(&mean), "{mean}");
    assert!(fates.iter().all(|fate| (ms(120)..=ms(130)).contains(&arrival(*fate))));
}

#[test]
fn a_slow_link_carries_one_packet_after_the_other_and_drops_what_would_wait_too_long() {
    // 1,200 bytes take 9.6 ms.
    let conditions = Conditions { bandwidth: Some(1_000_000), queue: ms(25), ..Conditions::default() };
    let mut fabric = fabric(1, conditions);
    let mut send = |now| fabric.on_packet(ms(now), host(0), host(1), 1200);

    let burst: Vec<_> = (0..5).map(|_| send(0)).collect();

    let micros = Duration::from_micros;
    let carried: Vec<_> = burst[..3].iter().map(|fate| arrival(*fate)).collect();
    assert_eq!(carried, [micros(9_600), micros(19_200), micros(28_800)]);
    assert_eq!(burst[3..], [Fate::Lost(LostWhy::QueueFull); 2]);
    assert_eq!(arrival(send(100)), micros(9_600), "it is free again");
    assert_eq!(
        arrival(fabric.on_packet(ms(100), host(1), host(0), 1200)),
        micros(9_600),
        "the other way is another"
    );
}

#[test]
fn what_is_larger_than_the_mtu_is_lost() {
    let mut fabric = fabric(1, Conditions { mtu: 1400, ..Conditions::default() });

    assert_eq!(fabric.on_packet(ms(0), host(0), host(1), 1401), Fate::Lost(LostWhy::TooLarge));
    assert!(matches!(fabric.on_packet(ms(0), host(0), host(1), 1400), Fate::Arrives { .. }));
}

#[test]
fn a_cut_stops_its_scope_alone_and_heals() {
    let mut fabric = fabric(1, Conditions::default());
    let passes = |fabric: &mut Fabric, from, to| {
        !matches!(fabric.on_packet(ms(0), host(from), host(to), 100), Fate::Lost(LostWhy::Cut))
    };
    let before = fabric.version();

    let cut = fabric.begin(scope(&[0], &[1], false), Fault::Cut);
    assert!(!passes(&mut fabric, 0, 1) && passes(&mut fabric, 1, 0) && passes(&mut fabric, 0, 2));
    assert_eq!(fabric.conditions(host(0), host(1)), None);

    let island = fabric.begin(scope(&[0], &[2, 1], true), Fault::Cut);
    assert!(!passes(&mut fabric, 2, 0) && !passes(&mut fabric, 1, 0) && passes(&mut fabric, 1, 2));

    fabric.end(island);
    assert!(!passes(&mut fabric, 0, 1) && passes(&mut fabric, 2, 0), "the first is still there");
    fabric.end(cut);
    fabric.end(cut);
    assert!(passes(&mut fabric, 0, 1));
    assert_eq!(fabric.version() - before, 4, "ending twice changes nothing");
}

#[test]
fn faults_add_up_in_their_order_and_leave_no_trace() {
    let mut fabric =
        fabric(1, Conditions { latency: Distribution::Constant(ms(10)), ..Conditions::default() });
    let base = fabric.conditions(host(0), host(1));
    let more = |by| Fault::Shape(Change { latency: Some(Latency::More(by)), ..Change::default() });
    let lossy = Fault::Shape(Change { loss: Some(Loss::Random(0.5)), ..Change::default() });

    let first = fabric.begin(scope(&[0], &[1], true), more(ms(5)));
    let second = fabric.begin(scope(&[0, 2], &[1], true), more(ms(7)));
    let third = fabric.begin(scope(&[1], &[0], true), lossy);

    let now = fabric.conditions(host(0), host(1)).unwrap();
    assert_eq!((now.added, now.loss), (ms(12), Loss::Random(0.5)));
    fabric.end(first);
    assert_eq!(fabric.conditions(host(1), host(0)).unwrap().added, ms(7));
    fabric.end(third);
    fabric.end(second);
    assert_eq!(fabric.conditions(host(0), host(1)), base);
}

#[test]
fn hosts_that_are_paused_hold_packets_and_those_that_are_down_lose_them() {
    let mut fabric = fabric(1, Conditions::default());
    let before = fabric.traffic();

    fabric.set_power(host(1), Power::Paused);
    assert_eq!(fabric.on_packet(ms(0), host(0), host(1), 100), Fate::Held);
    assert_eq!(fabric.on_packet(ms(0), host(1), host(0), 100), Fate::Held);
    assert_eq!(fabric.traffic(), before, "nothing has happened yet");
    assert_eq!(fabric.conditions(host(0), host(1)), None);

    fabric.set_power(host(0), Power::Down);
    assert_eq!(fabric.on_packet(ms(0), host(0), host(1), 100), Fate::Lost(LostWhy::Down));
    assert_eq!(fabric.on_packet(ms(0), host(2), host(9), 100), Fate::Lost(LostWhy::Down));
}

#[test]
fn what_one_link_carries_changes_nothing_for_the_others() {
    let conditions = Conditions {
        latency: Distribution::Normal(ms(20), ms(5)),
        loss: Loss::Random(0.1),
        ..Conditions::default()
    };
    let (mut quiet, mut busy) = (fabric(7, conditions.clone()), fabric(7, conditions));
    let cut = scope(&[1], &[0], false);

    let alone = sent(&mut quiet, 1000);
    let beside: Vec<Fate> = (0..1000)
        .map(|n| {
            busy.on_packet(ms(n), host(2), host(1), 1200);
            busy.on_packet(ms(n), host(1), host(0), 1200);
            if n == 500 {
                busy.begin(cut.clone(), Fault::Cut);
            }
            busy.on_packet(ms(n), host(0), host(1), 1200)
        })
        .collect();

    assert_eq!(alone, beside);
}

#[test]
fn equal_runs_have_equal_digests_and_others_do_not() {
    let digest = |seed, packets| {
        let conditions = Conditions { jitter: ms(10), loss: Loss::Random(0.1), ..Conditions::default() };
        let mut fabric = fabric(seed, conditions);
        sent(&mut fabric, packets);
        fabric.traffic().digest
    };

    assert_eq!(digest(1, 1000), digest(1, 1000));
    assert_ne!(digest(1, 1000), digest(2, 1000));
    assert_ne!(digest(1, 1000), digest(1, 1001));
}

#[test]
fn addresses_lead_to_hosts_by_number_or_as_they_were_told() {
    let mut fabric = fabric(1, Conditions::default());
    let told: SocketAddr = "127.0.0.1:9000".parse().unwrap();

    assert_eq!(fabric.host_at(host(2).address()), Some(host(2)));
    assert_eq!(fabric.host_at(host(3).address()), None, "there are three");
    assert_eq!(fabric.host_at(told), None);
    fabric.set_address(host(1), told);
    assert_eq!(fabric.host_at(told), Some(host(1)));
}

#[test]
fn whoever_asked_is_woken_by_the_next_change() {
    let woken = Arc::new(AtomicUsize::new(0));
    #[derive(Debug)]
    struct Count(Arc<AtomicUsize>);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut fabric = fabric(1, Conditions::default());
    let waker = Waker::from(Arc::new(Count(Arc::clone(&woken))));

    fabric.wake_on_change(&waker);
    fabric.wake_on_change(&waker);
    fabric.set_power(host(0), Power::Up);
    assert_eq!(woken.load(Ordering::Relaxed), 0, "that is no change");
    fabric.set_power(host(0), Power::Down);
    fabric.set_power(host(0), Power::Up);

    assert_eq!(woken.load(Ordering::Relaxed), 1);
}
