//! The table of layers with their times in a terminal.

use paring_core::schema::LayerTable;

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
