//! layers.csv: one row a layer, variant, target and batch.

use super::named_cell::NamedCell;
use crate::report::report_error::ReportError;
use crate::report::result_row::RunFacts;
use paring_core::schema::{LayerTable, LayerTime, SCHEMA};
use paring_data::CsvTable;

/// One row a layer, variant, target and batch, and one a variant for what belongs to no layer, so that
/// shares add up to 100; units in the names, empty where a value does not exist.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn layers_csv(facts: &RunFacts, tables: &[LayerTable]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    for row in layers_cells(facts, tables) {
        writer.record(&row)?;
    }
    writer.finish().map_err(ReportError::Buffer)
}

/// The rows of the file.
pub(in crate::report) fn layers_cells(
    facts: &RunFacts,
    tables: &[LayerTable],
) -> Vec<Vec<NamedCell>> {
    let mut rows = Vec::new();
    for table in tables {
        let outside = LayerTime {
            operator: "(outside the layers)".into(),
            time_ns: table.outside_ns,
            share: 1.0 - table.accounted(),
            ..LayerTime::default()
        };
        let all = table.layers.iter().chain([&outside]);
        rows.extend(all.map(|layer| cells(facts, table, layer)));
    }
    rows
}

fn cells(facts: &RunFacts, table: &LayerTable, layer: &LayerTime) -> Vec<NamedCell> {
    let known = |value: Option<f64>| value.map(|v| format!("{v:.4}")).unwrap_or_default();
    let percent =
        |share: Option<f64>| share.map(|s| format!("{:.2}", 100.0 * s)).unwrap_or_default();
    let whole = |value: Option<u64>| value.map(|v| v.to_string()).unwrap_or_default();
    let is_layer = !layer.layer.is_empty();
    vec![
        ("schema", SCHEMA.to_string()),
        ("study", facts.study.clone()),
        ("run_id", facts.run_id.clone()),
        ("variant", table.variant.clone()),
        ("variant_id", table.variant_id.to_string()),
        ("target", table.target.clone()),
        ("emulated", table.emulated.to_string()),
        ("batch", table.batch.to_string()),
        ("layer", layer.layer.clone()),
        ("module", layer.module.clone()),
        ("operator", layer.operator.clone()),
        ("position", if is_layer { layer.position.to_string() } else { String::new() }),
        ("time_ns", format!("{:.0}", layer.time_ns)),
        ("share_pct", percent(Some(layer.share))),
        ("glue_ns", format!("{:.0}", layer.glue_ns)),
        ("macs", whole(layer.macs)),
        ("bytes_moved", whole(layer.bytes)),
        ("ops_per_byte", known(layer.ops_per_byte)),
        ("gops_per_s", known(layer.gops)),
        ("gb_per_s", known(layer.gb_per_s)),
        ("compute_peak_pct", percent(layer.compute_share)),
        ("memory_peak_pct", percent(layer.memory_share)),
        ("bound", layer.bound.clone().unwrap_or_default()),
        ("kernels", layer.kernels.join(" ")),
        ("latency_plain_ns", format!("{:.0}", table.plain_ns)),
        ("latency_profiled_ns", format!("{:.0}", table.profiled_ns)),
    ]
}
