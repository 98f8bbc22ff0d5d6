//! The behaviour of a greeter.

use swarm_core::{Advertisement, Agent, AgentError, AssistanceRequest, Context, Replies};
use tokio::time::MissedTickBehavior;

use crate::Params;

/// What a greeter does for others: the payload is a name, the answer a greeting, one chunk per word.
pub const GREET: &str = "hello.greet";

/// What its greetings to everybody are about.
pub const TOPIC: &str = "greeting";

/// Longest name that is greeted, in bytes. Longer ones are declined.
const LONGEST_NAME_BYTES: usize = 256;

/// An agent that greets everybody now and then, and by name whoever asks.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use agent_greeter::{Greeter, Params};
/// use swarm_core::AgentNode;
///
/// let node = AgentNode::dev(Greeter::new(Params::default())).bind("127.0.0.1:0".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Greeter {
    params: Params,
}

impl Greeter {
    /// A greeter with these params.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self { params }
    }

    /// The words of the greeting to somebody, each with the space that belongs before it.
    fn words(&self, name: &str) -> Vec<String> {
        let words = self.params.greeting.split_whitespace().chain(name.split_whitespace());
        words
            .enumerate()
            .map(|(place, word)| if place == 0 { word.to_owned() } else { format!(" {word}") })
            .collect()
    }
}

impl Agent for Greeter {
    fn capabilities(&self) -> Vec<Advertisement> {
        GREET.parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        cx.spawn(greet_everybody(cx.clone(), self.params.clone()));
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let name = request.payload(LONGEST_NAME_BYTES).await?;
        let Ok(name) = std::str::from_utf8(&name) else {
            return Err(AgentError::declined("a name is UTF-8"));
        };
        for word in self.words(name) {
            replies.send("word", word).await?;
        }
        Ok(())
    }
}

async fn greet_everybody(cx: Context, params: Params) {
    let mut pause = tokio::time::interval(params.every);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while cx.run_until_cancelled(pause.tick()).await.is_some() {
        // A greeting too long for a datagram reaches nobody; greeting by name still works.
        let _ = cx.broadcast_observation(TOPIC, params.greeting.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swarm_core::{AgentNode, AssistError, IdleAgent};

    use super::*;

    /// A greeter and somebody connected to it.
    async fn pair() -> (AgentNode, AgentNode) {
        let params = Params { greeting: "Good  morning".to_owned(), ..Params::default() };
        let here = "127.0.0.1:0".parse().unwrap();
        let greeter = AgentNode::dev(Greeter::new(params)).bind(here).await.unwrap();
        let guest = AgentNode::dev(IdleAgent).bind(here).await.unwrap();
        guest.connect(&greeter.url()).await.unwrap();
        (greeter, guest)
    }

    #[tokio::test]
    async fn whoever_asks_is_greeted_by_name_word_by_word() {
        let (greeter, guest) = pair().await;

        let mut replies = guest.request_assistance(greeter.id(), GREET, "Ada Lovelace").await.unwrap();
        let mut words = Vec::new();
        while let Some(chunk) = replies.next_chunk().await.unwrap() {
            words.push(String::from_utf8(chunk.payload.to_vec()).unwrap());
        }

        assert_eq!(words, ["Good", " morning", " Ada", " Lovelace"]);
        greeter.shutdown(Duration::from_secs(1)).await.unwrap();
    }

    #[tokio::test]
    async fn a_name_that_is_no_text_is_declined() {
        let (greeter, guest) = pair().await;

        let mut replies = guest.request_assistance(greeter.id(), GREET, vec![0xff]).await.unwrap();
        let ending = replies.next_chunk().await;

        assert_eq!(ending, Err(AssistError::Declined { reason: "a name is UTF-8".to_owned() }));
    }
}
