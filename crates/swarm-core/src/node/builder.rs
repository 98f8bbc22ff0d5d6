//! Puts a node together and starts it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use swarm_proto::{
    Advertisement, AgentId, Epoch, Hello, MAX_SUBSCRIPTIONS, PeerLimits, Sequence, SwarmName, UnixMicros,
    UnixSeconds, VersionRange,
};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assist::{Admission, Resumables};
use super::connection_map::ConnectionMap;
use super::driver::{self, Start};
use super::guests::GuestBook;
use super::observe::{self, AgentInbox, Feeds, MarksFile, ReliableInbox};
use super::shared::NodeShared;
use super::{AgentNode, NodeHandle, renewal};
use crate::agent::{Agent, BoxedAgent, Capacity};
use crate::clock::{SystemClock, WallClock};
use crate::config::NodeConfig;
use crate::door::Door;
use crate::error::StartError;
use crate::identity::IdentityKey;
use crate::mesh::Mesh;
use crate::observe::intake::Intake;
use crate::observe::subscriptions::Subscriptions;
use crate::trace::{Recorder, TraceSink};
use crate::transport::{Speaker, Transport};
use crate::trust::{Access, Credentials, CredentialsError, GuestConfig, Guests, RootKey, dev};

/// Commands of handles that may wait for the driver.
const COMMANDS: usize = 64;

/// What a node is made of. Everything but the agent has a default.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use swarm_core::{AgentNode, IdentityKey, IdleAgent};
///
/// let node = AgentNode::dev(IdleAgent)
///     .identity(IdentityKey::from_seed([7; 32]))
///     .seed_peer("127.0.0.1:4433".parse()?)
///     .bind("127.0.0.1:0".parse()?)
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct Builder {
    agent: BoxedAgent,
    trust: Trust,
    guests: Option<GuestConfig>,
    /// Where the credentials came from.
    directory: Option<PathBuf>,
    swarm: Option<SwarmName>,
    identity: Option<IdentityKey>,
    config: NodeConfig,
    rng_seed: Option<u64>,
    seeds: Vec<SocketAddr>,
    sink: Option<Box<dyn TraceSink>>,
    wall_clock: Arc<dyn WallClock>,
    state_directory: Option<PathBuf>,
}

/// Who says who belongs to the swarm.
enum Trust {
    /// Nobody was named.
    Nobody,
    Given(Box<Credentials>),
    Dev(RootKey),
    /// The root of local work, in its file.
    DevFile,
}

impl Trust {
    fn is_local(&self) -> bool {
        matches!(self, Self::Dev(_) | Self::DevFile)
    }
}

impl Builder {
    pub(super) fn new(agent: BoxedAgent) -> Self {
        Self {
            agent,
            trust: Trust::Nobody,
            guests: None,
            directory: None,
            swarm: None,
            identity: None,
            config: NodeConfig::default(),
            rng_seed: None,
            seeds: Vec::new(),
            sink: None,
            wall_clock: Arc::new(SystemClock),
            state_directory: None,
        }
    }

    /// Who the node is, what it may do, and whom it trusts. They name swarm and key, so [`Self::swarm`] and
    /// [`Self::identity`] are for local work only.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::path::Path;
    /// use swarm_core::trust::Credentials;
    /// use swarm_core::{AgentNode, IdleAgent};
    ///
    /// let credentials = Credentials::load(Path::new("/etc/swarm/rover-7"))?;
    /// let node = AgentNode::builder(IdleAgent).credentials(credentials).bind("0.0.0.0:4433".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.trust = Trust::Given(Box::new(credentials));
        self
    }

    /// As [`Self::credentials`], from a directory (see [`Credentials::load`]). While the node runs it looks there every second:
    /// a new grant takes the place of the old one, and a new list of revocations is heeded and passed on.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use swarm_core::{AgentNode, IdleAgent};
    ///
    /// let node = AgentNode::builder(IdleAgent).credentials_in("/etc/swarm/rover-7")?;
    /// let node = node.bind("0.0.0.0:4433".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a file is missing or cannot be used, or they do not go together.
    pub fn credentials_in(mut self, directory: impl Into<PathBuf>) -> Result<Self, CredentialsError> {
        let directory = directory.into();
        self.trust = Trust::Given(Box::new(Credentials::load(&directory)?));
        self.directory = Some(directory);
        Ok(self)
    }

    /// For local work: everything is granted by a root that all programs of this user on this machine share, in a file
    /// ([`dev::path`](crate::trust::dev::path)). The node is reached from loopback addresses alone, and dials no others.
    #[must_use]
    pub fn dev(mut self) -> Self {
        self.trust = Trust::DevFile;
        self
    }

    /// As [`Self::dev`], with a root at hand instead of the one in the file: for tests and simulations.
    #[must_use]
    pub fn dev_root(mut self, root: RootKey) -> Self {
        self.trust = Trust::Dev(root);
        self
    }

    /// Takes guests: clients without a certificate, such as browsers and scripts, that show a grant as a token. A root has
    /// signed it, or the node itself ([`NodeHandle::invite`]). Default: everybody has to show a certificate.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use swarm_core::trust::GuestConfig;
    /// use swarm_core::{AgentNode, IdleAgent};
    ///
    /// let mut guests = GuestConfig::default();
    /// guests.origins = vec!["https://map.example".to_owned()];
    /// let node = AgentNode::dev(IdleAgent).guests(guests).bind("127.0.0.1:4433".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn guests(mut self, guests: GuestConfig) -> Self {
        self.guests = Some(guests);
        self
    }

    /// The swarm to belong to, in local work. Default `local`. Members of different swarms do not talk to each other.
    #[must_use]
    pub fn swarm(mut self, swarm: SwarmName) -> Self {
        self.swarm = Some(swarm);
        self
    }

    /// The node's key, and so its id, in local work. Default: a new one at each start.
    #[must_use]
    pub fn identity(mut self, identity: IdentityKey) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Where the node keeps how far those have come whose signed observations it has heard, so that after a restart nobody
    /// can repeat them to it. At most 128 KiB, written when it has changed, at most once a second, and at the end. The
    /// directory is made if it is not there; nodes of several agents may share it.
    ///
    /// Without it what was signed before a start does not count after it, which leaves those whose clocks are ahead of this
    /// node's: what they sign seems to be made later. A file that is damaged counts as empty, with a warning.
    #[must_use]
    pub fn state_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.state_directory = Some(directory.into());
        self
    }

    /// The node's knobs.
    #[must_use]
    pub fn config(mut self, config: NodeConfig) -> Self {
        self.config = config;
        self
    }

    /// Where jitter and request ids come from, and the identity if none is given. For runs that repeat; on a runtime of
    /// one thread files are then read and written and [inference](crate::Inference) computes in place, since nobody knows when
    /// another thread is done. By default the operating system's entropy decides.
    #[must_use]
    pub fn rng_seed(mut self, seed: u64) -> Self {
        self.rng_seed = Some(seed);
        self
    }

    /// A node to dial at the start, and again whenever it is not connected, for ever. May be called several times.
    #[must_use]
    pub fn seed_peer(mut self, address: SocketAddr) -> Self {
        self.seeds.push(address);
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn trace(mut self, sink: impl TraceSink) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Where the time of day comes from. Default: the machine's clock.
    #[must_use]
    pub fn wall_clock(mut self, clock: impl WallClock) -> Self {
        self.wall_clock = Arc::new(clock);
        self
    }

    /// Starts the node on a UDP port, over WebTransport. Port 0 takes any that is free. Needs a tokio runtime.
    ///
    /// # Errors
    /// When nothing says whom to trust, the node's grant does not count or cover what the agent offers, the address cannot
    /// be bound, or the agent offers too much. Nothing is left running then.
    #[cfg(feature = "webtransport")]
    pub async fn bind(self, address: SocketAddr) -> Result<AgentNode, StartError> {
        use crate::transport::webtransport::WebTransport;

        let local_only = self.trust.is_local();
        if local_only && !address.ip().to_canonical().is_loopback() {
            return Err(StartError::NotLoopback { address });
        }
        let config = self.config.web_transport.clone();
        self.start_on(local_only, |speaker| Ok(WebTransport::bind(address, speaker, config)?))
    }

    /// Starts the node on a transport, which `open` makes for it: it must speak as it is told. A node for local work is not
    /// kept to loopback addresses here, since what they mean is for the transport to say.
    ///
    /// # Errors
    /// As [`Self::bind`], and those of `open`.
    pub async fn start<T: Transport, E>(
        self,
        open: impl FnOnce(&Speaker) -> Result<T, E>,
    ) -> Result<AgentNode, StartError>
    where
        StartError: From<E>,
    {
        self.start_on(false, |speaker| Ok(open(speaker)?))
    }

    #[expect(clippy::disallowed_methods, reason = "without a seed nothing need repeat")]
    fn rng(&self) -> StdRng {
        self.rng_seed.map_or_else(|| StdRng::from_rng(&mut rand::rng()), StdRng::seed_from_u64)
    }

    /// What the node starts with, given or made for local work.
    fn take_credentials(&mut self, rng: &mut StdRng) -> Result<Credentials, StartError> {
        let root = match std::mem::replace(&mut self.trust, Trust::Nobody) {
            Trust::Nobody => return Err(StartError::NoTrustAnchor),
            Trust::Given(_) if self.swarm.is_some() => {
                return Err(StartError::Contradiction { what: "swarm" });
            }
            Trust::Given(_) if self.identity.is_some() => {
                return Err(StartError::Contradiction { what: "identity" });
            }
            Trust::Given(credentials) => return Ok(*credentials),
            Trust::Dev(root) => root,
            Trust::DevFile => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "it outlives the node: a seed must not decide it"
                )]
                let new = rand::rng().random();
                dev::root(&dev::path()?, new)?
            }
        };
        let identity = self.identity.take().unwrap_or_else(|| IdentityKey::from_seed(rng.random()));
        let swarm = self.swarm.take().unwrap_or_default();
        let credentials = Credentials::dev(&root, swarm, identity, self.wall_clock.now());
        credentials.map_err(StartError::TooManyCapabilities)
    }

    fn start_on<T: Transport>(
        mut self,
        local_only: bool,
        open: impl FnOnce(&Speaker) -> Result<T, StartError>,
    ) -> Result<AgentNode, StartError> {
        let mut rng = self.rng();
        let credentials = self.take_credentials(&mut rng)?;
        let (id, access) = (credentials.agent_id(), Arc::new(Access::new(&credentials)));
        if let Some(list) = credentials.revocations() {
            access.revoke(list.clone())?;
        }
        let now = UnixSeconds::from_system_time(self.wall_clock.now());
        access.admit(credentials.grant(), now)?;
        let permissions = &credentials.grant().statement().permissions;
        let capabilities = self.agent.capabilities();
        if let Some(offer) = capabilities.iter().find(|offer| !permissions.may_serve(&offer.capability)) {
            return Err(StartError::OfferNotGranted { capability: offer.capability.clone() });
        }
        let swarm = access.swarm().clone();
        let hello = hello(id, swarm, &capabilities, &self.config, &*self.wall_clock);
        hello.encode().map_err(StartError::TooManyCapabilities)?;
        let most =
            Capacity { at_once: self.config.max_requests_served, waiting: self.config.max_requests_waiting };
        let capacity = self.agent.capacity().at_most(most);
        let mesh = Mesh::new(id, self.config.mesh.clone(), rng.random());
        let subscriptions = Subscriptions::new(self.agent.subscriptions());
        if subscriptions.patterns().len() > MAX_SUBSCRIPTIONS {
            return Err(StartError::TooManySubscriptions { max: MAX_SUBSCRIPTIONS });
        }
        let speaker = Speaker {
            identity: Arc::clone(credentials.identity()),
            access: Arc::clone(&access),
            guests: self.guests.is_some(),
            wall_clock: Arc::clone(&self.wall_clock),
        };
        let started = UnixMicros::from_system_time(self.wall_clock.now());
        let kept = self.state_directory.map(|directory| MarksFile::open(&directory, id)).transpose()?;
        let marks = kept.as_ref().map_or(&[][..], |(_, marks)| marks);
        let intake = Intake::new(started, self.config.freshness, marks);
        let transport: Arc<dyn Transport> = Arc::new(open(&speaker)?);
        let (commands, commands_queue) = mpsc::channel(COMMANDS);
        let (reliable_inbox, reliable_queue) = ReliableInbox::new();
        let recorder = Arc::new(Recorder::new(id, self.sink));
        let local_addr = transport.local_addr();
        let shared = Arc::new(NodeShared {
            id,
            local_addr,
            door: Mutex::new(Door::new(&self.config.door, self.config.places(), local_addr)),
            transport: Arc::downgrade(&transport),
            hello,
            agent: self.agent,
            wall_clock: self.wall_clock,
            identity: Arc::clone(credentials.identity()),
            access,
            access_changed: watch::Sender::new(()),
            guests: self.guests.map(|config| GuestBook::new(Guests::new(config, now))),
            local_only,
            // Several threads have no order that could repeat.
            repeats: self.rng_seed.is_some()
                && Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread,
            feeds: Feeds::new(self.config.reliable_buffer_bytes, Arc::clone(&recorder)),
            recorder,
            connections: ConnectionMap::new(),
            inbox: AgentInbox::new(self.config.agent_queue),
            reliable_inbox,
            subscriptions: watch::Sender::new(subscriptions),
            intake: Mutex::new(intake),
            holders: Mutex::default(),
            origins: Mutex::default(),
            origins_changed: watch::Sender::new(()),
            commands,
            leaving: CancellationToken::new(),
            stopping: CancellationToken::new(),
            killed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            admission: Arc::new(Admission::new(capacity)),
            resumables: Resumables::new(self.config.max_resumable),
            requests_made: Arc::new(Semaphore::new(self.config.max_requests_made)),
            sequence: AtomicU64::new(Sequence::FIRST.get()),
            rng: Mutex::new(rng),
            latencies: Mutex::default(),
            config: self.config,
        });
        let start = Start {
            shared: Arc::clone(&shared),
            transport,
            mesh,
            seeds: self.seeds,
            commands: commands_queue,
            reliable_queue,
        };
        shared.tasks.spawn(observe::expire(Arc::clone(&shared)));
        if let Some((file, _)) = kept {
            shared.tasks.spawn(observe::keep_marks(Arc::clone(&shared), file));
        }
        if let Some(directory) = self.directory {
            shared.tasks.spawn(renewal::watch(Arc::clone(&shared), directory));
        }
        let driver = shared.tasks.spawn(driver::run(start));
        Ok(AgentNode { handle: NodeHandle { shared }, driver })
    }
}

fn hello(
    agent: AgentId,
    swarm: SwarmName,
    capabilities: &[Advertisement],
    config: &NodeConfig,
    wall_clock: &dyn WallClock,
) -> Hello {
    let started = UnixMicros::from_system_time(wall_clock.now());
    Hello {
        versions: VersionRange::SPOKEN,
        agent,
        swarm,
        // Milliseconds since 1970: a restart comes later than what it restarts.
        epoch: Epoch::new(started.get() / 1000),
        capabilities: capabilities.to_vec(),
        limits: PeerLimits {
            max_requests: u32::try_from(config.max_requests_per_peer).unwrap_or(u32::MAX),
            // Whatever the path carries.
            max_datagram_bytes: u16::MAX.into(),
        },
        subscriptions: vec![swarm_proto::TopicPattern::everything()],
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("swarm", &self.swarm)
            .field("seeds", &self.seeds)
            .finish_non_exhaustive()
    }
}
