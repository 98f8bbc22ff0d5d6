//! Carries the feed of a peer on one connection, whenever that is the one in use.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{FeedFrame, FeedPosition, MAX_FRAME_BYTES, RequestFrame, ResetCode};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::assist::Heard;
use crate::node::framing::{FrameReader, FrameWriter, SendFrameError};
use crate::node::peer_connection::{FEED_STREAM_PRIORITY, PeerConnection};
use crate::node::shared::NodeShared;
use crate::trace::{Direction, DropReason};
use crate::transport::StreamError;

/// Before another stream is opened in place of one that the peer did not want to end like that.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// With its connection.
    Lost,
    /// It was not answered in time, or the peer took another one for its successor.
    Again,
    /// The peer wants no feed, or makes no sense of it.
    Refused,
}

/// Runs until the connection is over.
pub(in crate::node) async fn write_feed(shared: Arc<NodeShared>, connection: Arc<PeerConnection>) {
    let writer = Writer { shared, connection };
    let mut changes = writer.connection.feed.changes();
    loop {
        writer.until(&mut changes, || writer.is_owed()).await;
        let mut other_changes = changes.clone();
        let Err(ended) = tokio::select! {
            biased;
            // Another connection carries it: the peer learns of it by the reset.
            () = writer.until(&mut other_changes, || writer.number().is_none()) => continue,
            carried = writer.carry(&mut changes) => carried,
        };
        match ended {
            Ended::Lost => return,
            Ended::Again => tokio::time::sleep(AGAIN_AFTER).await,
            Ended::Refused => writer.refused(),
        }
    }
}

struct Writer {
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
}

impl Writer {
    /// Whether there is something to send here, or to send again.
    fn is_owed(&self) -> bool {
        self.connection.feed.is_owed(self.connection.id)
    }

    fn number(&self) -> Option<u64> {
        self.connection.feed.number(self.connection.id)
    }

    async fn until(&self, changes: &mut watch::Receiver<()>, so: impl Fn() -> bool) {
        loop {
            changes.mark_unchanged();
            if so() {
                return;
            }
            // The sender lives as long as the feed, so there is no error to wait out.
            let _ = changes.changed().await;
        }
    }

    fn refused(&self) {
        if self.number().is_some() {
            tracing::debug!(peer = %self.connection.peer.id, "the peer wants no reliable observations");
            self.shared.feeds.lose(&self.connection.feed);
        }
    }

    /// Carries on one stream, from its first byte to its end.
    async fn carry(&self, changes: &mut watch::Receiver<()>) -> Result<Infallible, Ended> {
        let stream = self.connection.inner.open_stream().await.map_err(|_| Ended::Lost)?;
        let feed = self.number().ok_or(Ended::Again)?;
        let mut reader = FrameReader::new(stream.recv, MAX_FRAME_BYTES);
        let mut writer = FrameWriter::new(stream.send);
        writer.set_priority(FEED_STREAM_PRIORITY);
        let opening = async {
            writer.send(&RequestFrame::Feed(feed)).await.map_err(cut_off)?;
            position(reader.heard().await)
        };
        let opened = tokio::time::timeout(self.shared.config.head_deadline, opening).await;
        self.resume(opened.unwrap_or(Err(Ended::Again))?)?;
        self.send(&mut reader, &mut writer.into_kind(), changes).await
    }

    fn resume(&self, next: u64) -> Result<(), Ended> {
        let lost = self.connection.feed.resume(self.connection.id, next).map_err(|_| Ended::Refused)?;
        let tally = &self.connection.feed.tally;
        self.shared.recorder.dropped(tally, Direction::Outgoing, DropReason::OutboxFull, lost);
        Ok(())
    }

    /// Whoever gets what others have signed has to know what they may do.
    fn tell_origin(&self, frame: &FeedFrame) {
        if frame.is_sealed()
            && let Ok(observation) = frame.observation()
            && let Some(grant) = self.shared.grant_of(observation.origin)
        {
            self.connection.tell_grant(observation.origin, &grant);
        }
    }

    /// Sends what comes, and hears how far the peer is.
    async fn send(
        &self,
        reader: &mut FrameReader<FeedPosition>,
        writer: &mut FrameWriter<FeedFrame>,
        changes: &mut watch::Receiver<()>,
    ) -> Result<Infallible, Ended> {
        let (feed, id) = (&self.connection.feed, self.connection.id);
        let mut unflushed = false;
        loop {
            changes.mark_unchanged();
            let has_next = feed.has_next(id);
            tokio::select! {
                biased;
                heard = reader.heard() => {
                    let next = position(heard)?;
                    feed.acknowledge(id, next, Instant::now()).map_err(|_| Ended::Refused)?;
                }
                // Small ones go together: the stream takes what there is once nothing more is to come, or it is much.
                ready = poll_fn(|cx| if has_next { writer.poll_ready(cx) } else { writer.poll_flush(cx) }),
                    if has_next || unflushed =>
                {
                    ready.map_err(cut_off)?;
                    unflushed = has_next;
                    if has_next && let Some(frame) = feed.next(id) {
                        self.tell_origin(&frame);
                        writer.start_send(&frame).map_err(cut_off)?;
                    }
                }
                _ = changes.changed(), if !has_next => {}
            }
        }
    }
}

fn position(heard: Heard<FeedPosition>) -> Result<u64, Ended> {
    match heard {
        Heard::Frame(FeedPosition(next)) => Ok(next),
        Heard::Lost => Err(Ended::Lost),
        Heard::Reset(code) => Err(refusal(code)),
        Heard::Ended | Heard::Nonsense(_) => Err(Ended::Refused),
    }
}

fn cut_off(error: SendFrameError) -> Ended {
    match error {
        SendFrameError::Cut(StreamError::Stopped(code)) => refusal(code),
        SendFrameError::Cut(_) => Ended::Lost,
        SendFrameError::Limit(_) => Ended::Refused,
    }
}

/// A stream that another one replaced, on whichever connection, is cancelled: that says nothing about the feed.
fn refusal(code: ResetCode) -> Ended {
    if code == ResetCode::Cancelled { Ended::Again } else { Ended::Refused }
}
