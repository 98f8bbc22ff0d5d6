//! A peer that speaks frame by frame, as a test says.

use std::net::SocketAddr;

use swarm_core::proto::{
    ControlFrame, Datagram, Frame, Goodbye, Hello, ReplyFrame, RequestFrame, RequestHead, RequestId, Resume,
    decode_datagram,
};
use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
use swarm_core::transport::{Connection, SendStream, Speaker, Stream, StreamError, Transport};
use swarm_core::{AgentId, AgentNode, Observation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::PATIENCE;
use super::observing::datagram;
use super::serving::SERVE;
use super::stranger::{address, framed, hello, speaker};

/// One life of a connection.
pub(crate) struct Raw {
    _transport: WebTransport,
    pub(crate) connection: Box<dyn Connection>,
    /// Open as long as the connection.
    control: Stream,
    pub(crate) agent: AgentId,
}

/// Becomes a peer of the node, as the agent of this seed.
pub(crate) async fn meet(node: &AgentNode, seed: u8) -> Raw {
    meet_and_say(address(node), seed, hello()).await
}

/// Becomes a peer of whoever is at this address, with these words.
pub(crate) async fn meet_and_say(at: SocketAddr, seed: u8, hello: Hello) -> Raw {
    let mut raw = meet_as(at, &speaker([seed; 32]), hello).await;
    raw.control.recv.read_u32().await.unwrap();
    raw
}

/// Says hello to whoever is at this address, as this speaker and with these words.
pub(crate) async fn meet_as(at: SocketAddr, speaker: &Speaker, hello: Hello) -> Raw {
    let agent = speaker.identity.agent_id();
    let any_port = "127.0.0.1:0".parse().unwrap();
    let transport = WebTransport::bind(any_port, speaker, WebTransportConfig::default()).unwrap();
    let connection = transport.dial(at, None).await.unwrap();
    let mut control = connection.open_stream().await.unwrap();
    let hello = Hello { agent, ..hello };
    control.send.write_all(&framed(&ControlFrame::Hello(hello))).await.unwrap();
    Raw { _transport: transport, connection, control, agent }
}

pub(crate) fn resumable_head(id: RequestId) -> RequestFrame {
    RequestFrame::Head(RequestHead { resumable: true, ..RequestHead::new(id, SERVE.parse().unwrap()) })
}

impl Raw {
    /// Says something on the control stream.
    pub(crate) async fn tell(&mut self, frame: &ControlFrame) {
        self.control.send.write_all(&framed(frame)).await.unwrap();
    }

    /// The goodbye that is the first frame of the node.
    pub(crate) async fn goodbye(&mut self) -> Goodbye {
        let answer = async {
            let length = self.control.recv.read_u32().await.unwrap();
            let mut body = vec![0; length as usize];
            self.control.recv.read_exact(&mut body).await.unwrap();
            ControlFrame::decode(&body).unwrap()
        };
        match tokio::time::timeout(PATIENCE, answer).await.expect("there is an answer") {
            ControlFrame::Goodbye(goodbye) => goodbye,
            other => panic!("{other:?}"),
        }
    }

    /// What is said on the control stream, byte by byte.
    pub(crate) fn control(&mut self) -> &mut dyn SendStream {
        &mut *self.control.send
    }

    /// The observations of the next datagram.
    pub(crate) async fn observations(&self) -> Vec<Observation> {
        let datagram = tokio::time::timeout(PATIENCE, self.connection.receive_datagram()).await;
        match decode_datagram(&datagram.expect("there is a datagram").unwrap()).unwrap() {
            Datagram::Observations(observations) => observations,
            Datagram::Padding => Vec::new(),
        }
    }

    /// Sends these in one datagram.
    pub(crate) fn send(&self, observations: &[Observation]) {
        self.connection.send_datagram(datagram(observations)).unwrap();
    }

    /// Says these frames on a new stream.
    pub(crate) async fn say(&self, frames: &[RequestFrame]) -> Stream {
        let mut stream = self.connection.open_stream().await.unwrap();
        // At once: the node may have heard enough after the first.
        let frames: Vec<_> = frames.iter().flat_map(framed).collect();
        stream.send.write_all(&frames).await.unwrap();
        stream
    }

    /// A resumable request with an empty body.
    pub(crate) async fn ask(&self, id: RequestId) -> Stream {
        self.say(&[resumable_head(id), RequestFrame::End]).await
    }

    pub(crate) async fn resume(&self, id: RequestId, from: u64) -> Stream {
        let mut stream = self.say(&[RequestFrame::Resume(Resume { id, from })]).await;
        // The answer may come before the end.
        let _ = stream.send.shutdown().await;
        stream
    }
}

/// The next frame of a reply, or how the stream was cut off.
pub(crate) async fn heard(stream: &mut Stream) -> Result<ReplyFrame, StreamError> {
    let frame = async {
        let length = stream.recv.read_u32().await?;
        let mut body = vec![0; length as usize];
        stream.recv.read_exact(&mut body).await?;
        std::io::Result::Ok(ReplyFrame::decode(&body).unwrap())
    };
    let frame = tokio::time::timeout(PATIENCE, frame).await.expect("there is an answer");
    frame.map_err(|error| StreamError::of(&error))
}
