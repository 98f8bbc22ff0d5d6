//! The relay in front of a UDP socket: a port of its own for every sender, as a router with address translation has.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::SOCKET_BUFFER;
use crate::contender::{LinkSettings, Problem};

const LARGEST_PACKET: usize = 65_536;
/// Packets on their way in one direction; further ones are lost, as in any router.
const UNDER_WAY: usize = 16_384;

/// What becomes of packets. The time comes in, no clock is asked.
#[derive(Debug)]
struct Path {
    rng: StdRng,
    loss: f64,
    delay: Duration,
}

impl Path {
    fn new(settings: LinkSettings) -> Self {
        let rng = StdRng::seed_from_u64(settings.seed);
        Self { rng, loss: settings.loss, delay: settings.delay() }
    }

    /// When the next packet arrives; `None` if it never does.
    fn arrival(&mut self, now: Instant) -> Option<Instant> {
        (!self.rng.random_bool(self.loss)).then(|| now + self.delay)
    }
}

struct Packet {
    due: Instant,
    bytes: Vec<u8>,
}

/// One direction of one path.
struct Direction {
    path: Path,
    packets: mpsc::Sender<Packet>,
}

impl Direction {
    fn carry(&mut self, bytes: &[u8]) {
        if let Some(due) = self.path.arrival(Instant::now()) {
            // What does not fit is lost.
            let _ = self.packets.try_send(Packet { due, bytes: bytes.to_vec() });
        }
    }
}

pub(super) fn socket() -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket.into())
}

pub(super) async fn relay(
    settings: LinkSettings,
    near: std::net::UdpSocket,
    to: SocketAddr,
) -> Result<(), Problem> {
    let near = Arc::new(UdpSocket::from_std(near)?);
    let mut tasks = JoinSet::new();
    let mut senders: BTreeMap<SocketAddr, Direction> = BTreeMap::new();
    let mut buffer = vec![0; LARGEST_PACKET];
    loop {
        let (length, from) = near.recv_from(&mut buffer).await?;
        if !senders.contains_key(&from) {
            let seed = settings.seed.wrapping_add(2 * senders.len() as u64);
            let there = LinkSettings { seed, ..settings };
            senders.insert(from, new_sender(there, &near, from, to, &mut tasks)?);
        }
        if let (Some(direction), Some(packet)) = (senders.get_mut(&from), buffer.get(..length)) {
            direction.carry(packet);
        }
    }
}

/// Opens the port for one sender, and carries back what comes to it.
fn new_sender(
    settings: LinkSettings,
    near: &Arc<UdpSocket>,
    from: SocketAddr,
    to: SocketAddr,
    tasks: &mut JoinSet<()>,
) -> io::Result<Direction> {
    let far = Arc::new(UdpSocket::from_std(socket()?)?);
    let (there, packets) = mpsc::channel(UNDER_WAY);
    tasks.spawn(deliver(packets, Arc::clone(&far), to));
    let (back, packets) = mpsc::channel(UNDER_WAY);
    tasks.spawn(deliver(packets, Arc::clone(near), from));
    let returning = LinkSettings { seed: settings.seed.wrapping_add(1), ..settings };
    let mut returning = Direction { path: Path::new(returning), packets: back };
    tasks.spawn(async move {
        let mut buffer = vec![0; LARGEST_PACKET];
        // A refused port is no end: whoever listens there may come.
        loop {
            if let Ok(length) = far.recv(&mut buffer).await
                && let Some(packet) = buffer.get(..length)
            {
                returning.carry(packet);
            }
        }
    });
    Ok(Direction { path: Path::new(settings), packets: there })
}

/// Ends with the direction that it delivers for.
async fn deliver(mut packets: mpsc::Receiver<Packet>, over: Arc<UdpSocket>, to: SocketAddr) {
    while let Some(packet) = packets.recv().await {
        tokio::time::sleep_until(packet.due.into()).await;
        // A full socket buffer is one more way to lose a packet.
        let _ = over.send_to(&packet.bytes, to).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(loss: f64) -> Path {
        Path::new(LinkSettings { delay_ms: 10, loss, seed: 3 })
    }

    #[test]
    fn packets_are_late_by_the_delay() {
        let now = Instant::now();

        assert_eq!(path(0.0).arrival(now), Some(now + Duration::from_millis(10)));
        assert_eq!(path(1.0).arrival(now), None);
    }

    #[test]
    fn as_many_are_lost_as_was_said_and_the_same_each_time() {
        let now = Instant::now();
        let lost = || {
            let mut path = path(0.1);
            (0..1000).filter(|_| path.arrival(now).is_none()).count()
        };

        assert!((60..140).contains(&lost()));
        assert_eq!(lost(), lost());
    }
}
