//! Peers whose words can be read, and are not true or not theirs to say.

use swarm_core::proto::{
    ControlFrame, Delivery, FeedFrame, Observation, Permissions, RequestFrame, RequestHead, RequestId,
    TopicName, TopicPattern, encode_observation,
};

use tokio::io::AsyncWriteExt;

use crate::outcome::{Fate, failed};
use crate::pace::Pace;
use crate::peer::{Peer, Session, framed};
use crate::scene::Scene;

/// How many observations are said once before all of them are said again and again.
const ONCE: u64 = 10;

pub(super) async fn replays(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, .. } = Peer::meet(scene).await?;
    let said: Vec<_> = (1..=ONCE).map(|sequence| link.observation(sequence, 16)).collect();
    link.send(&said);
    let again = async {
        let mut pace = Pace::new(scene.plan.rate);
        loop {
            for _ in 0..pace.due().await {
                scene.acts(1);
                link.send(&said);
            }
        }
    };
    Ok(link.until_sent_away(again).await)
}

/// In datagrams, and now and then in a feed.
pub(super) async fn forged_origin(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, control: _open, .. } = Peer::meet(scene).await?;
    let origin = scene.papers.somebody_else().agent_id();
    let forged = |sequence| Observation { origin, ..link.observation(sequence, 16) };
    let feed = framed(&RequestFrame::Feed(1))?;
    let forging = async {
        let mut pace = Pace::new(scene.plan.rate);
        for sequence in 1.. {
            pace.next().await;
            scene.acts(1);
            link.send(&[forged(sequence)]);
            if sequence % 100 == 1 {
                let reliable = Observation { delivery: Delivery::Reliable, ..forged(sequence) };
                let frame = FeedFrame { number: sequence, encoded: encode_observation(&reliable) };
                let words = [feed.clone(), framed(&frame).unwrap_or_default()].concat();
                let _ = link.say(&words).await;
            }
        }
        std::future::pending().await
    };
    Ok(link.until_sent_away(forging).await)
}

/// Every other time it offers what it may not, for which it is not let in; else it publishes and asks.
pub(super) async fn beyond_grant(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let (own, offer) =
        ("rogue.own".parse::<TopicName>().map_err(failed)?, "rogue.offer".parse().map_err(failed)?);
    let narrow = Permissions { publish: vec![TopicPattern::from(own)], ..Permissions::default() };
    let session = Session::open(scene, narrow).await?;
    if scene.attempt % 2 == 1 {
        scene.acts(1);
        let mut hello = crate::peer::hello(scene, session.link.agent);
        hello.capabilities = vec![offer];
        return session.greet_with(scene, hello).await.map(|_| Fate::Borne);
    }
    let Peer { link, mut control, theirs } = session.greet(scene).await?;
    let wanted = theirs.capabilities.first().map(|offer| offer.capability.clone());
    let wanted = wanted.map_or_else(|| "rogue.nothing".parse().map_err(failed), Ok)?;
    let everything = framed(&ControlFrame::Subscribe(vec![TopicPattern::everything()]))?;
    let _ = control.send.write_all(&everything).await;
    let overstepping = async {
        let mut pace = Pace::new(scene.plan.rate);
        for number in 1_u64.. {
            pace.next().await;
            scene.acts(1);
            link.send(&[link.observation(number, 16)]);
            if number % 10 == 1 {
                let id = RequestId::from_random(u128::from(number).to_be_bytes());
                let head = RequestFrame::Head(RequestHead::new(id, wanted.clone()));
                let _ = link.say(&framed(&head).unwrap_or_default()).await;
            }
        }
        std::future::pending().await
    };
    Ok(link.until_sent_away(overstepping).await)
}
