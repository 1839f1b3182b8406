//! The table of layers with their times in a terminal.

use super::layout::TerminalLayout;
use super::layout::text_table::{TextColumn, cell, fitted};
use paring_core::schema::{LayerTable, LayerTime};

/// A table for people: layers, then modules, then what the figures stand on.
pub fn layers_table(table: &LayerTable, layout: TerminalLayout) -> String {
    let mut below = Vec::new();
    let modules = table.modules();
    if modules.len() > 1 && modules.len() < table.layers.len() {
        let line = |(name, time, share): &(&str, f64, f64)| {
            format!("{name} {:.1} µs ({:.1} %)", time / 1e3, 100.0 * share)
        };
        let modules: Vec<String> = modules.iter().map(line).collect();
        below.push(format!("modules: {}", modules.join(", ")));
    }
    if table.emulated {
        below.push("EMULATED: these are not a board's times".into());
    }
    below.push(summary(table));
    fitted(columns(&table.layers), layout) + &layout.lines(below)
}

fn columns(layers: &[LayerTime]) -> Vec<TextColumn> {
    let figures = |heading: &str, rank: u8, of: &dyn Fn(&LayerTime) -> Option<f64>| {
        let text = |value: Option<f64>| value.map(|v| format!("{v:.1}")).unwrap_or_default();
        TextColumn::figures(heading, rank, layers.iter().map(|layer| cell(text(of(layer)))))
    };
    let percent = |heading: &str, rank: u8, of: &dyn Fn(&LayerTime) -> Option<f64>| {
        let text =
            |share: Option<f64>| share.map(|s| format!("{:.0}", 100.0 * s)).unwrap_or_default();
        TextColumn::figures(heading, rank, layers.iter().map(|layer| cell(text(of(layer)))))
    };
    vec![
        TextColumn::text("layer", 0, layers.iter().map(|layer| cell(&layer.layer))),
        TextColumn::text("operator", 1, layers.iter().map(|layer| cell(&layer.operator))),
        figures("time, µs", 0, &|layer| Some(layer.time_ns / 1e3)),
        figures("share, %", 0, &|layer| Some(100.0 * layer.share)),
        figures("of it glue, µs", 2, &|layer| Some(layer.glue_ns / 1e3)),
        figures("ops/byte", 6, &|layer| layer.ops_per_byte),
        figures("GOP/s", 3, &|layer| layer.gops),
        percent("of peak, %", 4, &|layer| layer.compute_share),
        figures("GB/s", 5, &|layer| layer.gb_per_s),
        percent("of peak read, %", 7, &|layer| layer.memory_share),
        TextColumn::text("kernels", 8, layers.iter().map(|layer| cell(layer.kernels.join(", ")))),
    ]
}

fn summary(table: &LayerTable) -> String {
    let glue: f64 = table.layers.iter().map(|l| l.glue_ns).sum();
    format!(
        "{:.1} µs plain, {:.1} µs with a clock around each node, of which the layers account for {:.1} %; \
         {:.1} % is glue: packing, padding, reshaping, casting, fetching and freeing",
        table.plain_ns / 1e3,
        table.profiled_ns / 1e3,
        100.0 * table.accounted(),
        100.0 * glue / table.profiled_ns.max(1.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use paring_core::schema::{SCHEMA, Sha256Hex};

    #[test]
    fn layers_modules_and_what_the_times_stand_on() {
        let layer = |name: &str, module: &str, time_ns: f64| LayerTime {
            layer: name.into(),
            module: module.into(),
            operator: "Conv".into(),
            kernels: vec!["avx512_mmm_f32_16x12".into()],
            time_ns,
            share: time_ns / 100_000.0,
            glue_ns: time_ns / 8.0,
            ops_per_byte: Some(21.5),
            gops: Some(41.25),
            gb_per_s: Some(1.5),
            compute_share: Some(0.25),
            memory_share: Some(0.0625),
            ..LayerTime::default()
        };
        let add = LayerTime {
            operator: "Add".into(),
            kernels: vec![],
            time_ns: 800.0,
            ..LayerTime {
                layer: "block1.add".into(),
                module: "block1".into(),
                ..Default::default()
            }
        };
        let table = LayerTable {
            schema: SCHEMA,
            variant: "baseline".into(),
            variant_id: Sha256Hex::zeros(),
            target: "host".into(),
            emulated: true,
            batch: 1,
            runs: 20,
            plain_ns: 95_000.0,
            profiled_ns: 100_000.0,
            outside_ns: 2_000.0,
            layers: vec![
                layer("stem", "stem", 60_000.0),
                layer("encoder.layers.11.attention.projection.dense", "block1", 30_000.0),
                add,
            ],
        };
        assert_snapshot!(layers_table(&table, TerminalLayout::default()), @"
        ─────────────────────────────────────────────────────────────────────────────
        layer                     operator  time, µs  share, %  of it glue, µs  GOP/s
        ─────────────────────────────────────────────────────────────────────────────
        stem                      Conv          60.0      60.0             7.5   41.2
        encoder.laye…ction.dense  Conv          30.0      30.0             3.8   41.2
        block1.add                Add            0.8       0.0             0.0
        ─────────────────────────────────────────────────────────────────────────────
        --wide adds: ops/byte; of peak, %; GB/s; of peak read, %; kernels
        modules: stem 60.0 µs (60.0 %), block1 30.8 µs (30.0 %)
        EMULATED: these are not a board's times
        95.0 µs plain, 100.0 µs with a clock around each node, of which the layers account for 98.0 %; 11.2 % is glue: packing, padding, reshaping, casting, fetching and freeing
        ");
    }
}
