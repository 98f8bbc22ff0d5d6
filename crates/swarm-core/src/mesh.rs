//! Decides: whom to dial and when again, and which of two connections stays.
//!
//! [`Mesh`] is a state machine without IO: [`Input`] and the time go in, [`Output`]s come out, and
//! [`Mesh::next_timeout`] says when it wants to be called without an input. It never waits, sends, sleeps or looks at
//! a clock, and nothing in it depends on the order of a hash map, so the same inputs always give the same outputs.
//! It builds without the runtime (`--no-default-features`).
//!
//! ```text
//!  candidate (an address) ──Dial──► dialling ──Up──► connected
//!      ▲   ▲                           │                 │
//!      │   └────backoff── DialFailed ◄─┘                 │ Down of its last connection
//!      └────────────────────backoff──────────────────────┘   (forgotten after a goodbye, unless a seed)
//! ```

mod backoff;
mod candidates;
mod membership;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarm_proto::{AgentId, Introduction, Role};

use self::candidates::Candidates;
use self::membership::{Change, Membership};
use crate::peer::{GoneReason, PeerInfo};

/// One connection, as long as it lasts. A peer may have two for a moment, when both sides dialled at once.
///
/// ```
/// assert!(swarm_core::mesh::ConnectionKey(1) < swarm_core::mesh::ConnectionKey(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey(pub u64);

/// How the mesh decides.
///
/// ```
/// let config = swarm_core::mesh::MeshConfig::default();
/// assert!(config.introduce);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MeshConfig {
    /// Tell peers of one another, so that a full mesh grows from one connection. Default true; false leaves the
    /// topology to whoever calls `connect`.
    pub introduce: bool,
    /// First pause before an address is dialled again. Default 100 ms. It doubles up to `backoff_max`, and each pause
    /// is drawn between zero and that (full jitter), so that a crowd does not come back at once.
    pub backoff_min: Duration,
    /// Longest pause before an address is dialled again. Default 5 s.
    pub backoff_max: Duration,
    /// A lost peer is dialled for this long, then forgotten; seeds never are. Default 60 s.
    pub forget_after: Duration,
    /// How many dials may be under way at once. Default 32; the rest wait their turn.
    pub max_dials: usize,
    /// How many addresses are remembered at most. Default 1,024; further introductions are ignored.
    pub max_candidates: usize,
}

impl Default for MeshConfig {
    fn default() -> Self {
        Self {
            introduce: true,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            forget_after: Duration::from_secs(60),
            max_dials: 32,
            max_candidates: 1024,
        }
    }
}

/// What the mesh is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// Dial this address now, and again whenever it is not connected, for ever.
    Seed(SocketAddr),
    /// A dial that the mesh asked for failed.
    DialFailed(SocketAddr),
    /// A connection is there and both sides have said hello.
    Up {
        /// The new connection.
        connection: ConnectionKey,
        /// Who is at the other end.
        peer: PeerInfo,
    },
    /// A connection ended.
    Down {
        /// Which one.
        connection: ConnectionKey,
        /// Why.
        reason: GoneReason,
    },
    /// This agent broke the rules: it is not dialled before then, whoever introduces it. The end of its connection follows.
    SentAway {
        /// Who.
        peer: AgentId,
        /// When it may be dialled again.
        until: Instant,
    },
    /// The peer prefers another connection to this node: nothing new should begin on this one.
    Replaced(ConnectionKey),
    /// A peer told of others.
    Introduced(Vec<Introduction>),
    /// Nothing but time has passed.
    Timeout,
}

/// What the mesh wants done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Open a connection; the answer is [`Input::Up`] or [`Input::DialFailed`].
    Dial {
        /// Where to.
        address: SocketAddr,
        /// To this agent and nobody else, when it is known who should be there.
        expected: Option<AgentId>,
    },
    /// From now on, use this connection for the peer.
    Use(ConnectionKey),
    /// Let what runs on this connection finish, then close it: another one to the same peer stays.
    Retire(ConnectionKey),
    /// Close this connection at once: it belongs to a life of the peer that is over, or there are too many of them.
    Close(ConnectionKey),
    /// Tell the peer at the end of this connection of others.
    Introduce {
        /// The connection to say it on.
        to: ConnectionKey,
        /// The others.
        peers: Vec<Introduction>,
    },
    /// A peer is there.
    Came(PeerInfo),
    /// A peer is gone.
    Went {
        /// Who.
        peer: AgentId,
        /// Why.
        reason: GoneReason,
        /// Whether it will be dialled again.
        returning: bool,
    },
    /// A peer that was gone is not dialled any more.
    Forgotten(AgentId),
}

/// The state machine. See the [module](self) for its states.
///
/// ```
/// use std::time::Instant;
/// use swarm_core::mesh::{Input, Mesh, MeshConfig, Output};
/// # let me = swarm_core::IdentityKey::from_seed([1; 32]).agent_id();
/// # let some_instant: Instant = tokio::time::Instant::now().into_std();
///
/// let mut mesh = Mesh::new(me, MeshConfig::default(), 42);
/// let seed = "192.0.2.7:4433".parse().unwrap();
///
/// let outputs: Vec<Output> = mesh.handle(some_instant, Input::Seed(seed)).collect();
///
/// assert_eq!(outputs, [Output::Dial { address: seed, expected: None }]);
/// ```
#[derive(Debug)]
pub struct Mesh {
    me: AgentId,
    introduce: bool,
    rng: StdRng,
    members: Membership,
    candidates: Candidates,
    outputs: VecDeque<Output>,
}

impl Mesh {
    /// A mesh of one. `rng_seed` decides its jitter.
    pub fn new(me: AgentId, config: MeshConfig, rng_seed: u64) -> Self {
        Self {
            me,
            introduce: config.introduce,
            rng: StdRng::seed_from_u64(rng_seed),
            members: Membership::new(me),
            candidates: Candidates::new(config),
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input in and hands the outputs out, in order. `now` never goes back.
    pub fn handle(&mut self, now: Instant, input: Input) -> impl Iterator<Item = Output> + '_ {
        match input {
            Input::Seed(address) => self.candidates.add_seed(address, now),
            Input::DialFailed(address) => self.candidates.failed(address, now, &mut self.rng),
            Input::Up { connection, peer } => self.up(now, connection, peer),
            Input::Down { connection, reason } => self.down(now, connection, reason),
            Input::SentAway { peer, until } => self.candidates.send_away(peer, until, now),
            Input::Replaced(connection) => {
                let change = self.members.replaced(connection);
                self.apply(now, Vec::from_iter(change));
            }
            Input::Introduced(peers) => self.introduced(now, peers),
            Input::Timeout => {}
        }
        self.dial_what_is_due(now);
        self.outputs.drain(..)
    }

    /// When to call [`Mesh::handle`] with [`Input::Timeout`]; `None` while nothing is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.candidates.next_due()
    }

    fn up(&mut self, now: Instant, connection: ConnectionKey, peer: PeerInfo) {
        let displaced = self.candidates.connected(&peer, now);
        if let Some(displaced) = displaced.filter(|agent| !self.members.is_connected(*agent)) {
            self.outputs.push_back(Output::Forgotten(displaced));
        }
        let changes = self.members.up(connection, peer);
        self.apply(now, changes);
    }

    fn down(&mut self, now: Instant, connection: ConnectionKey, reason: GoneReason) {
        let changes = self.members.down(connection, reason);
        self.apply(now, changes);
    }

    fn apply(&mut self, now: Instant, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Use(connection) => self.outputs.push_back(Output::Use(connection)),
                Change::Retire(connection) => self.outputs.push_back(Output::Retire(connection)),
                Change::Close(connection) => self.outputs.push_back(Output::Close(connection)),
                Change::Came(peer, connection) => {
                    self.introduce_others_to(&peer, connection);
                    self.outputs.push_back(Output::Came(peer));
                }
                Change::Went(peer, reason) => {
                    // A restarted peer is connected again already.
                    let returning = reason == GoneReason::Restarted
                        || self.candidates.lost(peer, reason, now, &mut self.rng);
                    self.outputs.push_back(Output::Went { peer, reason, returning });
                }
            }
        }
    }

    /// The newcomer dials the others; they learn of it when it does. Observers find their own way, and nobody finds them.
    fn introduce_others_to(&mut self, newcomer: &PeerInfo, to: ConnectionKey) {
        if !self.introduce || newcomer.role == Role::Observer {
            return;
        }
        let others = self.members.peers().filter(|peer| peer.role == Role::Member && peer.id != newcomer.id);
        let peers: Vec<_> =
            others.map(|peer| Introduction { agent: peer.id, address: peer.address }).collect();
        for peers in peers.chunks(swarm_proto::MAX_INTRODUCTIONS) {
            self.outputs.push_back(Output::Introduce { to, peers: peers.to_vec() });
        }
    }

    fn introduced(&mut self, now: Instant, peers: Vec<Introduction>) {
        if !self.introduce {
            return;
        }
        for Introduction { agent, address } in peers {
            if agent != self.me && !self.members.is_connected(agent) {
                self.candidates.add_introduced(agent, address, now);
            }
        }
    }

    fn dial_what_is_due(&mut self, now: Instant) {
        while let Some(due) = self.candidates.take_due(now) {
            match due {
                candidates::Due::Dial { address, expected } => {
                    self.outputs.push_back(Output::Dial { address, expected });
                }
                candidates::Due::Forget(agent) => {
                    self.outputs.push_back(Output::Forgotten(agent));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
