//! Raw quinn at both ends.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use tokio::task::JoinSet;

use crate::contender::{Contender, Problem, SMALL};
use crate::raw;

pub(crate) struct Quinn {
    connection: Connection,
    _endpoints: [Endpoint; 2],
    _responder: JoinSet<()>,
}

impl Quinn {
    pub(crate) async fn start() -> Result<Self, Problem> {
        let (server, client) = raw::tls()?;
        let transport = Arc::new(raw::transport_config()?);
        let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server)?));
        server.transport_config(Arc::clone(&transport));
        let mut client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(client)?));
        client.transport_config(transport);
        let responder = endpoint(Some(server))?;
        let requester = endpoint(None)?;
        let address = responder.local_addr()?;
        let mut tasks = JoinSet::new();
        let accepting = responder.clone();
        tasks.spawn(async move {
            if let Some(incoming) = accepting.accept().await
                && let Ok(connection) = incoming.await
            {
                respond(connection).await;
            }
        });
        let connection = requester.connect_with(client, address, "localhost")?.await?;
        Ok(Self { connection, _endpoints: [responder, requester], _responder: tasks })
    }
}

fn endpoint(server: Option<ServerConfig>) -> Result<Endpoint, Problem> {
    Ok(Endpoint::new(EndpointConfig::default(), server, raw::socket()?, Arc::new(TokioRuntime))?)
}

async fn respond(connection: Connection) {
    let mut serving = JoinSet::new();
    while let Ok((send, recv)) = connection.accept_bi().await {
        // The requester sees what goes wrong.
        serving.spawn(async { raw::serve(send, recv).await.is_ok() });
        while serving.try_join_next().is_some() {}
    }
}

impl Contender for Quinn {
    fn name(&self) -> &'static str {
        "raw quinn"
    }

    fn ask(&self) -> BoxFuture<'_, Result<(), Problem>> {
        self.upload(SMALL)
    }

    fn upload(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (send, recv) = self.connection.open_bi().await?;
            raw::upload(send, recv, bytes).await
        }
        .boxed()
    }

    fn download(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        async move {
            let (send, recv) = self.connection.open_bi().await?;
            raw::download(send, recv, bytes).await
        }
        .boxed()
    }
}
