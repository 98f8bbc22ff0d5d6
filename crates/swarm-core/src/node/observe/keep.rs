//! Keeps on disk how far origins have come, so that a restart lets nobody repeat what they have signed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use swarm_proto::AgentId;

use crate::error::StateError;
use crate::node::shared::NodeShared;
use crate::observe::intake::Mark;
use crate::observe::marks;

/// How often it is written when it has changed. What came in the last moment before a crash was made before the next
/// start, and does not count then.
const EVERY: Duration = Duration::from_secs(1);

/// The file of one node's marks.
#[derive(Debug, Clone)]
pub(in crate::node) struct MarksFile {
    path: PathBuf,
}

impl MarksFile {
    /// That of this agent. Several may share a directory, which is made if it is not there.
    pub(in crate::node) fn open(directory: &Path, agent: AgentId) -> Result<(Self, Vec<Mark>), StateError> {
        let file = Self { path: directory.join(format!("{agent}.marks")) };
        let kept =
            fs::create_dir_all(directory).and_then(|()| file.read()).map_err(|error| file.error(error))?;
        let marks = kept.unwrap_or_else(|| {
            tracing::warn!(path = %file.path.display(), "the file of marks is damaged and counts as empty");
            Vec::new()
        });
        // Whoever cannot write should learn it now.
        file.write(&marks)?;
        Ok((file, marks))
    }

    /// `None` if it is damaged. One that is not there is empty.
    fn read(&self) -> io::Result<Option<Vec<Mark>>> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(marks::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
            Err(error) => return Err(error),
        };
        Ok(marks::decode(&bytes))
    }

    /// Readers, after a crash as well, see the whole of what was there before or of what is now.
    fn write(&self, marks: &[Mark]) -> Result<(), StateError> {
        let beside = self.path.with_extension("marks.new");
        let written = File::create(&beside).and_then(|mut file| {
            file.write_all(&marks::encode(marks))?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        });
        written.map_err(|error| self.error(error))
    }

    fn error(&self, source: io::Error) -> StateError {
        StateError { path: self.path.clone(), source: Arc::new(source) }
    }
}

/// Writes what has changed until the node ends, and once more then.
pub(in crate::node) async fn keep_marks(shared: Arc<NodeShared>, file: MarksFile) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut unwritten = None;
    loop {
        let ended = tokio::select! {
            biased;
            () = shared.killed.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let marks = shared.intake().marks();
        unwritten = marks.map(Arc::new).or(unwritten);
        if let Some(marks) = &unwritten {
            let (file, marks) = (file.clone(), Arc::clone(marks));
            match shared.blocking(move || file.write(&marks)).await {
                Some(Ok(())) => unwritten = None,
                Some(Err(error)) => tracing::error!(agent = %shared.id, %error, "what was heard is not kept"),
                // The runtime is about to end.
                None => return,
            }
        }
        if ended {
            return;
        }
    }
}
