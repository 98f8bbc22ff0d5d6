//! Raw wtransport at both ends.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use wtransport::endpoint::endpoint_side::{Client, Server};
use wtransport::{ClientConfig, Connection, Endpoint, ServerConfig};

use crate::contender::{Contender, Problem, SMALL};
use crate::raw;

pub(crate) struct WebTransport {
    connection: Connection,
    _requester: Endpoint<Client>,
    _responder: JoinSet<Result<(), Problem>>,
}

impl WebTransport {
    pub(crate) async fn start() -> Result<Self, Problem> {
        let (server, client) = raw::tls()?;
        let server = ServerConfig::builder()
            .with_bind_socket(raw::socket()?)
            .with_custom_tls_and_transport(server, raw::transport_config()?)
            .build();
        let client = ClientConfig::builder()
            .with_bind_socket(raw::socket()?)
            .with_custom_tls_and_transport(client, raw::transport_config()?)
            .build();
        let responder = Endpoint::server(server)?;
        let requester = Endpoint::client(client)?;
        let url = format!("https://{}/", responder.local_addr()?);
        let mut tasks = JoinSet::new();
        tasks.spawn(respond(responder));
        let connection = requester.connect(url).await?;
        Ok(Self { connection, _requester: requester, _responder: tasks })
    }

    async fn open(&self) -> Result<(wtransport::SendStream, wtransport::RecvStream), Problem> {
        Ok(self.connection.open_bi().await?.await?)
    }
}

async fn respond(endpoint: Endpoint<Server>) -> Result<(), Problem> {
    let connection = endpoint.accept().await.await?.accept().await?;
    let mut serving = JoinSet::new();
    loop {
        let (send, recv) = connection.accept_bi().await?;
        // The requester sees what goes wrong.
        serving.spawn(async { raw::serve(send, recv).await.is_ok() });
        while serving.try_join_next().is_some() {}
    }
}

impl Contender for WebTransport {
    fn name(&self) -> &'static str {
        "raw wtransport"
    }

    fn ask(&self) -> BoxFuture<'_, Result<(), Problem>> {
        self.upload(SMALL)
    }

    fn upload(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (send, recv) = self.open().await?;
            raw::upload(send, recv, bytes).await
        }
        .boxed()
    }

    fn download(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (send, recv) = self.open().await?;
            raw::download(send, recv, bytes).await
        }
        .boxed()
    }
}
