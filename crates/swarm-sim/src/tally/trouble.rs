//! What went wrong at agents of a group that no figure tells enough about. It counts from the start of the run on:
//! a defect is one during the warm-up too.

use std::collections::BTreeMap;

use swarm_core::TopicName;

/// What went wrong at the agents of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// Panics of its agents, by method.
    panics: BTreeMap<&'static str, u64>,
    /// Observations that were too large to be sent: how many, and the first of them.
    refused: Option<(u64, Refusal)>,
}

#[derive(Debug, Clone)]
struct Refusal {
    topic: TopicName,
    size: usize,
    max: usize,
}

impl Trouble {
    pub(super) fn panicked(&mut self, method: &'static str) {
        *self.panics.entry(method).or_default() += 1;
    }

    pub(super) fn observation_refused(&mut self, topic: TopicName, size: usize, max: usize) {
        self.refused.get_or_insert((0, Refusal { topic, size, max })).0 += 1;
    }

    /// What is worth knowing of the group of that name at the end of the run, one line each.
    pub(crate) fn remarks(&self, group: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.panics.is_empty() {
            let panics: Vec<_> = self.panics.iter().map(|(method, n)| format!("{n} in {method}")).collect();
            remarks.push(format!("agents of {group} panicked: {}", panics.join(", ")));
        }
        if let Some((count, Refusal { topic, size, max })) = &self.refused {
            let were = if *count == 1 { "observation was" } else { "observations were" };
            remarks.push(format!(
                "{group}: {count} {were} too large to be sent to anybody, the first about {topic} with \
                 {size} bytes of at most {max}"
            ));
        }
        remarks
    }
}
