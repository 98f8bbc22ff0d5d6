//! WebSockets over TLS: a connection for each pair of nodes, with a queue and a writer of its own at each end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

use super::pairs::{PATIENCE, Pairs};
use super::{Ability, Contender, Heard, Mesh, Problem, Shape, tls};
use crate::link::{Way, listener};
use crate::locked::locked;

/// What may wait for a writer.
const QUEUE: usize = 1024;
const PIECES: usize = 4;
/// Of a transfer, in each message.
const PIECE: usize = 16 << 10;

/// To read and to write. The default of 128 KiB makes a mesh of many connections large, and holds up what is written
/// beside a transfer.
const BUFFER: usize = 16 << 10;

/// The first byte of a message. Behind those but for the first stand eight bytes that say which question it is.
const OBSERVATION: u8 = b'o';
const ASK: u8 = b'a';
const REPLY: u8 = b'r';
const PART: u8 = b'p';
const LAST_PART: u8 = b'l';

/// tokio-tungstenite with rustls.
pub struct WebSocket;

impl Contender for WebSocket {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn version(&self) -> &'static str {
        locked(&["tokio-tungstenite", "tokio-rustls", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "WebSocket over TLS 1.3 over TCP without delay; per connection a writer with a queue of 1,024 messages, which \
         flushes when its queue is empty; the sender waits for room in the queue; the transfer in messages of 16 KiB, \
         behind observations that wait; buffers of 16 KiB"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> bool {
        true
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        async move {
            let (server, client) = tls::configs(b"http/1.1")?;
            let acceptor = TlsAcceptor::from(Arc::new(server));
            let connector = TlsConnector::from(Arc::new(client));
            let mut listeners = Vec::new();
            for _ in 0..shape.nodes {
                listeners.push(listener(shape.link).await?);
            }
            let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
            let way = Way::over_tcp(shape.link, addresses)?;
            let (up, mut opened) = mpsc::channel(64);
            let mut tasks = JoinSet::new();
            for (node, listener) in listeners.into_iter().enumerate() {
                tasks.spawn(accept_all(node, listener, acceptor.clone(), up.clone()));
                let below = if shape.full { node } else { node.min(1) };
                let addresses = (0..below).map(|peer| way.to(peer)).collect::<Result<Vec<_>, _>>()?;
                tasks.spawn(dial_all(node, addresses, connector.clone(), up.clone()));
            }
            let mut pairs = Pairs::new(shape);
            while pairs.missing() > 0 {
                let opened = timeout(PATIENCE, opened.recv()).await?.ok_or("nobody dials any more")??;
                let Opened { node, peer, socket } = opened;
                pairs.put(node, peer, Peer::start(node, socket, &heard, &mut tasks))?;
            }
            Ok(Arc::new(Sockets { pairs, _way: way, tasks: Mutex::new(tasks) }) as Arc<dyn Mesh>)
        }
        .boxed()
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

struct Opened {
    node: usize,
    peer: usize,
    socket: Socket,
}

type Up = mpsc::Sender<Result<Opened, Problem>>;

fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(BUFFER)
}

async fn accept_all(node: usize, listener: TcpListener, acceptor: TlsAcceptor, up: Up) {
    let mut greeting = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, up) = (acceptor.clone(), up.clone());
        greeting.spawn(async move {
            let greeted = async {
                stream.set_nodelay(true)?;
                let stream = acceptor.accept(stream).await?;
                let mut socket = accept_async_with_config(TlsStream::from(stream), Some(config())).await?;
                let hello = socket.next().await.ok_or("it said nothing")??.into_data();
                let peer = u16::from_be_bytes(hello.as_ref().try_into()?).into();
                Ok(Opened { node, peer, socket })
            };
            // Nobody listens any more once all are there.
            let _ = up.send(greeted.await).await;
        });
    }
}

async fn dial_all(node: usize, addresses: Vec<SocketAddr>, connector: TlsConnector, up: Up) {
    for (peer, address) in addresses.into_iter().enumerate() {
        let dialled = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
            let (url, stream) = ("wss://localhost/", TlsStream::from(stream));
            let (mut socket, _) = client_async_with_config(url, stream, Some(config())).await?;
            let hello = u16::try_from(node)?.to_be_bytes();
            socket.send(Message::binary(Bytes::copy_from_slice(&hello))).await?;
            Ok(Opened { node, peer, socket })
        };
        if up.send(dialled.await).await.is_err() {
            return;
        }
    }
}

/// One end of a connection.
#[derive(Clone)]
struct Peer {
    observations: mpsc::Sender<Bytes>,
    pieces: mpsc::Sender<Bytes>,
    asked: Arc<Asked>,
}

#[derive(Default)]
struct Asked {
    last: AtomicU64,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Bytes>>>,
}

impl Peer {
    fn start(node: usize, socket: Socket, heard: &Heard, tasks: &mut JoinSet<()>) -> Self {
        let (write, read) = socket.split();
        let (observations, from_observations) = mpsc::channel(QUEUE);
        let (pieces, from_pieces) = mpsc::channel(PIECES);
        let peer = Self { observations, pieces, asked: Arc::default() };
        tasks.spawn(async {
            // An error ends the connection; what is missing then shows as loss.
            let _ = write_all(write, from_observations, from_pieces).await;
        });
        tasks.spawn(read_all(node, read, peer.clone(), Arc::clone(heard)));
        peer
    }

    /// Says something that will be answered.
    fn question(&self) -> (u64, oneshot::Receiver<Bytes>) {
        let number = self.asked.last.fetch_add(1, Ordering::Relaxed);
        let (reply, replied) = oneshot::channel();
        self.waiting().insert(number, reply);
        (number, replied)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Bytes>>> {
        self.asked.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message(kind: u8, number: u64, body: &[u8]) -> Bytes {
    [&[kind], number.to_be_bytes().as_slice(), body].concat().into()
}

/// Takes what waits, observations and questions first, and flushes when there is no more.
async fn write_all<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: SplitSink<WebSocketStream<S>, Message>,
    mut observations: mpsc::Receiver<Bytes>,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Result<(), Problem> {
    loop {
        let next = tokio::select! {
            biased;
            Some(observation) = observations.recv() => observation,
            Some(piece) = pieces.recv() => piece,
            else => return Ok(()),
        };
        socket.feed(Message::Binary(next)).await?;
        if observations.is_empty() && pieces.is_empty() {
            socket.flush().await?;
        }
    }
}

async fn read_all<S: AsyncRead + AsyncWrite + Unpin>(
    node: usize,
    mut socket: SplitStream<WebSocketStream<S>>,
    peer: Peer,
    heard: Heard,
) {
    let mut came = 0;
    while let Some(Ok(Message::Binary(message))) = socket.next().await {
        if let [OBSERVATION, payload @ ..] = message.as_ref() {
            heard(node, payload);
            continue;
        }
        let Some(([kind], (number, body))) = message
            .split_first_chunk::<1>()
            .and_then(|(kind, rest)| Some((kind, rest.split_first_chunk::<8>()?)))
        else {
            return;
        };
        let number = u64::from_be_bytes(*number);
        let answer = match *kind {
            ASK => self::message(REPLY, number, body),
            PART | LAST_PART => {
                came += body.len() as u64;
                if *kind == PART {
                    continue;
                }
                self::message(REPLY, number, &std::mem::take(&mut came).to_be_bytes())
            }
            _ => {
                let waiting = peer.waiting().remove(&number);
                if let Some(waiting) = waiting {
                    // Whoever asked may have gone.
                    let _ = waiting.send(message.slice(9..));
                }
                continue;
            }
        };
        if peer.observations.send(answer).await.is_err() {
            return;
        }
    }
}

struct Sockets {
    pairs: Pairs<Peer>,
    _way: Way,
    tasks: Mutex<JoinSet<()>>,
}

impl Mesh for Sockets {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let message = Bytes::from([&[OBSERVATION], payload.as_ref()].concat());
            for peer in self.pairs.of(from) {
                peer.observations.send(message.clone()).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        async move {
            let peer = self.pairs.get(0, to)?;
            let (number, reply) = peer.question();
            peer.observations.send(message(ASK, number, &payload)).await?;
            Ok(reply.await?)
        }
        .boxed()
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let peer = self.pairs.get(0, 1)?;
            let (number, reply) = peer.question();
            let piece = vec![7; PIECE];
            let mut left = bytes;
            while left > 0 {
                let size = left.min(PIECE);
                left -= size;
                let kind = if left == 0 { LAST_PART } else { PART };
                let part = piece.get(..size).unwrap_or(&piece);
                peer.pieces.send(message(kind, number, part)).await?;
            }
            let came = u64::from_be_bytes(reply.await?.as_ref().try_into()?);
            if came == bytes as u64 { Ok(()) } else { Err(format!("{came} of {bytes} bytes came").into()) }
        }
        .boxed()
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            tasks.shutdown().await;
        }
        .boxed()
    }
}
