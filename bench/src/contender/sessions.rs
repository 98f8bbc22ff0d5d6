//! A mesh of sessions that carry datagrams and streams, for contenders that have no more than those.
//!
//! Node `i` dials nodes below it. Every stream begins with a byte that says what it is for: the first one of a session
//! says who dialled.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pairs::{PATIENCE, Pairs};
use super::{Heard, Mesh, Problem, Shape};

const HELLO: u8 = b'h';
const ASK: u8 = b'a';
const TRANSFER: u8 = b't';

/// Of a transfer, written at once.
const PIECE: usize = 64 << 10;

/// One end of a connection.
pub trait Session: Clone + Send + Sync + 'static {
    /// The sending half of a stream; shutting it down finishes the stream.
    type Send: AsyncWrite + Unpin + Send;
    /// The receiving half.
    type Recv: AsyncRead + Unpin + Send;
    /// What a datagram is received as.
    type Datagram: Deref<Target = [u8]> + Send;

    /// Sends a datagram, the way its users would.
    fn send(&self, payload: Bytes) -> impl Future<Output = Result<(), Problem>> + Send;
    /// The next datagram.
    fn receive(&self) -> impl Future<Output = Result<Self::Datagram, Problem>> + Send;
    /// Opens a stream.
    fn open(&self) -> impl Future<Output = Result<(Self::Send, Self::Recv), Problem>> + Send;
    /// The next stream that the other end opened.
    fn accept(&self) -> impl Future<Output = Result<(Self::Send, Self::Recv), Problem>> + Send;
}

/// What dials and accepts for one node.
pub trait Dialler: Send + Sync + 'static {
    /// What comes of it.
    type Session: Session;

    /// Dials node 0 by the address in front of it, or another node.
    fn dial(&self, to: usize) -> impl Future<Output = Result<Self::Session, Problem>> + Send;
    /// The next session that others dial, to be waited for elsewhere; `None` when it is closed.
    fn accept(&self) -> impl Future<Output = Option<Accepting<Self::Session>>> + Send;
    /// Closes all sessions, and returns when the others had a chance to know.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// A session whose handshake is under way.
pub type Accepting<S> = BoxFuture<'static, Result<S, Problem>>;

/// All nodes.
pub struct Sessions<D: Dialler> {
    diallers: Vec<Arc<D>>,
    pairs: Pairs<D::Session>,
    tasks: Mutex<JoinSet<()>>,
}

struct Opened<S> {
    node: usize,
    peer: usize,
    session: S,
}

impl<D: Dialler> Sessions<D> {
    /// Connects the nodes, each with all or with node 0, and lets them listen.
    pub async fn start(diallers: Vec<D>, shape: Shape, heard: Heard) -> Result<Arc<Self>, Problem> {
        let diallers: Vec<_> = diallers.into_iter().map(Arc::new).collect();
        let (opened, mut all) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        for (node, dialler) in diallers.iter().enumerate() {
            tasks.spawn(accept_all(node, Arc::clone(dialler), opened.clone()));
            let below = if shape.full { node } else { node.min(1) };
            tasks.spawn(dial_all(node, below, Arc::clone(dialler), opened.clone()));
        }
        let mut pairs = Pairs::new(shape);
        while pairs.missing() > 0 {
            let opened = timeout(PATIENCE, all.recv()).await?.ok_or("nobody dials any more")??;
            let Opened { node, peer, session } = opened;
            tasks.spawn(listen(node, session.clone(), Arc::clone(&heard)));
            tasks.spawn(serve_all(session.clone()));
            pairs.put(node, peer, session)?;
        }
        Ok(Arc::new(Self { diallers, pairs, tasks: Mutex::new(tasks) }))
    }
}

impl<D: Dialler> Mesh for Sessions<D> {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            for session in self.pairs.of(from) {
                session.send(payload.clone()).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        async move {
            let (mut send, mut recv) = self.pairs.get(0, to)?.open().await?;
            send.write_all(&[&[ASK], payload.as_ref()].concat()).await?;
            send.shutdown().await?;
            let mut reply = Vec::with_capacity(payload.len());
            recv.read_to_end(&mut reply).await?;
            Ok(reply.into())
        }
        .boxed()
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (mut send, mut recv) = self.pairs.get(0, 1)?.open().await?;
            send.write_all(&[TRANSFER]).await?;
            let piece = vec![7; PIECE];
            let mut left = bytes;
            while let Some(part) = piece.get(..left.min(PIECE)).filter(|part| !part.is_empty()) {
                send.write_all(part).await?;
                left -= part.len();
            }
            send.shutdown().await?;
            let came = recv.read_u64().await?;
            if came == bytes as u64 { Ok(()) } else { Err(format!("{came} of {bytes} bytes came").into()) }
        }
        .boxed()
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            self.tasks.lock().await.shutdown().await;
            for dialler in &self.diallers {
                dialler.close().await;
            }
        }
        .boxed()
    }
}

async fn accept_all<D: Dialler>(
    node: usize,
    dialler: Arc<D>,
    opened: mpsc::Sender<Result<Opened<D::Session>, Problem>>,
) {
    let mut greeting = JoinSet::new();
    loop {
        tokio::select! {
            accepting = dialler.accept() => {
                let Some(accepting) = accepting else { return };
                let opened = opened.clone();
                greeting.spawn(async move {
                    // Nobody listens any more once all are there.
                    let _ = opened.send(greeted(node, accepting).await).await;
                });
            }
            Some(_) = greeting.join_next() => {}
        }
    }
}

/// Learns who dialled.
async fn greeted<S: Session>(node: usize, accepting: Accepting<S>) -> Result<Opened<S>, Problem> {
    let session = accepting.await?;
    let (_send, mut recv) = session.accept().await?;
    if recv.read_u8().await? != HELLO {
        return Err("no hello".into());
    }
    let peer = recv.read_u16().await?.into();
    Ok(Opened { node, peer, session })
}

async fn dial_all<D: Dialler>(
    node: usize,
    below: usize,
    dialler: Arc<D>,
    opened: mpsc::Sender<Result<Opened<D::Session>, Problem>>,
) {
    for peer in 0..below {
        let dialled = async {
            let session = dialler.dial(peer).await?;
            let (mut send, _recv) = session.open().await?;
            let [high, low] = u16::try_from(node)?.to_be_bytes();
            send.write_all(&[HELLO, high, low]).await?;
            send.shutdown().await?;
            Ok(Opened { node, peer, session })
        };
        if opened.send(dialled.await).await.is_err() {
            return;
        }
    }
}

async fn listen<S: Session>(node: usize, session: S, heard: Heard) {
    // An error ends the session; what is missing then shows as loss.
    while let Ok(payload) = session.receive().await {
        heard(node, &payload);
    }
}

async fn serve_all<S: Session>(session: S) {
    let mut serving = JoinSet::new();
    while let Ok((send, recv)) = session.accept().await {
        // Whoever asks sees what goes wrong.
        serving.spawn(async { serve(send, recv).await.is_ok() });
        while serving.try_join_next().is_some() {}
    }
}

async fn serve(mut send: impl AsyncWrite + Unpin, mut recv: impl AsyncRead + Unpin) -> Result<(), Problem> {
    if recv.read_u8().await? == TRANSFER {
        let came = discard(recv).await?;
        send.write_u64(came).await?;
    } else {
        let mut body = Vec::with_capacity(crate::payload::SIZE);
        recv.read_to_end(&mut body).await?;
        send.write_all(&body).await?;
    }
    Ok(send.shutdown().await?)
}

async fn discard(mut recv: impl AsyncRead + Unpin) -> Result<u64, Problem> {
    let mut buffer = vec![0; PIECE];
    let mut came = 0;
    loop {
        match recv.read(&mut buffer).await? {
            0 => return Ok(came),
            more => came += more as u64,
        }
    }
}
