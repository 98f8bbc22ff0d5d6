//! What is under way, and what is to be done when.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::calendar::Calendar;
use super::ends::EndId;
use super::packet::{Body, Packet};
use super::time::Now;
use crate::{Fabric, Fate, LostWhy};

/// How much may wait for hosts that are paused: as many packets as the sockets of a hundred of them would keep. Further
/// ones are lost.
const MOST_HELD: usize = 1 << 16;

/// What is lost is sent again after twice the time each time, up to this many times twice.
const MOST_DOUBLINGS: u8 = 6;

#[derive(Debug)]
pub(super) enum Event {
    Arrival(Packet),
    /// A frame that was lost.
    Resend(Packet),
    Timer(EndId),
    /// The path has room for streams again.
    Room(EndId),
}

/// What waits for a host that is paused.
#[derive(Debug)]
pub(super) enum Held {
    /// It was not sent yet.
    Sending(Packet),
    /// It would have arrived.
    Arriving(Packet),
    /// The time of one of its ends has come.
    Timer(EndId),
}

#[derive(Debug)]
pub(super) struct Wire {
    pub(super) calendar: Calendar<Event>,
    pub(super) held: VecDeque<Held>,
    /// Which version of the faults there is now.
    faults: Arc<AtomicU64>,
    /// When whoever delivers looks again, unless it is told before.
    sleeps_until: u64,
    must_wake: bool,
}

impl Wire {
    pub(super) fn new(faults: Arc<AtomicU64>) -> Self {
        let (calendar, held) = (Calendar::new(), VecDeque::new());
        Self { calendar, held, faults, sleeps_until: u64::MAX, must_wake: false }
    }

    /// Changes when links do.
    pub(super) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&mut self, at: u64, event: Event) {
        if at < self.sleeps_until {
            self.wake();
        }
        self.calendar.enter(at, event);
    }

    pub(super) fn sleep_until(&mut self, until: Option<u64>) {
        self.sleeps_until = until.unwrap_or(u64::MAX);
        self.must_wake = false;
    }

    pub(super) fn wake(&mut self) {
        self.must_wake = true;
    }

    pub(super) fn takes_wake(&mut self) -> bool {
        let wakes = std::mem::take(&mut self.must_wake);
        if wakes {
            // Once is enough.
            self.sleeps_until = 0;
        }
        wakes
    }

    /// Sends a packet. What must not be lost is sent again `patience` milliseconds after it is, and later each time.
    pub(super) fn send(&mut self, fabric: &mut Fabric, now: Now, patience: u64, packet: Packet) {
        match fabric.on_packet(now.duration(), packet.from, packet.to, packet.bytes()) {
            // Copies are known by their numbers and thrown away: the first one counts.
            Fate::Arrives { after, copy_after } => {
                let after = copy_after.map_or(after, |copy| copy.min(after));
                self.enter(now.ms_after(after), Event::Arrival(packet));
            }
            Fate::Lost(_) => self.lost(now, patience, packet),
            Fate::Held if self.held.len() < MOST_HELD => {
                self.held.push_back(Held::Sending(packet));
                // Whoever delivers has to ask for word of changes.
                self.wake();
            }
            Fate::Held => {
                fabric.count_lost(LostWhy::QueueFull);
                self.lost(now, patience, packet);
            }
        }
    }

    pub(super) fn lost(&mut self, now: Now, patience: u64, mut packet: Packet) {
        if let Body::Frame(frame) = &mut packet.body {
            let at = now.ms + (patience << frame.lost);
            frame.lost = (frame.lost + 1).min(MOST_DOUBLINGS);
            self.enter(at, Event::Resend(packet));
        }
    }

    /// Keeps what has arrived at a host that is paused.
    pub(super) fn hold(&mut self, fabric: &mut Fabric, packet: Packet) {
        if self.held.len() < MOST_HELD {
            self.held.push_back(Held::Arriving(packet));
        } else {
            fabric.lose(packet.bytes(), LostWhy::QueueFull);
        }
    }
}
