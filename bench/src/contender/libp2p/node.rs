//! One node: a task that owns its swarm and does what it is ordered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, PublishError, ValidationMode};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, Message, OutboundRequestId, ProtocolSupport};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::exchange::Exchange;
use crate::contender::Problem;
use crate::contender::probe::Probe;

/// Orders that wait for the task.
const ORDERS: usize = 64;

/// Streams that requests may have open at once on one node.
const REQUESTS: usize = 1024;

/// For a request, a large one as well.
const PATIENCE: Duration = Duration::from_secs(300);

/// Until the next attempt, when the queues to all peers are full.
const PAUSE: Duration = Duration::from_millis(1);

/// What a node is to do.
pub enum Order {
    /// Send to all.
    Publish(Bytes),
    /// Send to one and get it back.
    Ask { to: PeerId, payload: Bytes, reply: Reply },
    /// Send to one and get nothing back, but when all was read.
    Move { to: PeerId, payload: Bytes, reply: Reply },
}

/// Each kind of request is a behaviour of its own, with numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ask,
    Move,
}

/// Dropped if there is none.
pub type Reply = oneshot::Sender<Bytes>;

/// The other end of a node's orders.
pub struct Handle {
    /// Its name in the network.
    pub peer: PeerId,
    orders: mpsc::Sender<Order>,
}

impl Handle {
    /// Waits for room among the orders: the node makes none while its queues are full.
    pub async fn order(&self, order: Order) -> Result<(), Problem> {
        self.orders.send(order).await.map_err(|_| "the node has ended".into())
    }

    /// Waits for the reply as well.
    pub async fn request(&self, order: impl FnOnce(Reply) -> Order) -> Result<Bytes, Problem> {
        let (reply, replied) = oneshot::channel();
        self.order(order(reply)).await?;
        replied.await.map_err(|_| "nobody answers".into())
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossip: gossipsub::Behaviour,
    ask: request_response::Behaviour<Exchange>,
    bulk: request_response::Behaviour<Exchange>,
}

/// Starts a node that listens on a port of its own and dials those. Each subscription of another node that it learns of
/// adds a permit.
pub async fn start(
    tasks: &mut JoinSet<()>,
    number: usize,
    dialled: &[(PeerId, SocketAddr)],
    probe: Arc<Probe>,
    subscriptions: Arc<Semaphore>,
) -> Result<(Handle, SocketAddr), Problem> {
    let topic = IdentTopic::new("bench");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_quic()
        .with_behaviour(|key| behaviour(key.public().to_peer_id(), &topic))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    swarm.listen_on(multiaddr(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    let address = timeout(PATIENCE, listening(&mut swarm)).await??;
    for (peer, address) in dialled {
        swarm.dial(DialOpts::peer_id(*peer).addresses(vec![multiaddr(*address)]).build())?;
    }
    let (orders, taken) = mpsc::channel(ORDERS);
    let handle = Handle { peer: *swarm.local_peer_id(), orders };
    let node = Node { number, swarm, topic, probe, subscriptions, waiting: BTreeMap::new(), unsent: None };
    tasks.spawn(node.run(taken));
    Ok((handle, address))
}

fn behaviour(author: PeerId, topic: &IdentTopic) -> Result<Behaviour, Problem> {
    let config = gossipsub::ConfigBuilder::default().validation_mode(ValidationMode::Permissive).build()?;
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Author(author), config)?;
    gossip.subscribe(topic)?;
    let exchange = |protocol| {
        let config = request_response::Config::default()
            .with_request_timeout(PATIENCE)
            .with_max_concurrent_streams(REQUESTS);
        request_response::Behaviour::new([(StreamProtocol::new(protocol), ProtocolSupport::Full)], config)
    };
    Ok(Behaviour { gossip, ask: exchange("/bench/ask/1"), bulk: exchange("/bench/bulk/1") })
}

fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Udp(address.port())).with(Protocol::QuicV1)
}

async fn listening(swarm: &mut Swarm<Behaviour>) -> Result<SocketAddr, Problem> {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => {
                let port = address.iter().find_map(|part| match part {
                    Protocol::Udp(port) => Some(port),
                    _ => None,
                });
                return Ok(SocketAddr::from(([127, 0, 0, 1], port.ok_or("not an address of UDP")?)));
            }
            SwarmEvent::ListenerError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
}

struct Node {
    number: usize,
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    probe: Arc<Probe>,
    subscriptions: Arc<Semaphore>,
    /// Who waits for a reply.
    waiting: BTreeMap<(Kind, OutboundRequestId), Reply>,
    /// Found no room in any queue.
    unsent: Option<Bytes>,
}

impl Node {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.happened(event),
                order = orders.recv(), if self.unsent.is_none() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                () = sleep(PAUSE), if self.unsent.is_some() => {
                    if let Some(payload) = self.unsent.take() {
                        self.publish(payload);
                    }
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        let (kind, to, payload, reply) = match order {
            Order::Publish(payload) => return self.publish(payload),
            Order::Ask { to, payload, reply } => (Kind::Ask, to, payload, reply),
            Order::Move { to, payload, reply } => (Kind::Move, to, payload, reply),
        };
        let request = self.exchange(kind).send_request(&to, payload);
        self.waiting.insert((kind, request), reply);
    }

    fn publish(&mut self, payload: Bytes) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if let Err(PublishError::AllQueuesFull(_)) = gossip.publish(self.topic.hash(), payload.clone()) {
            self.unsent = Some(payload);
        }
    }

    fn happened(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let SwarmEvent::Behaviour(event) = event else { return };
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message { message, .. }) => {
                self.probe.arrived(self.number, &message.data);
            }
            BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. }) => self.subscriptions.add_permits(1),
            BehaviourEvent::Ask(event) => self.exchanged(Kind::Ask, event),
            BehaviourEvent::Bulk(event) => self.exchanged(Kind::Move, event),
            BehaviourEvent::Gossip(_) => {}
        }
    }

    fn exchange(&mut self, kind: Kind) -> &mut request_response::Behaviour<Exchange> {
        let behaviour = self.swarm.behaviour_mut();
        match kind {
            Kind::Ask => &mut behaviour.ask,
            Kind::Move => &mut behaviour.bulk,
        }
    }

    fn exchanged(&mut self, kind: Kind, event: request_response::Event<Bytes, Bytes>) {
        match event {
            request_response::Event::Message {
                message: Message::Request { request, channel, .. }, ..
            } => {
                let answer = match kind {
                    Kind::Ask => request,
                    Kind::Move => Bytes::new(),
                };
                // Who asked may have gone.
                let _ = self.exchange(kind).send_response(channel, answer);
            }
            request_response::Event::Message {
                message: Message::Response { request_id, response }, ..
            } => {
                if let Some(reply) = self.waiting.remove(&(kind, request_id)) {
                    // Who waited may have gone.
                    let _ = reply.send(response);
                }
            }
            request_response::Event::OutboundFailure { request_id, .. } => {
                self.waiting.remove(&(kind, request_id));
            }
            _ => {}
        }
    }
}
