//! Which endpoint an agent serves, and how patiently: the one place that reads the environment.

use std::ffi::OsString;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

const BASE_URL: &str = "OPENAI_BASE_URL";
const API_KEY: &str = "OPENAI_API_KEY";
const MODEL: &str = "SWARM_CHAT_MODEL";

/// Which endpoint a [`ChatAgent`](crate::ChatAgent) serves. The key is nowhere in [`Debug`].
///
/// ```
/// use std::time::Duration;
/// use agent_chat::ChatParams;
///
/// let params = ChatParams::new("http://127.0.0.1:11434/v1", "llama3.2")?
///     .api_key("sk-secret")?
///     .connect_timeout(Duration::from_secs(1));
/// assert!(!format!("{params:?}").contains("sk-secret"));
/// # Ok::<(), agent_chat::ChatParamsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChatParams {
    pub(crate) base_url: Url,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) model: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) silence_timeout: Duration,
    pub(crate) asks_for_usage: bool,
}

impl ChatParams {
    /// Params for an endpoint without a key and the model that answers when a request names none.
    ///
    /// `base_url` is what comes before `/chat/completions`, most often something that ends in `/v1`.
    ///
    /// # Errors
    /// [`ChatParamsError`] if the URL cannot be used or the model has no name.
    pub fn new(base_url: &str, model: impl Into<String>) -> Result<Self, ChatParamsError> {
        let (base_url, model) = (endpoint(base_url)?, model.into());
        if model.trim().is_empty() {
            return Err(ChatParamsError::Unset { variable: MODEL, example: "llama3.2" });
        }
        Ok(Self {
            base_url,
            api_key: None,
            model,
            connect_timeout: Duration::from_secs(5),
            silence_timeout: Duration::from_secs(60),
            asks_for_usage: true,
        })
    }

    /// Params from the environment of the process:
    ///
    /// | variable | is |
    /// |---|---|
    /// | `OPENAI_BASE_URL` | as in [`new`](Self::new) |
    /// | `OPENAI_API_KEY` | as in [`api_key`](Self::api_key); may be left out |
    /// | `SWARM_CHAT_MODEL` | as in [`new`](Self::new) |
    ///
    /// An empty variable counts as unset.
    ///
    /// # Errors
    /// [`ChatParamsError`] names the variable, and what to set it to.
    pub fn from_env() -> Result<Self, ChatParamsError> {
        Self::from_vars(std::env::var_os)
    }

    /// As [`from_env`](Self::from_env), with the variables from elsewhere.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    ///
    /// ```
    /// use agent_chat::{ChatParams, ChatParamsError};
    ///
    /// let error = ChatParams::from_vars(|_| None).unwrap_err();
    /// assert!(matches!(error, ChatParamsError::Unset { variable: "OPENAI_BASE_URL", .. }));
    /// ```
    pub fn from_vars(lookup: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, ChatParamsError> {
        let read = |variable| match lookup(variable).filter(|value| !value.is_empty()) {
            Some(value) => value.into_string().map(Some).map_err(|_| ChatParamsError::NotText { variable }),
            None => Ok(None),
        };
        let needed = |variable, example| read(variable)?.ok_or(ChatParamsError::Unset { variable, example });
        let params = Self::new(&needed(BASE_URL, "http://127.0.0.1:11434/v1")?, needed(MODEL, "llama3.2")?)?;
        match read(API_KEY)? {
            Some(key) => params.api_key(key),
            None => Ok(params),
        }
    }

    /// Shows this key to the endpoint, as a bearer token.
    ///
    /// # Errors
    /// [`ChatParamsError::Key`] if it has characters other than visible ASCII, such as the end of its line.
    pub fn api_key(mut self, key: impl Into<String>) -> Result<Self, ChatParamsError> {
        let key = SecretString::from(key.into());
        let text = key.expose_secret();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ChatParamsError::Key);
        }
        self.api_key = Some(key);
        Ok(self)
    }

    /// How long a connection to the endpoint may take, TLS included. Default 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the endpoint may say nothing, before its answer and within. Default 60 s: a model may think before its
    /// first token. The deadline of the request ends it sooner.
    #[must_use]
    pub fn silence_timeout(mut self, timeout: Duration) -> Self {
        self.silence_timeout = timeout;
        self
    }

    /// Does not ask the endpoint to count tokens: for endpoints that refuse `stream_options`, which they do not know.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.asks_for_usage = false;
        self
    }
}

/// The whole address of completions, from what the user calls the base.
fn endpoint(base: &str) -> Result<Url, ChatParamsError> {
    let wrong = |reason| ChatParamsError::BaseUrl { reason };
    let mut url = Url::parse(base.trim()).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("{} is not http or https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // A URL is shown in logs, a key must not be.
        return Err(wrong(format!("it holds credentials, which belong into {API_KEY}")));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it goes on after its path".to_owned()));
    }
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Why an endpoint cannot be served. It says which variable of the environment to change, and never what the key is.
///
/// ```
/// let error = agent_chat::ChatParams::new("ftp://models.example", "llama3.2").unwrap_err();
/// assert!(error.to_string().starts_with("OPENAI_BASE_URL"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChatParamsError {
    /// A variable that there is no default for is not set.
    #[error("{variable} is not set: set it to something like {example}")]
    Unset {
        /// The variable.
        variable: &'static str,
        /// What it may look like.
        example: &'static str,
    },
    /// A variable is not UTF-8.
    #[error("{variable} is not text in UTF-8: set it anew")]
    NotText {
        /// The variable.
        variable: &'static str,
    },
    /// The endpoint's address cannot be used.
    #[error(
        "OPENAI_BASE_URL is no address of an endpoint ({reason}): set it to something like https://api.openai.com/v1"
    )]
    BaseUrl {
        /// Why not.
        reason: String,
    },
    /// The key cannot be sent.
    #[error("OPENAI_API_KEY has characters that no key has, such as spaces: set it to the key alone")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [(&str, &str); 3] =
        [(BASE_URL, "https://models.example/v1/"), (API_KEY, "sk-1"), (MODEL, "m")];

    fn params(vars: &[(&'static str, &str)]) -> Result<ChatParams, ChatParamsError> {
        ChatParams::from_vars(|wanted| {
            vars.iter().find(|(variable, _)| *variable == wanted).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_environment_says_endpoint_key_and_model() {
        let params = params(&FULL).unwrap();
        assert_eq!(params.base_url.as_str(), "https://models.example/v1/chat/completions");
        assert_eq!(params.api_key.unwrap().expose_secret(), "sk-1");
        assert_eq!(params.model, "m");
    }

    #[test]
    fn a_variable_that_is_missing_or_empty_is_named() {
        for needed in [BASE_URL, MODEL] {
            let without: Vec<_> = FULL.into_iter().filter(|(variable, _)| *variable != needed).collect();
            let empty: Vec<_> = without.iter().copied().chain([(needed, "")]).collect();
            for vars in [without, empty] {
                let error = params(&vars).unwrap_err();
                assert!(error.to_string().starts_with(&format!("{needed} is not set")), "{error}");
            }
        }
    }

    #[test]
    fn an_endpoint_of_ones_own_needs_no_key() {
        for vars in [vec![FULL[0], FULL[2]], vec![FULL[0], (API_KEY, ""), FULL[2]]] {
            assert!(params(&vars).unwrap().api_key.is_none());
        }
    }

    #[test]
    fn addresses_that_are_no_base_are_refused() {
        for base in ["", "models.example", "ftp://h/v1", "https://me:pw@h/v1", "https://h/v1?key=sk-1", "h:1"]
        {
            let error = ChatParams::new(base, "m").unwrap_err();
            assert!(matches!(error, ChatParamsError::BaseUrl { .. }), "{base}: {error}");
            assert!(!error.to_string().contains("sk-1") && !error.to_string().contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_key_is_in_no_words_of_ours() {
        for key in ["sk-secret\n", "sk secret", "sk-sécret"] {
            let error = ChatParams::new("http://h/v1", "m").unwrap().api_key(key).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
        }
        let params = ChatParams::new("http://h/v1", "m").unwrap().api_key("sk-secret").unwrap();
        assert!(!format!("{params:?} {params:#?}").contains("sk-secret"));
    }
}
