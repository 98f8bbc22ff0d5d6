//! Moves the datagrams of one connection, both ways. A task of its own, because it runs for every observation: the
//! connection's task has a dozen other things to look at whenever it is woken.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use swarm_proto::{AgentId, Datagram, Observation, TopicName, UnixMicros, decode_datagram_about};
use tokio::time::Instant;

use super::sealed::{self, Signature};
use crate::deadline::at;
use crate::misconduct::Offence;
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::observe::pace::{Pace, Verdict};
use crate::trace::{Direction, DropReason};

/// Why no more datagrams are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Ended {
    /// The connection is over.
    Lost,
    /// The peer has got too much wrong.
    Expelled,
    /// The peer has sent more than this node takes, for longer than it bears.
    Greedy,
    /// The peer has taken less than it subscribed to, for longer than this node bears.
    TooSlow,
}

/// Takes datagrams in, and flushes the outbox, until the connection is over or should be.
pub(in crate::node) async fn move_datagrams(
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
) -> Ended {
    let config = &shared.config;
    let granted = connection.grant().statement().datagrams_per_second;
    let most = granted.map_or(u32::MAX, NonZeroU32::get).min(config.max_datagrams_per_second);
    let mut pace = Pace::new(most, config.greedy_patience, Instant::now());
    // Kept across turns of the loop: made anew at each turn, it would cost an allocation and a lock.
    let mut received = connection.inner.receive_datagram();
    let mut filled = pin!(connection.outbox_filled());
    let (mut flush_at, mut topic) = (None, None);
    loop {
        tokio::select! {
            biased;
            () = &mut filled => filled.set(connection.outbox_filled()),
            () = at(flush_at), if flush_at.is_some() => {}
            datagram = &mut received => {
                let Ok(datagram) = datagram else { return Ended::Lost };
                received = connection.inner.receive_datagram();
                let now = Instant::now();
                match pace.came(now) {
                    Verdict::Take => {
                        if take_in(&shared, &connection, now, &datagram, &mut topic) {
                            // Signatures take long, and others have something to do as well.
                            tokio::task::yield_now().await;
                        }
                    }
                    Verdict::Drop => refuse(&shared, &connection, DropReason::RateLimited, 1),
                    Verdict::SendAway => {
                        refuse(&shared, &connection, DropReason::RateLimited, 1);
                        return Ended::Greedy;
                    }
                }
                if connection.is_expelled() {
                    return Ended::Expelled;
                }
                continue;
            }
        }
        let now = Instant::now();
        flush_at = connection.flush(now);
        if config.slow_patience.is_some_and(|patience| connection.is_stuck(now, patience)) {
            return Ended::TooSlow;
        }
    }
}

/// Takes in what has arrived before the peer said goodbye or the connection ended.
pub(in crate::node) fn take_in_what_has_come(shared: &NodeShared, connection: &PeerConnection) {
    for datagram in what_has_come(connection) {
        take_in(shared, connection, Instant::now(), &datagram, &mut None);
    }
}

/// Counts what has arrived of a peer that sends too much.
pub(in crate::node) fn refuse_what_has_come(shared: &NodeShared, connection: &PeerConnection) {
    refuse(shared, connection, DropReason::RateLimited, what_has_come(connection).count() as u64);
}

/// No more than the receive buffer may hold at once: whoever goes on sending must not hold up whoever calls.
fn what_has_come(connection: &PeerConnection) -> impl Iterator<Item = Bytes> {
    const MOST: usize = 32_768;
    let next = || connection.inner.receive_datagram().now_or_never()?.ok();
    std::iter::from_fn(next).take(MOST)
}

/// Takes in what waited for a grant that is known now.
pub(in crate::node) fn take_in_parked(shared: &NodeShared, connection: &PeerConnection) {
    let now = Instant::now();
    let is_known = |origin| shared.grant_of(origin).is_some();
    let (known, lost) = connection.parked().take(now, is_known);
    refuse(shared, connection, DropReason::UnknownOrigin, lost);
    if !known.is_empty() && !connection.is_expelled() {
        observed(shared, connection, now, Signature::Right, known);
    }
}

/// Hands what is new, wanted and sound of a datagram on to the agent, and counts the rest. Gives whether there were
/// signatures to be looked at. `topic` is what the last one was about.
fn take_in(
    shared: &NodeShared,
    connection: &PeerConnection,
    now: Instant,
    datagram: &Bytes,
    topic: &mut Option<TopicName>,
) -> bool {
    let decoded = decode_datagram_about(datagram, topic.as_ref());
    if let Ok(Datagram::Observations(observations)) = &decoded
        && let Some(last) = observations.last()
        && topic.as_ref() != Some(&last.topic)
    {
        *topic = Some(last.topic.clone());
    }
    match decoded {
        Ok(Datagram::Observations(observations)) if connection.is_leaving() || connection.is_expelled() => {
            refuse(shared, connection, DropReason::PeerLost, observations.len() as u64);
        }
        Ok(Datagram::Observations(observations)) => {
            return observed(shared, connection, now, Signature::Unseen, observations);
        }
        Ok(Datagram::Padding) => {}
        Err(error) => {
            tracing::debug!(peer = %connection.peer.id, %error, "a datagram cannot be read");
            refuse(shared, connection, DropReason::Malformed, 1);
            connection.offended(Offence::UnreadableDatagram);
        }
    }
    false
}

fn observed(
    shared: &NodeShared,
    connection: &PeerConnection,
    now: Instant,
    signature: Signature,
    mut observations: Vec<Observation>,
) -> bool {
    let looked = sealed::look_at(shared, connection, now, signature, &mut observations);
    let admitted = retain_admitted(shared, connection, looked.at, &mut observations);
    let from = connection.peer.id;
    // Whoever watches is told after the locks are free again.
    for (origin, reason) in
        looked.refused.into_iter().chain(admitted.into_iter().map(|reason| (from, reason)))
    {
        refuse(shared, connection, reason, 1);
        match reason {
            DropReason::Forged => connection.offended(Offence::Forged),
            // Whoever passes something on may not have heard yet that its origin has lost its grant.
            DropReason::NotPermitted if origin == from => connection.offended(Offence::NotPermitted),
            _ => {}
        }
    }
    let others =
        if looked.at.is_some() { remember_sealed(shared, connection, &observations) } else { Vec::new() };
    for (origin, reason) in shared.inbox.observed(now, observations) {
        shared.recorder.dropped_of(origin, Direction::Incoming, reason, 1);
    }
    // Nobody will say when they have gone.
    others.into_iter().for_each(|origin| shared.inbox.forget(origin));
    if !looked.unknown.is_empty() {
        park(shared, connection, now, looked.unknown);
    }
    looked.at.is_some()
}

/// Remembers from whom it has them. Gives the origins that are no peers.
fn remember_sealed(
    shared: &NodeShared,
    connection: &PeerConnection,
    observations: &[Observation],
) -> Vec<AgentId> {
    let sealed = observations.iter().filter(|observation| observation.seal.is_some());
    let mut holders = shared.holders();
    sealed.clone().for_each(|observation| holders.add(observation, connection.peer.id));
    drop(holders);
    let origins = sealed.map(|observation| observation.origin);
    origins.filter(|origin| shared.connections.get(*origin).is_none()).collect()
}

/// Keeps those of origins that are not known until their grants come.
fn park(shared: &NodeShared, connection: &PeerConnection, now: Instant, unknown: Vec<Observation>) {
    for observation in unknown {
        let origin = observation.origin;
        let lost = connection.parked().park(now, observation);
        refuse(shared, connection, DropReason::UnknownOrigin, lost);
        // It may have come since it was looked for.
        if shared.grant_of(origin).is_some() {
            take_in_parked(shared, connection);
        }
    }
}

/// Leaves what is wanted and new; says why the others are not. What has a seal was looked at before.
fn retain_admitted(
    shared: &NodeShared,
    connection: &PeerConnection,
    looked_at: Option<UnixMicros>,
    observations: &mut Vec<Observation>,
) -> Vec<DropReason> {
    let mut refused = Vec::new();
    let (from, grant) = (connection.peer.id, connection.grant());
    let permissions = &grant.statement().permissions;
    let mut intake = shared.intake();
    let subscriptions = shared.subscriptions.borrow();
    observations.retain(|observation| {
        let admitted = if let (Some(_), Some(at)) = (&observation.seal, looked_at) {
            intake.admit_sealed(at, observation)
        } else if !permissions.may_publish(&observation.topic) {
            Err(DropReason::NotPermitted)
        } else if !subscriptions.wants(&observation.topic) {
            Err(DropReason::NotSubscribed)
        } else {
            intake.admit(from, observation)
        };
        refused.extend(admitted.err());
        admitted.is_ok()
    });
    refused
}

fn refuse(shared: &NodeShared, connection: &PeerConnection, reason: DropReason, count: u64) {
    shared.recorder.dropped(&connection.tally, Direction::Incoming, reason, count);
}
