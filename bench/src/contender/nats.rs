//! NATS: every node is a client of one broker, a child process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::certificate::Certificate;
use super::moved::Moved;
use super::probe::Probe;
use super::{Ability, Contender, Heard, Mesh, Problem, Shape};
use crate::link::Link;
use crate::locked::locked;

/// Of the Debian package of the same name.
const BROKER: &str = "nats-server";

/// A large object goes in pieces: the broker takes 1 MiB at most and advises to stay well below.
const PIECE: usize = 64 * 1024;

/// For the broker to say on which port it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// Publish and subscribe through a broker.
#[derive(Debug)]
pub struct Nats;

impl Contender for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn version(&self) -> &'static str {
        let said = std::process::Command::new(BROKER).arg("--version").output().map(|output| output.stdout);
        let broker = said.ok().and_then(|said| String::from_utf8(said).ok());
        let broker = broker.map_or("no nats-server".to_owned(), |said| said.trim().replace(": v", " "));
        // Asked once per contender.
        format!("{}, {broker}", locked(&["async-nats", "rustls"])).leak()
    }

    fn settings(&self) -> &'static str {
        "TLS 1.3 over TCP without delay, each node one connection to the broker, whose CPU time counts; core NATS \
         (at most once) with default buffers: 2,048 commands on their way out per client, 65,536 messages on \
         their way in per subscription, 64 MiB per client in the broker; no echo; requests by reply subjects; \
         transfers in pieces of 64 KiB; \
         an emulated link stands between the broker and all nodes but node 0, and the broker's \
         send buffer is as large as the kernel makes it, megabytes, as there is no setting for it"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, ability: Ability) -> bool {
        match ability {
            Ability::Ask | Ability::Transfer | Ability::Link => true,
        }
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        Box::pin(async move { Ok(Arc::new(Clients::start(shape, heard).await?) as Arc<dyn Mesh>) })
    }
}

struct Clients {
    nodes: Vec<Client>,
    moved: Arc<Moved>,
    tasks: Mutex<JoinSet<()>>,
    broker: Mutex<Child>,
    process: Option<u32>,
    /// In front of the broker, which stands next to node 0.
    _link: Option<Link>,
    /// Holds what the broker reads and writes.
    _directory: TempDir,
}

impl Clients {
    async fn start(shape: Shape, heard: Heard) -> Result<Self, Problem> {
        let directory = tempfile::tempdir()?;
        let certificate = Certificate::written_to(directory.path())?;
        let mut broker = start_broker(directory.path(), &certificate)?;
        let broker_address = listening(&mut broker, directory.path()).await?;
        let link = shape.link.map(|settings| Link::tcp(settings, broker_address)).transpose()?;

        let probe = Arc::new(Probe::new(shape.nodes, heard));
        let moved = Arc::new(Moved::default());
        let mut tasks = JoinSet::new();
        let mut nodes = Vec::new();
        let far = link.as_ref().map_or(broker_address, Link::address);
        for node in 0..shape.nodes {
            let address = if node == 0 { broker_address } else { far };
            let client = ConnectOptions::new()
                .no_echo()
                .require_tls(true)
                .add_root_certificates(certificate.path.clone())
                .connect(format!("tls://{address}"))
                .await?;
            let subject = if shape.full || node == 0 { "from.*" } else { "from.0" };
            tasks.spawn(listen(client.subscribe(subject).await?, node, Arc::clone(&probe)));
            tasks.spawn(answer(client.subscribe(format!("ask.{node}")).await?, client.clone()));
            if node == 1 {
                tasks.spawn(count(client.subscribe("bulk").await?, Arc::clone(&moved)));
            }
            // The broker has taken note of the subscriptions once it answers the ping behind them.
            client.flush().await?;
            nodes.push(client);
        }
        let process = broker.id();
        let (tasks, broker) = (Mutex::new(tasks), Mutex::new(broker));
        let mesh = Self { nodes, moved, tasks, broker, process, _link: link, _directory: directory };
        probe.until_all_reached(|payload| mesh.broadcast(0, payload)).await?;
        Ok(mesh)
    }

    fn node(&self, node: usize) -> Result<&Client, Problem> {
        self.nodes.get(node).ok_or_else(|| format!("there is no node {node}").into())
    }
}

impl Mesh for Clients {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move { Ok(self.node(from)?.publish(format!("from.{from}"), payload).await?) })
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        Box::pin(async move { Ok(self.node(0)?.request(format!("ask.{to}"), payload).await?.payload) })
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let client = self.node(0)?;
            let piece = Bytes::from(vec![0; PIECE]);
            let mut left = bytes;
            while left > 0 {
                let next = piece.slice(..left.min(PIECE));
                left -= next.len();
                client.publish("bulk", next).await?;
            }
            self.moved.take(bytes).await;
            Ok(())
        })
    }

    fn processes(&self) -> Vec<u32> {
        self.process.into_iter().collect()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.tasks.lock().await.shutdown().await;
            // A broker that has gone already is as good.
            let _ = self.broker.lock().await.kill().await;
        })
    }
}

/// Starts the broker on a port that it chooses and writes down.
fn start_broker(directory: &Path, certificate: &Certificate) -> Result<Child, Problem> {
    let configuration = directory.join("nats.conf");
    std::fs::write(
        &configuration,
        format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {directory:?}\ntls {{ cert_file: {:?}, key_file: {:?} }}\n",
            certificate.path, certificate.key_path,
        ),
    )?;
    Command::new(BROKER)
        .arg("--config")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("nats-server does not start ({error}): apt-get install nats-server").into())
}

/// The address in the file that the broker writes when it listens.
async fn listening(broker: &mut Child, directory: &Path) -> Result<SocketAddr, Problem> {
    let process = broker.id().ok_or("nats-server has ended")?;
    let file = directory.join(format!("nats-server_{process}.ports"));
    let reading = async {
        loop {
            let written = tokio::fs::read_to_string(&file).await.unwrap_or_default();
            // {"nats":["tls://127.0.0.1:41234"]}
            if let Some((_, address)) = written.split('"').find_map(|word| word.split_once("://")) {
                return Ok(address.parse()?);
            }
            if let Some(status) = broker.try_wait()? {
                return Err(Problem::from(format!("nats-server ended: {status}")));
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, reading).await.map_err(|_| "nats-server does not say where it listens")?
}

async fn listen(mut messages: Subscriber, node: usize, probe: Arc<Probe>) {
    while let Some(message) = messages.next().await {
        probe.arrived(node, &message.payload);
    }
}

async fn answer(mut requests: Subscriber, client: Client) {
    while let Some(request) = requests.next().await {
        let Some(reply) = request.reply else { continue };
        if client.publish(reply, request.payload).await.is_err() {
            return;
        }
    }
}

async fn count(mut pieces: Subscriber, moved: Arc<Moved>) {
    while let Some(piece) = pieces.next().await {
        moved.add(piece.payload.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::check;

    #[tokio::test(flavor = "multi_thread")]
    async fn reaches_everybody() -> Result<(), Problem> {
        check::direct(&Nats).await
    }
}
