//! Judgements of rows that several sections share: the change of the primary metric, and the variant
//! that is recommended.

use super::run_report::RunReport;
use crate::govern::{self, GateRow};
use crate::report::ResultRow;
use paring_core::schema::{ConfidenceInterval, GateVerdict, SpeedVerdict};

/// The row with the highest speed-up among those that are faster beyond noise and keep every requirement;
/// where none is about quality, its primary metric must not be significantly worse. `None` where there is
/// no such row.
pub fn recommended<'a>(run: &RunReport<'a>) -> Option<&'a ResultRow> {
    let requirements = &run.facts.requirements;
    let gate_rows: Vec<GateRow> = run.rows.iter().map(ResultRow::gate_row).collect();
    let cells = govern::judge(requirements, &gate_rows);
    let says_what_may_be_lost = requirements.iter().any(|own| own.metric.metric().is_some());
    let sound = run.rows.iter().zip(&gate_rows).filter(|(row, gate_row)| {
        let speed = row.measurement.speed.as_ref();
        let faster = speed.is_ok_and(|s| s.verdict == SpeedVerdict::Faster);
        let quality = says_what_may_be_lost || change(row).is_some_and(|c| !is_worse(row, c));
        let verdict = govern::row_verdict(&cells, gate_row);
        let kept = requirements.is_empty() || verdict == Some(GateVerdict::Pass);
        row.variant.parent.is_some() && faster && quality && kept
    });
    let speedup = |row: &ResultRow| row.measurement.speed.as_ref().map_or(0.0, |s| s.speedup.value);
    sound.map(|(row, _)| row).max_by(|a, b| speedup(a).total_cmp(&speedup(b)))
}

/// Change of the primary metric against the baseline.
pub fn change(row: &ResultRow) -> Option<ConfidenceInterval> {
    let evaluation = row.evaluation.as_ref()?;
    evaluation.metrics.get(&evaluation.primary)?.change
}

/// True if a change of the primary metric is one for the worse beyond its interval.
pub fn is_worse(row: &ResultRow, change: ConfidenceInterval) -> bool {
    let higher = row.evaluation.as_ref().is_none_or(|e| e.primary.higher_is_better());
    change.excludes_zero() && (change.value < 0.0) == higher
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RunFacts;
    use crate::report::example_rows::example_row;
    use paring_core::schema::{Metric, RequiredBound, RequiredFigure, Requirement};

    /// The recommended variant under requirements; changes have intervals of a point to either side.
    fn under(requirements: &[(RequiredFigure, f64)]) -> Option<String> {
        let rows = [
            example_row("baseline", "host", None, 0.0),
            example_row("half", "host", Some(1.5), -0.2),
            example_row("third", "host", Some(1.3), -0.03),
            example_row("quarter", "host", Some(1.2), 0.001),
        ];
        let run = RunReport::of_rows(&rows);
        let most = |(figure, most): &(RequiredFigure, f64)| {
            Requirement::new(*figure, RequiredBound::AtMost(*most))
        };
        let requirements = requirements.iter().map(most).collect();
        let facts = RunFacts { requirements, ..run.facts.clone() };
        let run = RunReport { facts: &facts, ..run };
        recommended(&run).map(|row| row.variant.name.clone())
    }

    #[test]
    fn the_fastest_that_keeps_every_requirement_is_recommended() {
        let drop = RequiredFigure::QualityLoss(Metric::Accuracy);
        assert_eq!(under(&[]).as_deref(), Some("quarter"), "nothing may be lost beyond noise");
        assert_eq!(under(&[(drop, 0.05)]).as_deref(), Some("third"));
        assert_eq!(under(&[(drop, 0.035)]).as_deref(), Some("quarter"), "third is undecided");
        assert_eq!(under(&[(drop, 0.3)]).as_deref(), Some("half"));
        // Sizes say nothing of what may be lost; latencies were not measured.
        assert_eq!(under(&[(RequiredFigure::FileBytes, 1e9)]).as_deref(), Some("quarter"));
        assert_eq!(under(&[(RequiredFigure::LatencyP50, 10.0)]), None);
    }
}
