//! Everything that a network knows. It takes what arrives and what its users want, and says when to look again: no clock,
//! no task.

mod handshake;

use std::collections::VecDeque;
use std::sync::Arc;

use swarm_core::transport::ConnectionLost;
use swarm_proto::CloseCode;

use super::end::{End, Failure, Out, Phase};
use super::endpoint::Endpoint;
use super::ends::{EndId, Ends};
use super::identity::{Identity, Verified};
use super::packet::{Body, Packet};
use super::time::Now;
use super::wire::{Event, Held, Wire};
use crate::{Fabric, Host, LostWhy, Power};

#[derive(Debug)]
pub(super) struct State {
    pub(super) ends: Ends,
    /// By the number of the host.
    endpoints: Vec<Option<Endpoint>>,
    next_life: u64,
    pub(super) wire: Wire,
    /// Ends with something to send on streams.
    queued: VecDeque<EndId>,
    verified: Verified,
    /// Which version of the fabric was looked at last.
    seen: u64,
}

impl State {
    pub(super) fn new(fabric: &Fabric) -> Self {
        Self {
            ends: Ends::default(),
            endpoints: Vec::new(),
            next_life: 0,
            wire: Wire::new(fabric.faults_version()),
            queued: VecDeque::new(),
            verified: Verified::default(),
            seen: fabric.version(),
        }
    }

    /// Begins another life of a host; `None` if the last one is not over.
    pub(super) fn open(&mut self, host: Host, identity: Arc<Identity>) -> Option<u64> {
        let index = host.0 as usize;
        if self.endpoints.len() <= index {
            self.endpoints.resize_with(index + 1, || None);
        }
        let place = self.endpoints.get_mut(index).filter(|place| place.is_none())?;
        self.next_life += 1;
        *place = Some(Endpoint::new(self.next_life, identity));
        Some(self.next_life)
    }

    /// The host, if it listens.
    fn endpoint_of(&mut self, host: Host) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(host.0 as usize)?.as_mut()
    }

    /// The host, if it is still in that life.
    pub(super) fn endpoint(&mut self, host: Host, life: u64) -> Option<&mut Endpoint> {
        self.endpoint_of(host).filter(|endpoint| endpoint.life == life)
    }

    /// Ends a life of a host: all its connections are closed, and nothing is left of them there.
    pub(super) fn shut(
        &mut self,
        fabric: &mut Fabric,
        now: Now,
        host: Host,
        life: u64,
        code: Option<CloseCode>,
    ) {
        if self.endpoint(host, life).is_none() {
            return;
        }
        for id in self.ends.ids(|end| end.host == host) {
            let out = &mut Out { wire: &mut self.wire, fabric: &mut *fabric, now };
            if let Some(end) = self.ends.get_mut(id) {
                end.close(id, code, "", out);
            }
            self.ends.remove(id);
        }
        let endpoint = self.endpoints.get_mut(host.0 as usize).and_then(Option::take);
        if let Some(mut endpoint) = endpoint {
            endpoint.doorkeepers.wake();
        }
    }

    /// Does something with an end that is there; nothing if it is not.
    pub(super) fn with_end<R>(
        &mut self,
        fabric: &mut Fabric,
        now: Now,
        id: EndId,
        act: impl FnOnce(&mut End, &mut Out<'_>) -> R,
    ) -> Option<R> {
        let end = self.ends.get_mut(id)?;
        let did = act(end, &mut Out { wire: &mut self.wire, fabric, now });
        Some(did)
    }

    /// Remembers that an end may have something to send on streams. Until the turn is over more may come, which then goes
    /// in the order of its priorities, and in fewer packets.
    pub(super) fn queue(&mut self, id: EndId) {
        if let Some(end) = self.ends.get_mut(id)
            && !end.is_queued
            && !end.is_over()
            && end.streams().has_frames()
        {
            end.is_queued = true;
            self.queued.push_back(id);
            self.wire.wake();
        }
    }

    /// Nobody holds the connection any more.
    pub(super) fn release(&mut self, fabric: &mut Fabric, now: Now, id: EndId) {
        let Some(end) = self.ends.get_mut(id) else { return };
        let out = &mut Out { wire: &mut self.wire, fabric, now };
        end.in_use = false;
        end.close(id, None, "", out);
        match &end.phase {
            // Whoever goes on is told again.
            Phase::Over(over) if over.farewell.is_some() && over.until > now.ms => end.arm(id, out),
            _ => self.forget(id),
        }
    }

    fn forget(&mut self, id: EndId) {
        let Some(end) = self.ends.remove(id) else { return };
        if let Some(stranger) = end.peer.filter(|_| !end.is_dialler)
            && let Some(endpoint) = self.endpoint_of(end.host)
        {
            endpoint.met.remove(&stranger);
        }
    }

    /// Delivers everything that is due, and says when to come back.
    pub(super) fn turn(&mut self, fabric: &mut Fabric, now: Now) -> Option<u64> {
        if self.seen != fabric.version() {
            self.seen = fabric.version();
            for held in std::mem::take(&mut self.wire.held) {
                self.resume(fabric, now, held);
            }
        }
        while let Some((at, mut due)) = self.wire.calendar.take(now.ms) {
            for event in due.drain(..) {
                self.happens(fabric, now, at, event);
            }
            self.wire.calendar.recycle(due);
        }
        while let Some(id) = self.queued.pop_front() {
            self.with_end(fabric, now, id, |end, out| end.send_streams(id, out));
        }
        let next = self.wire.calendar.next();
        self.wire.sleep_until(next);
        next
    }

    fn happens(&mut self, fabric: &mut Fabric, now: Now, at: u64, event: Event) {
        match event {
            Event::Arrival(packet) => self.arrives(fabric, now, packet),
            Event::Resend(packet) => self.resend(fabric, now, packet),
            Event::Timer(id) => self.timer(fabric, now, at, id),
            Event::Room(id) => {
                self.with_end(fabric, now, id, |end, out| {
                    end.waits_for_room = false;
                    end.send_streams(id, out);
                });
            }
        }
    }

    fn resume(&mut self, fabric: &mut Fabric, now: Now, held: Held) {
        match held {
            Held::Arriving(packet) => self.arrives(fabric, now, packet),
            Held::Sending(packet) => {
                let patience = self.ends.get_mut(packet.source).map(|end| end.path.probe_timeout());
                self.wire.send(fabric, now, patience.unwrap_or(1), packet);
            }
            Held::Timer(id) => {
                let due = self.ends.get_mut(id).map(|end| end.timer_at);
                due.into_iter().for_each(|due| self.timer(fabric, now, due, id));
            }
        }
    }

    fn resend(&mut self, fabric: &mut Fabric, now: Now, packet: Packet) {
        let id = packet.source;
        self.with_end(fabric, now, id, |end, out| {
            let is_moot = match &packet.body {
                Body::Frame(frame) => end.streams().is_moot(&frame.kind),
                _ => false,
            };
            if !is_moot && !end.is_over() {
                end.resend(packet, true, out);
            }
        });
    }

    fn timer(&mut self, fabric: &mut Fabric, now: Now, at: u64, id: EndId) {
        let Some(end) = self.ends.get_mut(id).filter(|end| end.timer_at == at) else { return };
        if fabric.power(end.host) == Power::Paused {
            self.wire.held.push_back(Held::Timer(id));
            return;
        }
        end.timer_at = u64::MAX;
        match &end.phase {
            Phase::Shaking(_) => self.shake_again(fabric, now, id),
            Phase::Open => {
                let out = &mut Out { wire: &mut self.wire, fabric: &mut *fabric, now };
                end.check_silence(id, out);
            }
            Phase::Failed(_) | Phase::Over(_) => {
                if !end.in_use {
                    self.forget(id);
                }
                return;
            }
        }
        self.with_end(fabric, now, id, |end, out| {
            if !end.is_over() {
                end.arm(id, out);
            }
        });
    }

    fn arrives(&mut self, fabric: &mut Fabric, now: Now, packet: Packet) {
        match fabric.power(packet.to) {
            Power::Up => {}
            Power::Paused => return self.wire.hold(fabric, packet),
            Power::Down => return fabric.lose(packet.bytes(), LostWhy::Down),
        }
        let Some(id) = packet.target else { return self.knocks(fabric, now, packet) };
        let Some(end) = self.ends.get_mut(id) else { return self.strays(fabric, now, &packet) };
        let out = &mut Out { wire: &mut self.wire, fabric: &mut *fabric, now };
        let asks = packet.body.asks_for_answer();
        match &end.phase {
            Phase::Over(over) => {
                if let Some(farewell) = over.farewell.clone().filter(|_| asks) {
                    end.send(id, Body::Close(Box::new(farewell)), out);
                }
                return;
            }
            Phase::Failed(_) => return,
            Phase::Shaking(_) | Phase::Open => {}
        }
        end.heard(id, asks, out);
        match packet.body {
            Body::Datagram(datagram) => end.received_datagram(datagram, out),
            Body::Frame(frame) => {
                end.streams().received(frame.kind);
                self.queue(id);
            }
            Body::Step(step) => self.steps(fabric, now, id, packet.source, step),
            Body::Alert(reason) => end.fail(Failure::RefusedByPeer(reason.into())),
            Body::Close(farewell) => end.closed_by_peer(*farewell, now),
            Body::Ping => end.send(id, Body::Ack, out),
            Body::Ack => {}
            Body::Reset if matches!(end.phase, Phase::Open) => {
                end.over(ConnectionLost::Silent("it restarted".to_owned()), None, now);
            }
            Body::Reset => end.fail(Failure::GivenUp),
        }
    }

    /// A packet for an end that is not known here: of a life before this one, perhaps (RFC 9000, section 10.3).
    fn strays(&mut self, fabric: &mut Fabric, now: Now, packet: &Packet) {
        if self.endpoint_of(packet.to).is_none() || !packet.body.asks_for_answer() {
            return;
        }
        let reset = Packet {
            from: packet.to,
            to: packet.from,
            source: packet.source,
            target: Some(packet.source),
            body: Body::Reset,
        };
        self.wire.send(fabric, now, 1, reset);
    }
}
