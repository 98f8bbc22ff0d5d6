//! Whoever waits for something.

use std::task::Waker;

/// Woken all at once, and forgotten then. Mostly there is one, which is kept without an allocation.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakers {
    pub(super) fn add(&mut self, waker: &Waker) {
        let Some(first) = &self.first else {
            self.first = Some(waker.clone());
            return;
        };
        if !first.will_wake(waker) && !self.more.iter().any(|other| other.will_wake(waker)) {
            self.more.push(waker.clone());
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(first) = self.first.take() {
            first.wake();
            self.more.drain(..).for_each(Waker::wake);
        }
    }
}
