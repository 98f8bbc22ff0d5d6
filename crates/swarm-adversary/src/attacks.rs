//! What each kind of bad peer does, once.

mod claims;
mod doorway;
mod floods;
mod stalling;
mod strangers;
mod words;

use crate::Attack;
use crate::outcome::Fate;
use crate::scene::Scene;

/// Does it once, until the target has had enough. It has no deadline of its own.
pub(crate) async fn strike(attack: Attack, scene: &Scene<'_>) -> Fate {
    let done = match attack {
        Attack::GarbagePackets => strangers::garbage_packets(scene).await,
        Attack::NoCertificate => strangers::enter(scene, None).await,
        Attack::ForeignRoot => strangers::foreign_root(scene).await,
        Attack::WrongSwarm => strangers::wrong_swarm(scene).await,
        Attack::Expired => strangers::expired(scene).await,
        Attack::StolenId => strangers::stolen_id(scene).await,
        Attack::Revoked => strangers::revoked(scene).await,
        Attack::Silent => doorway::silent(scene).await,
        Attack::HalfConnect => doorway::half_connect(scene).await,
        Attack::QpackBomb => doorway::qpack_bomb(scene).await,
        Attack::HalfHello => doorway::half_hello(scene).await,
        Attack::GarbageHello => doorway::garbage_hello(scene).await,
        Attack::Garbage => words::garbage(scene).await,
        Attack::TruncatedFrames => words::truncated_frames(scene).await,
        Attack::OversizedFrames => words::oversized_frames(scene).await,
        Attack::NestedValues => words::nested_values(scene).await,
        Attack::LyingLengths => words::lying_lengths(scene).await,
        Attack::Replays => claims::replays(scene).await,
        Attack::ForgedOrigin => claims::forged_origin(scene).await,
        Attack::BeyondGrant => claims::beyond_grant(scene).await,
        Attack::DatagramFlood => floods::datagrams(scene).await,
        Attack::StreamFlood => floods::streams(scene).await,
        Attack::ResetFlood => floods::resets(scene).await,
        Attack::NeverReads => stalling::never_reads(scene).await,
        Attack::NeverCredits => stalling::never_credits(scene).await,
    };
    match done {
        Ok(fate) | Err(fate) => fate,
    }
}
