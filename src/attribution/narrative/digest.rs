//! The digest of an explanation: the recipe in numbers, the groups behind each change, and the score of
//! the forecasts.

use super::metric_wording::is_significant;
use paring_core::schema::{
    ChangeCauses, ConfidenceInterval, Effect, Explanation, ExplanationDigest, ForecastOutcome,
    ForecastTally, MetricTotal,
};
use paring_core::stats::PREDICTIVE_LEVEL;
use std::collections::BTreeSet;

/// Metrics of machines that groups are held responsible for. Of the two kinds of memory the allocator's
/// is spoken of; the resident set holds the program too.
const MACHINE_METRICS: [&str; 3] = ["latency", "peak_heap_bytes", "energy_per_inference"];

pub(super) fn digest(found: &Explanation) -> ExplanationDigest {
    let mut steps: Vec<String> = Vec::new();
    for group in &found.groups {
        if !steps.contains(&group.step) {
            steps.push(group.step.clone());
        }
    }
    let quantizing = found.groups.iter().filter(|g| g.operation.starts_with("quantize"));
    let quantized: BTreeSet<&String> = quantizing.flat_map(|g| &g.layers).collect();
    ExplanationDigest {
        steps,
        components_removed: found.groups.iter().map(|g| g.components.len()).sum(),
        layers_quantized: quantized.len(),
        causes: causes(found),
        forecasts: tally(&found.forecasts),
    }
}

/// The figure by which a group answers for a metric: its Shapley value of the primary metric, its
/// leave-one-out effect on a machine's.
pub(super) fn effect_value(found: &Explanation, effect: &Effect) -> Option<ConfidenceInterval> {
    match effect.metric == found.main.metric {
        true => effect.shapley,
        false => effect.leave_one_out,
    }
}

/// Causes of the change of the primary metric, then of those of machines.
fn causes(found: &Explanation) -> Vec<ChangeCauses> {
    let mut changes: Vec<(&str, Option<&String>)> = vec![(&found.main.metric, None)];
    for effect in found.effects.iter().filter(|e| e.of.is_none() && e.leave_one_out.is_some()) {
        let change = (effect.metric.as_str(), effect.target.as_ref());
        if MACHINE_METRICS.contains(&effect.metric.as_str()) && !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes.into_iter().map(|(metric, target)| causes_of(found, metric, target)).collect()
}

fn causes_of(found: &Explanation, metric: &str, target: Option<&String>) -> ChangeCauses {
    let own = found.effects.iter().enumerate().filter_map(|(position, effect)| {
        let same = effect.metric == metric && effect.target.as_ref() == target;
        let value = effect_value(found, effect).filter(|_| same && effect.of.is_none())?;
        let main = metric == found.main.metric;
        let clear = if main { is_significant(effect, Some(value)) } else { value.excludes_zero() };
        Some((position, effect, value, clear))
    });
    let (mut clear, unclear): (Vec<_>, Vec<_>) = own.partition(|(_, _, _, clear)| *clear);
    clear.sort_by(|a, b| b.2.size().total_cmp(&a.2.size()));
    let same =
        |t: &MetricTotal| t.metric == metric && t.of.is_none() && t.target.as_ref() == target;
    ChangeCauses {
        metric: metric.into(),
        target: target.cloned(),
        total: found.totals.iter().position(same),
        significant: clear.into_iter().map(|(position, ..)| position).collect(),
        not_significant: unclear.into_iter().map(|(_, effect, ..)| effect.group.clone()).collect(),
    }
}

fn tally(forecasts: &[ForecastOutcome]) -> ForecastTally {
    // Of intervals of different widths, how many half widths the outcome lies outside.
    let distance = |outcome: &ForecastOutcome| {
        let (low, high) = (outcome.expected.low, outcome.expected.high);
        let outside = (low - outcome.observed.value).max(outcome.observed.value - high);
        outside / (high - low).max(f64::MIN_POSITIVE)
    };
    let missed = forecasts.iter().enumerate().filter(|(_, outcome)| !outcome.covered);
    let largest = missed.max_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
    ForecastTally {
        count: forecasts.len(),
        held: forecasts.iter().filter(|outcome| outcome.covered).count(),
        level_pct: 100.0 * PREDICTIVE_LEVEL,
        largest_miss: largest.map(|(position, _)| position),
    }
}
