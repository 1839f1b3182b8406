//! The table at the end of a run, one for each target.

use super::layout::text_table::{TextColumn, cell, fitted_or};
use super::layout::{
    TerminalLayout, change_texts, energy_texts, interval_texts, memory_texts, span_texts,
};
use super::measurement_notes::{left_alone, not_evaluated, notes, row_names};
use crate::report::result_row::ResultRow;
use comfy_table::{Cell, Color};
use paring_agent::measure::MIN_BLOCKS;
use paring_core::number_format::{counted, decimal};
use paring_core::schema::{
    ConfidenceInterval, Evaluation, Metric, MissingReason, SpeedVerdict, TargetEnvironment,
};
use std::collections::{BTreeMap, BTreeSet};

/// Meaning of the intervals of a results table.
pub const INTERVAL_LEVELS: &str = "intervals: quality 95 %, timing 99 %";

/// A word of every reason that a busy machine brings about.
const QUIET: &str = "quiet";
/// End of a reason that says no more than that few blocks were asked for.
const FEW_BLOCKS: &str = "a verdict needs";

/// A table for each target, with one row a variant and setting; below, what the figures stand on and why
/// some should not be trusted.
pub fn results_table(rows: &[ResultRow], layout: TerminalLayout) -> String {
    let mut targets: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| !row.target.is_empty()) {
        if !targets.contains(&row.target.as_str()) {
            targets.push(&row.target);
        }
    }
    let tables = targets.into_iter().map(|target| {
        let own: Vec<&ResultRow> = rows.iter().filter(|row| row.target == target).collect();
        format!(
            "{}\n{}",
            layout.prose(&title(target, &own)),
            fitted_or(columns(&own, true), || columns(&own, false), layout)
        )
    });
    let text = tables.collect::<Vec<_>>().join("\n\n");
    let below = invalid(rows).into_iter().chain(not_evaluated(rows)).chain(about_energy(rows));
    text + &layout.lines(below.chain(notes(rows)).chain(left_alone(rows)))
}

/// A line about the short protocol.
pub fn quick_note(blocks: u32) -> String {
    format!("quick protocol: {blocks} blocks, no verdicts; not for decisions")
}

/// `pi4: Cortex-A72, tract 0.23.9; baseline: accuracy 99.2 % of 396 samples`.
fn title(target: &str, rows: &[&ResultRow]) -> String {
    let machine = rows.first().map(|row| machine(&row.environment)).unwrap_or_default();
    let quality = rows.iter().find(|row| row.variant.parent.is_none()).and_then(|row| {
        let found = row.evaluation.as_ref()?;
        let value = amount(found.primary, found.value(found.primary)?.value);
        let samples = counted(found.samples, "sample");
        Some(format!("; baseline: {} {value} on {samples}", found.primary))
    });
    format!("{target}: {machine}{}", quality.unwrap_or_default())
}

fn machine(environment: &TargetEnvironment) -> String {
    let cpu = environment.cpu.as_deref().unwrap_or("an unnamed processor");
    let emulated = if environment.emulated { ", EMULATED: not a board's speed" } else { "" };
    format!("{cpu}{emulated}, {}", environment.engine)
}

/// The columns of one target's table. Those that every decision needs stay where a terminal is narrow;
/// latencies have their bounds, and ratios all their digits, where `long`.
fn columns(rows: &[&ResultRow], long: bool) -> Vec<TextColumn> {
    let several = rows.iter().any(|row| row.measurement.setting != rows[0].measurement.setting);
    let names = rows.iter().map(|row| if several { row.label() } else { row.variant.name.clone() });
    let removed = rows.iter().map(|row| decimal(row.params_removed_pct().max(0.0), 1));
    let latency = rows.iter().map(|row| row.measurement.latency.as_ref().ok());
    let p50: Vec<_> = latency.clone().map(|found| Some(found?.p50_ns)).collect();
    let memory: Vec<_> = latency.map(|found| Some(found?.peak_rss_bytes?.0)).collect();
    let file: Vec<_> = rows.iter().map(|row| Some(row.variant.file_bytes)).collect();
    let mut columns = vec![
        TextColumn::text("variant", 0, names.map(cell)),
        TextColumn::text("precision", 7, rows.iter().map(|row| cell(precision(row)))),
        TextColumn::figures("removed, %", 5, removed.map(cell)),
    ];
    columns.extend(quality_columns(rows));
    columns.push(TextColumn::units("p50", 1, span_texts(&p50, long)));
    let speeds: Vec<_> = rows.iter().map(|row| Some(*row)).collect();
    columns.extend(speed_columns(&speeds, long));
    if let Some(energy) = energy_column(rows) {
        columns.push(energy);
    }
    columns.push(TextColumn::units("peak memory", 6, memory_texts(&memory)));
    columns.push(TextColumn::units("file", 3, memory_texts(&file)));
    columns
}

/// The primary metric and its change.
fn quality_columns(rows: &[&ResultRow]) -> Vec<TextColumn> {
    let evaluated: Vec<Option<&Evaluation>> =
        rows.iter().map(|row| row.evaluation.as_ref()).collect();
    let Some(first) = evaluated.iter().flatten().next() else { return vec![] };
    let primary = first.primary;
    let unit = if primary.is_share() { "%" } else { "" };
    let values = evaluated.iter().zip(rows).map(|(found, row)| {
        match found.and_then(|found| found.value(primary)) {
            Some(score) if primary.is_share() => decimal(100.0 * score.value, 1),
            Some(score) => amount(primary, score.value),
            None if found.is_some() || row.evaluation_missing.is_some() => "—".into(),
            None => String::new(),
        }
    });
    let changes: Vec<_> =
        evaluated.iter().map(|found| found.and_then(|found| found.change(primary))).collect();
    let (change_unit, texts) = change_texts(primary, &changes);
    let painted = texts.into_iter().zip(&changes).map(|(text, change)| {
        let worse = change.is_some_and(|change| match primary.higher_is_better() {
            true => change.high < 0.0,
            false => change.low > 0.0,
        });
        if worse { cell(text).fg(Color::Red) } else { cell(text) }
    });
    let heading =
        if change_unit.is_empty() { "change".into() } else { format!("change, {change_unit}") };
    vec![
        TextColumn::units(&primary.to_string(), 4, (unit, values.collect())),
        TextColumn::figures(heading, 0, painted),
    ]
}

/// Speed-up with its interval, and the verdict where there are blocks enough for any.
pub(super) fn speed_columns(rows: &[Option<&ResultRow>], long: bool) -> Vec<TextColumn> {
    let speed = |row: &Option<&ResultRow>| row.as_ref()?.measurement.speed.as_ref().ok().cloned();
    let found: Vec<_> = rows.iter().map(speed).collect();
    let intervals: Vec<_> = found.iter().map(|own| own.as_ref().map(|s| s.speedup)).collect();
    let texts = interval_texts(&intervals, long).into_iter().zip(rows).zip(&found);
    let speedups = texts.map(|((text, row), own)| match row {
        Some(row) if row.variant.parent.is_none() && own.is_none() => cell(""),
        _ => cell(text),
    });
    let mut columns = vec![TextColumn::figures("speed-up", 0, speedups)];
    let judged = |blocks: usize| blocks >= MIN_BLOCKS;
    if found.iter().flatten().any(|own| judged(own.blocks)) {
        let verdicts = found.iter().map(|own| match own {
            Some(own) if judged(own.blocks) => verdict(own.verdict),
            Some(_) => cell("no verdict"),
            None => cell(""),
        });
        columns.push(TextColumn::text("verdict", 0, verdicts));
    }
    columns
}

fn verdict(verdict: SpeedVerdict) -> Cell {
    match verdict {
        SpeedVerdict::Faster => cell(verdict).fg(Color::Green),
        SpeedVerdict::Slower => cell(verdict).fg(Color::Red),
        SpeedVerdict::CannotTell => cell(verdict),
    }
}

/// Energy of one inference above idle; `None` where no row has it.
fn energy_column(rows: &[&ResultRow]) -> Option<TextColumn> {
    let energy = rows.iter().map(|row| row.measurement.energy.as_ref().ok());
    let energy: Vec<Option<ConfidenceInterval>> =
        energy.map(|found| Some(found?.per_inference_uj)).collect();
    energy
        .iter()
        .any(Option::is_some)
        .then(|| TextColumn::units("energy", 2, energy_texts(&energy)))
}

/// Reasons for which rows are not valid, one line each; one line for all that a busy machine brings about.
/// That there are too few blocks for any verdict is said once.
pub(super) fn invalid(rows: &[ResultRow]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut few = BTreeSet::new();
    for (position, row) in rows.iter().enumerate() {
        for reason in &row.measurement.invalid_reasons {
            match reason.contains(FEW_BLOCKS) {
                true => few.insert(position),
                false => reasons.entry(reason).or_default().insert(position),
            };
        }
    }
    let (busy, others): (Vec<_>, Vec<_>) =
        reasons.into_iter().partition(|(reason, _)| reason.contains(QUIET));
    let busy_rows: BTreeSet<usize> = busy.iter().flat_map(|(_, found)| found).copied().collect();
    let mut lines: Vec<String> = match busy.as_slice() {
        [] => vec![],
        [(reason, found)] => vec![format!("not valid: {}: {reason}", row_names(rows, found))],
        _ => {
            let names = row_names(rows, &busy_rows);
            vec![format!("not valid: {names}: too few of their blocks saw a quiet machine")]
        }
    };
    let others = others.into_iter();
    lines.extend(
        others.map(|(reason, found)| format!("not valid: {}: {reason}", row_names(rows, &found))),
    );
    // Those have no verdict anyway.
    few.retain(|position| !busy_rows.contains(position));
    if !few.is_empty() {
        let names = row_names(rows, &few);
        lines
            .push(format!("no verdict: {names}: a verdict needs {MIN_BLOCKS} blocks of each kind"));
    }
    if !busy_rows.is_empty() {
        lines.push("something else kept the machine busy; measure again with a new --out".into());
    }
    lines
}

fn precision(row: &ResultRow) -> String {
    let options = row.variant.options.label();
    let precision = row.variant.precision();
    if options.is_empty() { precision.into() } else { format!("{precision} {options}") }
}

/// A metric's value as a person reads it.
fn amount(metric: Metric, value: f64) -> String {
    if metric.is_share() { format!("{:.1} %", 100.0 * value) } else { format!("{value:.4}") }
}

/// Sources of energy figures, and reasons for missing ones, one line each.
fn about_energy(rows: &[ResultRow]) -> Vec<String> {
    let mut sources: BTreeSet<String> = BTreeSet::new();
    let mut reasons: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        match &row.measurement.energy {
            Ok(found) => {
                let sensor = &found.sensor;
                sources.insert(format!(
                    "energy on {}: {}, above idle, per inference; covers {}; {:.1} readings a second",
                    row.target, sensor.name, sensor.coverage, sensor.rate_hz
                ));
            }
            Err(MissingReason(why)) => {
                reasons.entry((&row.target, why)).or_default().insert(&row.variant.name);
            }
        }
    }
    let all = rows.iter().map(|row| &row.variant.name).collect::<BTreeSet<_>>().len();
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for ((target, why), variants) in reasons {
        let whose = match variants.len() == all {
            true => String::new(),
            false => format!(" of {}", variants.into_iter().collect::<Vec<_>>().join(", ")),
        };
        missing.entry(format!("{whose}: {why}")).or_default().push(target);
    }
    let missing = missing
        .into_iter()
        .map(|(rest, targets)| format!("no energy on {}{rest}", targets.join(", ")));
    sources.into_iter().chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::{example_rows, rows_of_two_targets, timed_row};
    use insta::assert_snapshot;

    #[test]
    fn variants_and_what_stands_below_them() {
        assert_snapshot!(results_table(&example_rows(), TerminalLayout::default()), @"
        host: Cortex-A76, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ─────────────────────────────────────────────────────────────────────────────
        variant               change, points  p50, µs           speed-up  verdict
        ─────────────────────────────────────────────────────────────────────────────
        baseline                              192 ± 4
        pruned-0.5         −0.5 [−1.5, +0.5]  102 ± 2  1.85 [1.84, 1.86]  faster
        magnitude-0.25  −45.7 [−46.7, −44.7]  145 ± 3  1.29 [1.28, 1.30]  faster
        int8-channel        0.0 [−1.0, +1.0]  444 ± 9  0.41 [0.40, 0.42]  slower
        same                             0.0  191 ± 4  1.00 [0.99, 1.01]  cannot tell
        ─────────────────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; accuracy, %; peak memory, MiB; file, KiB
        not valid: pruned-0.5, magnitude-0.25: only 4 of 10 solo blocks saw a quiet machine
        not valid: magnitude-0.25: outputs differ between blocks
        something else kept the machine busy; measure again with a new --out
        no energy on host: no power sensor on this machine
        answers differ more than its decisions explain: int8-channel: 3 of 396 samples, by 0.2 at most
        long load: int8-channel: 444 µs in the first 60 s, 480 µs in the last of 600 s (+8.1 %, the core itself +8.0 %); throttled (get_throttled) after 120 s; slower from 180 s on
        left alone in int8-channel: block1.dw: the engine has no integer kernel for depthwise convolutions; float is faster
        ");
    }

    #[test]
    fn several_targets_and_energy() {
        let layout = TerminalLayout::default();
        assert_snapshot!(results_table(&rows_of_two_targets(), layout), @"
        host: Cortex-A76, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ───────────────────────────────────────────────────────────────────────────
        variant      change, points  p50, µs           speed-up  verdict  file, KiB
        ───────────────────────────────────────────────────────────────────────────
        baseline                     192 ± 4                                    352
        half      −0.5 [−1.5, +0.5]  102 ± 2  1.85 [1.84, 1.86]  faster         352
        ───────────────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; accuracy, %; peak memory, MiB

        pi4: Cortex-A72, EMULATED: not a board's speed, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ──────────────────────────────────────────────────────────────────
        variant      change, points    p50, µs           speed-up  verdict
        ──────────────────────────────────────────────────────────────────
        baseline                     1920 ± 38
        half      −0.5 [−1.5, +0.5]  1202 ± 24  1.60 [1.59, 1.61]  faster
        ──────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; accuracy, %; energy, µJ; peak memory, MiB; file, KiB
        energy on pi4: pmic, above idle, per inference; covers board; 10.0 readings a second
        no energy on host: no power sensor on this machine
        ");
    }

    #[test]
    fn all_columns_and_wrapped_sentences() {
        let layout = TerminalLayout { wide: true, wrap: true, ..TerminalLayout::default() };
        assert_snapshot!(results_table(&example_rows(), layout), @"
        host: Cortex-A76, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        variant         precision  removed, %  accuracy, %        change, points  p50, µs           speed-up  verdict      peak memory, MiB  file, KiB
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        baseline        f32              50.0         90.0                        192 ± 4                                              26.7        352
        pruned-0.5      f32              50.0         90.0     −0.5 [−1.5, +0.5]  102 ± 2  1.85 [1.84, 1.86]  faster                   26.7        352
        magnitude-0.25  f32              50.0         90.0  −45.7 [−46.7, −44.7]  145 ± 3  1.29 [1.28, 1.30]  faster                   26.7        352
        int8-channel    f32              50.0         90.0      0.0 [−1.0, +1.0]  444 ± 9  0.41 [0.40, 0.42]  slower                   26.7        352
        same            f32              50.0         90.0                   0.0  191 ± 4  1.00 [0.99, 1.01]  cannot tell              26.7        352
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        not valid: pruned-0.5, magnitude-0.25: only 4 of 10 solo blocks saw a quiet
          machine
        not valid: magnitude-0.25: outputs differ between blocks
        something else kept the machine busy; measure again with a new --out
        no energy on host: no power sensor on this machine
        answers differ more than its decisions explain: int8-channel: 3 of 396 samples,
          by 0.2 at most
        long load: int8-channel: 444 µs in the first 60 s, 480 µs in the last of 600 s
          (+8.1 %, the core itself +8.0 %); throttled (get_throttled) after 120 s;
          slower from 180 s on
        left alone in int8-channel: block1.dw: the engine has no integer kernel for
          depthwise convolutions; float is faster
        ");
    }

    #[test]
    fn latencies_stay_where_everything_is_long() {
        let mut rows = vec![
            timed_row("baseline", "pi4", 1_920_000.0, None, 0.0),
            timed_row("pruned-0.25-int8", "pi4", 1_202_400.0, Some(1.001), -0.457),
        ];
        if let Ok(speed) = &mut rows[1].measurement.speed {
            (speed.speedup.low, speed.speedup.high) = (0.999, 1.003);
        }
        assert_snapshot!(results_table(&rows, TerminalLayout::default()), @"
        pi4: Cortex-A76, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ───────────────────────────────────────────────────────────────────────────────
        variant                 change, points  p50, µs           speed-up  verdict
        ───────────────────────────────────────────────────────────────────────────────
        baseline                                   1920
        pruned-0.25-int8  −45.7 [−46.7, −44.7]     1202  1.00 [1.00, 1.00]  cannot tell
        ───────────────────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; accuracy, %; peak memory, MiB; file, KiB
        no energy on pi4: no power sensor on this machine
        solo and paired disagree: pruned-0.25-int8: solo medians make 1.597 [1.534, 1.662], pairs 1.001 [0.999, 1.003]
        ");
    }

    #[test]
    fn too_few_blocks_are_said_once() {
        let mut rows = rows_of_two_targets();
        for row in &mut rows {
            let few = |kind: &str| format!("3 {kind} blocks, a verdict needs 9");
            row.measurement.invalid_reasons = vec![few("solo"), few("paired")];
            if let Ok(speed) = &mut row.measurement.speed {
                speed.blocks = 3;
            }
        }
        assert_snapshot!(results_table(&rows, TerminalLayout::default()), @"
        host: Cortex-A76, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ───────────────────────────────────────────────────────────────────────────────
        variant   accuracy, %     change, points  p50, µs           speed-up  file, KiB
        ───────────────────────────────────────────────────────────────────────────────
        baseline         90.0                     192 ± 4                           352
        half             90.0  −0.5 [−1.5, +0.5]  102 ± 2  1.85 [1.84, 1.86]        352
        ───────────────────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; peak memory, MiB

        pi4: Cortex-A72, EMULATED: not a board's speed, tract 0.23.9; baseline: accuracy 90.0 % on 200 samples
        ────────────────────────────────────────────────────────────────────────────
        variant      change, points    p50, µs           speed-up         energy, µJ
        ────────────────────────────────────────────────────────────────────────────
        baseline                     1920 ± 38                     1530 [1490, 1570]
        half      −0.5 [−1.5, +0.5]  1202 ± 24  1.60 [1.59, 1.61]  1530 [1490, 1570]
        ────────────────────────────────────────────────────────────────────────────
        --wide adds: precision; removed, %; accuracy, %; peak memory, MiB; file, KiB
        no verdict: all 4 rows: a verdict needs 9 blocks of each kind
        energy on pi4: pmic, above idle, per inference; covers board; 10.0 readings a second
        no energy on host: no power sensor on this machine
        ");
    }
}
