//! regimes.csv: one row a regime, variant and metric; behind each, its classes and slices.

use super::named_cell::interval_cells;
use crate::report::answers::RegimeEvaluation;
use crate::report::report_error::ReportError;
use paring_core::schema::{Evaluation, MetricScore, MissingReason};
use paring_data::CsvTable;

const HEADER: [&str; 18] = [
    "regime",
    "variant",
    "of",
    "metric",
    "samples",
    "value",
    "value_low",
    "value_high",
    "change",
    "change_low",
    "change_high",
    "report_change",
    "report_change_low",
    "report_change_high",
    "excess",
    "excess_low",
    "excess_high",
    "missing",
];

/// One row a regime, variant and metric. `change` is the variant less the baseline on the regime,
/// `report_change` the same on the report split, `excess` their difference; 95 % intervals.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn regimes_csv(regimes: &[RegimeEvaluation]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    for regime in regimes {
        let name = regime.record.name.to_string();
        for found in &regime.variants {
            let head = [name.clone(), found.variant.clone()];
            let evaluation = match &found.quality {
                Ok(evaluation) => evaluation,
                Err(MissingReason(why)) => {
                    let none = vec![String::new(); HEADER.len() - 3];
                    writer.row(head.iter().chain(&none).chain([why]))?;
                    continue;
                }
            };
            for (metric, score) in &evaluation.metrics {
                let contrast = found.contrast(*metric);
                let of = ["".into(), metric.to_string(), evaluation.samples.to_string()];
                let beyond =
                    [contrast.map(|c| c.report), contrast.map(|c| c.excess)].map(interval_cells);
                let cells = scored(score);
                let none = String::new();
                let row = head.iter().chain(&of).chain(cells.iter().flatten());
                writer.row(row.chain(beyond.iter().flatten()).chain([&none]))?;
            }
            for (of, score) in parts(evaluation) {
                let cells = scored(&score);
                let none = vec![String::new(); 7];
                writer.row(head.iter().chain(&of).chain(cells.iter().flatten()).chain(&none))?;
            }
        }
    }
    writer.finish().map_err(ReportError::Buffer)
}

/// Classes by their recall and slices by their metrics: name, metric and samples, and the score.
fn parts(evaluation: &Evaluation) -> Vec<([String; 3], MetricScore)> {
    let classes = evaluation.classes.iter().filter_map(|class| {
        let of = format!("class {}", class.class);
        Some(([of, "recall".into(), class.samples.to_string()], class.recall?))
    });
    let slices = evaluation.slices.iter().flat_map(|slice| {
        let of = format!("{}={}", slice.column, slice.value);
        slice.metrics.iter().map(move |(metric, score)| {
            ([of.clone(), metric.to_string(), slice.samples.to_string()], *score)
        })
    });
    classes.chain(slices).collect()
}

fn scored(score: &MetricScore) -> [[String; 3]; 2] {
    [Some(score.value), score.change].map(interval_cells)
}
