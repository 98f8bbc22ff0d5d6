//! How a connection comes about. It costs the dialler three round trips, as QUIC, HTTP/3 and WebTransport do together:
//!
//! ```text
//! dialler                        acceptor
//!    │── First ────────────────────►│  at the door: accepted, turned away, or asked to prove its address
//!    │◄──────────────────── Flight ─│  who it is
//!    │ looks at it                  │
//!    │── Finished ─────────────────►│  looks at who the dialler is
//!    │◄────────────────── Settings ─│
//!    │── Connect ──────────────────►│  open
//!    │◄─────────────── Established ─│
//!    │ open                         │
//! ```
//!
//! The dialler repeats what is not answered; the acceptor answers again what is repeated.

use std::sync::Arc;

use swarm_core::AgentId;

use super::State;
use crate::model::end::{End, Failure, Out};
use crate::model::endpoint::Knock;
use crate::model::ends::EndId;
use crate::model::packet::{Body, Farewell, Packet, Step};
use crate::model::time::Now;
use crate::{Fabric, Host};

impl State {
    /// Begins to dial. Of an address that nobody has nobody answers.
    pub(in crate::model) fn dial(
        &mut self,
        fabric: &mut Fabric,
        now: Now,
        (host, life): (Host, u64),
        to: Option<Host>,
        expected: Option<AgentId>,
    ) -> Result<EndId, Failure> {
        let ours = self.endpoint(host, life).map(|endpoint| Arc::clone(&endpoint.identity));
        // A number that no fabric has.
        let to = to.unwrap_or(Host(u32::MAX));
        let mut end = End::new(now, host, to, ours.ok_or(Failure::Closed)?, true);
        if let Some(shaking) = end.shaking() {
            shaking.expected = expected;
        }
        let id = self.ends.add(end);
        self.say_step(fabric, now, id);
        Ok(id)
    }

    /// Says the dialler's step, and again if nobody answers.
    fn say_step(&mut self, fabric: &mut Fabric, now: Now, id: EndId) {
        self.with_end(fabric, now, id, |end, out| {
            let (ours, initial) = (Arc::clone(&end.ours), end.ours.limits.initial_round_trip);
            let measured = end.path.probe_timeout();
            let Some(shaking) = end.shaking() else { return };
            // Nothing is measured before the first answer (RFC 9002, section 6.2.2).
            let patience = if shaking.step == 0 { 3 * initial } else { measured };
            shaking.repeat_at = now.ms + (patience << shaking.repeated.min(8));
            let step = match shaking.step {
                0 => Step::First { identity: ours, validated: shaking.validated },
                1 => Step::Finished,
                _ => Step::Connect,
            };
            end.send(id, Body::Step(step), out);
            end.arm(id, out);
        });
    }

    /// The timer of an end that shakes hands has gone off.
    pub(super) fn shake_again(&mut self, fabric: &mut Fabric, now: Now, id: EndId) {
        let repeats = self.with_end(fabric, now, id, |end, _| {
            let is_late = end.shaking().is_some_and(|shaking| now.ms >= shaking.until);
            if is_late {
                end.fail(Failure::Silence);
            }
            let repeats = end.shaking().filter(|shaking| now.ms >= shaking.repeat_at);
            repeats.map(|shaking| shaking.repeated = shaking.repeated.saturating_add(1)).is_some()
        });
        if repeats == Some(true) {
            self.say_step(fabric, now, id);
        }
    }

    /// A first packet.
    pub(super) fn knocks(&mut self, fabric: &mut Fabric, now: Now, packet: Packet) {
        let (stranger, host) = (packet.source, packet.to);
        let Body::Step(Step::First { identity, validated }) = packet.body else { return };
        let Some(endpoint) = self.endpoint_of(host) else { return };
        if let Some(met) = endpoint.met.get(&stranger).copied() {
            return self.steps(fabric, now, met, stranger, Step::First { identity, validated });
        }
        if endpoint.door.iter().any(|knock| knock.stranger == stranger) {
            return;
        }
        let knock = Knock { stranger, from: packet.from, identity, validated };
        if endpoint.door.len() >= endpoint.identity.limits.half_open {
            return self.turn_away(fabric, now, host, &knock);
        }
        endpoint.door.push_back(knock);
        endpoint.doorkeepers.wake();
    }

    /// Answers a stranger without keeping anything of it.
    fn answer(&mut self, fabric: &mut Fabric, now: Now, host: Host, knock: &Knock, body: Body) {
        let (source, target) = (knock.stranger, Some(knock.stranger));
        self.wire.send(fabric, now, 1, Packet { from: host, to: knock.from, source, target, body });
    }

    pub(in crate::model) fn turn_away(&mut self, fabric: &mut Fabric, now: Now, host: Host, knock: &Knock) {
        let farewell = Farewell { code: None, reason: String::new() };
        self.answer(fabric, now, host, knock, Body::Close(Box::new(farewell)));
    }

    pub(in crate::model) fn ask_for_proof(
        &mut self,
        fabric: &mut Fabric,
        now: Now,
        host: Host,
        knock: &Knock,
    ) {
        self.answer(fabric, now, host, knock, Body::Step(Step::Retry));
    }

    /// Lets a stranger in: from now on there is an end for it.
    pub(in crate::model) fn accept(
        &mut self,
        fabric: &mut Fabric,
        now: Now,
        (host, life): (Host, u64),
        knock: &Knock,
    ) -> Result<EndId, Failure> {
        let endpoint = self.endpoint(host, life).ok_or(Failure::Closed)?;
        let mut end = End::new(now, host, knock.from, Arc::clone(&endpoint.identity), false);
        end.peer = Some(knock.stranger);
        end.theirs = Some(Arc::clone(&knock.identity));
        let id = self.ends.add(end);
        if let Some(endpoint) = self.endpoint(host, life) {
            endpoint.met.insert(knock.stranger, id);
        }
        self.with_end(fabric, now, id, |end, out| {
            end.send(id, Body::Step(Step::Flight(Arc::clone(&end.ours))), out);
            end.arm(id, out);
        });
        Ok(id)
    }

    /// A step of the other side.
    pub(super) fn steps(&mut self, fabric: &mut Fabric, now: Now, id: EndId, source: EndId, step: Step) {
        let Some(end) = self.ends.get_mut(id) else { return };
        let (is_dialler, done) = (end.is_dialler, end.shaking().map(|shaking| shaking.step));
        match (is_dialler, step, done) {
            (true, Step::Retry, Some(0)) => {
                let unproven = end.shaking().filter(|shaking| !shaking.validated);
                if unproven.map(|shaking| shaking.validated = true).is_some() {
                    self.say_step(fabric, now, id);
                }
            }
            (true, Step::Flight(theirs), Some(0)) => {
                end.peer = Some(source);
                end.theirs = Some(theirs);
                self.verifies(fabric, now, id, Step::Finished);
            }
            (true, Step::Settings, Some(1)) => self.goes_on(fabric, now, id),
            (true, Step::Established, Some(2)) => {
                self.with_end(fabric, now, id, |end, out| end.open(id, out));
            }
            (false, Step::First { .. }, Some(0)) => {
                let flight = Step::Flight(Arc::clone(&end.ours));
                self.say(fabric, now, id, flight);
            }
            (false, Step::Finished, Some(0)) => self.verifies(fabric, now, id, Step::Settings),
            (false, Step::Finished, Some(1)) => self.say(fabric, now, id, Step::Settings),
            (false, Step::Connect, Some(1)) => {
                let host = end.host;
                self.with_end(fabric, now, id, |end, out| end.open(id, out));
                if let Some(endpoint) = self.endpoint_of(host) {
                    endpoint.met.remove(&source);
                }
                self.say(fabric, now, id, Step::Established);
            }
            (false, Step::Connect, None) => self.say(fabric, now, id, Step::Established),
            _ => {}
        }
    }

    fn say(&mut self, fabric: &mut Fabric, now: Now, id: EndId, step: Step) {
        self.with_end(fabric, now, id, |end, out| end.send(id, Body::Step(step), out));
    }

    /// An answer has come: on with the next step.
    fn goes_on(&mut self, fabric: &mut Fabric, now: Now, id: EndId) {
        self.with_end(fabric, now, id, |end, _| end.next_step(now));
        self.say_step(fabric, now, id);
    }

    /// Looks at what the other has shown; says the next step, or why not.
    fn verifies(&mut self, fabric: &mut Fabric, now: Now, id: EndId, next: Step) {
        let Some(end) = self.ends.get_mut(id) else { return };
        let expected = end.shaking().and_then(|shaking| shaking.expected);
        let Some(theirs) = end.theirs.clone() else { return };
        match self.verified.look_at(&end.ours, &theirs, expected) {
            Ok(shown) => {
                end.shown = Some(Box::new(shown));
                if end.is_dialler {
                    return self.goes_on(fabric, now, id);
                }
                end.next_step(now);
                self.say(fabric, now, id, next);
            }
            Err(error) => {
                let reason = format!("invalid peer certificate: {error}");
                let out = &mut Out { wire: &mut self.wire, fabric, now };
                end.send(id, Body::Alert(reason.as_str().into()), out);
                end.fail(Failure::Refused(reason));
            }
        }
    }
}
