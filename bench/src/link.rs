//! A link that delays and loses, in user space: whoever dials node 0 dials the link instead, and the link carries what
//! comes to node 0 and back. It runs on a thread of its own.

mod segments;
mod tcp;
mod udp;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use self::tcp::SEND_BUFFER;
use crate::contender::{LinkSettings, Problem};

/// What each socket of a link asks of the system, in bytes.
const SOCKET_BUFFER: usize = 4 << 20;

/// A link in front of an address. It ends when it is dropped.
pub struct Link {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Link {
    /// In front of a UDP socket: packets are late, or lost.
    pub fn udp(settings: LinkSettings, to: SocketAddr) -> Result<Self, Problem> {
        let socket = udp::socket()?;
        let address = socket.local_addr()?;
        Self::run(address, move || udp::relay(settings, socket, to))
    }

    /// In front of a TCP listener: a proxy, behind which the stream moves as one of TCP does that loses segments. See
    /// [`segments`].
    pub fn tcp(settings: LinkSettings, to: SocketAddr) -> Result<Self, Problem> {
        let listener = tcp::listener()?;
        let address = listener.local_addr()?;
        Self::run(address, move || tcp::proxy(settings, listener, to))
    }

    /// What to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn run<F>(address: SocketAddr, carry: impl FnOnce() -> F + Send + 'static) -> Result<Self, Problem>
    where
        F: Future<Output = Result<(), Problem>>,
    {
        let (end, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("link".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    carried = carry() => if let Err(problem) = carried {
                        eprintln!("the link broke: {problem}");
                    },
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self { address, _end: end })
    }
}

/// A listener on any port. Behind a link its connections have send buffers as small as a kernel makes them on such a
/// path.
pub async fn listener(link: Option<LinkSettings>) -> Result<TcpListener, Problem> {
    match link {
        Some(_) => Ok(TcpListener::from_std(tcp::sender()?)?),
        None => Ok(TcpListener::bind("127.0.0.1:0").await?),
    }
}

impl LinkSettings {
    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// The addresses of all nodes as others dial them.
pub struct Way {
    addresses: Vec<SocketAddr>,
    _link: Option<Link>,
}

impl Way {
    /// With a link in front of the first one, if there is to be one.
    pub fn over_udp(link: Option<LinkSettings>, addresses: Vec<SocketAddr>) -> Result<Self, Problem> {
        Self::over(link, addresses, Link::udp)
    }

    /// With a link in front of the first one, if there is to be one.
    pub fn over_tcp(link: Option<LinkSettings>, addresses: Vec<SocketAddr>) -> Result<Self, Problem> {
        Self::over(link, addresses, Link::tcp)
    }

    fn over(
        link: Option<LinkSettings>,
        mut addresses: Vec<SocketAddr>,
        make: fn(LinkSettings, SocketAddr) -> Result<Link, Problem>,
    ) -> Result<Self, Problem> {
        let Some((settings, first)) = link.zip(addresses.first_mut()) else {
            return Ok(Self { addresses, _link: None });
        };
        let link = make(settings, *first)?;
        *first = link.address();
        Ok(Self { addresses, _link: Some(link) })
    }

    /// What to dial to reach this node.
    pub fn to(&self, node: usize) -> Result<SocketAddr, Problem> {
        Ok(*self.addresses.get(node).ok_or("there is no such node")?)
    }
}
