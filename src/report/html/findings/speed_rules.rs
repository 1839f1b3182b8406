//! Findings about speed: integers that do not pay, time in copies, emulated targets.

use crate::report::ResultRow;
use crate::report::html::numbers::{nanoseconds, ratio};
use crate::report::html::page::ReportFinding;
use crate::report::html::run_report::RunReport;
use paring_core::schema::{LayerTable, LayerTime, SpeedVerdict};

/// Share of the time from which copies and conversions are worth a word.
const MUCH_GLUE: f64 = 0.2;
/// Layers that a finding names.
const MOST_NAMED: usize = 4;

/// Quantized variants that are slower than the float baseline, and the layers left in float.
pub(super) fn slower_in_integers(run: &RunReport) -> Vec<ReportFinding> {
    let slow = run.variant_rows().filter(|row| {
        let slower =
            row.measurement.speed.as_ref().is_ok_and(|s| s.verdict == SpeedVerdict::Slower);
        slower && mostly_in_integers(row)
    });
    let of = |row: &ResultRow| {
        let speed = row.measurement.speed.as_ref().ok()?;
        Some(ReportFinding {
            headline: format!(
                "{} is slower in integers than the baseline in float on {}.",
                row.label(),
                row.target
            ),
            evidence: format!(
                "Speed-up {} (99 % CI {} to {}).{}",
                ratio(speed.speedup.value),
                ratio(speed.speedup.low),
                ratio(speed.speedup.high),
                left_in_float(row)
            ),
            command:
                "steps = [{ quantize = \"int8\", layers = \"measured\" }]   # only where it pays"
                    .into(),
        })
    };
    slow.filter_map(of).collect()
}

/// True if more than half of the multiply-accumulates are in integers.
fn mostly_in_integers(row: &ResultRow) -> bool {
    let floats = |name: &str| matches!(name, "f32" | "f16");
    let mix = &row.variant.precision_mix;
    let share: f64 = mix.iter().filter(|(name, _)| !floats(name)).map(|(_, share)| share).sum();
    share > 0.5
}

/// Layers that its steps refused to change, with the reasons; empty without any.
fn left_in_float(row: &ResultRow) -> String {
    let refused = &row.variant.refusals;
    let named = refused.iter().take(MOST_NAMED).map(|r| format!("{} ({})", r.what, r.reason));
    let named: Vec<String> = named.collect();
    match (named.is_empty(), refused.len().saturating_sub(MOST_NAMED)) {
        (true, _) => String::new(),
        (false, 0) => format!(" Left as it was: {}.", named.join(", ")),
        (false, more) => format!(" Left as it was: {}, and {more} more.", named.join(", ")),
    }
}

/// Targets on which a variant spends much of its time in layout copies, padding and conversions; of
/// several variants the one with the largest share.
pub(super) fn time_in_copies(run: &RunReport) -> Vec<ReportFinding> {
    let times = |table: &LayerTable| {
        let sum = |of: fn(&LayerTime) -> f64| table.layers.iter().map(of).sum::<f64>();
        (sum(|layer| layer.glue_ns), sum(|layer| layer.time_ns))
    };
    let share = |table: &LayerTable| {
        let (glue, total) = times(table);
        glue / total.max(1.0)
    };
    let of = |target: &str| {
        let own = run.layers.iter().filter(|table| table.target == target);
        let many = own.clone().filter(|table| share(table) > MUCH_GLUE).count();
        let table = own.max_by(|a, b| share(a).total_cmp(&share(b)))?;
        let (glue, total) = times(table);
        let most = table.layers.iter().max_by(|a, b| a.glue_ns.total_cmp(&b.glue_ns))?;
        (many > 0).then(|| ReportFinding {
            headline: format!(
                "{:.0} % of the time of {} on {target} is copies and conversions.",
                100.0 * share(table),
                table.variant
            ),
            evidence: format!(
                "{} of {} per inference, most of it around {} ({}). {} more than {:.0} %.",
                nanoseconds(glue),
                nanoseconds(total),
                most.layer,
                nanoseconds(most.glue_ns),
                if many == 1 { "1 variant spends".into() } else { format!("{many} variants spend") },
                100.0 * MUCH_GLUE
            ),
            command: "engine = [\"conv_nhwc\"]   # another layout inside the engine; or steps = [{ tune = true }]".into(),
        })
    };
    run.targets().into_iter().filter_map(of).collect()
}

/// Targets whose times say nothing about a board.
pub(super) fn emulated_targets(run: &RunReport) -> Vec<ReportFinding> {
    let emulated = |target: &&str| {
        run.rows.iter().any(|row| row.target == **target && row.environment.emulated)
    };
    let names: Vec<&str> = run.targets().into_iter().filter(emulated).collect();
    if names.is_empty() {
        return vec![];
    }
    vec![ReportFinding {
        headline: format!(
            "{} emulated.",
            match names.len() {
                1 => format!("{} is", names[0]),
                _ => format!("{} are", names.join(", ")),
            }
        ),
        evidence: "Predictions are those of its architecture; times are not a board's speed."
            .into(),
        command: String::new(),
    }]
}
