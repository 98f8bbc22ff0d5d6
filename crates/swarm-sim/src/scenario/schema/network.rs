//! What links are like, as a schema can describe it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use swarm_network::Conditions;

use super::values::{Bandwidth, Duration, Latency, Share};

/// What the links are like without faults.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Links {
    /// Every link that nothing else is said of.
    default: Option<Link>,
    /// By their ends, FROM->TO or A<->B, which are groups, zones, members or *. Of several that fit, the last counts. What is
    /// left out is as in default, or as in the profile.
    links: Option<BTreeMap<String, Link>>,
}

/// What a link is like.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Link {
    #[schemars(flatten)]
    shape: Shape,
}

/// What one direction of a link is like.
#[derive(JsonSchema)]
pub(super) struct Shape {
    /// What it is like apart from what the other keys say.
    #[schemars(extend("enum" = profiles()))]
    profile: Option<String>,
    /// How long a packet takes, drawn anew for each.
    latency: Option<Latency>,
    /// Added to the latency, uniformly from zero to this.
    jitter: Option<Duration>,
    /// Which packets are lost: a share of them, or bursts.
    loss: Option<Loss>,
    /// Share of packets that arrive twice.
    duplicate: Option<Share>,
    /// Share of packets that are held up for another latency.
    reorder: Option<Share>,
    /// What it carries. As much as anybody sends unless given.
    bandwidth: Option<Bandwidth>,
    /// How long packets may wait for a link that is busy, before they are dropped.
    queue: Option<Duration>,
    /// Largest packet that gets through, in bytes of UDP payload; at least 1200 but for a fault.
    #[schemars(range(min = 64, max = 65_507))]
    mtu: Option<u16>,
}

fn profiles() -> Vec<&'static str> {
    Conditions::PROFILES.iter().map(|(name, _)| *name).collect()
}

/// Which packets are lost.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Loss {
    /// Each on its own.
    Share(Share),
    /// In bursts.
    Bursts(Bursts),
}

/// Loss in bursts.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Bursts {
    /// Chance with each packet that a burst begins.
    enter: Share,
    /// Chance with each packet that it ends.
    leave: Share,
    /// Share of packets lost in a burst.
    inside: Share,
    /// Share of packets lost between bursts. None unless given.
    outside: Option<Share>,
}
