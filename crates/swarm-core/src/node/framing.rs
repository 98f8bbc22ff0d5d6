//! Frames on a stream: a length of four bytes, then what [`swarm_proto::Frame`] encodes.

mod cutter;
mod metered;

use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use swarm_proto::{DecodeError, EncodeError, Frame, ResetCode};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use self::cutter::Cutter;
use self::metered::Metered;
use crate::assist::Heard;
use crate::transport::{RecvStream, SendStream, StreamError};

/// Room to read into; it grows with the frames, up to their limit.
const READ_BUFFER_BYTES: usize = 512;

/// So much may wait to be written before whoever writes has to wait. Room for it is made when it is needed: most streams
/// carry a few hundred bytes, and every connection has one that is open as long as itself.
const WRITE_BUFFER_BYTES: usize = 8192;

/// Why no further frame can be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("{0}")]
    Cut(#[from] StreamError),
    #[error("the stream ended within a frame")]
    Truncated,
    #[error("a frame is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("{0}")]
    Unreadable(#[from] DecodeError),
}

impl FrameError {
    fn of(error: &io::Error, max: usize) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::TooLong { max },
            _ if error.get_ref().is_some_and(|inner| inner.is::<StreamError>()) => {
                Self::Cut(StreamError::of(error))
            }
            _ => Self::Truncated,
        }
    }

    /// Whether the other side broke the protocol, rather than went away.
    pub(super) fn is_nonsense(&self) -> bool {
        !matches!(self, Self::Cut(_))
    }
}

/// Reads frames of one kind.
#[derive(Debug)]
pub(super) struct FrameReader<F> {
    frames: FramedRead<Metered, Cutter>,
    kind: PhantomData<fn() -> F>,
}

impl<F: Frame> FrameReader<F> {
    /// A longer frame than `max_frame_bytes` ends the stream, before anything is allocated for it.
    pub(super) fn new(recv: Box<dyn RecvStream>, max_frame_bytes: usize) -> Self {
        let frames =
            FramedRead::with_capacity(Metered::new(recv), Cutter { max_frame_bytes }, READ_BUFFER_BYTES);
        Self { frames, kind: PhantomData }
    }

    /// Goes on with frames of another kind.
    pub(super) fn into_kind<G: Frame>(mut self, max_frame_bytes: usize) -> FrameReader<G> {
        self.set_max_frame_bytes(max_frame_bytes);
        FrameReader { frames: self.frames, kind: PhantomData }
    }

    pub(super) fn set_max_frame_bytes(&mut self, max: usize) {
        self.frames.decoder_mut().max_frame_bytes = max;
    }

    /// From here on no more than so many bytes are taken from the stream, until this is called again.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.frames.get_mut().allow(bytes);
    }

    /// The next frame; `None` when the stream ended between two frames. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<F, FrameError>> {
        let frame = self.frames.next().await;
        self.decode(frame)
    }

    /// The next frame, in the words of the state machines. Cancel safe.
    pub(super) async fn heard(&mut self) -> Heard<F> {
        std::future::poll_fn(|cx| self.poll_heard(cx)).await
    }

    pub(super) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Heard<F>> {
        let frame = ready!(Pin::new(&mut self.frames).poll_next(cx));
        Poll::Ready(match self.decode(frame) {
            Some(Ok(frame)) => Heard::Frame(frame),
            Some(Err(FrameError::Cut(StreamError::Reset(code)))) => Heard::Reset(code),
            Some(Err(error)) if error.is_nonsense() => Heard::Nonsense(error.to_string()),
            Some(Err(_)) => Heard::Lost,
            None => Heard::Ended,
        })
    }

    /// After the last frame: takes the end of the stream, which mostly came with it. If it did not, the peer is told that
    /// nothing more is wanted, which is one frame of QUIC's more.
    pub(super) fn finish(&mut self, code: ResetCode) {
        let mut cx = Context::from_waker(Waker::noop());
        if !matches!(Pin::new(&mut self.frames).poll_next(&mut cx), Poll::Ready(None)) {
            self.stop(code);
        }
    }

    /// Tells the peer that we do not want to hear more.
    pub(super) fn stop(&mut self, code: ResetCode) {
        self.frames.get_mut().stop(code);
    }

    fn decode(&self, frame: Option<io::Result<BytesMut>>) -> Option<Result<F, FrameError>> {
        Some(match frame? {
            Ok(bytes) => F::decode(&bytes).map_err(FrameError::from),
            Err(error) => Err(FrameError::of(&error, self.frames.decoder().max_frame_bytes)),
        })
    }
}

/// Why a frame was not sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum SendFrameError {
    #[error(transparent)]
    Cut(#[from] StreamError),
    #[error(transparent)]
    Limit(#[from] EncodeError),
}

impl From<io::Error> for SendFrameError {
    fn from(error: io::Error) -> Self {
        Self::Cut(StreamError::of(&error))
    }
}

/// Writes frames of one kind.
#[derive(Debug)]
pub(super) struct FrameWriter<F> {
    frames: FramedWrite<Box<dyn SendStream>, LengthDelimitedCodec>,
    kind: PhantomData<fn(F)>,
}

impl<F: Frame> FrameWriter<F> {
    pub(super) fn new(send: Box<dyn SendStream>) -> Self {
        // What is sent was encoded within the protocol's own limits.
        let codec = LengthDelimitedCodec::builder()
            .length_field_length(4)
            .max_frame_length(u32::MAX as usize)
            .new_codec();
        let mut frames = FramedWrite::with_capacity(send, codec, 0);
        frames.set_backpressure_boundary(WRITE_BUFFER_BYTES);
        Self { frames, kind: PhantomData }
    }

    /// Goes on with frames of another kind.
    pub(super) fn into_kind<G: Frame>(self) -> FrameWriter<G> {
        FrameWriter { frames: self.frames, kind: PhantomData }
    }

    /// Sends a frame and waits until the stream has taken it. Not cancel safe: a dropped call may leave half a frame, so
    /// the stream must then be reset.
    pub(super) async fn send(&mut self, frame: &F) -> Result<(), SendFrameError> {
        Ok(self.frames.send(frame.encode()?).await?)
    }

    /// Takes a frame to be sent with what follows, or when flushed. Not cancel safe, as [`Self::send`].
    pub(super) async fn start(&mut self, frame: &F) -> Result<(), SendFrameError> {
        Ok(self.frames.feed(frame.encode()?).await?)
    }

    /// Ready when [`Self::start_send`] may be called; sends what is buffered meanwhile.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendFrameError>> {
        Poll::Ready(Ok(ready!(Sink::<Bytes>::poll_ready(Pin::new(&mut self.frames), cx))?))
    }

    /// Buffers a frame, after [`Self::poll_ready`].
    pub(super) fn start_send(&mut self, frame: &F) -> Result<(), SendFrameError> {
        self.start_send_encoded(frame.encode()?)
    }

    /// As [`Self::start_send`], for a frame that is encoded already.
    pub(super) fn start_send_encoded(&mut self, frame: Bytes) -> Result<(), SendFrameError> {
        Ok(Pin::new(&mut self.frames).start_send(frame)?)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendFrameError>> {
        Poll::Ready(Ok(ready!(Sink::<Bytes>::poll_flush(Pin::new(&mut self.frames), cx))?))
    }

    /// Ends the stream in order, once everything buffered was taken.
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendFrameError>> {
        Poll::Ready(Ok(ready!(Sink::<Bytes>::poll_close(Pin::new(&mut self.frames), cx))?))
    }

    /// Ends the stream in order.
    pub(super) async fn finish(&mut self) -> Result<(), SendFrameError> {
        std::future::poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// Gives the stream up.
    pub(super) fn reset(&mut self, code: ResetCode) {
        self.frames.get_mut().reset(code);
    }

    pub(super) fn set_priority(&self, priority: i32) {
        self.frames.get_ref().set_priority(priority);
    }

    /// Waits until the peer does not want to hear more, or the connection is lost. Cancel safe.
    pub(super) async fn stopped(&mut self) -> StreamError {
        std::future::poll_fn(|cx| self.frames.get_mut().poll_stopped(cx)).await
    }
}
