//! A comparison as CSV.

use super::named_cell::NamedCell;
use crate::report::compare::{
    ComparedFigure, ComparedVariant, RowFigures, RowMatch, RunComparison,
};
use crate::report::report_error::ReportError;
use paring_core::schema::{ConfidenceInterval, SCHEMA, SpeedVerdict};
use paring_data::CsvTable;

/// One row a variant and source, units in the names; empty where a value does not exist, the reason
/// in `not_comparable`.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn comparison_csv(comparison: &RunComparison) -> Result<Vec<u8>, ReportError> {
    let mut table = CsvTable::default();
    for row in &comparison.rows {
        table.record(&cells(comparison, row))?;
    }
    table.finish().map_err(ReportError::Buffer)
}

fn cells(comparison: &RunComparison, row: &ComparedVariant) -> Vec<NamedCell> {
    let path = |index: usize| {
        comparison.sources.get(index).map(|s| s.path.display().to_string()).unwrap_or_default()
    };
    let one = |of: fn(&RowFigures) -> String| row.either().map(of).unwrap_or_default();
    let change = |bound: fn(&ConfidenceInterval) -> f64| {
        row.change.as_ref().map(|c| format!("{:.5}", bound(c))).unwrap_or_default()
    };
    let before = |of: fn(&RowFigures) -> String| row.before.as_ref().map(of).unwrap_or_default();
    let after = |of: fn(&RowFigures) -> String| row.after.as_ref().map(of).unwrap_or_default();
    let matched = match row.matched_by {
        RowMatch::Identity => "variant id",
        RowMatch::Name => "name",
        RowMatch::OtherTarget => "variant id on another target",
        RowMatch::Alone => "",
    };
    let mut cells = vec![
        ("schema", SCHEMA.to_string()),
        ("before", path(0)),
        ("after", path(row.source)),
        ("variant", one(|f| f.variant.clone())),
        ("target", one(|f| f.target.clone())),
        ("batch", one(|f| f.batch.to_string())),
        ("threads", one(|f| f.threads.to_string())),
        ("streams", one(|f| f.streams.to_string())),
        ("matched_by", matched.into()),
        ("variant_id_before", before(|f| f.variant_id.clone().unwrap_or_default())),
        ("variant_id_after", after(|f| f.variant_id.clone().unwrap_or_default())),
        ("engine_before", before(|f| f.engine.clone())),
        ("engine_after", after(|f| f.engine.clone())),
        ("latency_p50_ns_before", before(latency)),
        ("latency_p50_ns_after", after(latency)),
        ("speedup_before", before(speedup)),
        ("speedup_after", after(speedup)),
        ("change", change(|i| i.value)),
        ("change_low", change(|i| i.low)),
        ("change_high", change(|i| i.high)),
        ("verdict", row.verdict.as_ref().map(SpeedVerdict::to_string).unwrap_or_default()),
        ("stands_on", row.basis.map(|b| b.to_string()).unwrap_or_default()),
        ("metric_before", before(metric)),
        ("metric_after", after(metric)),
        ("peak_rss_bytes_before", before(|f| text(f.peak_rss_bytes))),
        ("peak_rss_bytes_after", after(|f| text(f.peak_rss_bytes))),
        ("file_bytes_before", before(|f| text(f.file_bytes))),
        ("file_bytes_after", after(|f| text(f.file_bytes))),
        ("energy_per_inference_uj_before", before(energy)),
        ("energy_per_inference_uj_after", after(energy)),
    ];
    cells.extend(
        FIGURE_COLUMNS
            .iter()
            .flat_map(|(figure, names)| names.iter().copied().zip(figure_cells(row, *figure))),
    );
    cells.extend([
        ("not_comparable", row.not_comparable.join("; ")),
        ("accepted", row.accepted.join("; ")),
    ]);
    cells
}

/// Change with its interval (of quality a difference, else after over before), verdict, and the reason
/// for which there is none.
const FIGURE_COLUMNS: [(ComparedFigure, [&str; 5]); 4] = [
    (
        ComparedFigure::Accuracy,
        [
            "metric_change",
            "metric_change_low",
            "metric_change_high",
            "metric_verdict",
            "metric_not_judged",
        ],
    ),
    (
        ComparedFigure::Size,
        ["size_change", "size_change_low", "size_change_high", "size_verdict", "size_not_judged"],
    ),
    (
        ComparedFigure::Memory,
        [
            "memory_change",
            "memory_change_low",
            "memory_change_high",
            "memory_verdict",
            "memory_not_judged",
        ],
    ),
    (
        ComparedFigure::Energy,
        [
            "energy_change",
            "energy_change_low",
            "energy_change_high",
            "energy_verdict",
            "energy_not_judged",
        ],
    ),
];

fn figure_cells(row: &ComparedVariant, figure: ComparedFigure) -> [String; 5] {
    let change = row.figures.iter().find(|change| change.figure == figure);
    let bound = |of: fn(&ConfidenceInterval) -> f64| {
        change.map(|change| format!("{:.5}", of(&change.change))).unwrap_or_default()
    };
    let reason = row.unjudged.iter().find(|own| own.figure == figure);
    [
        bound(|i| i.value),
        bound(|i| i.low),
        bound(|i| i.high),
        change.map(|change| change.verdict.to_string()).unwrap_or_default(),
        reason.map(|own| own.reason.clone()).unwrap_or_default(),
    ]
}

fn energy(figures: &RowFigures) -> String {
    figures.energy_uj.map(|i| i.value.to_string()).unwrap_or_default()
}

fn latency(figures: &RowFigures) -> String {
    figures.latency_ns.map(|i| format!("{:.0}", i.value)).unwrap_or_default()
}

fn speedup(figures: &RowFigures) -> String {
    figures.speedup.map(|i| format!("{:.5}", i.value)).unwrap_or_default()
}

fn metric(figures: &RowFigures) -> String {
    figures.metric.as_ref().map(|(_, value)| value.to_string()).unwrap_or_default()
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}
