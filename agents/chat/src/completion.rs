//! The chat protocol of OpenAI, as far as it is spoken here: JSON out and in. No IO.
//!
//! What comes in is read leniently, because endpoints that call themselves compatible differ: fields that are not
//! needed are not looked at, and those that are may be missing.

use serde::{Deserialize, Serialize};

use crate::messages::{ChatRequest, Message, Usage};

/// The data of the event that ends a stream.
pub(crate) const END: &str = "[DONE]";

/// The body of the HTTP request.
#[derive(Debug, Serialize)]
pub(crate) struct Ask<'a> {
    pub(crate) model: &'a str,
    messages: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(request: &'a ChatRequest, default_model: &'a str, usage: bool) -> Self {
        Self {
            model: request.model.as_deref().unwrap_or(default_model),
            messages: &request.messages,
            temperature: request.temperature,
            max_tokens: request.max_tokens,
            stream: true,
            stream_options: usage.then_some(StreamOptions { include_usage: true }),
        }
    }
}

/// The data of one event of the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// One, as one answer is asked for; none in the event that tells the usage.
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    pub(crate) usage: Option<Usage>,
    /// What went wrong after the answer had begun.
    #[serde(default)]
    pub(crate) error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl Part {
    /// The text that is new, possibly none, and why the answer ends if it does.
    pub(crate) fn into_news(self) -> (String, Option<String>) {
        match self.choices.into_iter().next() {
            Some(choice) => (choice.delta.content.unwrap_or_default(), choice.finish_reason),
            None => (String::new(), None),
        }
    }
}

/// What an endpoint says is wrong: some say it in an object, some in a string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Complaint {
    Object { message: String },
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Complaint {
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Object { message } | Self::Text(message) => message,
            Self::Other(_) => String::new(),
        }
    }
}

/// The body of an HTTP response that is an error.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    error: Complaint,
}

impl Refusal {
    /// The endpoint's own words in a body, or nothing if it is not of this form.
    pub(crate) fn message_in(body: &[u8]) -> String {
        serde_json::from_slice::<Self>(body).map(|refusal| refusal.error.into_message()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Role;

    #[test]
    fn only_what_was_asked_for_is_sent() {
        let request = ChatRequest::new([Message::new(Role::User, "Hi")]);
        let json = serde_json::to_value(Ask::new(&request, "m", false)).unwrap();
        let expected = serde_json::json!({
            "model": "m", "messages": [{ "role": "user", "content": "Hi" }], "stream": true
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn parts_of_different_endpoints_are_read() {
        let parts = [
            (r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#, "", None),
            (r#"{"id":"1","choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}"#, "Hi", None),
            (r#"{"choices":[{"delta":{"content":null},"finish_reason":"eos"}]}"#, "", Some("eos")),
            (
                r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
                "",
                None,
            ),
        ];
        for (json, text, reason) in parts {
            let news = serde_json::from_str::<Part>(json).unwrap().into_news();
            assert_eq!(news, (text.to_owned(), reason.map(str::to_owned)), "{json}");
        }
    }

    #[test]
    fn complaints_of_different_endpoints_are_read() {
        let bodies = [
            (r#"{"error":{"message":"no"}}"#, "no"),
            (r#"{"error":"no"}"#, "no"),
            (r#"{"error":7}"#, ""),
            ("<p>", ""),
        ];
        for (body, message) in bodies {
            assert_eq!(Refusal::message_in(body.as_bytes()), message, "{body}");
        }
    }
}
