//! Requests without frames on a bare stream: the first byte says what is wanted, the end of the stream ends it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use swarm_core::transport::webtransport::WebTransportConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::contender::{PIECE, Problem, SMALL};

/// What the first byte of a request says.
const REPLY_SMALL: u8 = 0;
const REPLY_LARGE: u8 = 1;

/// The responder's side of one stream.
pub(crate) async fn serve(
    mut send: impl AsyncWrite + Unpin,
    mut recv: impl AsyncRead + Unpin,
) -> Result<(), Problem> {
    let mut head = [0; SMALL];
    recv.read_exact(&mut head).await?;
    read_to_end(&mut recv).await?;
    match head {
        [REPLY_LARGE, a, b, c, d, e, f, g, h, ..] => {
            let size = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            write_much(&mut send, size as usize).await?;
        }
        _ => send.write_all(&[7; SMALL]).await?,
    }
    Ok(send.shutdown().await?)
}

/// The requester's side: a request of so many bytes, at least [`SMALL`].
pub(crate) async fn upload(
    mut send: impl AsyncWrite + Unpin,
    recv: impl AsyncRead + Unpin,
    bytes: usize,
) -> Result<(), Problem> {
    send.write_all(&[REPLY_SMALL; SMALL]).await?;
    write_much(&mut send, bytes - SMALL).await?;
    send.shutdown().await?;
    expect(SMALL, recv).await
}

/// The requester's side: a reply of so many bytes.
pub(crate) async fn download(
    mut send: impl AsyncWrite + Unpin,
    recv: impl AsyncRead + Unpin,
    bytes: usize,
) -> Result<(), Problem> {
    let mut request = [REPLY_LARGE; SMALL];
    request[1..9].copy_from_slice(&(bytes as u64).to_be_bytes());
    send.write_all(&request).await?;
    send.shutdown().await?;
    expect(bytes, recv).await
}

async fn expect(bytes: usize, mut recv: impl AsyncRead + Unpin) -> Result<(), Problem> {
    let came = read_to_end(&mut recv).await?;
    if came == bytes { Ok(()) } else { Err(format!("{came} bytes instead of {bytes}").into()) }
}

async fn write_much(send: &mut (impl AsyncWrite + Unpin), mut bytes: usize) -> Result<(), Problem> {
    let piece = vec![7; bytes.min(PIECE)];
    while bytes > 0 {
        let part = &piece[..bytes.min(PIECE)];
        send.write_all(part).await?;
        bytes -= part.len();
    }
    Ok(())
}

/// Counts. What fits a small reply does not pay for clearing a large buffer.
async fn read_to_end(recv: &mut (impl AsyncRead + Unpin)) -> Result<usize, Problem> {
    let mut small = [0; SMALL];
    let mut large = Vec::new();
    let mut came = 0;
    loop {
        if came > SMALL {
            large.resize(PIECE, 0);
        }
        let buffer = if large.is_empty() { small.as_mut_slice() } else { large.as_mut_slice() };
        match recv.read(buffer).await? {
            0 => return Ok(came),
            more => came += more,
        }
    }
}

/// What a node sets, as far as its configuration tells.
pub(crate) fn transport_config() -> Result<quinn::TransportConfig, Problem> {
    let node = WebTransportConfig::default();
    let mut config = quinn::TransportConfig::default();
    config
        .max_idle_timeout(Some(node.idle_timeout.try_into()?))
        .keep_alive_interval(Some(node.idle_timeout / 4))
        .receive_window(node.connection_window_bytes.into())
        .stream_receive_window(node.stream_window_bytes.into())
        .send_window(node.connection_window_bytes.into())
        .max_concurrent_bidi_streams(node.max_streams.into())
        .initial_rtt(node.initial_round_trip)
        .datagram_send_buffer_size(node.datagram_send_buffer_bytes)
        .datagram_receive_buffer_size(Some(node.datagram_receive_buffer_bytes));
    Ok(config)
}

/// A socket with buffers as large as a node's.
pub(crate) fn socket() -> Result<std::net::UdpSocket, Problem> {
    let size = WebTransportConfig::default().socket_buffer_bytes;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_recv_buffer_size(size)?;
    socket.set_send_buffer_size(size)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket.into())
}

/// TLS for a responder with a certificate of its own, and for a requester that takes any.
pub(crate) fn tls() -> Result<(rustls::ServerConfig, rustls::ClientConfig), Problem> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = &[&rustls::version::TLS13];
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())?;
    let mut client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    server.alpn_protocols = vec![b"h3".to_vec()];
    client.alpn_protocols = vec![b"h3".to_vec()];
    Ok((server, client))
}

/// Takes any certificate: the handshake is not what is measured.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
