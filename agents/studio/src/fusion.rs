//! Serves `studio.show`: asks a stage for all parts of a scene at once and shows what has come in time.

use std::time::Duration;

use swarm_core::proto::to_vec;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, BodyError, Capability, Context, FanIn,
    FanInItem, Lane, OutgoingRequest, Replies, Reply, TopicPattern,
};
use tokio::time::Instant;

use crate::FusionParams;
use crate::assembly::Assembly;
use crate::messages::{self, FRAME, LAYER, PICTURE, SHOW, SOUND, Take, WORD, WORDS};
use crate::pyramid::LAYERS;

/// What it measures of each scene: how good it was, in percent.
pub const QUALITY: &str = "studio.quality";

/// What it measures of each scene: how many layers of the picture it showed.
pub const LAYERS_SHOWN: &str = "studio.layers";

/// What it measures of each scene: how many pieces of sound came late or not at all.
pub const AUDIO_LATE: &str = "studio.audio_late";

/// What it measures of each scene: how many words were missing.
pub const WORDS_MISSING: &str = "studio.words_missing";

/// Bytes of the number of a scene.
const LONGEST_NUMBER: usize = 20;

/// Bytes of one chunk of a reply.
const CHUNK_BYTES: usize = 64 << 10;

/// Shows scenes as well as can be in a given time, and says how good that is.
///
/// The sound goes before everything ([`Lane::Control`]), words and the coarsest layer of the picture before the finer ones
/// ([`Lane::Bulk`]), which come as far as the time allows. What has not come when it is over is given up.
///
/// ```
/// use agent_studio::{FusionAgent, FusionParams};
/// use swarm_core::Agent;
///
/// let fusion = FusionAgent::new(FusionParams::default());
/// assert_eq!(fusion.capabilities()[0].capability.name(), "studio.show");
/// ```
#[derive(Debug)]
pub struct FusionAgent {
    params: FusionParams,
}

impl FusionAgent {
    /// A fusion with these params.
    #[must_use]
    pub fn new(params: FusionParams) -> Self {
        Self { params }
    }

    /// Asks for all parts of a scene. Nothing moves before the replies are polled.
    async fn ask(&self, cx: &Context, stage: AgentId, scene: u64) -> Result<FanIn, AgentError> {
        let finest = LAYERS.saturating_sub(1);
        let parts = [
            (SOUND, Lane::Control, (0, 0)),
            (WORDS, Lane::Interactive, (0, 0)),
            (PICTURE, Lane::Interactive, (0, 0)),
            (PICTURE, Lane::Bulk, (1, finest)),
        ];
        let mut replies = FanIn::new();
        for (capability, lane, (first, last)) in parts {
            let lane = if self.params.lanes { lane } else { Lane::Interactive };
            let request = OutgoingRequest::new(capability.parse()?).lane(lane);
            let body = to_vec(&Take { scene, first, last })?;
            replies.push(cx.request(stage, request.payload(body)).await?);
        }
        Ok(replies)
    }

    /// Takes in what comes, until everything is there or the time is over.
    async fn assemble(&self, mut parts: FanIn) -> Assembly {
        let (began, mut assembly) = (Instant::now(), Assembly::new(self.params.buffer));
        let over = tokio::time::sleep_until(began + self.params.patience);
        tokio::pin!(over);
        while !assembly.is_whole() {
            let event = tokio::select! {
                biased;
                () = &mut over => break,
                event = parts.next_event() => event,
            };
            match event.map(|event| event.what) {
                Some(FanInItem::Reply(reply)) => take_in(&mut assembly, reply, began.elapsed()),
                // A part that ends early is missing, and the others may still come.
                Some(FanInItem::Ended(_)) => {}
                None => break,
            }
        }
        assembly
    }
}

fn take_in(assembly: &mut Assembly, reply: Reply, now: Duration) {
    let Some(chunk) = reply.into_chunk() else { return };
    match chunk.label.as_str() {
        FRAME => assembly.frame(chunk.payload, now),
        WORD => assembly.word(&String::from_utf8_lossy(&chunk.payload)),
        LAYER => assembly.layer(&chunk.payload),
        _ => {}
    }
}

impl Agent for FusionAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        SHOW.parse().into_iter().collect()
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        Vec::new()
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let scene = scene(&mut request).await?;
        let stage = stage(cx, scene).ok_or_else(|| AgentError::declined("there is no stage: connect one"))?;
        let assembly = self.assemble(self.ask(cx, stage, scene).await?).await;
        let quality = assembly.quality();
        cx.measure(QUALITY, f64::from(quality.percent));
        cx.measure(LAYERS_SHOWN, f64::from(quality.layers));
        cx.measure(AUDIO_LATE, f64::from(quality.late));
        cx.measure(WORDS_MISSING, f64::from(quality.words_missing));
        replies.send("sound", assembly.sound()).await?;
        replies.send("words", assembly.words()).await?;
        for piece in assembly.picture().chunks(CHUNK_BYTES) {
            replies.send("picture", piece.to_vec()).await?;
        }
        Ok(replies.send_value(messages::QUALITY, &quality).await?)
    }
}

/// One of the peers that have scenes, the same one for the same scene as long as they are the same.
fn stage(cx: &Context, scene: u64) -> Option<AgentId> {
    let sound: Capability = SOUND.parse().ok()?;
    let mut stages: Vec<_> = cx.peers().into_iter().filter(|peer| peer.offer(&sound).is_some()).collect();
    stages.sort_by_key(|stage| stage.id);
    let turn = scene.checked_rem(u64::try_from(stages.len()).ok()?)?;
    stages.get(usize::try_from(turn).ok()?).map(|stage| stage.id)
}

/// Which scene is asked for; what is no number is declined, as it is no failure of ours.
async fn scene(request: &mut AssistanceRequest) -> Result<u64, AgentError> {
    let no_number = || AgentError::declined("a scene is asked for by its number");
    let body = match request.payload(LONGEST_NUMBER).await {
        Err(BodyError::TooLarge { .. }) => return Err(no_number()),
        body => body?,
    };
    std::str::from_utf8(&body).ok().and_then(|text| text.trim().parse().ok()).ok_or_else(no_number)
}
