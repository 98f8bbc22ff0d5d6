//! When what of a scenario is under way, as far as the file alone says it.

use std::time::Duration;

use super::{Action, Event, Fault, Scenario, Start};

impl Scenario {
    /// From when to when what has that label is under way, counted from the end of the warm-up: from the first of several to
    /// the end of the last, and never longer than the run. `None` if nothing has that label.
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_sim::{Registry, Scenario};
    ///
    /// let text = r#"
    /// schema = 1
    /// scenario = { name = "x", duration = "60s" }
    /// groups.sitter = { agent = "idle", count = 3 }
    /// timeline.events = [
    ///   { at = "10s", do = "partition", target = "sitter", pick = 1, label = "split" },
    ///   { at = "25s", do = "heal", label = "split" },
    /// ]
    /// "#;
    /// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
    /// assert_eq!(scenario.span_of("split"), Some((Duration::from_secs(10), Duration::from_secs(25))));
    /// ```
    #[must_use]
    pub fn span_of(&self, label: &str) -> Option<(Duration, Duration)> {
        let labelled = || self.timeline.iter().filter(|event| event.label.as_deref() == Some(label));
        let begin = labelled().map(|event| event.at).min()?;
        let end = labelled().map(|event| self.end_of(event)).max()?;
        Some((begin, end))
    }

    /// When an event is over: its own time if it is over at once, and the end of the run if nothing ends it.
    #[must_use]
    pub fn end_of(&self, event: &Event) -> Duration {
        let end = match (&event.action, event.lasts) {
            (_, Some(lasts)) => event.at.saturating_add(lasts),
            (Action::Fault(Fault::Crash { restart_after, .. }), None) => {
                event.at.saturating_add(restart_after.unwrap_or_default())
            }
            (Action::Fault(_), None) => self.duration,
            (Action::Ask(_) | Action::Stop { .. } | Action::Start { .. } | Action::Heal { .. }, None) => {
                event.at
            }
        };
        let heals = |healing: &&Event| match &healing.action {
            Action::Heal { label } => healing.at >= event.at && (label.is_none() || *label == event.label),
            _ => false,
        };
        let is_fault = matches!(event.action, Action::Fault(_));
        let healed =
            self.timeline.iter().find(|healing| is_fault && heals(healing)).map(|healing| healing.at);
        end.min(healed.unwrap_or(end)).min(self.duration)
    }

    /// The longest time in which nothing but asking happens and all have started who do so by themselves; the first of
    /// several that are equally long. `None` if there is no such time.
    #[must_use]
    pub fn steady(&self) -> Option<(Duration, Duration)> {
        let disturbs = |event: &&Event| !matches!(event.action, Action::Ask(_) | Action::Heal { .. });
        // Events come in the order of time, so the quiet before each begins where the last of those before it ended.
        let mut quiet_since = self.all_started();
        let mut longest: Option<(Duration, Duration)> = None;
        let disturbances = self.timeline.iter().filter(disturbs).map(|event| (event.at, self.end_of(event)));
        for (begin, end) in disturbances.chain([(self.duration, self.duration)]) {
            let length = |(from, until): (Duration, Duration)| until.saturating_sub(from);
            if length((quiet_since, begin)) > longest.map_or(Duration::ZERO, length) {
                longest = Some((quiet_since, begin));
            }
            quiet_since = quiet_since.max(end);
        }
        longest
    }

    /// When the last of those has started who do so by themselves; where chance has a say, about when.
    #[expect(clippy::cast_precision_loss, reason = "a number of agents is exact below 2^53")]
    fn all_started(&self) -> Duration {
        let started = |start: Start, count: usize| match start {
            Start::AtOnce | Start::Never => Duration::ZERO,
            Start::At(last) | Start::Spread(last) => last,
            Start::Rate(rate) | Start::Poisson(rate) => {
                Duration::try_from_secs_f64(count as f64 / rate).unwrap_or(Duration::MAX)
            }
        };
        let last = self.groups.iter().map(|group| started(group.start, group.count)).max();
        last.unwrap_or_default().saturating_sub(self.warmup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn scenario(events: &str) -> Scenario {
        let text = format!(
            "schema = 1\nscenario = {{ name = 'x', warmup = '1s', duration = '60s' }}\n\
             groups.a = {{ agent = 'idle', count = 4, start = 'spread(6s)' }}\ntimeline.events = [{events}]"
        );
        Scenario::parse("x.toml", &text, &Registry::new()).unwrap()
    }

    fn seconds(span: Option<(Duration, Duration)>) -> Option<(u64, u64)> {
        span.map(|(from, until)| (from.as_secs(), until.as_secs()))
    }

    #[test]
    fn what_has_a_label_is_under_way_until_it_ends_or_is_healed() {
        let scenario = scenario(
            "{ at = '10s', do = 'pause', target = 'a', for = '5s', label = 'short' },
             { at = '10s', do = 'pause', target = 'a', for = '500s', label = 'long' },
             { at = '20s', do = 'pause', target = 'a', label = 'open' },
             { at = '30s', do = 'pause', target = 'a', label = 'healed' },
             { at = '40s', do = 'heal', label = 'healed' },
             { at = ['5s', '50s'], do = 'crash', target = 'a', pick = 1, restart_after = '2s', label = 'twice' },
             { at = '3s', do = 'stop', target = 'a', pick = 1, label = 'moment' }",
        );
        let span = |label| seconds(scenario.span_of(label));
        assert_eq!(span("short"), Some((10, 15)));
        assert_eq!(span("long"), Some((10, 60)));
        assert_eq!(span("open"), Some((20, 60)));
        assert_eq!(span("healed"), Some((30, 40)));
        assert_eq!(span("twice"), Some((5, 52)));
        assert_eq!(span("moment"), Some((3, 3)));
        assert_eq!(span("nothing"), None);
    }

    #[test]
    fn a_heal_without_a_label_ends_everything_before_it() {
        let scenario = scenario(
            "{ at = '10s', do = 'pause', target = 'a', label = 'before' },
             { at = '20s', do = 'heal' },
             { at = '30s', do = 'pause', target = 'a', label = 'behind' }",
        );
        assert_eq!(seconds(scenario.span_of("before")), Some((10, 20)));
        assert_eq!(seconds(scenario.span_of("behind")), Some((30, 60)));
    }

    #[test]
    fn the_steady_time_is_the_longest_without_a_disturbance() {
        assert_eq!(seconds(scenario("").steady()), Some((5, 60)), "from when all have started");
        let disturbed = scenario(
            "{ at = '15s', do = 'pause', target = 'a', for = '10s' },
             { at = '20s', do = 'crash', target = 'a', pick = 1, restart_after = '30s' }",
        );
        assert_eq!(seconds(disturbed.steady()), Some((5, 15)), "the first of two that are ten seconds long");
        let never = scenario("{ at = '0s', do = 'slow', target = 'a', delay = '1ms' }");
        assert_eq!(never.steady(), None);
    }
}
