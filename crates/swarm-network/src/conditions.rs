//! What a link is like: how long it takes, what it loses, how much it carries.

use std::time::Duration;

impl Default for Conditions {
    /// A link that takes no time and loses nothing.
    fn default() -> Self {
        Self {
            latency: Distribution::Constant(Duration::ZERO),
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
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Conditions {
    /// How long a packet takes, drawn anew for each. Virtual networks round the moment of arrival up to whole milliseconds.
    pub latency: Distribution,
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

/// Durations that differ from one packet to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Distribution {
    /// Always the same: `20ms`.
    Constant(Duration),
    /// Every one between the two is as likely: `10ms..60ms`.
    Uniform(Duration, Duration),
    /// Mean and standard deviation; never below zero: `normal(20ms, 5ms)`.
    Normal(Duration, Duration),
    /// Least and shape; the smaller the shape, the heavier the tail: `pareto(5ms, 1.5)`. At most a minute.
    Pareto(Duration, f64),
}

/// Which packets are lost.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// This share of them, each on its own.
    Random(f64),
    /// In bursts.
    Bursts(Bursts),
}

/// Loss in bursts: a link with two states, of which one loses much (Gilbert 1960, Elliott 1963).
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

/// What a fault or a part of a scenario changes of [`Conditions`]; whatever is `None` stays.
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
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// To this one.
    Set(Distribution),
    /// By so much more: `+100ms`.
    More(Duration),
}
