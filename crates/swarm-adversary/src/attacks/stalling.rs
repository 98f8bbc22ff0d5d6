//! Peers that take nothing.

use swarm_core::IdentityKey;
use swarm_core::proto::{Capability, Chunk, RequestFrame, RequestHead, RequestId};

use crate::line::Line;
use crate::outcome::{Fate, failed};
use crate::pace::Pace;
use crate::peer::{Peer, framed, hello, introduce, with_length};
use crate::scene::Scene;

/// What it may be sent in all, in bytes: enough to be let in.
const CREDIT: u32 = 3000;

/// How many answers it takes to use that up, and how many streams it takes to ask for them.
const QUESTIONS: u64 = 200;

/// How many streams are kept open on this side at most; the target grants far fewer.
const MOST_KEPT: usize = 1024;

/// Asks for what the target offers, if it offers anything, with a large body, and leaves every answer where it is.
pub(super) async fn never_reads(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, theirs } = Peer::meet(scene).await?;
    let offered = theirs.capabilities.first().map(|offer| offer.capability.clone());
    let capability = offered.map_or_else(nothing, Ok)?;
    let body = [
        framed(&RequestFrame::Chunk(Chunk::new("", vec![b'.'; scene.plan.size])))?,
        framed(&RequestFrame::End)?,
    ]
    .concat();
    let asking = async {
        let (mut pace, mut kept) = (Pace::new(scene.plan.rate), Vec::new());
        for number in 0.. {
            pace.next().await;
            let head = request(number, capability.clone()).unwrap_or_default();
            if let Ok(stream) = link.say(&[&head[..], &body].concat()).await {
                scene.acts(1);
                if kept.len() < MOST_KEPT {
                    kept.push(stream);
                }
            }
        }
        std::future::pending().await
    };
    Ok(link.until_sent_away(asking).await)
}

/// Asks for answers until no more of them can be sent to it, and then breaks the rules: whoever sends it away cannot say
/// goodbye.
pub(super) async fn never_credits(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let mut windows = quinn::TransportConfig::default();
    windows.receive_window(CREDIT.into()).stream_receive_window(CREDIT.into());
    let shown = scene.papers.certificate(scene.identity())?;
    let line = Line::dial_with(scene, Some(shown), windows).await?;
    let session = line.session(scene).await?;
    let (mut send, mut recv) = session.open_bi().await.map_err(failed)?;
    let agent = IdentityKey::agent_id(&scene.papers.identity(scene.identity()));
    match introduce(scene, hello(scene, agent), &mut send, &mut recv).await {
        Ok(_) => {}
        Err(Some(fate)) => return Err(fate),
        Err(None) => return Ok(line.closed().await),
    }
    scene.acts(1);
    let asking = async {
        let mut kept = Vec::new();
        for number in 0..QUESTIONS {
            let Ok((mut send, recv)) = session.open_bi().await else { break };
            let head = request(number, nothing()?)?;
            if send.write_all(&head).await.is_err() {
                break;
            }
            kept.push((send, recv));
        }
        let _ = send.write_all(&with_length(&[0xc1])).await;
        // They stay as they are until the connection ends.
        Ok::<_, Fate>(kept)
    };
    // The target may never grant so many streams.
    let asked = tokio::time::timeout(scene.plan.patience / 4, asking).await;
    let _ = send.write_all(&with_length(&[0xc1])).await;
    let fate = line.closed().await;
    drop(asked);
    Ok(fate)
}

fn nothing() -> Result<Capability, Fate> {
    "rogue.nothing".parse().map_err(failed)
}

fn request(number: u64, capability: Capability) -> Result<Vec<u8>, Fate> {
    let id = RequestId::from_random(u128::from(number).to_be_bytes());
    framed(&RequestFrame::Head(RequestHead::new(id, capability)))
}
