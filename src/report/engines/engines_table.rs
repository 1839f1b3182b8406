//! The table of variants in other engines, for a terminal.

use super::engine_speedup::{EngineSpeedup, engine_speedups};
use crate::report::result_row::ResultRow;
use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use crate::report::terminal::layout::{interval_texts, span_texts};
use paring_core::number_format::counted;
use paring_core::schema::{AnswerAgreement, MissingReason};

/// A row for each variant in each other engine; below, whether the model or the engine is the cause of a
/// change, and answers that differ. `None` without such rows.
pub fn engines_table(
    rows: &[ResultRow],
    engine_rows: &[ResultRow],
    layout: TerminalLayout,
) -> Option<String> {
    if engine_rows.is_empty() {
        return None;
    }
    let found = engine_speedups(rows, engine_rows);
    let title = layout.prose("other engines, speed-up over the baseline in tract:");
    let below = found.iter().filter_map(EngineSpeedup::cause);
    let below = below.chain(engine_rows.iter().filter_map(other_answers));
    let below = below.chain(engine_rows.iter().filter_map(not_valid));
    Some(format!("{title}\n{}{}", fitted(columns(&found), layout), layout.lines(below)))
}

fn columns(found: &[EngineSpeedup]) -> Vec<TextColumn> {
    let rows = || found.iter().map(|own| own.row);
    let several = rows().any(|row| row.target != found[0].row.target);
    let name = |row: &ResultRow| {
        let setting = row.measurement.setting.label();
        let name = &row.variant.name;
        if setting.is_empty() { name.clone() } else { format!("{name} ({setting})") }
    };
    let engine = |row: &ResultRow| row.engine.as_ref().map(|e| e.label()).unwrap_or_default();
    let p50 = rows().map(|row| Some(row.measurement.latency.as_ref().ok()?.p50_ns));
    let speedups = rows().map(|row| Some(row.measurement.speed.as_ref().ok()?.speedup));
    let own: Vec<_> = found.iter().map(|own| own.over_own_baseline).collect();
    let difference = rows().map(|row| match agreement(row).and_then(|a| a.max_abs_difference) {
        Some(difference) => format!("{difference:.1e}"),
        None => "—".into(),
    });
    let flips = rows().map(|row| match agreement(row) {
        Some(AnswerAgreement { flips: Some(flips), samples, .. }) => {
            format!("{flips} of {samples}")
        }
        _ => "—".into(),
    });
    let mut columns = vec![
        TextColumn::text("variant", 0, rows().map(|row| cell(name(row)))),
        TextColumn::text("engine", 0, rows().map(|row| cell(engine(row)))),
    ];
    if several {
        columns.push(TextColumn::text("target", 0, rows().map(|row| cell(&row.target))));
    }
    let texts = |values: Vec<_>| interval_texts(&values, false).into_iter().map(cell);
    columns.extend([
        TextColumn::units("p50", 0, span_texts(&p50.collect::<Vec<_>>(), false)),
        TextColumn::figures("speed-up", 0, texts(speedups.collect())),
        TextColumn::figures("over own baseline", 1, texts(own)),
        TextColumn::figures("difference", 2, difference.map(cell)),
        TextColumn::figures("flips", 3, flips.map(cell)),
    ]);
    columns
}

fn agreement(row: &ResultRow) -> Option<AnswerAgreement> {
    let found = row.engine.as_ref()?.found.as_ref()?;
    found.agreement.as_ref()?.as_ref().ok().copied()
}

/// A sentence about answers that flip, or that cannot be compared.
fn other_answers(row: &ResultRow) -> Option<String> {
    let engine = row.engine.as_ref()?;
    let (name, label) = (&row.variant.name, engine.label());
    match engine.found.as_ref()?.agreement.as_ref()? {
        Ok(AnswerAgreement { flips: Some(flips), samples, max_abs_difference }) if *flips > 0 => {
            let by =
                max_abs_difference.map_or("infinitely".into(), |by| format!("by {by:.1e} at most"));
            let samples = counted(*samples, "sample");
            Some(format!(
                "answers differ: {name}: {flips} of {samples} flip from tract to {label}, outputs differ {by}"
            ))
        }
        Ok(_) => None,
        Err(MissingReason(why)) => Some(format!("answers not compared: {name} in {label}: {why}")),
    }
}

fn not_valid(row: &ResultRow) -> Option<String> {
    let reasons = &row.measurement.invalid_reasons;
    (!reasons.is_empty()).then(|| format!("not valid: {}: {}", row.label(), reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::timed_row;
    use paring_core::schema::ExternalEngine;

    #[test]
    fn variants_in_another_engine() {
        let rows = [
            timed_row("baseline", "host", 200_000.0, None, 0.0),
            timed_row("int8", "host", 400_000.0, Some(0.5), 0.0),
        ];
        let others: Vec<ResultRow> = rows
            .iter()
            .zip([4.0, 8.0])
            .map(|(row, ratio)| {
                let mut own =
                    timed_row("any", "host", 200_000.0 / ratio, Some(ratio), 0.0).measurement;
                let flips = Some(if ratio > 4.0 { 2 } else { 0 });
                let agreement =
                    AnswerAgreement { samples: 64, max_abs_difference: Some(3e-7), flips };
                own.latency.as_mut().unwrap().engine = Some(ExternalEngine {
                    engine: "onnxruntime".into(),
                    version: "1.23.2".into(),
                    options: String::new(),
                    agreement: Some(Ok(agreement)),
                });
                row.clone().in_engine("ort", own)
            })
            .collect();
        let text = engines_table(&rows, &others, TerminalLayout::default()).unwrap();
        for line in [
            "other engines, speed-up over the baseline in tract:",
            "the engine: int8: slower in tract (0.50 [0.49, 0.51]), faster in onnxruntime 1.23.2 (2.00",
            "answers differ: int8: 2 of 64 samples flip from tract to onnxruntime 1.23.2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let row = text.lines().find(|line| line.starts_with("int8 ")).unwrap();
        for cell in ["onnxruntime 1.23.2", "8.00 [7.99, 8.01]", "2.00 ["] {
            assert!(row.contains(cell), "{cell}: {text}");
        }
        assert!(engines_table(&rows, &[], TerminalLayout::default()).is_none());
    }
}
