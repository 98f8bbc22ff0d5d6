//! Reads a group of rogues: which attack, and how much of it.

use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use swarm_adversary::{Attack, Plan};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    Rogues,
    problem::Findings,
    reader::{report_unknown_name, shortened},
    understanding::report_params,
};
use crate::quantity;

/// How much rogues do at each target. What is left out suits the attack.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RogueParams {
    /// How many times each begins anew, at most 100,000. As often as there is time for unless given.
    #[schemars(range(min = 1, max = 100_000))]
    attempts: Option<u64>,
    /// How many attempts of each are under way at once, at most 256.
    #[schemars(range(min = 1, max = 256))]
    at_once: Option<usize>,
    /// How many acts a second of each, at most 200,000: datagrams or streams of an attack that goes on and on, attempts of
    /// any other.
    #[schemars(range(min = 1, max = 200_000))]
    rate: Option<u32>,
    /// Bytes of each act that has a size, at most 64,000.
    #[schemars(range(max = 64_000))]
    size: Option<usize>,
    /// The longest that one attempt goes on, at most a minute.
    #[serde(default, deserialize_with = "patience")]
    #[schemars(with = "Option<String>")]
    patience: Option<Duration>,
}

fn patience<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    quantity::deserialize_duration(deserializer).map(Some)
}

impl RogueParams {
    fn plan(self, attack: Attack) -> Plan {
        let usual = Plan::of(attack);
        Plan {
            attempts: self.attempts.unwrap_or(MOST_ATTEMPTS),
            at_once: self.at_once.unwrap_or(usual.at_once),
            rate: self.rate.unwrap_or(usual.rate),
            size: self.size.unwrap_or(usual.size),
            patience: self.patience.unwrap_or(usual.patience),
            within: usual.within,
        }
    }
}

/// The run ends before that.
const MOST_ATTEMPTS: u64 = 100_000;

/// The attack of that name with these params.
pub(super) fn read(
    name: &Spanned<String>,
    params: Option<&Spanned<DeValue<'_>>>,
    group_at: Range<usize>,
    findings: &mut Findings,
) -> Option<Rogues> {
    let Ok(attack) = name.get_ref().parse::<Attack>() else {
        let known: Vec<_> = Attack::ALL.iter().map(|attack| attack.name()).collect();
        report_unknown_name("attack", name, &known, findings);
        return None;
    };
    let none = Spanned::new(group_at, DeValue::Table(DeTable::new()));
    let params = params.unwrap_or(&none);
    let at = params.span();
    match RogueParams::deserialize(ValueDeserializer::from(params.clone())) {
        Ok(params) => within_bounds(attack, params.plan(attack), at, findings),
        Err(error) => {
            report_params(name.get_ref(), &error, at, findings);
            None
        }
    }
}

fn within_bounds(attack: Attack, plan: Plan, at: Range<usize>, findings: &mut Findings) -> Option<Rogues> {
    let most = plan.bounded();
    if plan == most {
        return Some(Rogues { attack, plan });
    }
    let Plan { attempts, at_once, rate, size, patience, .. } = Plan::MOST;
    let message = format!("params of `{}` are out of bounds", shortened(attack.name()));
    let patience = quantity::show_duration(patience);
    let label = format!(
        "expected at least 1, and at most: attempts {attempts}, at_once {at_once}, rate {rate}, size {size}, patience {patience}"
    );
    findings.report(at, message, label);
    None
}
