//! Whole runs over real sockets, through the public API alone. They are short, and wait for what they assert on rather
//! than for a time.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not there fails the test"
)]

use std::time::Duration;

use swarm_core::{Advertisement, Agent, AgentError, AssistanceRequest, Context, Replies};
use swarm_sim::{
    BuildError, End, Metric, NoParams, Progress, Question, Registry, RunError, RunEvent, RunOptions,
    RunSummary, Scenario, Setup, Verdict,
};

/// Broadcasts every 10 ms and measures how often.
struct Ticker;

impl Agent for Ticker {
    async fn on_start(&self, cx: &Context) {
        let ticker = cx.clone();
        cx.spawn(async move {
            while !ticker.is_cancelled() {
                let _ = ticker.broadcast_observation("tick", "tock");
                ticker.measure("ticks", 1.0);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
}

/// Says too much, once.
struct Talker;

impl Agent for Talker {
    async fn on_start(&self, cx: &Context) {
        let _ = cx.broadcast_observation("talk.long", vec![0; 100_000]);
    }
}

/// Gives back what it is asked, in capitals; is silent about `silence`, and panics at `panic`.
struct Echo;

impl Agent for Echo {
    fn capabilities(&self) -> Vec<Advertisement> {
        "echo.say".parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let payload = request.payload(1000).await?;
        match &payload[..] {
            b"silence" => std::future::pending().await,
            b"panic" => panic!("as I was told"),
            other => replies.send("echo", other.to_ascii_uppercase()).await?,
        }
        Ok(())
    }
}

fn registry() -> Registry {
    Registry::new()
        .agent("ticker", "ticks", |_: Setup<'_, NoParams>| Ok(Ticker))
        .agent("talker", "says too much", |_: Setup<'_, NoParams>| Ok(Talker))
        .agent("echo", "echoes", |_: Setup<'_, NoParams>| Ok(Echo))
        .agent("shy", "only its first member can be made", |setup: Setup<'_, NoParams>| match setup.index {
            0 => Ok(Echo),
            index => Err(BuildError::from(format!("number {index} is too shy"))),
        })
        .questions("letters", "asks for capitals, and is never content with a z", |seed| {
            (0..).map(move |number: u8| {
                let letter = b'a' + (number + (seed % 26) as u8) % 26;
                Question::new(vec![letter], move |answer| {
                    letter != b'z' && answer[0].payload == vec![letter.to_ascii_uppercase()]
                })
            })
        })
}

fn scenario(text: &str) -> Scenario {
    let text = format!("schema = 1\n{text}");
    Scenario::parse("test.toml", &text, &registry()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn run(text: &str) -> RunSummary {
    swarm_sim::run(scenario(text), &registry(), RunOptions::default(), |_| {}).unwrap()
}

/// Runs until enough is counted. The scenario is long enough to fail by its timeout instead.
fn run_until(text: &str, enough: impl Fn(&Progress) -> bool) -> RunSummary {
    let options = RunOptions::default();
    let stop = options.stop.clone();
    let on_event = |event: &RunEvent| {
        if matches!(event, RunEvent::Progress(progress) if enough(progress)) {
            stop.cancel();
        }
    };
    let summary = swarm_sim::run(scenario(text), &registry(), options, on_event).unwrap();
    assert_eq!(summary.end, End::Interrupted, "it was never enough: {:?}", summary.notices);
    summary
}

fn value(summary: &RunSummary, group: usize, metric: &str) -> Option<f64> {
    summary.groups[group]
        .figures
        .value(&Metric::from_name(metric).unwrap(), Some(swarm_sim::Aggregate::Count))
}

#[test]
fn observations_reach_whom_the_topology_connects() {
    for (mesh, connections, copies_of_each) in
        [("topology = 'full'", 10, 4), ("topology = 'ring'", 5, 2), ("topology = 'random', degree = 2", 5, 2)]
    {
        let summary = run(&format!(
            "scenario = {{ name = 'x', duration = '200ms' }}\nmesh = {{ {mesh} }}\ngroups.t = {{ agent = 'ticker', count = 5 }}"
        ));
        assert_eq!(summary.connections, connections, "{mesh}");
        let figures = &summary.total;
        assert!(figures.observations_sent > 0, "{mesh}");
        assert_eq!(figures.copies_sent, figures.observations_sent * copies_of_each, "{mesh}");
        assert_eq!(figures.copies_delivered, figures.observations_delivered(), "{mesh}");
    }
}

#[test]
fn the_hub_of_a_star_hears_everybody_and_the_others_only_the_hub() {
    let summary = run("
        scenario = { name = 'x', duration = '200ms' }
        mesh = { topology = 'star', hub = 'hub' }
        groups.ray = { agent = 'ticker', count = 3 }
        groups.hub = { agent = 'idle', count = 2 }");
    // The second member of the group `hub` is a ray too.
    assert_eq!(summary.connections, 4);
    assert_eq!(summary.groups[0].figures.observations_delivered(), 0);
    assert_eq!(
        summary.groups[1].figures.observations_delivered(),
        summary.groups[0].figures.copies_delivered
    );
}

#[test]
fn questions_are_asked_in_turn_and_judged() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        groups.client = { agent = 'idle', count = 2 }
        groups.echo = { agent = 'echo', count = 3 }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', questions = 'letters', count = 52, in_flight = 4 },
          { at = '0s', do = 'ask', from = 'echo', to = 'echo', capability = 'echo.say', payload = 'you', expect = 'YOU', count = 3 },
        ]";
    let summary = run_until(text, |progress| progress.answered == 55);
    let example = "client to echo, echo.say: 2 answered wrongly, such as: to \"z\" came \"Z\"";
    assert_eq!(summary.notices, [example]);
    assert_eq!(value(&summary, 0, "request.latency"), Some(52.0));
    // Two of 52 letters are a z.
    assert_eq!(value(&summary, 0, "answer.right"), Some(50.0));
    assert_eq!(value(&summary, 1, "answer.right_ratio"), Some(1.0));
}

#[test]
fn whoever_stops_is_asked_no_more() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        groups.client = { agent = 'idle' }
        groups.echo = { agent = 'echo', count = 3 }
        timeline.events = [
          { at = '0s', do = 'stop', target = 'echo', pick = 2 },
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'a', expect = 'A', count = 10 },
        ]";
    let summary = run_until(text, |progress| progress.asked == 10 && progress.agents == 2);
    assert_eq!(summary.notices, Vec::<String>::new());
    assert_eq!(value(&summary, 0, "answer.right_ratio"), Some(1.0));
}

#[test]
fn whoever_starts_is_asked_once_it_is_connected() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        groups.client = { agent = 'idle' }
        groups.echo = { agent = 'echo', start = false }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', count = 10000, every = '10ms' },
          { at = '20ms', do = 'start', target = 'echo' },
        ]";
    let summary = run_until(text, |progress| progress.answered >= 3);
    assert_eq!(summary.connections, 0);
    assert!(summary.notices[0].starts_with("client asks echo, but nobody runs"), "{:?}", summary.notices);
    // From its first answer on it was never gone again.
    assert!(
        summary.total.endings.keys().all(|ending| ending == "completed" || ending == swarm_sim::NOT_SENT)
    );
}

#[test]
fn those_who_start_at_the_same_time_find_one_another() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        mesh = { topology = 'ring' }
        groups.echo = { agent = 'echo', count = 3, start = false }
        timeline.events = [
          { at = '0s', do = 'start', target = 'echo' },
          { at = '0s', do = 'ask', from = 'echo', to = 'echo', capability = 'echo.say', count = 10000, every = '10ms' },
        ]";
    let summary = run_until(text, |progress| progress.agents == 3 && progress.answered >= 12);
    // Whoever could be asked at all was connected.
    assert!(summary.notices.iter().all(|notice| notice.contains("nobody runs")), "{:?}", summary.notices);
}

#[test]
fn whoever_is_started_while_it_stops_comes_back_on_its_port() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!(
        "
        scenario = {{ name = 'x', duration = '30s' }}
        run.first_port = {port}
        groups.echo = {{ agent = 'echo' }}
        groups.client = {{ agent = 'idle', start = false }}
        timeline.events = [
          {{ at = '0s', do = 'stop', target = 'echo' }},
          {{ at = '0s', do = 'start', target = 'echo' }},
          {{ at = '0s', do = 'start', target = 'client' }},
          {{ at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', count = 10000, every = '10ms' }},
        ]"
    );
    let summary = run_until(&text, |progress| progress.agents == 2 && progress.answered >= 3);
    assert!(summary.total.requests_answered() >= 3);
}

#[test]
fn asking_where_nobody_is_counts_as_not_sent_and_is_noticed() {
    let summary = run("
        scenario = { name = 'x', duration = '300ms' }
        mesh = { topology = 'ring' }
        groups.client = { agent = 'idle' }
        groups.between = { agent = 'idle', count = 2 }
        groups.far = { agent = 'echo' }
        groups.absent = { agent = 'echo', start = false }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'absent', capability = 'echo.say', count = 2 },
          { at = '0s', do = 'ask', from = 'client', to = 'far', capability = 'echo.say', count = 2 },
        ]");
    assert_eq!(summary.total.endings[swarm_sim::NOT_SENT], 4);
    assert_eq!(value(&summary, 0, "request.answered_ratio"), Some(0.0));
    assert_eq!(summary.notices.len(), 2, "{:?}", summary.notices);
}

#[test]
fn a_silent_responder_leaves_no_request_open() {
    let summary = run("
        scenario = { name = 'x', duration = '300ms' }
        groups.client = { agent = 'idle' }
        groups.echo = { agent = 'echo' }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'silence', deadline = '50ms' },
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'silence', deadline = '1m' },
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'panic' },
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'no.such' },
        ]");
    assert_eq!(value(&summary, 0, "request.open"), Some(0.0));
    let endings = &summary.total.endings;
    let expected = ["cancelled", "deadline_exceeded", "failed", "no_such_capability"];
    assert_eq!(endings.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{endings:?}");
    assert_eq!(summary.groups[1].figures.panics, 1);
    for notice in [
        "client to echo, echo.say: 1 ended as deadline_exceeded, the first because: the deadline passed",
        "client to echo, echo.say: 1 without an answer yet at the end of the run, given up",
        "client to echo, no.such: 1 ended as no_such_capability, the first because: the capability is not offered",
        "agents of echo panicked: 1 in on_request",
    ] {
        assert!(summary.notices.iter().any(|told| told == notice), "no {notice:?} in {:?}", summary.notices);
    }
}

#[test]
fn whoever_gives_up_as_planned_cancels_and_is_no_complaint() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        groups.client = { agent = 'idle' }
        groups.echo = { agent = 'echo' }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'silence', count = 2, cancel_after = '50ms' },
          { at = '2s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'now' },
        ]";
    let summary = run_until(text, |progress| progress.answered == 1);
    assert_eq!(value(&summary, 0, "request.ended.cancelled"), Some(2.0));
    assert_eq!(value(&summary, 1, "request.served.cancelled"), Some(2.0));
    assert_eq!(summary.notices, Vec::<String>::new());
}

#[test]
fn in_an_open_loop_nothing_waits_for_an_answer() {
    let text = "
        scenario = { name = 'x', duration = '30s' }
        groups.client = { agent = 'idle' }
        groups.echo = { agent = 'echo' }
        timeline.events = [
          { at = '0s', do = 'ask', from = 'client', to = 'echo', capability = 'echo.say', payload = 'silence', count = 8, every = '10ms', open_loop = true, in_flight = 5 },
        ]";
    // The first five are never answered, and hold up nobody; three more find no place.
    let summary = run_until(text, |progress| progress.asked == 8);
    assert_eq!(summary.groups[0].figures.endings["not_sent"], 3);
    let notice = "client asks echo, but 5 questions are without an answer already, so some were not sent";
    assert!(summary.notices.iter().any(|told| told == notice), "{:?}", summary.notices);
}

#[test]
fn an_observation_that_is_too_large_for_everybody_is_told() {
    let text = "
        scenario = { name = 'x', duration = '50ms' }
        groups.talker = { agent = 'talker' }
        groups.listener = { agent = 'idle', start = false }";
    let summary = run(text);
    let [notice] = &summary.notices[..] else { panic!("{:?}", summary.notices) };
    assert!(notice.starts_with("talker: 1 observation was too large"), "{notice}");
    assert!(notice.contains("about talk.long with"), "{notice}");
}

#[test]
fn an_interrupted_run_still_reports() {
    let text = "
        scenario = { name = 'x', duration = '1h' }
        groups.t = { agent = 'ticker', count = 2 }
        checks.list = [{ name = 'heard', metric = 'observation.delivered', check = '> 0' }]";
    let summary = run_until(text, |progress| progress.delivered > 0);
    assert_eq!(summary.checks[0].verdict, Verdict::Passed);
    assert!(!summary.passed());
    assert!(summary.measured < Duration::from_secs(60));
}

#[test]
fn a_run_that_takes_too_long_ends_and_reports() {
    let mut slow =
        scenario("scenario = { name = 'x', duration = '1h' }\ngroups.t = { agent = 'ticker', count = 2 }");
    slow.timeout = Duration::from_secs(2);
    let summary = swarm_sim::run(slow, &registry(), RunOptions::default(), |_| {}).unwrap();
    assert_eq!(summary.end, End::TimedOut);
}

#[test]
fn what_happens_before_the_end_of_the_warm_up_does_not_count() {
    let text = "
        scenario = { name = 'x', warmup = '300ms', duration = '1ms' }
        groups.t = { agent = 'ticker', count = 2 }";
    let summary = run(text);
    assert!(summary.total.observations_sent <= 4, "{}", summary.total.observations_sent);
}

#[test]
fn an_agent_that_cannot_be_made_ends_the_run_before_it_begins() {
    let text = "scenario = { name = 'x', duration = '1h' }\ngroups.g = { agent = 'shy', count = 2 }";
    let error = swarm_sim::run(scenario(text), &registry(), RunOptions::default(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "agent g[1] of kind `shy` could not be made: number 1 is too shy");
    assert!(error.is_mistake());
}

#[test]
fn a_port_in_use_is_named_with_its_place_in_the_file() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let text = format!(
        "scenario = {{ name = 'x', duration = '1h' }}\nrun.first_port = {port}\ngroups.g = {{ agent = 'idle' }}"
    );
    let scenario = scenario(&text);
    let error = swarm_sim::run(scenario, &registry(), RunOptions::default(), |_| {}).unwrap_err();
    let RunError::Port { member, port: named, place: Some(place), .. } = error else { panic!("{error}") };
    assert_eq!((member.as_str(), named), ("g[0]", port));
    assert_eq!(format!("schema = 1\n{text}")[place], port.to_string());
}

#[test]
fn a_member_keeps_its_identity_from_run_to_run_and_seeds_differ() {
    let ids = |seed: u64| {
        let text =
            "scenario = { name = 'x', duration = '1ms' }\ngroups.g = { agent = 'name-tag', count = 2 }";
        let (sender, receiver) = std::sync::mpsc::channel();
        let registry =
            Registry::new().agent("name-tag", "tells its id", move |setup: Setup<'_, NoParams>| {
                Ok(NameTag { number: setup.index, sender: sender.clone() })
            });
        let mut scenario = Scenario::parse("x.toml", &format!("schema = 1\n{text}"), &registry).unwrap();
        scenario.seed = seed;
        swarm_sim::run(scenario, &registry, RunOptions::default(), |_| {}).unwrap();
        drop(registry);
        let mut ids: Vec<_> = receiver.iter().collect();
        ids.sort();
        ids
    };
    let first = ids(1);
    assert_eq!(first.len(), 2);
    assert_eq!(first, ids(1));
    assert_ne!(first, ids(2));
}

/// Tells its id when it starts.
struct NameTag {
    number: usize,
    sender: std::sync::mpsc::Sender<(usize, swarm_core::AgentId)>,
}

impl Agent for NameTag {
    async fn on_start(&self, cx: &Context) {
        let _ = self.sender.send((self.number, cx.id()));
    }
}

#[test]
fn rogues_are_turned_away_and_counted_apart() {
    let summary = run("scenario = { name = 'x', duration = '1s' }
        groups.t = { agent = 'ticker', count = 2 }
        groups.stranger = { rogue = 'foreign-root', params = { rate = 20 } }
        groups.babbler = { rogue = 'garbage', count = 2, params = { attempts = 1 } }");

    assert_eq!(summary.connections, 1, "of the agents alone");
    let figures = &summary.total;
    assert_eq!(figures.copies_sent, figures.observations_sent, "rogues hear nothing");
    let [_, stranger, babbler] = &summary.groups[..] else { panic!("{:?}", summary.groups) };
    let (stranger, babbler) = (&stranger.figures.rogues, &babbler.figures.rogues);
    assert!(stranger.attempts > 0 && stranger.refused == stranger.attempts, "{stranger:?}");
    assert_eq!((babbler.attempts, babbler.admitted, babbler.sent_away), (4, 4, 4), "each went to both");
    assert_eq!(babbler.cut_off.count(), 4);
    assert!(value(&summary, 0, "peer.refused.handshake") >= Some(1.0));
}

#[test]
fn rogues_come_and_go_by_the_timeline_and_attack_those_whom_they_are_connected_to() {
    let summary = run("scenario = { name = 'x', duration = '600ms' }
        mesh = { topology = 'star', hub = 'hub' }
        groups.hub = { agent = 'idle' }
        groups.t = { agent = 'idle', count = 2 }
        groups.early = { rogue = 'foreign-root', start = false, params = { rate = 50 } }
        groups.never = { rogue = 'foreign-root', start = false }
        timeline.events = [
          { at = '10ms', do = 'start', target = 'early' },
          { at = '400ms', do = 'stop', target = 'early' },
          { at = '500ms', do = 'start', target = 'early' },
        ]");

    assert!(summary.groups[2].figures.rogues.attempts > 0);
    assert_eq!(summary.groups[3].figures.rogues.attempts, 0);
    assert!(value(&summary, 0, "peer.refused.handshake") > Some(0.0));
    assert_eq!(value(&summary, 1, "peer.refused.handshake"), Some(0.0));
    assert_eq!(summary.notices, Vec::<String>::new());
}
