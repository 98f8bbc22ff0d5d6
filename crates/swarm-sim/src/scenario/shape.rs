//! Reads what a link is like: the keys that `[network]` and the event `shape` have in common.

use std::time::Duration;

use swarm_network::{Bursts, Change, Conditions, Latency, Loss};
use toml::{Spanned, de::DeValue};

use super::{
    problem::Findings,
    reader::{TableReader, read, report_unknown_name, table_of},
    values::{Bandwidth, Share},
};

/// The smallest packets with which QUIC can begin a connection, in bytes of UDP payload (RFC 9000, section 14).
pub(super) const LEAST_MTU: u64 = 1_200;

/// The largest UDP payload that there can be.
const LARGEST_MTU: u64 = 65_507;

/// What is said of a link.
#[derive(Default)]
pub(super) struct Shape {
    /// What it is like apart from the changes.
    pub(super) profile: Option<Conditions>,
    pub(super) change: Change,
    /// Whether nothing at all was said.
    pub(super) is_empty: bool,
}

impl Shape {
    /// The link, which is like `base` where nothing was said of it.
    pub(super) fn conditions(self, base: &Conditions) -> Conditions {
        self.profile.unwrap_or_else(|| base.clone()).with(&self.change)
    }

    /// The change that makes any link one like this.
    pub(super) fn into_change(self) -> Change {
        let Some(profile) = self.profile else { return self.change };
        let all = profile.with(&self.change);
        let mut change = Change::default();
        change.latency = Some(Latency::Set(all.latency));
        change.jitter = Some(all.jitter);
        change.loss = Some(all.loss);
        change.duplicate = Some(all.duplicate);
        change.reorder = Some(all.reorder);
        // As much as anybody sends: a change has no other word for it.
        change.bandwidth = Some(all.bandwidth.unwrap_or(u64::MAX));
        change.queue = Some(all.queue);
        change.mtu = Some(all.mtu);
        change
    }
}

/// The keys of a link in this table, which may have others. `None` if one of them cannot be understood.
pub(super) fn read_keys(
    table: &mut TableReader<'_, '_>,
    least_mtu: u64,
    findings: &mut Findings,
) -> Option<Shape> {
    let mut keys = Keys { table, findings, written: 0, understood: 0 };
    let profile = keys.value::<String>("profile");
    let latency = keys.value::<Latency>("latency");
    let jitter = keys.value::<Duration>("jitter");
    let loss = keys.read("loss", read_loss);
    let duplicate = keys.value::<Share>("duplicate");
    let reorder = keys.value::<Share>("reorder");
    let bandwidth = keys.value::<Bandwidth>("bandwidth");
    let queue = keys.value::<Duration>("queue");
    let mtu = keys.whole("mtu", least_mtu..=LARGEST_MTU);
    let (written, understood) = (keys.written, keys.understood);
    let profile = match profile {
        Some(name) => Some(known_profile(&name, findings)?),
        None => None,
    };
    if written != understood {
        return None;
    }
    let mut change = Change::default();
    change.latency = latency.map(Spanned::into_inner);
    change.jitter = jitter.map(Spanned::into_inner);
    change.loss = loss;
    change.duplicate = duplicate.map(|share| share.into_inner().0);
    change.reorder = reorder.map(|share| share.into_inner().0);
    change.bandwidth = bandwidth.map(|bandwidth| bandwidth.into_inner().0);
    change.queue = queue.map(Spanned::into_inner);
    change.mtu = mtu.and_then(|mtu| usize::try_from(mtu.into_inner()).ok());
    Some(Shape { profile, change, is_empty: written == 0 })
}

fn known_profile(name: &Spanned<String>, findings: &mut Findings) -> Option<Conditions> {
    let known = Conditions::profile(name.get_ref());
    if known.is_none() {
        let names: Vec<_> = Conditions::PROFILES.iter().map(|(name, _)| *name).collect();
        report_unknown_name("profile", name, &names, findings);
    }
    known
}

/// A share of the packets, or bursts.
fn read_loss(value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<Loss> {
    if !value.get_ref().is_table() {
        return read::<Share>(value, "`loss`", findings).map(|share| Loss::Random(share.into_inner().0));
    }
    let mut table = table_of(value, "`loss`", findings)?;
    let enter = table.required::<Share>("enter", findings);
    let leave = table.required::<Share>("leave", findings);
    let inside = table.required::<Share>("inside", findings);
    let outside = table.value::<Share>("outside", findings).unwrap_or(Share(0.0));
    if !table.finish(findings) {
        return None;
    }
    let (enter, leave, inside) = (enter?.into_inner(), leave?, inside?.into_inner());
    if leave.get_ref().0 == 0.0 {
        findings.report(leave.span(), "a burst would never end", "expected more than nothing under `leave`");
        return None;
    }
    let leave = leave.into_inner();
    Some(Loss::Bursts(Bursts {
        enter: enter.0,
        leave: leave.0,
        lost_inside: inside.0,
        lost_outside: outside.0,
    }))
}

/// Counts how many of the keys were there and how many were understood.
struct Keys<'k, 't, 'i> {
    table: &'k mut TableReader<'t, 'i>,
    findings: &'k mut Findings,
    written: usize,
    understood: usize,
}

impl Keys<'_, '_, '_> {
    fn value<T: super::reader::FromValue>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        self.read(key, |value, findings| read(value, &format!("`{key}`"), findings))
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Spanned<DeValue<'_>>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        let value = self.table.raw(key)?;
        self.written += 1;
        let read = read(value, self.findings);
        self.understood += usize::from(read.is_some());
        read
    }

    fn whole(&mut self, key: &'static str, bounds: std::ops::RangeInclusive<u64>) -> Option<Spanned<u64>> {
        self.table.raw(key)?;
        self.written += 1;
        let read = self.table.whole(key, bounds, self.findings);
        self.understood += usize::from(read.is_some());
        read
    }
}
