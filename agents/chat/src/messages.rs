//! What crosses between this agent and others: names, labels and the MessagePack values behind them. No behaviour
//! beyond checking them.
//!
//! ```text
//! chat.complete   body: a ChatRequest     reply: token "Hel", token "lo", …, done {finish_reason, model, usage}
//! ```

use serde::{Deserialize, Serialize};

/// The capability: how does this conversation go on?
pub const COMPLETE: &str = "chat.complete";

/// The label of a piece of the answer, in UTF-8. The answer is all of them joined.
pub const TOKEN: &str = "token";

/// The label of the last chunk of a complete answer; it carries a [`Done`].
pub const DONE: &str = "done";

/// A conversation that is to go on. A map with the fields' names on the wire; readers ignore keys they do not know.
///
/// ```
/// use agent_chat::messages::{ChatRequest, Message, Role};
/// use swarm_core::Chunk;
///
/// let request = ChatRequest::new([
///     Message::new(Role::System, "Answer in one word."),
///     Message::new(Role::User, "What is the capital of France?"),
/// ]);
/// let chunk = Chunk::encode("", &request)?;
/// assert_eq!(chunk.decode::<ChatRequest>()?, request);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// What was said so far, the oldest first. At least one.
    pub messages: Vec<Message>,
    /// Which model of the endpoint is to answer; the agent's own choice if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How much is left to chance, from 0 to 2; the endpoint's default if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The longest answer, in tokens of the model, at least 1; the endpoint's default if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

impl ChatRequest {
    /// A request about these messages, with all else left to the responder.
    #[must_use]
    pub fn new(messages: impl Into<Vec<Message>>) -> Self {
        Self { messages: messages.into(), model: None, temperature: None, max_tokens: None }
    }

    /// Whether it can be put to an endpoint.
    ///
    /// # Errors
    /// [`ChatRequestError`] says what is wrong with it first.
    pub fn check(&self) -> Result<(), ChatRequestError> {
        if self.messages.is_empty() {
            return Err(ChatRequestError::NoMessages);
        }
        if self.model.as_deref().is_some_and(|model| model.trim().is_empty()) {
            return Err(ChatRequestError::NamelessModel);
        }
        if let Some(temperature) = self.temperature.filter(|degrees| !(0.0..=2.0).contains(degrees)) {
            return Err(ChatRequestError::Temperature { temperature });
        }
        if self.max_tokens == Some(0) {
            return Err(ChatRequestError::NoTokens);
        }
        Ok(())
    }
}

/// Why a request cannot be put to an endpoint. The agent declines with these words.
///
/// ```
/// use agent_chat::messages::{ChatRequest, ChatRequestError};
///
/// assert_eq!(ChatRequest::new([]).check(), Err(ChatRequestError::NoMessages));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChatRequestError {
    /// The conversation is empty: say something.
    #[error("there are no messages: send at least one")]
    NoMessages,
    /// The model's name is blank: name one, or leave the field out.
    #[error("the model has no name: name one, or leave the choice to the agent")]
    NamelessModel,
    /// The temperature is none that models know.
    #[error("a temperature of {temperature} is not from 0 to 2")]
    Temperature {
        /// What was asked for.
        temperature: f32,
    },
    /// An answer of no tokens was asked for.
    #[error("max_tokens is 0: ask for at least one, or leave it out")]
    NoTokens,
}

/// One turn of a conversation. A map with the fields' names on the wire, as it goes to the endpoint.
///
/// ```
/// use agent_chat::messages::{Message, Role};
///
/// assert_eq!(Message::new(Role::User, "Hello").content, "Hello");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose turn it was.
    pub role: Role,
    /// What was said.
    pub content: String,
}

impl Message {
    /// What somebody said.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// Who speaks in a conversation. A string in lower case on the wire.
///
/// ```
/// use agent_chat::messages::Role;
/// use swarm_core::Chunk;
///
/// assert_eq!(Chunk::encode("", &Role::Assistant)?.decode::<String>()?, "assistant");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever sets the rules of the conversation.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// How an answer ended. A map with the fields' names on the wire; readers ignore keys they do not know.
///
/// ```
/// use agent_chat::messages::{DONE, Done};
/// use swarm_core::Chunk;
///
/// let done = Done { finish_reason: Some("stop".to_owned()), model: "llama3.2".to_owned(), usage: None };
/// assert_eq!(Chunk::encode(DONE, &done)?.decode::<Done>()?, done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Why the model ended, in the endpoint's words: `stop` when it had said all, `length` when it ran out of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Which model answered, in the endpoint's words; the one that was asked for if it does not say.
    pub model: String,
    /// What it cost; `None` if the endpoint does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What an answer cost, in tokens of the model.
///
/// ```
/// let usage = agent_chat::messages::Usage { prompt_tokens: 12, completion_tokens: 3 };
/// assert_eq!(usage.prompt_tokens + usage.completion_tokens, 15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The conversation so far.
    pub prompt_tokens: u64,
    /// The answer, with what the model thought on the way if it does.
    pub completion_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> ChatRequest {
        ChatRequest::new([Message::new(Role::User, "Hello")])
    }

    #[test]
    fn whatever_no_endpoint_takes_is_refused_with_the_reason() {
        let wrong = [
            (ChatRequest::new([]), "no messages"),
            (ChatRequest { model: Some(" ".to_owned()), ..asked() }, "no name"),
            (ChatRequest { temperature: Some(-0.1), ..asked() }, "-0.1 is not from 0 to 2"),
            (ChatRequest { temperature: Some(f32::NAN), ..asked() }, "NaN is not from 0 to 2"),
            (ChatRequest { max_tokens: Some(0), ..asked() }, "max_tokens is 0"),
        ];
        for (request, reason) in wrong {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn the_extremes_are_taken() {
        for temperature in [0.0, 2.0] {
            let request = ChatRequest { temperature: Some(temperature), max_tokens: Some(1), ..asked() };
            assert_eq!(request.check(), Ok(()));
        }
    }
}
