//! Findings: rules over records that name what stands out, with the evidence and the next command. Each
//! rule is a function of its own.

use super::RunReport;
use super::numbers::{count, nanoseconds, ratio};
use super::page::ReportFinding;
use super::verdict::{change, is_worse};
use crate::report::ResultRow;
use paring_core::schema::{LayerTable, LayerTime, SpeedVerdict};

/// Share of the time from which copies and conversions are worth a word.
const MUCH_GLUE: f64 = 0.2;
/// Fewer samples than these in a slice say little about it.
const FEW_SAMPLES: usize = 30;
/// Share of all regressions from which one class pays for most of them.
const MOST_OF_THE_LOSS: f64 = 0.5;

/// All findings about a run, the weightiest kinds first.
pub fn findings(run: &RunReport) -> Vec<ReportFinding> {
    let rules: [fn(&RunReport) -> Vec<ReportFinding>; 6] = [
        slower_in_integers,
        time_in_copies,
        one_class_pays,
        lossy_without_recovery,
        small_slices,
        emulated_targets,
    ];
    rules.iter().flat_map(|rule| rule(run)).collect()
}

/// Quantized variants that are slower than the float baseline, and the layers without integer kernels.
fn slower_in_integers(run: &RunReport) -> Vec<ReportFinding> {
    let slow = run.variant_rows().filter(|row| {
        let slower =
            row.measurement.speed.as_ref().is_ok_and(|s| s.verdict == SpeedVerdict::Slower);
        slower && row.variant.precision().starts_with("int")
    });
    let of = |row: &ResultRow| {
        let speed = row.measurement.speed.as_ref().ok()?;
        let without: Vec<&str> = row
            .variant
            .refusals
            .iter()
            .filter(|refusal| refusal.reason.contains("no integer kernel"))
            .map(|refusal| refusal.what.as_str())
            .collect();
        let kernels = match without.is_empty() {
            true => String::new(),
            false => format!(" The engine has no integer kernel for {}.", without.join(", ")),
        };
        Some(ReportFinding {
            headline: format!(
                "{} is slower in integers than the baseline in float on {}.",
                row.label(),
                row.target
            ),
            evidence: format!(
                "Speed-up {} (99 % CI {} to {}).{kernels}",
                ratio(speed.speedup.value),
                ratio(speed.speedup.low),
                ratio(speed.speedup.high)
            ),
            command:
                "steps = [{ quantize = \"int8\", layers = \"measured\" }]   # only where it pays"
                    .into(),
        })
    };
    slow.filter_map(of).collect()
}

/// Targets on which a variant spends much of its time in layout copies, padding and conversions; of
/// several variants the one with the largest share.
fn time_in_copies(run: &RunReport) -> Vec<ReportFinding> {
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

/// Variants of which one class has most of the regressions.
fn one_class_pays(run: &RunReport) -> Vec<ReportFinding> {
    let of = |found: &paring_core::schema::Explanation| {
        let lost: Vec<_> = found.flips.iter().filter(|flip| flip.kind == "lost").collect();
        let mut classes: Vec<i64> = lost.iter().filter_map(|flip| flip.label).collect();
        classes.sort_unstable();
        let (class, most) =
            classes.chunk_by(|a, b| a == b).map(|c| (c[0], c.len())).max_by_key(|c| c.1)?;
        let share = most as f64 / lost.len() as f64;
        if share < MOST_OF_THE_LOSS || most < 3 {
            return None;
        }
        let own =
            lost.iter().filter(|flip| flip.label == Some(class)).flat_map(|flip| &flip.groups);
        let mut groups: Vec<&str> = own.map(String::as_str).collect();
        groups.sort_unstable();
        let cause = groups.chunk_by(|a, b| a == b).max_by_key(|g| g.len()).map(|g| g[0]);
        let label =
            cause.and_then(|id| found.groups.iter().find(|g| g.id == id)).map(|g| g.label.as_str());
        let cause =
            label.map_or_else(String::new, |label| format!(" Most of them go back to: {label}."));
        Some(ReportFinding {
            headline: format!(
                "Class {class} pays for {:.0} % of the regressions of {}.",
                100.0 * share,
                found.variant
            ),
            evidence: format!("{most} of {}.{cause}", count(lost.len(), "regression")),
            command: format!(
                "paring explain {} --variant {} --level component",
                run.directory, found.variant
            ),
        })
    };
    run.explanations.iter().filter_map(of).collect()
}

/// Pruned variants that lose significantly and were not recovered.
fn lossy_without_recovery(run: &RunReport) -> Vec<ReportFinding> {
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for row in run.variant_rows() {
        let pruned = row.variant.removed_count() > 0;
        let recovered = row.variant.recipe.iter().any(|step| step.contains("recover"));
        let worse = change(row).is_some_and(|change| is_worse(row, change));
        if pruned && worse && !recovered && !seen.contains(&row.variant.name.as_str()) {
            seen.push(&row.variant.name);
            found.push(ReportFinding {
                headline: format!(
                    "{} was pruned without recovery and lost quality.",
                    row.variant.name
                ),
                evidence: row.evaluation.as_ref().zip(change(row)).map_or_else(
                    String::new,
                    |(e, c)| {
                        format!(
                            "{} changed by {}.",
                            e.primary,
                            super::numbers::metric_change_interval(e.primary, c)
                        )
                    },
                ),
                command: "criterion = \"obs\", recover = \"least-squares\"   # needs no labels"
                    .into(),
            });
        }
    }
    found
}

/// Slices with so few samples that nothing can be said about them.
fn small_slices(run: &RunReport) -> Vec<ReportFinding> {
    let Some(evaluation) = run.rows.iter().find_map(|row| row.evaluation.as_ref()) else {
        return vec![];
    };
    let small = evaluation.slices.iter().filter(|slice| slice.samples < FEW_SAMPLES);
    let names: Vec<String> =
        small.map(|s| format!("{} = {} ({})", s.column, s.value, s.samples)).collect();
    if names.is_empty() {
        return vec![];
    }
    vec![ReportFinding {
        headline: format!(
            "{} fewer than {FEW_SAMPLES} report samples.",
            match names.len() {
                1 => "1 slice has".to_string(),
                many => format!("{many} slices have"),
            }
        ),
        evidence: format!("{}: their intervals are wide.", names.join(", ")),
        command: String::new(),
    }]
}

/// Targets whose times say nothing about a board.
fn emulated_targets(run: &RunReport) -> Vec<ReportFinding> {
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
