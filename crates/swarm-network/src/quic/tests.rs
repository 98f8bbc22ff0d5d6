use std::io::IoSliceMut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use quinn::AsyncUdpSocket;
use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use tokio_util::task::AbortOnDropHandle;

use super::socket::MemorySocket;
use super::wire::Wire;
use crate::{Conditions, Distribution, Fabric, Host, LostWhy, Power, SharedFabric};

const LATENCY: Duration = Duration::from_millis(5);

struct Net {
    fabric: SharedFabric,
    wire: Arc<Wire>,
    _moving: AbortOnDropHandle<()>,
}

/// Three hosts that are up, and nobody on them.
fn net() -> Net {
    let link = |_, _| Conditions { latency: Distribution::Constant(LATENCY), ..Conditions::default() };
    let mut fabric = Fabric::new(1, 3, link);
    (0..3).for_each(|host| fabric.set_power(Host(host), Power::Up));
    let fabric = Arc::new(Mutex::new(fabric));
    let wire = Arc::new(Wire::new(Arc::clone(&fabric)));
    let moving = Arc::clone(&wire);
    #[expect(clippy::disallowed_methods, reason = "whoever holds the handle owns the task")]
    let moving = tokio::spawn(async move { moving.run().await });
    Net { fabric, wire, _moving: AbortOnDropHandle::new(moving) }
}

impl Net {
    fn socket(&self, host: u32) -> MemorySocket {
        MemorySocket::plug_in(&self.wire, Host(host))
    }

    fn power(&self, host: u32, power: Power) {
        self.fabric.lock().unwrap().set_power(Host(host), power);
    }

    fn lost(&self, why: LostWhy) -> u64 {
        self.fabric.lock().unwrap().traffic().lost.get(&why).copied().unwrap_or_default()
    }
}

fn send(from: &MemorySocket, to: u32, contents: &[u8], segment_size: Option<usize>) {
    let transmit = Transmit {
        destination: Host(to).address(),
        ecn: Some(EcnCodepoint::Ect0),
        contents,
        segment_size,
        src_ip: None,
    };
    from.try_send(&transmit).unwrap();
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What has come, at most four at once; nothing if it has to be waited for.
fn receive(socket: &MemorySocket, waker: &Waker) -> Vec<Vec<u8>> {
    let mut buffers = [[0; 1500]; 4];
    let mut metas = [RecvMeta::default(); 4];
    let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(&mut buffer[..]));
    match socket.poll_recv(&mut Context::from_waker(waker), &mut slices, &mut metas) {
        Poll::Pending => Vec::new(),
        Poll::Ready(count) => {
            let received = metas.iter().zip(&buffers).take(count.unwrap());
            received.map(|(meta, buffer)| buffer[..meta.len].to_vec()).collect()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_millisecond_brings_comes_in_order_and_wakes_once() {
    let net = net();
    let (a, b, c) = (net.socket(0), net.socket(1), net.socket(2));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(receive(&c, &waker).is_empty());

    send(&a, 2, b"1", None);
    send(&b, 2, b"2", None);
    send(&a, 2, b"3334445", Some(3));
    tokio::time::sleep(LATENCY - Duration::from_millis(1)).await;
    assert_eq!(woken.0.load(Ordering::Relaxed), 0, "it is too early");
    tokio::time::sleep(Duration::from_millis(2)).await;

    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(receive(&c, &waker), [b"1".to_vec(), b"2".to_vec(), b"333".to_vec(), b"444".to_vec()]);
    assert_eq!(receive(&c, &waker), [b"5".to_vec()]);
    assert!(receive(&c, &waker).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_socket_of_an_earlier_life_is_dead() {
    let net = net();
    let (a, old, waker) = (net.socket(0), net.socket(1), Waker::noop());
    let new = net.socket(1);
    assert_eq!((old.life(), new.life()), (1, 2));

    send(&old, 0, b"from the dead", None);
    send(&a, 1, b"to whoever lives", None);
    drop(old);
    tokio::time::sleep(2 * LATENCY).await;

    assert!(receive(&a, waker).is_empty());
    assert_eq!(receive(&new, waker), [b"to whoever lives".to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_to_a_closed_socket_vanishes() {
    let net = net();
    let (a, b) = (net.socket(0), net.socket(1));
    send(&a, 1, b"late", None);

    drop(b);
    tokio::time::sleep(2 * LATENCY).await;

    assert_eq!(net.lost(LostWhy::Down), 1);
    assert!(receive(&net.socket(1), Waker::noop()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_and_nothing_reaches_a_host_that_is_paused() {
    let net = net();
    let (a, b, waker) = (net.socket(0), net.socket(1), Waker::noop());
    send(&a, 1, b"under way", None);
    net.power(1, Power::Paused);
    send(&a, 1, b"to it", None);
    send(&b, 0, b"of it", None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(receive(&a, waker).is_empty());
    assert!(receive(&b, waker).is_empty());

    net.power(1, Power::Up);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(receive(&b, waker), [b"under way".to_vec()], "it had come already");
    tokio::time::sleep(LATENCY).await;

    assert_eq!(receive(&a, waker), [b"of it".to_vec()]);
    assert_eq!(receive(&b, waker), [b"to it".to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_read_is_sent_so_much_and_the_rest_is_counted() {
    const PACKETS: usize = 4096;
    let net = net();
    let (a, b, waker) = (net.socket(0), net.socket(1), Waker::noop());
    let packet = [7; 1400];

    (0..PACKETS).for_each(|_| send(&a, 1, &packet, None));
    tokio::time::sleep(2 * LATENCY).await;

    let came: usize = std::iter::repeat_with(|| receive(&b, waker).len()).take_while(|came| *came > 0).sum();
    assert_eq!(came, (4 << 20) / packet.len());
    assert_eq!(net.wire.overflowed(), (PACKETS - came) as u64);
    // What was read makes room.
    send(&a, 1, b"again", None);
    tokio::time::sleep(2 * LATENCY).await;
    assert_eq!(receive(&b, waker), [b"again".to_vec()]);
}
