//! The proxy in front of a TCP listener.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::segments::{SEGMENT_BYTES, Segments};
use crate::contender::{LinkSettings, Problem};

/// What the link's kernel takes in before the sender's has to wait, in bytes: little, because what waits here would wait
/// in the sender on a real path.
const RECEIVE_BUFFER: usize = 16 << 10;
/// What a sender's kernel may hold, in bytes. It grows the buffer with what it takes the path for, and loopback makes it
/// megabytes; for the dozen segments that fit the window of a path like this one it would be about as much.
pub const SEND_BUFFER: usize = 64 << 10;
const PIECE: usize = 16 << 10;
/// The congestion window bounds what is under way; this bounds in how many pieces.
const PIECES: usize = 4096;

/// The link's own. Connections inherit what is set.
pub(super) fn listener() -> io::Result<std::net::TcpListener> {
    listening(like_a_path()?)
}

/// One behind a link.
pub(super) fn sender() -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_nonblocking(true)?;
    listening(socket)
}

fn listening(socket: Socket) -> io::Result<std::net::TcpListener> {
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A socket whose other end sends as it would over a path.
fn like_a_path() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_tcp_mss(SEGMENT_BYTES as u32)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

pub(super) async fn proxy(
    settings: LinkSettings,
    listener: std::net::TcpListener,
    to: SocketAddr,
) -> Result<(), Problem> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (near, _) = listener.accept().await?;
        let seed = settings.seed.wrapping_add(2 * connection);
        connections.spawn(carry(LinkSettings { seed, ..settings }, near, to));
    }
    Ok(())
}

async fn carry(settings: LinkSettings, near: TcpStream, to: SocketAddr) -> Result<(), Problem> {
    let far = TcpSocket::from_std_stream(like_a_path()?.into()).connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let back = LinkSettings { seed: settings.seed.wrapping_add(1), ..settings };
    tokio::try_join!(one_way(settings, near_in, far_out), one_way(back, far_in, near_out))?;
    Ok(())
}

async fn one_way(settings: LinkSettings, from: OwnedReadHalf, to: OwnedWriteHalf) -> io::Result<()> {
    let (pieces, under_way) = mpsc::channel(PIECES);
    tokio::try_join!(depart(settings, from, pieces), arrive(under_way, to))?;
    Ok(())
}

/// Reads no faster than the congestion window lets segments leave.
async fn depart(
    settings: LinkSettings,
    mut from: OwnedReadHalf,
    pieces: mpsc::Sender<(Instant, Bytes)>,
) -> io::Result<()> {
    let mut segments = Segments::new(settings, Instant::now());
    loop {
        let mut piece = BytesMut::with_capacity(PIECE);
        if from.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
        let passage = segments.pass(Instant::now(), piece.len());
        if pieces.send((passage.arrives, piece.freeze())).await.is_err() {
            return Ok(());
        }
        tokio::time::sleep_until(passage.leaves.into()).await;
    }
}

async fn arrive(mut pieces: mpsc::Receiver<(Instant, Bytes)>, mut to: OwnedWriteHalf) -> io::Result<()> {
    while let Some((due, piece)) = pieces.recv().await {
        tokio::time::sleep_until(due.into()).await;
        to.write_all(&piece).await?;
    }
    to.shutdown().await
}
