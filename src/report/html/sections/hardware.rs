//! Hardware: targets, blocks and their validity, memory, energy, heat, sustained load, and time layer by
//! layer.

use super::blocks::{block_charts, memory_table, sustained_charts, without_sensors};
use super::layers::layer_panels;
use crate::report::ResultRow;
use crate::report::html::numbers::signed;
use crate::report::html::page::{PageSection, PageTable, PageTableCell};
use crate::report::html::run_report::RunReport;

/// Targets whose blocks are drawn over time.
const MOST_DRAWN: usize = 12;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("hardware", "Hardware");
    section.table(targets_table(run));
    section.table(blocks_table(run));
    section.table(energy_table(run));
    for (number, blocks) in run.blocks.iter().enumerate() {
        section.table(memory_table(blocks));
        if number < MOST_DRAWN {
            section.charts(&block_charts(blocks, number));
            section.list(without_sensors(blocks).into_iter().collect());
            section.charts(&sustained_charts(blocks, number));
        }
    }
    if run.blocks.len() > MOST_DRAWN {
        section.say(format!(
            "Blocks over time of the first {MOST_DRAWN} of {} targets; journal/TARGET has all.",
            run.blocks.len()
        ));
    }
    section.table(sustained_table(run));
    section.head("Time by layer");
    if run.layers.is_empty() {
        section.say("No variant was timed layer by layer.");
    }
    layer_panels(run, &mut section);
    section
}

fn sustained_table(run: &RunReport) -> PageTable {
    let header = [
        "variant",
        "target",
        "length",
        "first minute",
        "last minute",
        "change",
        "slowdown of the core itself",
        "first sign of throttling",
        "highest temperature",
    ];
    let mut table = PageTable::new("Sustained load", &header);
    for row in run.rows {
        let Some(found) = &row.measurement.sustained else { continue };
        let names = [PageTableCell::text(row.label()), PageTableCell::text(&row.target)];
        let figures = match found {
            Err(why) => vec![PageTableCell::text(format!("none: {}", why.0))],
            Ok(found) => vec![
                PageTableCell::number(found.span_ns.to_string()),
                PageTableCell::number(found.first_ns.to_string()),
                PageTableCell::number(found.last_ns.to_string()),
                PageTableCell::number(format!("{} %", signed(100.0 * found.change(), 1))),
                PageTableCell::number(format!("{} %", signed(100.0 * found.reference_change, 1))),
                match &found.throttled_at {
                    None => PageTableCell::text("none"),
                    Some((time, sign)) => PageTableCell::text(format!("{sign} after {time}")),
                },
                found.temperature_max_mc.map_or_else(
                    || PageTableCell::text("no sensor"),
                    |t| PageTableCell::number(format!("{:.1} °C", t.0 as f64 / 1e3)),
                ),
            ],
        };
        table.row(&row.variant.name, names.into_iter().chain(figures).collect());
    }
    table
}

fn targets_table(run: &RunReport) -> PageTable {
    let header = [
        "target",
        "processor",
        "architecture",
        "instruction sets",
        "engine",
        "governor",
        "kernel",
        "emulated",
    ];
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
                PageTableCell::text(machine.cpu_features.join(", ")),
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
    let mut table = PageTable::new("Latency of solo blocks", &header).searchable();
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
                PageTableCell::code(latency.kernels.join(", ")),
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
