//! What a link is like: how long it takes, what it loses, how much it carries.

mod distribution;
mod profiles;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::distribution::{ConditionsError, Distribution};

impl Default for Conditions {
    /// A link that takes no time and loses nothing.
    fn default() -> Self {
        Self {
            latency: Distribution::Constant(Duration::ZERO),
            added: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::Random(0.0),
            duplicate: 0.0,
            reorder: 0.0,
            bandwidth: None,
            queue: Duration::from_millis(200),
            mtu: 1500,
        }
    }
}

/// What one direction of a link is like.
///
/// ```
/// use std::time::Duration;
/// use swarm_network::{Conditions, Loss};
///
/// let mut radio = Conditions::default();
/// radio.latency = "10ms..60ms".parse()?;
/// radio.loss = Loss::Random(0.02);
/// radio.bandwidth = Some(2_000_000);
/// # Ok::<(), swarm_network::ConditionsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Conditions {
    /// How long a packet takes, drawn anew for each. Virtual networks round the moment of arrival up to whole milliseconds.
    pub latency: Distribution,
    /// How much longer each takes than that.
    pub added: Duration,
    /// Added to the latency, uniformly from zero to this. Packets may overtake one another.
    pub jitter: Duration,
    /// Which packets are lost.
    pub loss: Loss,
    /// The share of packets that arrive twice.
    pub duplicate: f64,
    /// The share of packets that are held up for another latency, so that later ones overtake them.
    pub reorder: f64,
    /// What it carries, in bits per second; `None` for as much as anybody sends.
    pub bandwidth: Option<u64>,
    /// How long packets may wait for a link that is busy, before they are dropped. Means nothing without a bandwidth.
    pub queue: Duration,
    /// The largest packet that gets through, in bytes of UDP payload.
    pub mtu: usize,
}

impl Conditions {
    /// The same with a change.
    ///
    /// ```
    /// use swarm_network::{Change, Conditions};
    ///
    /// let mut change = Change::default();
    /// change.mtu = Some(1280);
    /// assert_eq!(Conditions::default().with(&change).mtu, 1280);
    /// ```
    #[must_use]
    pub fn with(mut self, change: &Change) -> Self {
        match change.latency {
            Some(Latency::Set(latency)) => (self.latency, self.added) = (latency, Duration::ZERO),
            Some(Latency::More(more)) => self.added = self.added.saturating_add(more),
            None => {}
        }
        Self {
            jitter: change.jitter.unwrap_or(self.jitter),
            loss: change.loss.unwrap_or(self.loss),
            duplicate: change.duplicate.unwrap_or(self.duplicate),
            reorder: change.reorder.unwrap_or(self.reorder),
            bandwidth: change.bandwidth.or(self.bandwidth),
            queue: change.queue.unwrap_or(self.queue),
            mtu: change.mtu.unwrap_or(self.mtu),
            ..self
        }
    }
}

/// Which packets are lost.
///
/// ```
/// use swarm_network::{Bursts, Loss};
///
/// let bursts = Bursts { enter: 0.01, leave: 0.2, lost_inside: 0.8, lost_outside: 0.0 };
/// assert_ne!(Loss::Bursts(bursts), Loss::Random(0.04));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// This share of them, each on its own.
    Random(f64),
    /// In bursts.
    Bursts(Bursts),
}

/// Loss in bursts: a link with two states, of which one loses much (Gilbert 1960, Elliott 1963).
///
/// ```
/// use swarm_network::Bursts;
///
/// // One packet in a hundred begins a burst, which lasts for five of them on average.
/// let bursts = Bursts { enter: 0.01, leave: 0.2, lost_inside: 0.8, lost_outside: 0.0 };
/// assert!((bursts.mean() - 0.038).abs() < 0.001);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// The chance with each packet that a burst begins.
    pub enter: f64,
    /// The chance with each packet that it ends.
    pub leave: f64,
    /// The share of packets lost in a burst.
    pub lost_inside: f64,
    /// The share of packets lost between bursts.
    pub lost_outside: f64,
}

impl Bursts {
    /// The share of all packets that is lost in the long run.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let turns = self.enter + self.leave;
        let inside = if turns > 0.0 { self.enter / turns } else { 0.0 };
        inside * self.lost_inside + (1.0 - inside) * self.lost_outside
    }
}

/// What a fault or a part of a scenario changes of [`Conditions`]; whatever is `None` stays.
///
/// ```
/// use std::time::Duration;
/// use swarm_network::{Change, Conditions, Latency};
///
/// let mut detour = Change::default();
/// detour.latency = Some(Latency::More(Duration::from_millis(100)));
/// assert_eq!(Conditions::default().with(&detour).added, Duration::from_millis(100));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Another latency, or more of it.
    pub latency: Option<Latency>,
    /// Another jitter.
    pub jitter: Option<Duration>,
    /// Another loss.
    pub loss: Option<Loss>,
    /// Another share of duplicates.
    pub duplicate: Option<f64>,
    /// Another share of packets out of order.
    pub reorder: Option<f64>,
    /// Another bandwidth, in bits per second.
    pub bandwidth: Option<u64>,
    /// Another longest wait.
    pub queue: Option<Duration>,
    /// Another largest packet.
    pub mtu: Option<usize>,
}

/// How a change changes the latency.
///
/// ```
/// use swarm_network::Latency;
///
/// let latency = Latency::Set("normal(40ms, 5ms)".parse()?);
/// # Ok::<(), swarm_network::ConditionsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// To this one, whatever was added before.
    Set(Distribution),
    /// By so much more: `+100ms`.
    More(Duration),
}
