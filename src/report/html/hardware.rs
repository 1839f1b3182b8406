//! Hardware: what each target is, medians with validity, time layer by layer beside what the machine can
//! do at most, memory, energy, and sustained load.

use super::RunReport;
use super::drawing::{AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone};
use super::numbers::{bytes, nanoseconds};
use super::page::{PageBlock, PageSection, PageTable, PageTableCell, VariantPanel};
use crate::report::ResultRow;
use paring_core::schema::LayerTable;

/// Layers of a chart; the rest stands in the table.
const MOST_LAYERS: usize = 25;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("hardware", "Hardware");
    section.table(targets_table(run));
    section.table(blocks_table(run));
    section.table(energy_table(run));
    for (number, table) in run.layers.iter().enumerate() {
        section.blocks.push(PageBlock::OpenVariant(VariantPanel {
            name: table.variant.clone(),
            summary: format!(
                "{} on {}: {} of {} accounted for by layers",
                table.variant,
                table.target,
                nanoseconds(table.profiled_ns - table.outside_ns),
                nanoseconds(table.profiled_ns)
            ),
            open: false,
        }));
        section.chart(&layers_chart(table, number));
        section.table(layers_table(table));
        section.blocks.push(PageBlock::CloseVariant);
    }
    section
}

fn targets_table(run: &RunReport) -> PageTable {
    let header =
        ["target", "processor", "architecture", "engine", "governor", "kernel", "emulated"];
    let mut table = PageTable::new("Targets", &header);
    for target in run.targets() {
        let Some(row) = run.rows.iter().find(|row| row.target == target) else { continue };
        let machine = &row.environment;
        let known = |of: &Option<String>| PageTableCell::text(of.as_deref().unwrap_or("unknown"));
        table.row(
            "",
            vec![
                PageTableCell::text(target),
                known(&machine.cpu),
                PageTableCell::text(&machine.arch),
                PageTableCell::text(&machine.engine),
                known(&machine.governor),
                known(&machine.kernel),
                PageTableCell::text(if machine.emulated { "yes: no board's speed" } else { "no" }),
            ],
        );
    }
    table
}

fn blocks_table(run: &RunReport) -> PageTable {
    let header = [
        "variant",
        "target",
        "blocks",
        "inferences",
        "90th percentile",
        "99th percentile",
        "first inference",
        "load",
        "quiet samples",
        "temperature",
        "kernels",
        "valid",
    ];
    let mut table = PageTable::new("Blocks", &header);
    for row in run.rows {
        let Ok(latency) = &row.measurement.latency else {
            let why = row.measurement.latency.as_ref().err().map_or("", |why| why.0.as_str());
            let cells = [row.label().as_str(), &row.target, "none", why].map(PageTableCell::text);
            table.row(&row.variant.name, cells.into());
            continue;
        };
        let span = |of: Option<paring_core::units::LatencyNs>| {
            of.map_or_else(
                || PageTableCell::text("too few samples"),
                |t| PageTableCell::number(t.to_string()),
            )
        };
        let degrees = latency.temperature_max_mc.map_or_else(
            || PageTableCell::text("no sensor"),
            |t| PageTableCell::number(format!("{:.1} °C at most", t.0 as f64 / 1e3)),
        );
        let problems = row.measurement.invalid_reasons.join("; ");
        let valid = if problems.is_empty() { "yes".to_string() } else { format!("no: {problems}") };
        table.row(
            &row.variant.name,
            vec![
                PageTableCell::text(row.label()),
                PageTableCell::text(&row.target),
                PageTableCell::number(latency.blocks.to_string()),
                PageTableCell::number(latency.samples.to_string()),
                span(latency.p90_ns),
                span(latency.p99_ns),
                span(Some(latency.first_ns)),
                span(Some(latency.load_ns)),
                PageTableCell::number(format!("{:.0} %", 100.0 * latency.quiet_share)),
                degrees,
                PageTableCell::text(latency.kernels.join(", ")),
                PageTableCell::text(valid),
            ],
        );
    }
    table
}

fn energy_table(run: &RunReport) -> PageTable {
    let header = [
        "variant",
        "target",
        "above idle per inference",
        "gross per inference",
        "power",
        "idle power",
        "sensor",
        "windows",
    ];
    let mut table = PageTable::new("Energy", &header);
    let measured = |row: &&ResultRow| row.measurement.energy.is_ok();
    for row in run.rows.iter().filter(measured) {
        let Ok(energy) = &row.measurement.energy else { continue };
        let net = energy.per_inference_uj;
        table.row(
            &row.variant.name,
            vec![
                PageTableCell::text(row.label()),
                PageTableCell::text(&row.target),
                PageTableCell::number(format!(
                    "{:.2} µJ ({:.2} to {:.2})",
                    net.value, net.low, net.high
                )),
                PageTableCell::number(format!("{:.2} µJ", energy.gross_uj)),
                PageTableCell::number(energy.power.to_string()),
                PageTableCell::number(energy.idle.to_string()),
                PageTableCell::text(format!("{}, {}", energy.sensor.name, energy.sensor.coverage)),
                PageTableCell::number(energy.windows.to_string()),
            ],
        );
    }
    table
}

fn layers_chart(table: &LayerTable, number: usize) -> Chart {
    let mut layers: Vec<_> = table.layers.iter().collect();
    layers.sort_by(|a, b| b.time_ns.total_cmp(&a.time_ns));
    layers.truncate(MOST_LAYERS);
    let bands = layers.iter().map(|layer| layer.layer.clone()).collect();
    let marks = layers.iter().enumerate().map(|(place, layer)| ChartMark {
        shape: MarkShape::Bar,
        x: ChartValue::exact(layer.time_ns / 1e3),
        y: ChartValue::exact(place as f64),
        from: 0.0,
        label: layer.layer.clone(),
        note: format!(
            "{} {}, {:.1} % of the time; {}",
            nanoseconds(layer.time_ns),
            layer.operator,
            100.0 * layer.share,
            layer.kernels.join(", ")
        ),
        tone: MarkTone::Plain,
        selects: None,
    });
    Chart {
        id: format!("layers-{number}"),
        title: format!("Time by layer, {} on {}", table.variant, table.target),
        summary: format!(
            "Means over the faster half of {} profiled runs; profiling itself takes time, so that sums exceed the median latency",
            table.runs
        ),
        x: ChartAxis {
            title: "time per inference".into(),
            unit: "µs".into(),
            scale: AxisScale::Linear { zero: true },
        },
        y: ChartAxis { title: "layer".into(), unit: String::new(), scale: AxisScale::Bands(bands) },
        marks: marks.collect(),
    }
}

fn layers_table(table: &LayerTable) -> PageTable {
    let header = [
        "layer",
        "operator",
        "time",
        "share",
        "copies and conversions",
        "operations per byte",
        "of the arithmetic peak",
        "of the bandwidth",
        "bound by",
        "kernels",
    ];
    let mut out =
        PageTable::new(&format!("All layers of {} on {}", table.variant, table.target), &header);
    for layer in &table.layers {
        let share = |of: Option<f64>| {
            of.map_or_else(
                || PageTableCell::text("unknown"),
                |s| PageTableCell::number(format!("{:.0} %", 100.0 * s)),
            )
        };
        out.row(
            "",
            vec![
                PageTableCell::text(&layer.layer),
                PageTableCell::text(&layer.operator),
                PageTableCell::number(nanoseconds(layer.time_ns)),
                PageTableCell::number(format!("{:.1} %", 100.0 * layer.share)),
                PageTableCell::number(nanoseconds(layer.glue_ns)),
                layer.ops_per_byte.map_or_else(
                    || PageTableCell::text("unknown"),
                    |o| PageTableCell::number(format!("{o:.1}")),
                ),
                share(layer.compute_share),
                share(layer.memory_share),
                PageTableCell::text(layer.bound.as_deref().unwrap_or("unknown")),
                PageTableCell::text(layer.kernels.join(", ")),
            ],
        );
    }
    let read = table.layers.iter().filter_map(|layer| layer.bytes).sum::<u64>();
    out.caption += &format!("; {} of weights and activations per inference", bytes(read));
    out
}
