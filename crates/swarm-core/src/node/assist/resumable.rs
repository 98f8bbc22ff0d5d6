//! Replies that outlive the connection that carries them.
//!
//! ```text
//! stream that is lost ──► Presence::Lost ──► another stream resumes ──► Presence::Carried
//!                                     └────► nobody comes in time: the agent is stopped
//! ```
//!
//! The agent works in a task of its own here, so that the end of a connection does not end it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_proto::{AgentId, Outcome, ReplyFrame, RequestId, ResetCode, Resume};
use tokio::sync::watch;
use tokio::time::Instant;

use super::carrier::{Carried, Carrier, Streams};
use super::reply_pipe::Served;
use super::responder::{Reader, ServedRecord, Writer};
use super::service::Service;
use super::turn::Turn;
use crate::assist::reply_log::Cursor;
use crate::deadline::{after, at};
use crate::node::peer_connection::{PeerConnection, priority_of};
use crate::node::shared::NodeShared;
use crate::trace::Ending;

/// Only who asked may go on.
type Key = (AgentId, RequestId);

/// The resumable replies of a node.
#[derive(Debug)]
pub(crate) struct Resumables {
    entries: Mutex<BTreeMap<Key, Arc<Entry>>>,
    max: usize,
}

/// One reply that may be resumed.
#[derive(Debug)]
pub(super) struct Entry {
    key: Key,
    served: Arc<Served>,
    presence: watch::Sender<Presence>,
}

/// Who carries a reply.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Presence {
    /// The stream with this number.
    Carried(u64),
    /// Nobody since.
    Lost(u64, Instant),
    /// It was carried to its end, which the requester may have missed.
    Delivered(u64, Ending),
    /// It is over for good.
    Over(Ending),
}

impl Presence {
    fn stream(self) -> u64 {
        match self {
            Self::Carried(stream) | Self::Lost(stream, _) | Self::Delivered(stream, _) => stream,
            Self::Over(_) => u64::MAX,
        }
    }
}

impl Resumables {
    /// Room for at most `max` replies at once.
    pub(crate) fn new(max: usize) -> Self {
        Self { entries: Mutex::default(), max }
    }

    /// Makes room by forgetting a reply that was delivered, one of the same peer's if that has its share; `None` if
    /// all are in use.
    fn insert(&self, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        let mut entries = self.entries();
        // An id that is used twice is the requester's mistake; the first keeps it, and makes no room for nothing.
        if entries.contains_key(&entry.key) {
            return None;
        }
        let is_own = |key: &Key| key.0 == entry.key.0;
        let has_share = entries.keys().filter(|key| is_own(key)).count() >= self.max.div_ceil(2);
        if has_share || entries.len() >= self.max {
            let delivered = entries.iter().filter(|(key, _)| !has_share || is_own(key));
            let (key, ending) =
                delivered.filter_map(|(key, entry)| Some((*key, entry.delivered()?))).next()?;
            entries.remove(&key).map(|old| old.over(ending));
        }
        entries.insert(entry.key, Arc::clone(&entry));
        Some(entry)
    }

    fn get(&self, key: Key) -> Option<Arc<Entry>> {
        self.entries().get(&key).cloned()
    }

    fn remove(&self, entry: &Arc<Entry>) {
        let mut entries = self.entries();
        if entries.get(&entry.key).is_some_and(|known| Arc::ptr_eq(known, entry)) {
            entries.remove(&entry.key);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Entry>>> {
        // The map is whole after each of its methods, so a poisoned lock is as good as any.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the reply of this carrier resumable, if there is room for one more.
pub(super) fn register(
    shared: &NodeShared,
    requester: AgentId,
    id: RequestId,
    carrier: &Carrier,
) -> Option<Arc<Entry>> {
    let (served, presence) = (Arc::clone(carrier.served()), watch::Sender::new(Presence::Carried(0)));
    shared.resumables.insert(Arc::new(Entry { key: (requester, id), served, presence }))
}

/// Serves a resumable request: the agent in a task of its own, its first stream here.
pub(super) async fn serve(
    shared: &Arc<NodeShared>,
    entry: Arc<Entry>,
    service: Service,
    carrier: Carrier,
    record: ServedRecord,
) {
    shared.tasks.spawn(keep(Arc::clone(shared), Arc::clone(&entry), service, record));
    carry(entry, carrier, 0).await;
}

/// Goes on with a reply on another stream.
pub(super) async fn resume(
    shared: &Arc<NodeShared>,
    connection: &Arc<PeerConnection>,
    resume: Resume,
    reader: Reader,
    mut writer: Writer,
) {
    let entry = shared.resumables.get((connection.peer.id, resume.id));
    // The rest of a body has no way to come any more, even if its stream is not known to be lost yet.
    let resumed =
        entry.filter(|entry| entry.served.has_whole_body() && entry.served.reply.has_reached(resume.from));
    let Some((entry, stream)) = resumed.and_then(|entry| Some((Arc::clone(&entry), entry.next_stream()?)))
    else {
        let unknown = async {
            writer.send(&ReplyFrame::End(Outcome::UnknownRequest)).await?;
            writer.finish().await
        };
        // Whoever does not take it soon learns the same from the reset.
        let _ = tokio::time::timeout(shared.config.head_deadline, unknown).await;
        return;
    };
    writer.set_priority(priority_of(entry.served.budget.lane));
    let (served, cursor) = (Arc::clone(&entry.served), Cursor::resumed(resume.from));
    let turn = Turn::new(Arc::clone(connection), served.budget.lane);
    let carrier =
        Carrier::new(Arc::clone(shared), served, Streams { reader, writer, turn, place: None }, cursor);
    carry(entry, carrier, stream).await;
}

impl Entry {
    /// The number of one more stream, which carries from now on; `None` if the reply is over for good.
    fn next_stream(&self) -> Option<u64> {
        let mut next = None;
        self.presence.send_if_modified(|presence| {
            if !matches!(presence, Presence::Over(_)) {
                let stream = presence.stream() + 1;
                *presence = Presence::Carried(stream);
                next = Some(stream);
            }
            next.is_some()
        });
        next
    }

    /// Waits until another stream than this one carries.
    async fn replaced(&self, stream: u64) {
        // The sender lives as long as this entry, so there is no error to wait out.
        let _ = self.presence.subscribe().wait_for(|presence| presence.stream() != stream).await;
    }

    /// What a stream is told that does not carry any more.
    fn reset_code(&self) -> ResetCode {
        match *self.presence.borrow() {
            Presence::Over(Ending::ShutDown) => ResetCode::ShutDown,
            _ => ResetCode::Cancelled,
        }
    }

    /// How it ended, if nobody carries it any more.
    fn delivered(&self) -> Option<Ending> {
        match *self.presence.borrow() {
            Presence::Delivered(_, ending) => Some(ending),
            _ => None,
        }
    }

    fn over(&self, ending: Ending) -> Ending {
        self.presence.send_replace(Presence::Over(ending));
        ending
    }
}

/// Carries on one stream, until another one takes over.
async fn carry(entry: Arc<Entry>, carrier: Carrier, stream: u64) {
    let mut carrying = Carrying { entry: Arc::clone(&entry), carrier, stream, carried: None };
    tokio::select! {
        biased;
        () = entry.replaced(stream) => carrying.carrier.give_up(entry.reset_code()),
        carried = carrying.carrier.carry() => carrying.carried = Some(carried),
    }
}

/// A stream that carries. However it ends, even with the task of its connection, the entry learns of it.
struct Carrying {
    entry: Arc<Entry>,
    carrier: Carrier,
    stream: u64,
    carried: Option<Carried>,
}

impl Drop for Carrying {
    fn drop(&mut self) {
        let whole_body = self.carrier.served().has_whole_body();
        let now = match self.carried.unwrap_or(Carried::Lost) {
            Carried::Delivered(ending) => Presence::Delivered(self.stream, ending),
            Carried::Lost if whole_body => Presence::Lost(self.stream, Instant::now()),
            carried => Presence::Over(carried.ending()),
        };
        self.entry.presence.send_if_modified(|presence| {
            let still_ours = *presence == Presence::Carried(self.stream);
            if still_ours {
                *presence = now;
            }
            still_ours
        });
        // What it was woken for is for whoever carries now.
        self.entry.served.reply.hand_over();
    }
}

/// Keeps the agent at work while somebody carries its reply or may come back for it.
async fn keep(shared: Arc<NodeShared>, entry: Arc<Entry>, service: Service, mut record: ServedRecord) {
    let window = shared.config.resume_window;
    record.ending = work(&shared, &entry, service, window).await;
    drop(record);
    remember(&shared, &entry, window).await;
    shared.resumables.remove(&entry);
}

/// Until the reply is delivered or nobody wants it; then the agent is stopped.
async fn work(shared: &NodeShared, entry: &Entry, service: Service, window: Duration) -> Ending {
    let mut agent = Box::pin(service.run());
    let mut presence = entry.presence.subscribe();
    let mut working = true;
    loop {
        let lost = match *presence.borrow_and_update() {
            Presence::Over(ending) | Presence::Delivered(_, ending) => return ending,
            Presence::Lost(_, since) => Some(after(since, window)),
            Presence::Carried(_) => None,
        };
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => return entry.over(Ending::ShutDown),
            // Nobody is connected who could come back.
            () = shared.stopping.cancelled(), if lost.is_some() => return entry.over(Ending::ShutDown),
            () = &mut agent, if working => working = false,
            _ = presence.changed() => {}
            () = at(lost), if lost.is_some() => return entry.over(Ending::PeerLost),
        }
    }
}

/// The requester may have lost the connection before it heard the end. Whoever has come back for it in time is let
/// finish.
async fn remember(shared: &NodeShared, entry: &Entry, window: Duration) {
    let mut presence = entry.presence.subscribe();
    loop {
        let forget = match *presence.borrow_and_update() {
            Presence::Over(_) => return,
            Presence::Carried(_) => None,
            Presence::Lost(..) | Presence::Delivered(..) => Some(after(Instant::now(), window)),
        };
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => break,
            () = shared.stopping.cancelled(), if forget.is_some() => break,
            _ = presence.changed() => {}
            () = at(forget), if forget.is_some() => break,
        }
    }
    entry.over(Ending::Completed);
}

#[cfg(test)]
mod tests {
    use swarm_proto::{Capability, RequestHead};

    use super::*;
    use crate::assist::budget::{Budget, Defaults};

    fn entry(agent: u8, id: u8, presence: Presence) -> Arc<Entry> {
        let (now, id) = (Instant::now(), RequestId::from_random([id; 16]));
        let defaults =
            Defaults { deadline: Duration::MAX, longest: Duration::MAX, idle_limit: None, hop_limit: 1 };
        let capability: Capability = "test.serve".parse().unwrap();
        let span = swarm_proto::TraceContext::new([1; 16], [1; 8], false).unwrap();
        let budget = Budget::of_head(&RequestHead::new(id, capability), defaults, span, now);
        let key = (AgentId::from_key_digest([agent; 32]), id);
        let served = Arc::new(Served::new(budget, 0, now));
        Arc::new(Entry { key, served, presence: watch::Sender::new(presence) })
    }

    #[test]
    fn an_id_that_is_used_twice_makes_no_room() {
        let resumables = Resumables::new(2);
        let delivered = entry(1, 1, Presence::Delivered(0, Ending::Completed));
        assert!(resumables.insert(Arc::clone(&delivered)).is_some());
        assert!(resumables.insert(entry(2, 2, Presence::Carried(0))).is_some());

        assert!(resumables.insert(entry(2, 2, Presence::Carried(0))).is_none());

        assert!(resumables.get(delivered.key).is_some());
    }
}
