//! Those who have no right to be let in.

use rand::Rng;
use swarm_core::IdentityKey;
use swarm_core::identity::TlsCertificate;
use swarm_core::proto::ControlFrame;
use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;

use crate::line::Line;
use crate::outcome::{Fate, failed};
use crate::pace::Pace;
use crate::peer::{Peer, framed, hello, introduce};
use crate::scene::Scene;

/// The largest packet of a path that nobody has looked at yet.
const PACKET: usize = 1200;

/// First bytes that make a packet look like one of each kind: short and long headers (RFC 9000, section 17).
const KINDS: [u8; 4] = [0x00, 0x40, 0xc0, 0xff];

pub(super) async fn garbage_packets(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let socket = UdpSocket::bind(scene.papers.source_for(scene.target)).await.map_err(failed)?;
    let (mut rng, mut pace) = (scene.rng(), Pace::new(scene.plan.rate));
    let mut packet = [0; PACKET];
    loop {
        for _ in 0..pace.due().await {
            rng.fill_bytes(&mut packet);
            let [kind, length, version, ..] = &mut packet;
            *kind = KINDS.get(usize::from(*kind) % KINDS.len()).copied().unwrap_or_default() | *kind & 0x0f;
            // Now and then the version that there is, so that more is looked at.
            *version = if *version < 128 { 0 } else { *version };
            let length = usize::from(*length) * PACKET / 255;
            scene.acts(1);
            // Whether anybody is there does not matter.
            let _ = socket.send_to(packet.get(..length.max(1)).unwrap_or_default(), scene.target).await;
        }
    }
}

/// Goes as far as it is let with this certificate: a session, the control stream, a hello.
pub(super) async fn enter(scene: &Scene<'_>, shown: Option<TlsCertificate>) -> Result<Fate, Fate> {
    scene.acts(1);
    let line = Line::dial(scene, shown).await?;
    let session = line.session(scene).await?;
    let Ok((mut send, mut recv)) = session.open_bi().await else { return Ok(line.closed().await) };
    let agent = IdentityKey::agent_id(&scene.papers.identity(scene.identity()));
    match introduce(scene, hello(scene, agent), &mut send, &mut recv).await {
        // It is a peer now.
        Ok(_) | Err(None) => Ok(line.closed().await),
        Err(Some(fate)) => Err(fate),
    }
}

/// An outsider's papers are signed by a root of its own, so all of them are foreign.
pub(super) async fn foreign_root(scene: &Scene<'_>) -> Result<Fate, Fate> {
    enter(scene, Some(scene.papers.certificate(scene.identity())?)).await
}

pub(super) async fn wrong_swarm(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let elsewhere = "elsewhere".parse().map_err(failed)?;
    enter(scene, Some(scene.papers.certificate_in(scene.identity(), elsewhere)?)).await
}

pub(super) async fn expired(scene: &Scene<'_>) -> Result<Fate, Fate> {
    enter(scene, Some(scene.papers.expired_certificate(scene.identity())?)).await
}

pub(super) async fn stolen_id(scene: &Scene<'_>) -> Result<Fate, Fate> {
    enter(scene, Some(scene.papers.stolen_certificate(scene.identity())?)).await
}

/// The first time it is let in.
pub(super) async fn revoked(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Peer { link, mut control, .. } = Peer::meet(scene).await?;
    let list = framed(&ControlFrame::Revocations(scene.papers.revocations(scene.identities())?))?;
    scene.acts(1);
    // If it is not heard, that shows in what becomes of the connection.
    let _ = control.send.write_all(&list).await;
    Ok(link.closed().await)
}
