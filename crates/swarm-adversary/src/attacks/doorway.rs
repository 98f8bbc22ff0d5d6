//! Those who are at the door, with papers that are right, and do not come in as one ought to.

use rand::Rng;
use swarm_core::proto::{ControlFrame, Permissions};
use tokio::io::AsyncWriteExt;

use crate::line::Line;
use crate::outcome::{Fate, failed};
use crate::peer::{Session, framed, hello, with_length};
use crate::scene::Scene;

/// HTTP/3's control stream with the settings of whoever wants WebTransport: datagrams, and a session (draft 07).
const SETTINGS: [u8; 14] =
    [0x00, 0x04, 0x0b, 0x33, 0x01, 0xc0, 0x00, 0x00, 0x00, 0xc6, 0x71, 0x70, 0x6a, 0x01];

/// The type of a frame with a header block.
const HEADERS: u8 = 0x01;

/// Numbers of a header block that do not end, and go beyond 62 bits (RFC 9204, section 4.1.1).
const ENDLESS: [u8; 12] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];

pub(super) async fn silent(scene: &Scene<'_>) -> Result<Fate, Fate> {
    scene.acts(1);
    Ok(dial(scene).await?.closed().await)
}

pub(super) async fn half_connect(scene: &Scene<'_>) -> Result<Fate, Fate> {
    // A frame whose length never comes.
    begin(scene, &[HEADERS]).await
}

pub(super) async fn qpack_bomb(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let blocks: [Vec<u8>; 8] = [
        // The count of inserts, the base, the index of a static and of a dynamic field, the length of a name and of a
        // value: each without end.
        ENDLESS.to_vec(),
        [&[0x00], &ENDLESS[..]].concat(),
        [&[0x00, 0x00], &ENDLESS[..]].concat(),
        [&[0x00, 0x00, 0x3f], &ENDLESS[..]].concat(),
        [&[0x00, 0x00, 0x27], &ENDLESS[..]].concat(),
        [&[0x00, 0x00, 0x51], &ENDLESS[..]].concat(),
        // A name of a gigabyte that is not there.
        vec![0x00, 0x00, 0x27, 0xff, 0xff, 0xff, 0xff, 0x03, b'a'],
        // Longer than any that makes sense.
        vec![0xd1; 60_000],
    ];
    let which = usize::try_from(scene.attempt).unwrap_or_default() % blocks.len();
    let block = blocks.get(which).map(Vec::as_slice).unwrap_or_default();
    let length = u32::try_from(block.len()).unwrap_or_default() | 0x8000_0000;
    begin(scene, &[&[HEADERS], &length.to_be_bytes()[..], block].concat()).await
}

/// Says this where the request that opens the session is expected.
async fn begin(scene: &Scene<'_>, request: &[u8]) -> Result<Fate, Fate> {
    scene.acts(1);
    let line = dial(scene).await?;
    let streams = async {
        let mut control = line.connection.open_uni().await?;
        let (mut send, recv) = line.connection.open_bi().await?;
        // If it is not taken, that shows in the end of the connection.
        let _ = control.write_all(&SETTINGS).await;
        let _ = send.write_all(request).await;
        Ok::<_, quinn::ConnectionError>((control, send, recv))
    };
    let _open = streams.await?;
    Ok(line.closed().await)
}

async fn dial(scene: &Scene<'_>) -> Result<Line, Fate> {
    Line::dial(scene, Some(scene.papers.certificate(scene.identity())?)).await
}

pub(super) async fn half_hello(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Session { link, mut control } = Session::open(scene, Permissions::everything()).await?;
    let hello = framed(&ControlFrame::Hello(hello(scene, link.agent)))?;
    let (half, _) = hello.split_at_checked(hello.len() / 2).ok_or_else(|| failed("no half"))?;
    scene.acts(1);
    let _ = control.send.write_all(half).await;
    Ok(link.closed().await)
}

pub(super) async fn garbage_hello(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let Session { link, mut control } = Session::open(scene, Permissions::everything()).await?;
    let mut noise = vec![0; scene.plan.size];
    scene.rng().fill_bytes(&mut noise);
    scene.acts(1);
    let _ = control.send.write_all(&with_length(&noise)).await;
    Ok(link.closed().await)
}
