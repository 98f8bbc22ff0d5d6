//! Links that are met often, by name.

use std::time::Duration;

use super::{Bursts, Conditions, Distribution, Loss};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

impl Conditions {
    /// The profiles that [`Self::profile`] knows, each with what it stands for.
    pub const PROFILES: &[(&str, &str)] = &[
        ("perfect", "takes no time and loses nothing"),
        ("lan", "a wired network in one building: 0.2 ms, 1 Gbit/s"),
        ("wifi", "radio in one building: 2 ms to 8 ms, 50 Mbit/s, short bursts of loss"),
        ("lte", "a mobile network: 35 ms to 55 ms, 20 Mbit/s, a long queue"),
        ("satellite", "by a geostationary satellite: 300 ms, 10 Mbit/s, bursts of loss"),
        ("wan", "between two places of one continent: 20 ms, 200 Mbit/s"),
        ("wan-far", "between two continents: 90 ms, 100 Mbit/s"),
    ];

    /// What one direction of such a link is like.
    ///
    /// ```
    /// use swarm_network::Conditions;
    ///
    /// let satellite = Conditions::profile("satellite").unwrap();
    /// assert_eq!(satellite.bandwidth, Some(10_000_000));
    /// assert_eq!(Conditions::profile("string"), None);
    /// ```
    #[must_use]
    pub fn profile(name: &str) -> Option<Self> {
        Some(match name {
            "perfect" => Self::default(),
            "lan" => Self {
                latency: Distribution::Uniform(us(100), us(300)),
                bandwidth: Some(1_000_000_000),
                queue: ms(20),
                ..Self::default()
            },
            "wifi" => Self {
                latency: Distribution::Constant(ms(2)),
                jitter: ms(6),
                loss: Loss::Bursts(Bursts {
                    enter: 0.002,
                    leave: 0.25,
                    lost_inside: 0.6,
                    lost_outside: 0.001,
                }),
                bandwidth: Some(50_000_000),
                queue: ms(100),
                ..Self::default()
            },
            "lte" => Self {
                latency: Distribution::Constant(ms(35)),
                jitter: ms(20),
                loss: Loss::Random(0.001),
                bandwidth: Some(20_000_000),
                queue: ms(300),
                mtu: 1400,
                ..Self::default()
            },
            "satellite" => Self {
                latency: Distribution::Constant(ms(290)),
                jitter: ms(20),
                loss: Loss::Bursts(Bursts {
                    enter: 0.001,
                    leave: 0.1,
                    lost_inside: 0.5,
                    lost_outside: 0.000_5,
                }),
                bandwidth: Some(10_000_000),
                queue: ms(500),
                mtu: 1400,
                ..Self::default()
            },
            "wan" => Self {
                latency: Distribution::Constant(ms(20)),
                jitter: ms(1),
                loss: Loss::Random(0.000_1),
                bandwidth: Some(200_000_000),
                queue: ms(50),
                ..Self::default()
            },
            "wan-far" => Self {
                latency: Distribution::Constant(ms(90)),
                jitter: ms(3),
                loss: Loss::Random(0.001),
                bandwidth: Some(100_000_000),
                queue: ms(100),
                ..Self::default()
            },
            _ => return None,
        })
    }
}
