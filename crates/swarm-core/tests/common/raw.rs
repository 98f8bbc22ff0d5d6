//! A peer that speaks frame by frame, as a test says.

use std::sync::Arc;

use swarm_core::proto::{
    ControlFrame, Frame, Hello, ReplyFrame, RequestFrame, RequestHead, RequestId, Resume,
};
use swarm_core::transport::webtransport::{Credentials, WebTransport, WebTransportConfig};
use swarm_core::transport::{Connection, Stream, StreamError, Transport};
use swarm_core::{AgentNode, IdentityKey, SwarmName, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::PATIENCE;
use super::serving::SERVE;
use super::stranger::{address, framed, hello};

/// One life of a connection.
pub(crate) struct Raw {
    _transport: WebTransport,
    pub(crate) connection: Box<dyn Connection>,
    /// Open as long as the connection.
    _control: Stream,
}

/// Becomes a peer of the node, as the agent of this seed.
pub(crate) async fn meet(node: &AgentNode, seed: u8) -> Raw {
    let identity = Arc::new(IdentityKey::from_seed([seed; 32]));
    let agent = identity.agent_id();
    let credentials =
        Credentials { identity, swarm: SwarmName::default(), wall_clock: Arc::new(SystemClock) };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let transport = WebTransport::bind(any_port, &credentials, WebTransportConfig::default()).unwrap();
    let connection = transport.dial(address(node), None).await.unwrap();
    let mut control = connection.open_stream().await.unwrap();
    let hello = Hello { agent, ..hello() };
    control.send.write_all(&framed(&ControlFrame::Hello(hello))).await.unwrap();
    control.recv.read_u32().await.unwrap();
    Raw { _transport: transport, connection, _control: control }
}

pub(crate) fn resumable_head(id: RequestId) -> RequestFrame {
    RequestFrame::Head(RequestHead { resumable: true, ..RequestHead::new(id, SERVE.parse().unwrap()) })
}

impl Raw {
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
