//! The manners of one request on the connection that carries it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use swarm_proto::Lane;
use tokio::time::{Instant, Sleep};

use crate::node::peer_connection::PeerConnection;

/// Says when what is urgent moves, and when the next piece of bulk may.
pub(super) struct Turn {
    connection: Arc<PeerConnection>,
    lane: Lane,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Turn {
    pub(super) fn new(connection: Arc<PeerConnection>, lane: Lane) -> Self {
        Self { connection, lane, pause: None }
    }

    /// Something of this request moves.
    pub(super) fn moved(&self) {
        if self.lane < Lane::Bulk {
            self.connection.courtesy.urgent(Instant::now());
        }
    }

    /// Ready when the next piece may go; at once, unless it is bulk and others are in a hurry.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.lane < Lane::Bulk {
            return Poll::Ready(());
        }
        if self.pause.is_none() {
            let turn = self.connection.courtesy.next_piece(Instant::now());
            self.pause = turn.map(|turn| Box::pin(tokio::time::sleep_until(turn)));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("lane", &self.lane).finish_non_exhaustive()
    }
}
