//! Metrics of a card: quality by slice and class, and what targets measured, each with its interval.

use super::CardRecords;
use crate::report::ResultRow;
use paring_core::schema::{ConfidenceInterval, Evaluation};

/// Microjoules of a kilowatt-hour.
pub(super) const UJ_PER_KWH: f64 = 3.6e12;

/// A metric of a variant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CardMetric {
    /// Its name, with the unit.
    pub(super) name: String,
    /// Value and interval.
    pub(super) interval: ConfidenceInterval,
    /// The slice, class or target that it is about; all samples without it.
    pub(super) slice: Option<String>,
}

impl CardMetric {
    fn new(name: impl Into<String>, interval: ConfidenceInterval, slice: Option<&str>) -> Self {
        CardMetric { name: name.into(), interval, slice: slice.map(str::to_string) }
    }
}

impl CardRecords<'_> {
    /// All metrics: quality first, then target by target.
    pub(super) fn metrics(&self) -> Vec<CardMetric> {
        let mut all = self.evaluation.map(quality_metrics).unwrap_or_default();
        all.extend(self.rows.iter().flat_map(hardware_metrics));
        all
    }
}

/// Metrics on the report split, of all samples, slices and classes.
fn quality_metrics(found: &Evaluation) -> Vec<CardMetric> {
    let mut all = Vec::new();
    for (metric, score) in &found.metrics {
        all.push(CardMetric::new(metric.to_string(), score.value, None));
        let change = score.change.map(|change| {
            CardMetric::new(format!("{metric}, change against the baseline"), change, None)
        });
        all.extend(change);
    }
    for slice in &found.slices {
        let name = format!("{} = {}", slice.column, slice.value);
        let each = slice.metrics.iter();
        all.extend(
            each.map(|(metric, score)| {
                CardMetric::new(metric.to_string(), score.value, Some(&name))
            }),
        );
    }
    for class in &found.classes {
        let name = format!("class {}", class.class);
        all.extend(class.recall.map(|score| CardMetric::new("recall", score.value, Some(&name))));
    }
    all
}

/// Latency, memory and energy on a target.
fn hardware_metrics(row: &ResultRow) -> Vec<CardMetric> {
    let emulated = if row.environment.emulated { " (emulated)" } else { "" };
    let setting = row.measurement.setting.label();
    let setting = if setting.is_empty() { setting } else { format!(", {setting}") };
    let place = format!("target {}{emulated}{setting}", row.target);
    let metric = |name: &str, interval| CardMetric::new(name, interval, Some(&place));
    let mut all = Vec::new();
    if let Ok(latency) = &row.measurement.latency {
        all.push(metric("latency, median, ns", latency.p50_ns));
        all.extend(latency.peak_rss.map(|peak| metric("peak resident memory, bytes", peak)));
    }
    if let Ok(speed) = &row.measurement.speed {
        all.push(metric("speed-up over the baseline", speed.speedup));
    }
    if let Ok(energy) = &row.measurement.energy {
        all.push(metric("energy per inference above idle, µJ", energy.per_inference_uj));
    }
    all
}
