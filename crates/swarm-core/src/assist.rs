//! Decides about requests: what each may cost, what a frame means at the point where it comes, what is kept of a reply,
//! whom to ask. State machines that take input and the time and return output; whatever waits is in `node`.

pub(crate) mod asking;
pub(crate) mod budget;
pub(crate) mod courtesy;
pub(crate) mod latency;
pub(crate) mod load;
pub(crate) mod patience;
pub(crate) mod reply_log;
pub(crate) mod retry;
pub(crate) mod routing;
pub(crate) mod serving;

use swarm_proto::{Artefact, Chunk, Progress, ResetCode};

/// One thing that came in reply to a request.
///
/// ```
/// use swarm_core::Reply;
///
/// fn text(reply: &Reply) -> String {
///     match reply {
///         Reply::Chunk(chunk) => format!("{} bytes of {}", chunk.payload.len(), chunk.label),
///         Reply::Artefact(artefact) => format!("{} at {} %", artefact.name, artefact.quality),
///         Reply::Progress(note) => note.text.clone(),
///         _ => String::new(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// A piece of the answer.
    Chunk(Chunk),
    /// A revision of a result that gets better; revisions in between may have been left out.
    Artefact(Artefact),
    /// A note that work goes on. Nothing is lost by not reading it.
    Progress(Progress),
}

impl Reply {
    /// The content: a chunk as it is, an artefact as a chunk with its name for a label; `None` for a note.
    pub fn into_chunk(self) -> Option<Chunk> {
        match self {
            Self::Chunk(chunk) => Some(chunk),
            Self::Artefact(artefact) => Some(Chunk::new(artefact.name, artefact.payload)),
            Self::Progress(_) => None,
        }
    }
}

/// What was heard next on a stream, whatever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard<F> {
    Frame(F),
    /// The other side ended its direction.
    Ended,
    /// The other side gave up.
    Reset(ResetCode),
    /// The connection is gone.
    Lost,
    /// What came cannot be read.
    Nonsense(String),
}
