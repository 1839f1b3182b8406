//! Layers as a table for people and as layers.csv.

use super::{ReportError, RunFacts};
use paring_core::schema::{LayerTable, LayerTime, SCHEMA};
use paring_data::CsvTable;

/// One row a layer, variant, target and batch, and one a variant for what belongs to no layer, so that
/// shares add up to 100; units in the names, empty where a value does not exist.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn layers_csv(facts: &RunFacts, tables: &[LayerTable]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    let mut first = true;
    for table in tables {
        let outside = LayerTime {
            operator: "(outside the layers)".into(),
            time_ns: table.outside_ns,
            share: 1.0 - table.accounted(),
            ..LayerTime::default()
        };
        for layer in table.layers.iter().chain([&outside]) {
            let cells = cells(facts, table, layer);
            if std::mem::take(&mut first) {
                writer.row(cells.iter().map(|(name, _)| *name))?;
            }
            writer.row(cells.iter().map(|(_, value)| value))?;
        }
    }
    writer.finish().map_err(ReportError::Buffer)
}

fn cells(facts: &RunFacts, table: &LayerTable, layer: &LayerTime) -> Vec<(&'static str, String)> {
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

/// A table for people: layers, then modules, then what the figures stand on.
pub fn layers_table(table: &LayerTable) -> String {
    let width = table.layers.iter().map(|l| l.layer.len()).max().unwrap_or(0).clamp(5, 40);
    let operators = table.layers.iter().map(|l| l.operator.len()).max().unwrap_or(0).clamp(8, 24);
    let mut text = format!(
        "{:<width$} {:<operators$} {:>9} {:>6} {:>9} {:>8} {:>7} {:>6} {:>7} {:>6}  kernels\n",
        "layer",
        "operator",
        "time",
        "share",
        "of it glue",
        "ops/byte",
        "GOP/s",
        "peak",
        "GB/s",
        "peak"
    );
    for layer in &table.layers {
        let number = |value: Option<f64>| value.map(|v| format!("{v:.1}")).unwrap_or_default();
        let percent =
            |share: Option<f64>| share.map(|s| format!("{:.0} %", 100.0 * s)).unwrap_or_default();
        text += &format!(
            "{:<width$} {:<operators$} {:>6.1} us {:>4.1} % {:>7.1} us {:>8} {:>7} {:>6} {:>7} {:>6}  {}\n",
            layer.layer,
            layer.operator,
            layer.time_ns / 1e3,
            100.0 * layer.share,
            layer.glue_ns / 1e3,
            number(layer.ops_per_byte),
            number(layer.gops),
            percent(layer.compute_share),
            number(layer.gb_per_s),
            percent(layer.memory_share),
            layer.kernels.join(", ")
        );
    }
    let modules = table.modules();
    if modules.len() > 1 && modules.len() < table.layers.len() {
        let line = |(name, time, share): &(&str, f64, f64)| {
            format!("{name} {:.1} us ({:.1} %)", time / 1e3, 100.0 * share)
        };
        text += &format!("modules: {}\n", modules.iter().map(line).collect::<Vec<_>>().join(", "));
    }
    if table.emulated {
        text += "EMULATED: these are not a board's times\n";
    }
    text + &summary(table)
}

fn summary(table: &LayerTable) -> String {
    let glue: f64 = table.layers.iter().map(|l| l.glue_ns).sum();
    format!(
        "{:.1} us plain, {:.1} us with a clock around each node, of which the layers account for {:.1} %; \
         {:.1} % is glue: packing, padding, reshaping, casting, fetching and freeing",
        table.plain_ns / 1e3,
        table.profiled_ns / 1e3,
        100.0 * table.accounted(),
        100.0 * glue / table.profiled_ns.max(1.0)
    )
}
