//! Every variant from run to run: its speed and its quality, and which step between two runs is more
//! than noise.

use crate::report::{
    ComparedSource, ComparedVariant, ComparisonRules, RowFigures, RunComparison, compare,
};
use paring_core::schema::{ConfidenceInterval, Metric, SpeedVerdict};
use paring_core::stats;
use std::fmt;

/// Several runs, the oldest first.
pub struct RunTrends {
    /// Every run against the first, and the histories.
    pub comparison: RunComparison,
    /// One a variant, target and setting, in the order of first appearance.
    pub trends: Vec<VariantTrend>,
}

/// A variant on a target through the runs.
#[derive(Clone, Debug, PartialEq)]
pub struct VariantTrend {
    /// Name and setting.
    pub label: String,
    /// The target.
    pub target: String,
    /// The baseline, whose latency is followed, not its speed-up.
    pub baseline: bool,
    /// One a run that has it, in order.
    pub points: Vec<TrendPoint>,
}

/// A variant in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// Position of the run.
    pub source: usize,
    /// Its figures.
    pub figures: RowFigures,
    /// The step from the run before; `None` where that does not have it.
    pub step: Option<TrendStep>,
}

/// Change from one run to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendStep {
    /// Ratio of speeds, above 1 is faster.
    pub ratio: Option<ConfidenceInterval>,
    /// The verdict; `None` where the runs are not comparable.
    pub verdict: Option<SpeedVerdict>,
    /// The reasons for which they are not.
    pub reasons: Vec<String>,
    /// Verdict on the primary metric.
    pub quality: QualityVerdict,
}

/// Verdict on the primary metric between two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityVerdict {
    /// The same file under the same options answers the same samples.
    Unchanged,
    /// Better by more than both intervals allow.
    Better,
    /// Worse by more than both intervals allow.
    Worse,
    /// Neither.
    CannotTell,
    /// Another metric, other data, or no interval.
    NotComparable,
}

impl fmt::Display for QualityVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            QualityVerdict::Unchanged => "unchanged",
            QualityVerdict::Better => "better",
            QualityVerdict::Worse => "worse",
            QualityVerdict::CannotTell => "cannot tell",
            QualityVerdict::NotComparable => "not comparable",
        })
    }
}

impl RunTrends {
    /// Follows every variant of sources through all of them; the first is the oldest.
    pub fn new(sources: Vec<ComparedSource>, rules: &ComparisonRules) -> RunTrends {
        let mut trends: Vec<VariantTrend> = Vec::new();
        for (position, source) in sources.iter().enumerate() {
            let before = position.checked_sub(1).and_then(|before| sources.get(before));
            let steps =
                before.map(|before| compare(vec![before.clone(), source.clone()], rules).rows);
            let steps = steps.unwrap_or_default();
            for figures in &source.rows {
                let step = steps.iter().find(|row| row.after.as_ref() == Some(figures));
                let point = TrendPoint {
                    source: position,
                    figures: figures.clone(),
                    step: step.and_then(TrendStep::of),
                };
                add(&mut trends, point);
            }
        }
        RunTrends { comparison: compare(sources, rules), trends }
    }
}

fn add(trends: &mut Vec<VariantTrend>, point: TrendPoint) {
    let (label, target) = (point.figures.label(), point.figures.target.clone());
    match trends.iter_mut().find(|trend| trend.label == label && trend.target == target) {
        // A table may name a variant twice; the first row stands for it.
        Some(trend) if trend.points.iter().all(|known| known.source != point.source) => {
            trend.points.push(point);
        }
        Some(_) => {}
        None => {
            let baseline = point.figures.baseline;
            trends.push(VariantTrend { label, target, baseline, points: vec![point] });
        }
    }
}

impl TrendStep {
    fn of(row: &ComparedVariant) -> Option<TrendStep> {
        let (before, after) = row.before.as_ref().zip(row.after.as_ref())?;
        Some(TrendStep {
            ratio: row.change,
            verdict: row.verdict,
            reasons: row.not_comparable.clone(),
            quality: quality(before, after),
        })
    }
}

/// The intervals of two runs as if their samples were independent: where both saw the same samples, a
/// change is called one more rarely than it could be.
fn quality(before: &RowFigures, after: &RowFigures) -> QualityVerdict {
    let (Some((name, _)), Some((other, _))) = (&before.metric, &after.metric) else {
        return QualityVerdict::NotComparable;
    };
    if name != other || before.data_sha256 != after.data_sha256 {
        return QualityVerdict::NotComparable;
    }
    if before.variant_id.is_some() && before.variant_id == after.variant_id {
        return QualityVerdict::Unchanged;
    }
    let intervals = before.metric_interval.zip(after.metric_interval);
    let (Some((before, after)), Ok(metric)) = (intervals, name.parse::<Metric>()) else {
        return QualityVerdict::NotComparable;
    };
    let change = stats::zou_donner_difference(before, after);
    match (change.excludes_zero(), (change.value > 0.0) == metric.higher_is_better()) {
        (false, _) => QualityVerdict::CannotTell,
        (true, true) => QualityVerdict::Better,
        (true, false) => QualityVerdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, value: f64) -> RowFigures {
        let interval = ConfidenceInterval { value, low: value - 0.01, high: value + 0.01 };
        RowFigures {
            variant_id: Some(id.into()),
            metric: Some(("accuracy".into(), value)),
            metric_interval: Some(interval),
            ..RowFigures::default()
        }
    }

    #[test]
    fn quality_changes_only_beyond_both_intervals() {
        assert_eq!(quality(&row("a", 0.9), &row("a", 0.5)), QualityVerdict::Unchanged);
        assert_eq!(quality(&row("a", 0.9), &row("b", 0.91)), QualityVerdict::CannotTell);
        assert_eq!(quality(&row("a", 0.9), &row("b", 0.93)), QualityVerdict::Better);
        assert_eq!(quality(&row("a", 0.9), &row("b", 0.8)), QualityVerdict::Worse);
        let loss = |row: RowFigures| RowFigures { metric: Some(("mse".into(), 0.0)), ..row };
        assert_eq!(quality(&loss(row("a", 0.9)), &loss(row("b", 0.8))), QualityVerdict::Better);
        let other = RowFigures { data_sha256: "d".into(), ..row("b", 0.9) };
        assert_eq!(quality(&row("a", 0.9), &other), QualityVerdict::NotComparable);
    }
}
