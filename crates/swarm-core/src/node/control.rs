//! The control stream: hello, introductions, goodbye.

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{ControlFrame, MAX_FRAME_BYTES, MAX_HELLO_BYTES};

use super::framing::{FrameReader, FrameWriter};
use super::peer_connection::CONTROL_STREAM_PRIORITY;
use crate::error::HelloError;
use crate::transport::Stream;

/// The longest that whoever has said goodbye leaves the connection open for the words to arrive: a close right behind
/// them would overtake them.
pub(super) const GOODBYE_GRACE: Duration = Duration::from_millis(250);

/// The first bidirectional stream of a connection.
#[derive(Debug)]
pub(super) struct ControlStream {
    pub(super) reader: FrameReader<ControlFrame>,
    pub(super) writer: FrameWriter<ControlFrame>,
}

impl ControlStream {
    /// Until it has said hello, the peer may send no more than a hello takes.
    pub(super) fn new(stream: Stream) -> Self {
        let writer = FrameWriter::new(stream.send);
        writer.set_priority(CONTROL_STREAM_PRIORITY);
        Self { reader: FrameReader::new(stream.recv, MAX_HELLO_BYTES), writer }
    }

    /// Says something before the peer has agreed to anything.
    pub(super) async fn say(&mut self, frame: &ControlFrame) -> Result<(), HelloError> {
        self.writer.send(frame).await.map_err(|error| HelloError::Lost(Arc::new(error)))
    }

    /// After the hello, longer frames are welcome.
    pub(super) fn greeted(mut self) -> Self {
        self.reader.set_max_frame_bytes(MAX_FRAME_BYTES);
        self
    }
}
