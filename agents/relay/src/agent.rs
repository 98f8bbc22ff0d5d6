//! Serves `LINE.stage-N` by asking for `LINE.stage-(N+1)`, and says how many requests it is at work on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Capability, Context, Replies,
};

use crate::RelayParams;

/// What every relay offers beside its place in the line: how many requests it is at work on, as a text. It measures that
/// number too, as `relay.at_work`.
pub const AT_WORK: &str = "relay.at-work";

/// The measure of that name.
const AT_WORK_MEASURE: &str = "relay.at_work";

/// Longest request in bytes: a number of steps.
const LONGEST_REQUEST: usize = 16;

/// One place in a line.
///
/// A request says how many steps the work takes; an empty one means that it goes on until somebody stops it. Notes of
/// progress and the answer come back through the line. The answer is one chunk for each place that it came through,
/// the number of the place, the last first.
///
/// ```
/// use agent_relay::{RelayAgent, RelayParams};
/// use swarm_core::Agent;
///
/// let second = RelayAgent::new(RelayParams::default(), 1)?;
/// assert_eq!(second.capabilities()[0].capability.name(), "relay.stage-2");
/// # Ok::<(), agent_relay::NoSuchStage>(())
/// ```
#[derive(Debug)]
pub struct RelayAgent {
    stage: usize,
    own: Capability,
    /// Whom to ask; whoever is last works.
    next: Option<Capability>,
    step: Duration,
    at_work: Arc<AtomicUsize>,
}

/// A line has no such place, or there can be no line of that name.
///
/// ```
/// use agent_relay::{RelayAgent, RelayParams};
///
/// let error = RelayAgent::new(RelayParams::default(), 5).unwrap_err();
/// assert_eq!(error.to_string(), "relay has no stage 6 of 5");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line} has no stage {stage} of {stages}")]
pub struct NoSuchStage {
    line: String,
    stage: usize,
    stages: u8,
}

impl RelayAgent {
    /// The relay so many places behind the first one of the params.
    ///
    /// # Errors
    /// [`NoSuchStage`] when the line is shorter, or its name is not one that a capability can begin with.
    pub fn new(params: RelayParams, index: usize) -> Result<Self, NoSuchStage> {
        let RelayParams { line, stages, first, circle, step } = params;
        let (stage, last) = (index.saturating_add(first.get().into()), usize::from(stages));
        let none = || NoSuchStage { line: line.clone(), stage, stages };
        let named = |stage: usize| format!("{line}.stage-{stage}").parse::<Capability>().map_err(|_| none());
        let next = match stage {
            stage if stage > last => return Err(none()),
            stage if stage < last => Some(named(stage + 1)?),
            _ if circle => Some(named(1)?),
            _ => None,
        };
        Ok(Self { stage, own: named(stage)?, next, step, at_work: Arc::default() })
    }

    /// Asks the next in line and passes on what it replies. Nothing here ends the nested request: dropping this future
    /// does.
    async fn pass_on(
        &self,
        cx: &Context,
        next: &Capability,
        steps: Option<u32>,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let peer = cx.peers().into_iter().find(|peer| peer.offer(next).is_some());
        let peer = peer.ok_or_else(|| AgentError::failed(format!("nobody here offers {next}")))?;
        let payload = steps.map(|steps| steps.to_string()).unwrap_or_default();
        let mut passed = cx.request_assistance(peer.id, next.clone(), payload).await?;
        while let Some(reply) = passed.next().await {
            replies.forward(reply?).await?;
        }
        Ok(())
    }

    /// Lets the steps pass, and says so after each.
    async fn work(&self, steps: Option<u32>, replies: &mut Replies) -> Result<(), AgentError> {
        let mut done = 0_u32;
        while steps.is_none_or(|steps| done < steps) {
            tokio::time::sleep(self.step).await;
            done = done.saturating_add(1);
            replies.progress(format!("{done} steps done"), None)?;
        }
        Ok(())
    }
}

impl Agent for RelayAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        let at_work: Option<Advertisement> = AT_WORK.parse().ok();
        [Advertisement::from(self.own.clone())].into_iter().chain(at_work).collect()
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        if *request.capability() != self.own {
            let at_work = self.at_work.load(Ordering::Relaxed);
            cx.measure(AT_WORK_MEASURE, f64::from(u32::try_from(at_work).unwrap_or(u32::MAX)));
            return Ok(replies.send("count", at_work.to_string()).await?);
        }
        let steps = steps(&mut request).await?;
        let _at_work = AtWork::new(&self.at_work);
        match &self.next {
            Some(next) => self.pass_on(cx, next, steps, replies).await?,
            None => self.work(steps, replies).await?,
        }
        Ok(replies.send("stage", self.stage.to_string()).await?)
    }
}

/// How many steps are wanted; none is named by those who will stop the work themselves.
async fn steps(request: &mut AssistanceRequest) -> Result<Option<u32>, AgentError> {
    let no_number = || AgentError::declined("a request is a number of steps, or empty");
    let body = match request.payload(LONGEST_REQUEST).await {
        Err(BodyError::TooLarge { .. }) => return Err(no_number()),
        body => body?,
    };
    match std::str::from_utf8(&body).map(str::trim) {
        Ok("") => Ok(None),
        Ok(number) => number.parse().map(Some).map_err(|_| no_number()),
        Err(_) => Err(no_number()),
    }
}

/// Counts a request for as long as it is worked on, however that ends.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(params: RelayParams, index: usize) -> Option<String> {
        RelayAgent::new(params, index).unwrap().next.map(|next| next.to_string())
    }

    #[test]
    fn each_asks_the_next_and_the_last_works_unless_the_line_is_a_circle() {
        let line = || RelayParams { stages: 2, ..RelayParams::default() };
        assert_eq!(next_of(line(), 0).as_deref(), Some("relay.stage-2"));
        assert_eq!(next_of(line(), 1), None);
        let circle = RelayParams { circle: true, first: 2.try_into().unwrap(), ..line() };
        assert_eq!(next_of(circle, 0).as_deref(), Some("relay.stage-1"));
    }

    #[test]
    fn a_line_that_cannot_be_called_so_is_refused() {
        let params = RelayParams { line: "Two Words".to_owned(), ..RelayParams::default() };
        assert!(RelayAgent::new(params, 0).is_err());
    }
}
