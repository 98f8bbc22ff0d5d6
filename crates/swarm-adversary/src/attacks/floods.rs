//! Peers that send without end.

use std::collections::VecDeque;

use swarm_core::proto::{RequestFrame, RequestHead, RequestId, ResetCode};

use crate::outcome::{Fate, failed};
use crate::pace::Pace;
use crate::peer::{Peer, framed};
use crate::scene::Scene;

/// How many streams are kept open on this side at most; the target grants far fewer.
const MOST_KEPT: usize = 1024;

pub(super) async fn datagrams(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, .. } = Peer::meet(scene).await?;
    let flood = async {
        let (mut pace, mut sequence) = (Pace::new(scene.plan.rate), 0);
        loop {
            for _ in 0..pace.due().await {
                sequence += 1;
                if link.send(&[link.observation(sequence, scene.plan.size)]) {
                    scene.acts(1);
                }
            }
        }
    };
    Ok(link.until_sent_away(flood).await)
}

/// Each begins a request and never ends its head.
pub(super) async fn streams(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, .. } = Peer::meet(scene).await?;
    let whole = head()?;
    let half = whole.get(..whole.len() / 2).unwrap_or_default();
    let flood = async {
        let (mut pace, mut kept) = (Pace::new(scene.plan.rate), VecDeque::new());
        loop {
            pace.next().await;
            if let Ok(stream) = link.say(half).await {
                scene.acts(1);
                kept.push_back(stream);
                kept.truncate(MOST_KEPT);
            }
        }
    };
    Ok(link.until_sent_away(flood).await)
}

/// Each is a whole request that nobody waits for (the pattern of CVE-2023-44487).
pub(super) async fn resets(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, .. } = Peer::meet(scene).await?;
    let whole = head()?;
    let flood = async {
        let mut pace = Pace::new(scene.plan.rate);
        loop {
            pace.next().await;
            if let Ok(mut stream) = link.say(&whole).await {
                scene.acts(1);
                stream.send.reset(ResetCode::Cancelled);
                stream.recv.stop(ResetCode::Cancelled);
            }
        }
    };
    Ok(link.until_sent_away(flood).await)
}

fn head() -> Result<Vec<u8>, Fate> {
    let nothing = "rogue.nothing".parse().map_err(failed)?;
    framed(&RequestFrame::Head(RequestHead::new(RequestId::from_random([66; 16]), nothing)))
}
