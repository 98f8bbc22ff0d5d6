//! Whole platoons in one thread, with a network that delays, loses, doubles and reorders, and clocks that go wrong.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const LEASE: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_millis(250);

fn id(n: usize) -> AgentId {
    AgentId::from_key_digest([u8::try_from(n).unwrap() + 1; 32])
}

/// What the network does to a word.
#[derive(Debug, Clone, Copy)]
struct Weather {
    loss: f64,
    doubled: f64,
    delay: Duration,
}

const CALM: Weather = Weather { loss: 0.0, doubled: 0.0, delay: Duration::from_millis(5) };

struct Member {
    election: Option<Election>,
    /// Where its clock stood at the beginning, and how fast it goes.
    offset: Duration,
    pace: f64,
    lives: u64,
}

struct Platoon {
    rng: Xoshiro256PlusPlus,
    weather: Weather,
    now: Duration,
    members: Vec<Member>,
    /// On which side of a cut each is.
    sides: Vec<u8>,
    /// Who is not heard by whom besides.
    deaf: BTreeSet<(usize, usize)>,
    /// How often a voter crashes just after its vote, and returns without knowing of it.
    treason: f64,
    /// By arrival; of those who arrive at once the first said first.
    on_the_way: BTreeMap<(Duration, u64), (usize, usize, Say)>,
    said: u64,
    /// Who has commanded in each term.
    commanders: BTreeMap<u64, usize>,
}

impl Platoon {
    fn new(members: usize, seed: u64, weather: Weather, drift: f64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut member = |_| Member {
            election: None,
            offset: Duration::from_millis(rng.random_range(0..100_000)),
            pace: 1.0 + rng.random_range(-1.0..=1.0) * drift,
            lives: 0,
        };
        let members: Vec<_> = (0..members).map(&mut member).collect();
        let sides = vec![0; members.len()];
        let mut platoon = Self {
            rng,
            weather,
            now: Duration::ZERO,
            members,
            sides,
            deaf: BTreeSet::new(),
            treason: 0.0,
            on_the_way: BTreeMap::new(),
            said: 0,
            commanders: BTreeMap::new(),
        };
        (0..platoon.members.len()).for_each(|member| platoon.start(member));
        platoon
    }

    fn start(&mut self, member: usize) {
        let (now, count) = (self.time_of(member), self.members.len());
        let rules = Rules { members: count, lease: LEASE, beat: BEAT, patience: Duration::ZERO };
        let it = &mut self.members[member];
        it.lives += 1;
        let seed = it.lives * 1000 + u64::try_from(member).unwrap();
        it.election = Some(Election::new(id(member), rules, seed, now));
    }

    fn crash(&mut self, member: usize) {
        self.members[member].election = None;
    }

    /// What its clock shows.
    fn time_of(&self, member: usize) -> Duration {
        let Member { offset, pace, .. } = self.members[member];
        offset + self.now.mul_f64(pace)
    }

    /// How many have forgotten what they had promised, or do not live.
    fn forgetful(&self) -> usize {
        let forgets = |member: &&Member| match &member.election {
            Some(election) => matches!(election.role, Role::Joining(_)),
            None => true,
        };
        self.members.iter().filter(forgets).count()
    }

    /// The promise is that a minority may.
    fn may_forget(&self) -> bool {
        self.forgetful() + 1 < self.members.len() / 2 + 1
    }

    fn commanding(&self) -> Vec<usize> {
        let commands = |member: &usize| {
            let election = self.members[*member].election.as_ref();
            election.is_some_and(|election| election.commands(self.time_of(*member)))
        };
        (0..self.members.len()).filter(commands).collect()
    }

    /// When something happens next.
    fn next(&self) -> Option<Duration> {
        let arrival = self.on_the_way.first_key_value().map(|((at, _), _)| *at);
        let alarms = self.members.iter().filter_map(|member| {
            let alarm = member.election.as_ref()?.alarm().saturating_sub(member.offset);
            Some(alarm.div_f64(member.pace))
        });
        alarms.chain(arrival).min()
    }

    /// Lets time pass until something happens, or until then; at least a millisecond.
    fn tick(&mut self, end: Duration) {
        let least = self.now + Duration::from_millis(1);
        self.now = self.next().unwrap_or(end).min(end).max(least);
        let later = self.on_the_way.split_off(&(self.now, u64::MAX));
        for (from, to, say) in std::mem::replace(&mut self.on_the_way, later).into_values() {
            let now = self.time_of(to);
            let hears = self.sides[from] == self.sides[to] && !self.deaf.contains(&(from, to));
            if let (true, Some(election)) = (hears, &mut self.members[to].election) {
                let answers = match say {
                    Say::Order(order) => election.hear_order(id(from), order, now),
                    Say::Word(word) => election.hear(id(from), word, now),
                };
                self.spread(to, answers);
            }
        }
        for member in 0..self.members.len() {
            let now = self.time_of(member);
            if let Some(election) = &mut self.members[member].election {
                let says = election.wake(now);
                self.spread(member, says);
            }
        }
        self.look();
    }

    fn spread(&mut self, from: usize, says: Vec<Say>) {
        for say in says {
            if let Say::Order(order) = say {
                assert_eq!(
                    *self.commanders.entry(order.term).or_insert(from),
                    from,
                    "rivals in {}",
                    order.term
                );
            }
            if matches!(say, Say::Word(Word::Vote { trial: false, .. }))
                && self.rng.random_bool(self.treason)
                && self.may_forget()
            {
                self.start(from);
            }
            for to in (0..self.members.len()).filter(|to| *to != from) {
                let times = 1 + usize::from(self.rng.random_bool(self.weather.doubled));
                for _ in 0..times {
                    if self.rng.random_bool(self.weather.loss) {
                        continue;
                    }
                    let delay = self.weather.delay.mul_f64(self.rng.random_range(0.0..=1.0));
                    self.said += 1;
                    self.on_the_way.insert((self.now + delay, self.said), (from, to, say));
                }
            }
        }
    }

    /// There is never more than one commander, and none that was not elected.
    fn look(&self) {
        let commanding = self.commanding();
        assert!(commanding.len() <= 1, "{commanding:?} command at {:?}", self.now);
        if let Some(commander) = commanding.first() {
            let term = self.members[*commander].election.as_ref().unwrap().term;
            assert_eq!(self.commanders.get(&term), Some(commander));
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick(end);
        }
    }

    /// One of them crashes, returns, or is cut off; or all are put together again.
    fn misfortune(&mut self) {
        let count = self.members.len();
        let member = self.rng.random_range(0..count);
        match self.rng.random_range(0..5) {
            0 if self.members[member].election.is_none() => self.start(member),
            0 | 1 if self.may_forget() => {
                self.crash(member);
                // Some are back at once.
                if self.rng.random_bool(0.5) {
                    self.start(member);
                }
            }
            2 => (self.sides, self.deaf) = (vec![0; count], BTreeSet::new()),
            3 => {
                let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
                self.deaf = pairs.filter(|_| self.rng.random_bool(0.3)).collect();
            }
            _ => {
                let commander = self.commanding().first().copied();
                self.sides[commander.unwrap_or(member)] = self.rng.random_range(0..2);
                self.sides[member] = 1;
            }
        }
    }
}

fn any_weather() -> impl Strategy<Value = Weather> {
    (0.0..0.4, 0.0..0.5, 1_u64..900).prop_map(|(loss, doubled, ms)| Weather {
        loss,
        doubled,
        delay: Duration::from_millis(ms),
    })
}

proptest! {
    // Each is a minute of a platoon.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn there_is_one_commander_at_most_whatever_happens(
        seed: u64, members in 2_usize..8, weather in any_weather(), drift in 0.0..0.04
    ) {
        let mut platoon = Platoon::new(members, seed, weather, drift);
        platoon.treason = 0.3;
        for _ in 0..30 {
            let pause = platoon.rng.random_range(100..3000);
            platoon.run(Duration::from_millis(pause));
            platoon.misfortune();
        }
    }

    #[test]
    fn there_is_one_soon_after_all_is_well_and_it_stays(
        seed: u64, members in 2_usize..8, weather in any_weather()
    ) {
        let mut platoon = Platoon::new(members, seed, weather, 0.01);
        for _ in 0..10 {
            platoon.run(Duration::from_secs(1));
            platoon.misfortune();
        }
        (platoon.weather, platoon.sides, platoon.deaf) = (CALM, vec![0; members], BTreeSet::new());
        (0..members).filter(|n| platoon.members[*n].election.is_none()).collect::<Vec<_>>()
            .into_iter().for_each(|member| platoon.start(member));
        // Those who have just begun to live take two leases, the words of before one, and each election one and a half.
        platoon.run(12 * LEASE);
        let commander = platoon.commanding();
        prop_assert_eq!(commander.len(), 1);
        platoon.run(20 * LEASE);
        prop_assert_eq!(platoon.commanding(), commander);
    }
}

#[test]
fn a_successor_commands_within_three_leases() {
    for seed in 0..20 {
        let mut platoon = Platoon::new(5, seed, CALM, 0.0);
        platoon.run(6 * LEASE);
        let first = platoon.commanding()[0];
        platoon.crash(first);
        platoon.run(3 * LEASE);
        let second = platoon.commanding();
        assert!(second.len() == 1 && second != [first], "seed {seed}: {second:?}");
        platoon.start(first);
        platoon.run(6 * LEASE);
        assert_eq!(platoon.commanding(), second, "whoever returns follows");
    }
}

#[test]
fn the_minority_has_none_and_disturbs_nobody_afterwards() {
    for seed in 0..20 {
        let mut platoon = Platoon::new(5, seed, CALM, 0.0);
        platoon.run(6 * LEASE);
        let first = platoon.commanding()[0];
        platoon.sides[first] = 1;
        platoon.sides[(first + 1) % 5] = 1;
        platoon.run(4 * LEASE);
        let second = platoon.commanding();
        assert!(second.len() == 1 && platoon.sides[second[0]] == 0, "seed {seed}: {second:?}");
        platoon.run(20 * LEASE);
        let terms = platoon.commanders.len();
        platoon.sides = vec![0; 5];
        platoon.run(20 * LEASE);
        assert_eq!((platoon.commanding(), platoon.commanders.len()), (second, terms));
    }
}

#[test]
fn whoever_is_of_lower_rank_stands_first() {
    let rules = |patience| Rules { members: 3, lease: LEASE, beat: BEAT, patience };
    for seed in 0..50 {
        let pause = |patience| Election::new(id(0), rules(patience), seed, Duration::ZERO).pause();
        assert!(pause(Duration::ZERO) < LEASE * 3 / 2);
        assert!(pause(LEASE / 2) >= LEASE * 3 / 2);
    }
}

/// One of three, at a clock that begins with its life.
fn one_of_three(me: usize) -> Election {
    let rules = Rules { members: 3, lease: LEASE, beat: BEAT, patience: Duration::ZERO };
    Election::new(id(me), rules, 1, Duration::ZERO)
}

/// Lets it ask what term it is, and gives the number of its question.
fn asks(election: &mut Election, now: Duration) -> u64 {
    match election.wake(now)[..] {
        [Say::Word(Word::Join { round })] => round,
        ref other => panic!("{other:?}"),
    }
}

/// Answers that question.
fn told(election: &mut Election, by: usize, round: u64, term: Option<u64>, now: Duration) {
    let to = election.me;
    election.hear(id(by), Word::Joined { to, round, term }, now);
}

/// Whether it votes for somebody who stands in earnest.
fn votes(election: &mut Election, candidate: usize, term: u64, now: Duration) -> bool {
    let says = election.hear(id(candidate), Word::Stand { term, trial: false }, now);
    says == [Say::Word(Word::Vote { to: id(candidate), term, trial: false })]
}

#[test]
fn whoever_may_have_forgotten_its_vote_votes_in_later_terms_only() {
    let mut election = one_of_three(0);
    let joined = 2 * LEASE;
    assert_eq!(election.wake(joined - Duration::from_millis(1)), [], "candidates have yet to give up");
    let round = asks(&mut election, joined);
    assert!(!votes(&mut election, 2, 1, joined));
    told(&mut election, 2, round, Some(0), joined);
    assert!(!votes(&mut election, 2, 1, joined), "the other may know of a term");
    told(&mut election, 1, round ^ 1, Some(0), joined);
    assert!(!votes(&mut election, 2, 1, joined), "that answered another question");
    told(&mut election, 1, round, Some(4), joined);
    assert!(!votes(&mut election, 2, 4, joined), "it may have voted in this one");
    assert!(votes(&mut election, 2, 5, joined));
    assert!(!votes(&mut election, 1, 5, joined) && !votes(&mut election, 1, 6, joined), "it is bound");
    assert!(votes(&mut election, 1, 6, joined + LEASE));
}

#[test]
fn where_nobody_knows_anything_all_begin_and_not_before() {
    let mut election = one_of_three(0);
    let round = asks(&mut election, 2 * LEASE);
    told(&mut election, 1, round, None, 2 * LEASE);
    assert!(!votes(&mut election, 1, 1, 2 * LEASE));
    told(&mut election, 2, round, None, 2 * LEASE);
    assert!(votes(&mut election, 1, 1, 2 * LEASE));
}

#[test]
fn a_vote_that_comes_after_its_time_is_void() {
    let vote = |late: Duration| {
        let mut election = one_of_three(0);
        let round = asks(&mut election, 2 * LEASE);
        told(&mut election, 1, round, None, 2 * LEASE);
        told(&mut election, 2, round, None, 2 * LEASE);
        let now = election.alarm();
        assert_eq!(election.wake(now), [Say::Word(Word::Stand { term: 1, trial: true })]);
        let vote = |trial| Word::Vote { to: id(0), term: 1, trial };
        let says = election.hear(id(1), vote(true), now);
        assert_eq!(says, [Say::Word(Word::Stand { term: 1, trial: false })]);
        election.hear(id(1), vote(false), now + late)
    };
    assert_eq!(vote(LEASE / 4), [Say::Order(Order { term: 1, number: 1 })]);
    assert_eq!(vote(LEASE / 2), []);
}
