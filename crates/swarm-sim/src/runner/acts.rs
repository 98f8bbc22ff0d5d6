//! What the events of the timeline do.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use swarm_network::{Host, Scope};
use tokio::time::Instant;

use super::{
    agenda::Due,
    asker::{Asker, Source},
    faults::{Active, GoesOn, Undo},
    ledger::Ledger,
    stage::Stage,
};
use crate::{
    clock,
    event::RunEvent,
    record::{Happening, LifeState},
    scenario::{Action, Ask, Content, Event, Fault, Pick, Rate, Target, Way},
    seed::derive,
    venue::host,
    watch::micros,
};

/// How often some leave and some join while agents churn.
const CHURN_PERIOD: Duration = Duration::from_millis(250);

/// A host that crashed is not back sooner: its node has to be gone first.
const SHORTEST_REBOOT: Duration = Duration::from_millis(1);

impl<F: FnMut(&RunEvent)> Stage<'_, F> {
    /// Lets an event of the timeline happen.
    pub(super) fn happen(&mut self, number: usize) {
        let Some(event) = self.scenario.timeline.get(number).cloned() else { return };
        let at = self.begin.elapsed();
        self.teller.tell(&RunEvent::Happened { at, what: event.action.to_string() });
        self.watch.note(&event.action.to_string());
        match &event.action {
            Action::Ask(ask) => {
                self.ask(number, ask);
                self.recorded(&event, Vec::new(), false);
            }
            Action::Stop { target, pick } => {
                let running = self.cluster.running(&self.scenario.members_of(target));
                let picked = self.pick(number, target, running, *pick);
                self.spread(&event, &picked, Due::Stop);
            }
            Action::Start { target, pick } => {
                let stopped = self.cluster.stopped(&self.scenario.members_of(target));
                let picked = self.pick(number, target, stopped, *pick);
                self.spread(&event, &picked, Due::Launch);
            }
            Action::Fault(fault) => self.go_wrong(number, &event, fault),
            Action::Heal { label } => {
                for fault in self.faults.labelled(label.as_deref()) {
                    self.heal(fault);
                }
                self.recorded(&event, Vec::new(), false);
            }
        }
    }

    /// Ends what went wrong.
    pub(super) fn heal(&mut self, fault: usize) {
        let Some(active) = self.faults.end(fault, self.cluster.launcher()) else { return };
        let at = self.clock.elapsed();
        if let Some(mut recorder) = self.watch.recorder() {
            if let Some(happening) = active.happening {
                recorder.is_over(happening, at);
            }
            active.resumed.iter().for_each(|member| recorder.lives(at, *member, LifeState::Up));
        }
    }

    /// Links that flap change over. Every second time they are cut.
    pub(super) fn flap(&mut self, fault: usize) {
        let Some(active) = self.faults.get(fault) else { return };
        let Some(GoesOn::Flap { scope, down, up }) = active.goes_on.clone() else { return };
        let venue = self.cluster.launcher().venue();
        let next = match active.undo.pop() {
            Some(Undo::Links(cut)) => {
                venue.end(cut);
                up
            }
            _ => {
                active.undo.extend(venue.begin(scope, swarm_network::Fault::Cut).map(Undo::Links));
                down
            }
        };
        self.agenda.put(Instant::now() + next, Due::Flap(fault));
    }

    /// Some leave and some join.
    pub(super) fn churn(&mut self, fault: usize) {
        let Some(active) = self.faults.get(fault) else { return };
        let Some(GoesOn::Churn { target, leave, join, crash }) = active.goes_on.clone() else { return };
        let members = self.scenario.members_of(&target);
        let running = self.cluster.running(&members);
        let leaving = self.some(&running, count_of(leave, members.len()));
        let stopped = self.cluster.stopped(&members);
        let joining = self.some(&stopped, count_of(join, members.len()));
        for member in leaving {
            if crash { self.crash(member, false) } else { self.stop(member) }
        }
        joining.into_iter().for_each(|member| self.launch(member));
        self.agenda.put(Instant::now() + CHURN_PERIOD, Due::Churn(fault));
    }

    /// A member leaves in order.
    pub(super) fn stop(&mut self, member: usize) {
        self.cluster.stop(member);
        self.lives(member, LifeState::Left);
    }

    /// A member joins.
    pub(super) fn launch(&mut self, member: usize) {
        self.cluster.launch(member);
        self.lives(member, LifeState::Up);
    }

    fn crash(&mut self, member: usize, keep_state: bool) {
        self.cluster.crash(member, keep_state);
        self.lives(member, LifeState::Crashed);
    }

    fn lives(&self, member: usize, state: LifeState) {
        let at = self.clock.elapsed();
        if let Some(mut recorder) = self.watch.recorder() {
            recorder.lives(at, member, state);
        }
    }

    /// Does it to all of them now, or to one after the other, evenly within the time that the event lasts.
    fn spread(&mut self, event: &Event, members: &[usize], due: impl Fn(usize) -> Due) {
        self.recorded(event, members.to_vec(), false);
        let Some(lasts) = event.lasts else {
            // What else happens at this moment finds it done.
            return members.iter().for_each(|member| self.handle_due(due(*member)));
        };
        let (now, count) = (Instant::now(), u32::try_from(members.len()).unwrap_or(u32::MAX).max(1));
        for (number, member) in (0..).zip(members) {
            self.agenda.put(now + lasts / count * number, due(*member));
        }
    }

    fn go_wrong(&mut self, number: usize, event: &Event, fault: &Fault) {
        let target = fault.target();
        let members = self.scenario.members_of(target);
        match fault {
            Fault::Crash { pick, restart_after, keep_state, .. } => {
                let running = self.cluster.running(&members);
                let picked = self.pick(number, target, running, *pick);
                for member in &picked {
                    self.crash(*member, *keep_state);
                    if let Some(after) = restart_after {
                        let back = Instant::now() + (*after).max(SHORTEST_REBOOT);
                        self.agenda.put(back, Due::Launch(*member));
                    }
                }
                self.recorded(event, picked, true);
            }
            Fault::Pause { pick, .. } => {
                let running = self.cluster.running(&members);
                let picked = self.pick(number, target, running, *pick);
                for member in &picked {
                    self.lives(*member, LifeState::Paused);
                    self.cluster.launcher().venue().pause(*member);
                    self.cluster.launcher().gate(*member).into_iter().for_each(|gate| gate.pause(true));
                }
                let undo = picked.iter().copied().map(Undo::Resume).collect();
                self.lasting(event, picked, undo, None);
            }
            Fault::Partition { pick, from, way, .. } => {
                let picked = self.pick(number, target, members, *pick);
                let others = self.others(&picked, from.as_ref());
                let scope = scope(&picked, &others, *way);
                self.links(event, picked, scope, swarm_network::Fault::Cut);
            }
            Fault::Shape { pick, from, way, change, .. } => {
                let picked = self.pick(number, target, members, *pick);
                let scope = scope(&picked, &self.all(from.as_ref()), *way);
                self.links(event, picked, scope, swarm_network::Fault::Shape(change.clone()));
            }
            Fault::Flap { pick, from, down, up, .. } => {
                let picked = self.pick(number, target, members, *pick);
                let scope = scope(&picked, &self.all(from.as_ref()), Way::Both);
                let goes_on = GoesOn::Flap { scope, down: *down, up: *up };
                let fault = self.lasting(event, picked, Vec::new(), Some(goes_on));
                self.flap(fault);
            }
            Fault::Slow { pick, delay, .. } => {
                let picked = self.pick(number, target, members, *pick);
                for member in &picked {
                    self.cluster
                        .launcher()
                        .gate(*member)
                        .into_iter()
                        .for_each(|gate| gate.slow(Some(*delay)));
                }
                let undo = picked.iter().copied().map(Undo::Hurry).collect();
                self.lasting(event, picked, undo, None);
            }
            Fault::Churn { leave, join, crash, .. } => {
                let (target, leave, join, crash) = (target.clone(), *leave, *join, *crash);
                let goes_on = GoesOn::Churn { target, leave, join, crash };
                let fault = self.lasting(event, members, Vec::new(), Some(goes_on));
                self.churn(fault);
            }
            Fault::Clock { pick, offset_micros, drift_ppm, .. } => {
                let picked = self.pick(number, target, members, *pick);
                let error = clock::Error { offset_micros: *offset_micros, drift_ppm: *drift_ppm };
                let mut undo = Vec::new();
                for member in &picked {
                    if let Some(clock) = self.cluster.launcher().clock(*member) {
                        undo.push(Undo::Clock(*member, clock.reading()));
                        clock.set(error);
                    }
                }
                self.lasting(event, picked, undo, None);
            }
        }
    }

    /// Something is wrong with links until it is healed.
    fn links(&mut self, event: &Event, members: Vec<usize>, scope: Scope, fault: swarm_network::Fault) {
        let begun = self.cluster.launcher().venue().begin(scope, fault);
        self.lasting(event, members, begun.map(Undo::Links).into_iter().collect(), None);
    }

    /// Something is wrong until its time is over or it is healed. Gives its number.
    fn lasting(
        &mut self,
        event: &Event,
        members: Vec<usize>,
        undo: Vec<Undo>,
        goes_on: Option<GoesOn>,
    ) -> usize {
        let happening = self.recorded(event, members, true);
        let fault = self.faults.begin(Active {
            label: event.label.clone(),
            happening,
            undo,
            goes_on,
            resumed: Vec::new(),
        });
        if let Some(lasts) = event.lasts {
            self.agenda.put(Instant::now() + lasts, Due::Heal(fault));
        }
        fault
    }

    /// Keeps that an event happened. Gives its number in the record, if there is one.
    fn recorded(&self, event: &Event, members: Vec<usize>, is_fault: bool) -> Option<usize> {
        let from_us = micros(self.clock.elapsed());
        let mut recorder = self.watch.recorder()?;
        let happening = Happening {
            from_us,
            // What lasts is over when it is healed.
            until_us: if is_fault {
                None
            } else {
                event.lasts.map(|lasts| from_us.saturating_add(micros(lasts)))
            },
            kind: event.action.kind().to_owned(),
            text: event.action.to_string(),
            label: event.label.clone(),
            members,
            is_fault,
        };
        Some(recorder.happens(happening))
    }

    /// Whom a fault names, or everybody: those who were picked are among one another too.
    fn all(&self, named: Option<&Target>) -> Vec<usize> {
        self.scenario.members_of(named.unwrap_or(&Target::Everybody))
    }

    /// Whom a fault names, or everybody, but for those who were picked.
    fn others(&self, picked: &[usize], named: Option<&Target>) -> Vec<usize> {
        self.all(named).into_iter().filter(|member| !picked.contains(member)).collect()
    }

    /// Chooses by the seed of the event, so that other events do not change its choice.
    fn pick(&mut self, number: usize, target: &Target, candidates: Vec<usize>, pick: Pick) -> Vec<usize> {
        let wanted = pick.of(candidates.len());
        if wanted == 0 || matches!(pick, Pick::Some(more) if more > wanted) {
            self.teller.notice(format!("event {number}: only {wanted} of {target} are there to be picked"));
        }
        let mut rng = StdRng::seed_from_u64(derive(self.scenario.seed, "event", number as u64));
        let mut picked: Vec<_> = candidates.sample(&mut rng, wanted).copied().collect();
        picked.sort_unstable();
        picked
    }

    /// So many of them on average, at least.
    fn some(&mut self, candidates: &[usize], expected: f64) -> Vec<usize> {
        let certain = expected.floor();
        let one_more = self.rng.random_bool((expected - certain).clamp(0.0, 1.0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of agents, not negative; more than there are means all of them"
        )]
        let wanted = certain as usize + usize::from(one_more);
        let wanted = wanted.min(candidates.len());
        candidates.sample(&mut self.rng, wanted).copied().collect()
    }

    fn ask(&mut self, number: usize, ask: &Ask) {
        let Some(group) = self.scenario.group_index(&ask.from) else { return };
        let content = match &ask.content {
            Content::Questions(name) => {
                let Some(source) = self.registry.source(name) else {
                    self.teller.notice(format!("no source of questions `{name}` is registered"));
                    return;
                };
                Source::Questions(source.ask(derive(self.scenario.seed, "questions", number as u64)))
            }
            Content::Payload { payload, expect } => {
                Source::Payload { payload: Bytes::from(payload.clone()), expect: expect.clone() }
            }
        };
        let ledger = Arc::new(Ledger::new(ask));
        self.ledgers.push(ledger.clone());
        let asker = Asker {
            plan: ask.clone(),
            ledger,
            group,
            content,
            roster: self.cluster.roster().clone(),
            tallies: self.tallies.clone(),
            closing: self.closing.clone(),
            notices: self.notice_sender.clone(),
        };
        self.asks.spawn(asker.run());
    }
}

/// The links between some and others, one way or both.
fn scope(picked: &[usize], others: &[usize], way: Way) -> Scope {
    let hosts = |members: &[usize]| -> Vec<Host> { members.iter().copied().map(host).collect() };
    let (picked, others) = (hosts(picked), hosts(others));
    match way {
        Way::Both => Scope { from: picked, to: others, both_ways: true },
        Way::Out => Scope { from: picked, to: others, both_ways: false },
        Way::In => Scope { from: others, to: picked, both_ways: false },
    }
}

/// How many that is in one period, of so many members.
#[expect(clippy::cast_precision_loss, reason = "a number of agents")]
fn count_of(rate: Rate, members: usize) -> f64 {
    let in_a_second = match rate {
        Rate::Share(share) => share * members as f64,
        Rate::Count(count) => count,
    };
    in_a_second * CHURN_PERIOD.as_secs_f64()
}
