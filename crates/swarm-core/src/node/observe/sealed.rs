//! Looks at the seals of observations. What is cheap to see is seen first: a signature costs some hundred times as much
//! as all the rest, and no lock is held while it is looked at.

use swarm_proto::{AgentId, DEFAULT_HOP_LIMIT, Grant, Observation, Role, Seal, Signed, Subject, UnixMicros};
use tokio::time::Instant;

use crate::identity::{agent_id_of, verify_signature};
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::trace::DropReason;

/// What became of the sealed ones of a datagram.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// By when those that are left are judged; `None` if there was none.
    pub(super) at: Option<UnixMicros>,
    /// Whose others there were, and why they are not left.
    pub(super) refused: Vec<(AgentId, DropReason)>,
    /// Those whose origin is not known yet.
    pub(super) unknown: Vec<Observation>,
}

/// What is known of signatures before they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Unseen,
    /// It was right when the grant was waited for.
    Right,
}

/// Leaves the sealed ones that their origins have made, and may have made, and all that are plain.
pub(super) fn look_at(
    shared: &NodeShared,
    connection: &PeerConnection,
    now: Instant,
    signature: Signature,
    observations: &mut Vec<Observation>,
) -> Looked {
    let mut looked = Looked::default();
    if observations.iter().all(|observation| observation.seal.is_none()) {
        return looked;
    }
    let at = shared.unix_micros();
    looked.at = Some(at);
    observations.retain(|observation| {
        let Some(seal) = &observation.seal else { return true };
        match judge(shared, connection, now, at, signature, observation, seal) {
            Ok(()) => return true,
            Err(DropReason::UnknownOrigin) => looked.unknown.push(observation.clone()),
            Err(reason) => looked.refused.push((observation.origin, reason)),
        }
        false
    });
    looked
}

/// Whether a sealed observation may go on to the intake, and if not, why. One of an
/// [unknown origin](DropReason::UnknownOrigin) may once its grant is known.
pub(super) fn judge(
    shared: &NodeShared,
    connection: &PeerConnection,
    now: Instant,
    at: UnixMicros,
    signature: Signature,
    observation: &Observation,
    seal: &Seal,
) -> Result<(), DropReason> {
    is_worth_looking_at(shared, connection, at, observation)?;
    let grant = grant_of_origin(shared, connection, observation);
    match &grant {
        Some(grant) => permits(shared, grant, observation, seal)?,
        None if agent_id_of(&seal.key()) == observation.origin => {}
        None => return Err(DropReason::Forged),
    }
    if signature == Signature::Unseen {
        if !connection.may_look_at_signature(now) {
            return Err(DropReason::RateLimited);
        }
        if !verify_signature(&seal.key(), &seal.message(shared.access.swarm()), seal.signature()) {
            return Err(DropReason::Forged);
        }
    }
    if grant.is_some() { Ok(()) } else { Err(DropReason::UnknownOrigin) }
}

/// What can be said without knowing the origin.
fn is_worth_looking_at(
    shared: &NodeShared,
    connection: &PeerConnection,
    at: UnixMicros,
    observation: &Observation,
) -> Result<(), DropReason> {
    let is_passed_on = observation.origin != connection.peer.id;
    if !shared.subscriptions.borrow().wants(&observation.topic) {
        return Err(DropReason::NotSubscribed);
    }
    if observation.hops > DEFAULT_HOP_LIMIT {
        return Err(DropReason::HopLimit);
    }
    if is_passed_on && observation.hops == 0 {
        // Whoever sends again what it has heard, as if it came from its origin.
        return Err(DropReason::Forged);
    }
    if is_passed_on && connection.grant().statement().role != Role::Member {
        return Err(DropReason::NotPermitted);
    }
    if observation.origin == shared.id {
        return Err(DropReason::Duplicate);
    }
    let known = shared.intake().is_worth_verifying(at, observation);
    if let Err(DropReason::Duplicate | DropReason::Outdated) = known {
        shared.holders().add_to_known(observation, connection.peer.id);
    }
    known
}

fn grant_of_origin(
    shared: &NodeShared,
    connection: &PeerConnection,
    observation: &Observation,
) -> Option<std::sync::Arc<Signed<Grant>>> {
    if observation.origin == connection.peer.id {
        return Some(connection.grant());
    }
    shared.grant_of(observation.origin)
}

fn permits(
    shared: &NodeShared,
    grant: &Signed<Grant>,
    observation: &Observation,
    seal: &Seal,
) -> Result<(), DropReason> {
    if grant.statement().subject != Subject::Key(seal.key()) {
        return Err(DropReason::Forged);
    }
    if shared.may_publish(grant, &observation.topic) { Ok(()) } else { Err(DropReason::NotPermitted) }
}
