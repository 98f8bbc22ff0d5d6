//! One HTTP request per answer. Reads from the endpoint only when it is asked for more, and holds back nothing that
//! came: backpressure and cancellation are those of the caller.

use std::fmt::{self, Display, Formatter};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::ExposeSecret;

use crate::ChatParams;
use crate::completion::{Ask, END, Part, Refusal};
use crate::events::{EventError, Events};
use crate::messages::{ChatRequest, Done, Usage};

/// How much of an error's body is read. The words of an endpoint come first in it.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// How much of an endpoint's words is passed on.
const MAX_WORDS_CHARS: usize = 300;

/// An endpoint with the connections to it that are kept for the next request.
#[derive(Debug)]
pub(crate) struct Endpoint {
    client: Client,
    params: ChatParams,
}

impl Endpoint {
    pub(crate) fn new(params: ChatParams) -> Result<Self, ClientError> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(params.base_url.scheme() == "https")?)
            .connect_timeout(params.connect_timeout)
            // What is sent is meant for this endpoint alone.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { client, params })
    }

    /// Puts a conversation to the model; gives the answer as soon as it begins. Dropping the future or the answer closes
    /// the HTTP request.
    pub(crate) async fn ask(&self, request: &ChatRequest) -> Result<Answer<'_>, EndpointError> {
        let params = &self.params;
        let ask = Ask::new(request, &params.model, params.asks_for_usage);
        let body = serde_json::to_vec(&ask).map_err(EndpointError::Unspeakable)?;
        let mut post = self.client.post(params.base_url.clone()).body(body);
        post = post.header(CONTENT_TYPE, "application/json").header(ACCEPT, EVENT_STREAM);
        if let Some(key) = &params.api_key {
            post = post.bearer_auth(key.expose_secret());
        }
        let sent = self.heard(post.send()).await?;
        let response = sent.map_err(|error| EndpointError::Unreachable(error.without_url()))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let content_type = response.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        if let Some(other) = content_type.filter(|given| !given.starts_with(EVENT_STREAM.as_bytes())) {
            return Err(EndpointError::NoStream {
                content_type: String::from_utf8_lossy(other).into_owned(),
            });
        }
        let model = ask.model.to_owned();
        Ok(Answer {
            endpoint: self,
            response,
            events: Events::new(),
            model,
            finish_reason: None,
            usage: None,
        })
    }

    /// Waits for the endpoint as long as it may be silent.
    ///
    /// The client has a timeout for reads as well, but that one also runs while a slow requester keeps us from reading.
    async fn heard<T>(&self, word: impl Future<Output = T>) -> Result<T, EndpointError> {
        let within = self.params.silence_timeout;
        tokio::time::timeout(within, word).await.map_err(|_| EndpointError::Silent { within })
    }

    async fn refusal(&self, mut response: Response) -> EndpointError {
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            // Endpoints like to repeat the key here, whole or in part.
            return EndpointError::KeyRefused { status };
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        let reading = async {
            while body.len() < MAX_REFUSAL_BYTES
                && let Ok(Some(bytes)) = response.chunk().await
            {
                body.extend_from_slice(&bytes);
            }
        };
        // Without its words the status has to do.
        let _ = self.heard(reading).await;
        let words = self.words(&Refusal::message_in(&body));
        match status {
            StatusCode::TOO_MANY_REQUESTS => EndpointError::TooManyRequests { retry_after, words },
            status => EndpointError::Refused { status, words },
        }
    }

    /// What the endpoint says, without the key and within bounds.
    fn words(&self, message: &str) -> Words {
        let message = match &self.params.api_key {
            Some(key) => message.replace(key.expose_secret(), "[key]"),
            None => message.to_owned(),
        };
        Words(message.chars().take(MAX_WORDS_CHARS).collect())
    }
}

const EVENT_STREAM: &str = "text/event-stream";

/// Ring and the trust of the operating system. Endpoints without TLS run on systems without certificates too.
fn tls(needed: bool) -> Result<ClientConfig, ClientError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?;
    let config = if needed {
        config.with_platform_verifier().map_err(ClientError::Tls)?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

/// An answer that is being generated. Dropping it closes the HTTP request.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    endpoint: &'a Endpoint,
    response: Response,
    events: Events,
    model: String,
    finish_reason: Option<String>,
    usage: Option<Usage>,
}

impl Answer<'_> {
    /// What the model says next, never empty; `None` when it has said all. Cancel safe.
    pub(crate) async fn next_text(&mut self) -> Result<Option<String>, EndpointError> {
        loop {
            while let Some(data) = self.events.next_data()? {
                if data == END {
                    return Ok(None);
                }
                let text = self.take(&data)?;
                if !text.is_empty() {
                    return Ok(Some(text));
                }
            }
            let came = self.endpoint.heard(self.response.chunk()).await?;
            match came.map_err(|error| EndpointError::BrokenOff(error.without_url()))? {
                Some(bytes) => self.events.push(&bytes),
                // Some endpoints leave the last event out.
                None if self.finish_reason.is_some() => return Ok(None),
                None => return Err(EndpointError::Unfinished),
            }
        }
    }

    /// How it ended.
    pub(crate) fn into_done(self) -> Done {
        Done { finish_reason: self.finish_reason, model: self.model, usage: self.usage }
    }

    fn take(&mut self, data: &str) -> Result<String, EndpointError> {
        let part: Part = serde_json::from_str(data).map_err(EndpointError::NotTheProtocol)?;
        if let Some(complaint) = part.error {
            let words = self.endpoint.words(&complaint.into_message());
            return Err(EndpointError::GaveUp { words });
        }
        self.usage = part.usage.or(self.usage);
        if let Some(model) = part.model.as_ref().filter(|model| !model.is_empty()) {
            self.model.clone_from(model);
        }
        let (text, finish_reason) = part.into_news();
        self.finish_reason = finish_reason.or(self.finish_reason.take());
        Ok(text)
    }
}

/// What an endpoint said about an error, to go after one's own words; possibly nothing.
#[derive(Debug)]
pub(crate) struct Words(String);

impl Display for Words {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

/// Why there is no answer, or not all of it. Requesters read it, so it tells neither key nor address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("the request cannot be put into JSON")]
    Unspeakable(#[source] serde_json::Error),
    #[error("the endpoint cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the endpoint said nothing for {within:?}")]
    Silent { within: Duration },
    #[error(
        "the endpoint refuses the key of this agent ({status}): its operator should check OPENAI_API_KEY"
    )]
    KeyRefused { status: StatusCode },
    #[error("the endpoint has too many requests (429): try again {}{words}", later(*retry_after))]
    TooManyRequests { retry_after: Option<u64>, words: Words },
    #[error("the endpoint refuses the request ({status}){words}")]
    Refused { status: StatusCode, words: Words },
    #[error("the endpoint does not stream: it answered with {content_type}")]
    NoStream { content_type: String },
    #[error("the answer broke off")]
    BrokenOff(#[source] reqwest::Error),
    #[error("the answer ended before it was finished")]
    Unfinished,
    #[error("the endpoint gave up{words}")]
    GaveUp { words: Words },
    #[error("the answer cannot be read")]
    Unreadable(#[from] EventError),
    #[error("the answer is not in the chat protocol")]
    NotTheProtocol(#[source] serde_json::Error),
}

fn later(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} s"))
}

/// Why no HTTP client could be made for an endpoint.
///
/// ```
/// use agent_chat::{ChatAgent, ChatParams, ClientError};
///
/// # fn run(params: ChatParams) {
/// match ChatAgent::new(params) {
///     Err(ClientError::Tls(reason)) => println!("no CA certificates? {reason}"),
///     Err(error) => println!("{error}"),
///     Ok(_) => {}
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The endpoint is an https one, and there is nothing to check its certificate with.
    #[error("TLS cannot be set up: install the CA certificates of the operating system")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Http(#[source] reqwest::Error),
}
