//! Becoming a peer, and speaking frame by frame from then on.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use bytes::Bytes;
use swarm_core::proto::{
    ControlFrame, DatagramBuilder, Delivery, Frame, Hello, MAX_FRAME_BYTES, Observation, PeerLimits,
    Permissions, Sequence, TopicName, UnixMicros, VersionRange, encode_observation,
};
use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
use swarm_core::transport::{Connection, Stream, Transport};
use swarm_core::{AgentId, Epoch};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::outcome::{Fate, failed};
use crate::scene::Scene;

/// What the observations of adversaries are about.
const TOPIC: &str = "rogue.noise";

/// A connection to the target with a session.
pub(crate) struct Link {
    _transport: WebTransport,
    connection: Box<dyn Connection>,
    topic: TopicName,
    pub(crate) agent: AgentId,
}

/// One in which nothing was said yet.
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) control: Stream,
}

/// A peer of the target.
pub(crate) struct Peer {
    pub(crate) link: Link,
    pub(crate) control: Stream,
    /// What the target said of itself.
    pub(crate) theirs: Hello,
}

impl Session {
    /// Opens a session with a grant for this, and the control stream in it.
    pub(crate) async fn open(scene: &Scene<'_>, permissions: Permissions) -> Result<Self, Fate> {
        let speaker = scene.papers.speaker(scene.identity(), permissions)?;
        let (agent, topic) = (speaker.identity.agent_id(), TOPIC.parse().map_err(failed)?);
        let config = WebTransportConfig::default();
        let from = scene.papers.source_for(scene.target);
        let transport = WebTransport::bind(from, &speaker, config).map_err(failed)?;
        let connection = transport.dial(scene.target, None).await?;
        let control = connection.open_stream().await?;
        Ok(Self { link: Link { _transport: transport, connection, topic, agent }, control })
    }

    /// Says hello as one ought to.
    pub(crate) async fn greet(self, scene: &Scene<'_>) -> Result<Peer, Fate> {
        let hello = hello(scene, self.link.agent);
        self.greet_with(scene, hello).await
    }

    pub(crate) async fn greet_with(self, scene: &Scene<'_>, hello: Hello) -> Result<Peer, Fate> {
        let Self { link, mut control } = self;
        match introduce(scene, hello, &mut control.send, &mut control.recv).await {
            Ok(theirs) => Ok(Peer { link, control, theirs }),
            Err(Some(fate)) => Err(fate),
            Err(None) => Err(link.closed().await),
        }
    }
}

impl Peer {
    pub(crate) async fn meet(scene: &Scene<'_>) -> Result<Self, Fate> {
        Session::open(scene, Permissions::everything()).await?.greet(scene).await
    }
}

impl Link {
    /// Opens a stream and says this; an error says that the target does not want to hear it.
    pub(crate) async fn say(&self, bytes: &[u8]) -> io::Result<Stream> {
        let mut stream = self.connection.open_stream().await.map_err(io::Error::other)?;
        stream.send.write_all(bytes).await?;
        Ok(stream)
    }

    /// A lossy observation as it might make one.
    pub(crate) fn observation(&self, sequence: u64, size: usize) -> Observation {
        Observation {
            origin: self.agent,
            epoch: Epoch::new(1),
            sequence: Sequence::new(sequence),
            topic: self.topic.clone(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: Bytes::from(vec![b'.'; size]),
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
        }
    }

    /// Hands a datagram to the network, if there is room for it, and tells whether.
    pub(crate) fn send(&self, observations: &[Observation]) -> bool {
        let (connection, room) = (&self.connection, self.connection.max_datagram_bytes());
        let mut builder = DatagramBuilder::behind(connection.datagram_prefix(), room, 0);
        let fits = observations.iter().all(|one| builder.try_push(&encode_observation(one)));
        fits && connection.datagram_room() >= room && connection.send_datagram(builder.finish()).is_ok()
    }

    /// The same for bytes that are no datagram of the protocol.
    pub(crate) fn send_noise(&self, noise: &[u8]) {
        let datagram = Bytes::from([self.connection.datagram_prefix(), noise].concat());
        // A path that does not carry it spares the target.
        let _ = self.connection.send_datagram(datagram);
    }

    /// Waits until the target ends it.
    pub(crate) async fn closed(&self) -> Fate {
        self.connection.closed().await.into()
    }

    /// Does harm until the target has had enough of it.
    pub(crate) async fn until_sent_away(&self, harm: impl Future<Output = Infallible>) -> Fate {
        tokio::select! {
            biased;
            fate = self.closed() => fate,
            never = harm => match never {},
        }
    }
}

/// A hello that would be accepted, of somebody who does not want to hear of anything: what it is sent cannot be told from
/// what is lost.
pub(crate) fn hello(scene: &Scene<'_>, agent: AgentId) -> Hello {
    Hello {
        versions: VersionRange::SPOKEN,
        agent,
        swarm: scene.papers.swarm.clone(),
        epoch: Epoch::new(1),
        capabilities: Vec::new(),
        limits: PeerLimits::default(),
        subscriptions: Vec::new(),
    }
}

/// A frame with its length before it.
pub(crate) fn framed(frame: &impl Frame) -> Result<Vec<u8>, Fate> {
    let body = frame.encode()?;
    Ok(with_length(&body))
}

/// Any bytes with their length before them.
pub(crate) fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

/// Says hello and hears that of the target. `Err(None)` if it ends the connection instead.
pub(crate) async fn introduce(
    scene: &Scene<'_>,
    hello: Hello,
    send: &mut (impl AsyncWrite + Unpin),
    recv: &mut (impl AsyncRead + Unpin),
) -> Result<Hello, Option<Fate>> {
    let words = framed(&ControlFrame::Hello(hello))?;
    send.write_all(&words).await.map_err(|_| None)?;
    match next_frame(recv).await {
        Some(ControlFrame::Hello(theirs)) => {
            scene.admit();
            Ok(theirs)
        }
        Some(ControlFrame::Goodbye(goodbye)) => Err(Some(Fate::CutOff(goodbye.code.to_string()))),
        Some(_) => Err(Some(failed("the target said no hello"))),
        None => Err(None),
    }
}

/// The next frame of a control stream; `None` if there is none that can be read.
async fn next_frame(recv: &mut (impl AsyncRead + Unpin)) -> Option<ControlFrame> {
    let length =
        usize::try_from(recv.read_u32().await.ok()?).ok().filter(|length| *length <= MAX_FRAME_BYTES)?;
    let mut body = vec![0; length];
    recv.read_exact(&mut body).await.ok()?;
    ControlFrame::decode(&body).ok()
}
