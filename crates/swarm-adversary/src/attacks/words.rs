//! Peers that do not keep to the grammar: in datagrams and requests, where it may be an accident, and at last on the
//! control stream, where it is none.

use rand::Rng;
use tokio::io::AsyncWriteExt;

use crate::outcome::Fate;
use crate::peer::{Peer, with_length};
use crate::scene::Scene;

/// How often each thing is said in a datagram and on a stream before the control stream has its turn.
const TIMES: usize = 20;

/// Levels of nesting, one byte each: as much as a frame holds.
const DEEP: usize = 60_000;

/// As much of it as a datagram holds.
const DEEP_DATAGRAM: usize = 1000;

/// An array, a map, a text and binary bytes that declare the most that there is, as the second element of a frame.
const LIES: [&[u8]; 4] = [
    &[0x92, 16, 0xdd, 0xff, 0xff, 0xff, 0xff],
    &[0x92, 16, 0xdf, 0xff, 0xff, 0xff, 0xff],
    &[0x92, 16, 0xdb, 0xff, 0xff, 0xff, 0xff],
    &[0x92, 16, 0xc6, 0xff, 0xff, 0xff, 0xff],
];

/// What a bad peer says.
struct Words {
    /// On a stream of its own, with length.
    request: Vec<u8>,
    datagram: Vec<u8>,
    control: Vec<u8>,
    /// Whether its streams end in order behind it.
    ends: bool,
}

pub(super) async fn garbage(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let mut noise = vec![0; scene.plan.size];
    scene.rng().fill_bytes(&mut noise);
    let words = Words {
        request: with_length(&noise),
        datagram: noise.get(..noise.len().min(DEEP_DATAGRAM)).unwrap_or_default().to_vec(),
        // A byte that MessagePack never uses.
        control: with_length(&[0xc1, 0xc1, 0xc1]),
        ends: false,
    };
    say(scene, words).await
}

pub(super) async fn truncated_frames(scene: &Scene<'_>) -> Result<Fate, Fate> {
    // A frame of ten bytes with three.
    let cut = vec![0, 0, 0, 10, 0x92, 16, 0x85];
    say(scene, Words { request: cut.clone(), datagram: vec![0x93, 1], control: cut, ends: true }).await
}

pub(super) async fn oversized_frames(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let huge = [&[0xff; 4][..], &vec![0; scene.plan.size]].concat();
    say(scene, Words { request: huge.clone(), datagram: vec![0; DEEP_DATAGRAM], control: huge, ends: false })
        .await
}

pub(super) async fn nested_values(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let deep = with_length(&vec![0x91; DEEP]);
    let datagram = vec![0x91; DEEP_DATAGRAM];
    say(scene, Words { request: deep.clone(), datagram, control: deep, ends: false }).await
}

pub(super) async fn lying_lengths(scene: &Scene<'_>) -> Result<Fate, Fate> {
    let which = usize::try_from(scene.attempt).unwrap_or_default() % LIES.len();
    let lie = LIES.get(which).copied().unwrap_or_default();
    let words =
        Words { request: with_length(lie), datagram: lie.to_vec(), control: with_length(lie), ends: false };
    say(scene, words).await
}

async fn say(scene: &Scene<'_>, words: Words) -> Result<Fate, Fate> {
    let Peer { link, mut control, .. } = Peer::meet(scene).await?;
    for _ in 0..TIMES {
        scene.acts(2);
        link.send_noise(&words.datagram);
        if let Ok(mut stream) = link.say(&words.request).await
            && words.ends
        {
            let _ = stream.send.shutdown().await;
        }
    }
    scene.acts(1);
    let _ = control.send.write_all(&words.control).await;
    if words.ends {
        let _ = control.send.shutdown().await;
    }
    Ok(link.closed().await)
}
