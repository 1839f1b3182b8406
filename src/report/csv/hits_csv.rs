//! `<variant>.hits.csv`: the samples hit hardest, with their nearest neighbours.

use crate::report::report_error::ReportError;
use paring_core::schema::{DegradedSample, SampleNeighbourhood};
use paring_data::CsvTable;

const HEADER: [&str; 11] = [
    "rank",
    "sample",
    "label",
    "class_before",
    "class_after",
    "flip",
    "probability_lost",
    "region_same_label",
    "region_accuracy_before",
    "region_accuracy_after",
    "region_samples",
];

/// One row a sample, the hardest hit first.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn hits_csv(hits: &[DegradedSample]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    for (rank, hit) in hits.iter().enumerate() {
        let class = |class: Option<i64>| class.map(|c| c.to_string()).unwrap_or_default();
        let share = |of: fn(&SampleNeighbourhood) -> f64| {
            hit.region.as_ref().map(|r| format!("{:.3}", of(r))).unwrap_or_default()
        };
        let near = hit.region.as_ref().map(|r| r.neighbours.as_slice()).unwrap_or_default();
        writer.row([
            (rank + 1).to_string(),
            hit.sample.to_string(),
            class(hit.label),
            class(hit.before),
            class(hit.after),
            hit.flip.map(|f| f.name().to_string()).unwrap_or_default(),
            format!("{:.6}", hit.lost),
            share(|r| r.same_label),
            share(|r| r.accuracy_before),
            share(|r| r.accuracy_after),
            near.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        ])?;
    }
    writer.finish().map_err(ReportError::Buffer)
}
