//! What a node wants to hear of.

use swarm_proto::{MAX_SUBSCRIPTIONS, TopicName, TopicPattern};

/// A set of patterns. Whatever one of them means is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    /// Spares looking at the others.
    everything: bool,
    patterns: Vec<TopicPattern>,
}

impl Subscriptions {
    /// Those of somebody who wants to hear of whatever is like one of these.
    pub(crate) fn new(mut patterns: Vec<TopicPattern>) -> Self {
        patterns.sort();
        patterns.dedup();
        Self { everything: patterns.iter().any(TopicPattern::is_everything), patterns }
    }

    pub(crate) fn wants(&self, topic: &TopicName) -> bool {
        self.everything || self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    /// Sorted, each once.
    pub(crate) fn patterns(&self) -> &[TopicPattern] {
        &self.patterns
    }

    /// False, and nothing changed, if there are as many as there may be.
    pub(crate) fn add(&mut self, pattern: TopicPattern) -> bool {
        match self.patterns.binary_search(&pattern) {
            Ok(_) => true,
            Err(_) if self.patterns.len() >= MAX_SUBSCRIPTIONS => false,
            Err(place) => {
                self.everything |= pattern.is_everything();
                self.patterns.insert(place, pattern);
                true
            }
        }
    }

    /// False if it was not there.
    pub(crate) fn remove(&mut self, pattern: &TopicPattern) -> bool {
        let Ok(place) = self.patterns.binary_search(pattern) else { return false };
        self.patterns.remove(place);
        self.everything = self.patterns.iter().any(TopicPattern::is_everything);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().unwrap()
    }

    fn wants(subscriptions: &Subscriptions, topic: &str) -> bool {
        subscriptions.wants(&topic.parse().unwrap())
    }

    #[test]
    fn what_one_pattern_means_is_wanted() {
        let mut subscriptions = Subscriptions::new(vec![pattern("rover.*.position")]);
        assert!(wants(&subscriptions, "rover.7.position"));
        assert!(!wants(&subscriptions, "map.tile"));

        assert!(subscriptions.add(pattern("map.**")));
        assert!(wants(&subscriptions, "map.tile"));

        assert!(subscriptions.remove(&pattern("map.**")));
        assert!(!subscriptions.remove(&pattern("map.**")));
        assert!(!wants(&subscriptions, "map.tile"));
    }

    #[test]
    fn everything_ends_when_its_pattern_is_taken_away() {
        let mut subscriptions = Subscriptions::new(vec![pattern("**"), pattern("a")]);
        assert!(wants(&subscriptions, "b"));

        assert!(subscriptions.remove(&pattern("**")));

        assert!(!wants(&subscriptions, "b"));
        assert!(wants(&subscriptions, "a"));
    }

    #[test]
    fn there_are_64_at_most_and_the_same_one_counts_once() {
        let mut subscriptions = Subscriptions::new(Vec::new());
        for number in 0..64 {
            assert!(subscriptions.add(pattern(&format!("t{number}"))));
        }

        assert!(!subscriptions.add(pattern("t64")));
        assert!(subscriptions.add(pattern("t7")));
        assert_eq!(subscriptions.patterns().len(), 64);
    }
}
