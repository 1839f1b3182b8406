//! Summary for a decision: which variant, what it gains and costs, what is uncertain, what to do next.

use crate::report::ResultRow;
use crate::report::gate::{
    REQUIREMENT_COLUMNS, gate_sentence, requirement_rows, scenario_sentences,
};
use crate::report::html::findings::findings;
use crate::report::html::numbers::{
    bytes, count, latency_interval, metric_change_interval, metric_value, ratio, signed,
};
use crate::report::html::page::{
    CellTone, KeyFigure, PageBlock, PageSection, PageTable, PageTableCell,
};
use crate::report::html::run_report::RunReport;
use crate::report::html::verdict::{change, is_worse, recommended};
use paring_core::schema::{GateVerdict, SpeedVerdict};
use paring_core::text::shell_word;

/// Findings that are not folded.
const SHOWN_FINDINGS: usize = 6;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("summary", "Summary");
    for sentence in summary_sentences(run) {
        section.lead(&sentence);
    }
    if let Some(row) = recommended(run) {
        section.blocks.push(PageBlock::Figures(figures(run, row)));
    }
    requirements(run, &mut section);
    let mut found = findings(run);
    if !found.is_empty() {
        section.head("Findings");
        let more = found.split_off(found.len().min(SHOWN_FINDINGS));
        section.blocks.push(PageBlock::Findings(found));
        if !more.is_empty() {
            section.fold(count(more.len(), "more finding"), |section| {
                section.blocks.push(PageBlock::Findings(more));
            });
        }
    }
    section
}

/// The protocol's requirements, and the variants by verdict.
fn requirements(run: &RunReport, section: &mut PageSection) {
    let Some(record) = run.facts.gate(run.rows) else { return };
    section.head("Requirements");
    let mut table = PageTable::new("Requirements of the protocol", &REQUIREMENT_COLUMNS);
    for row in requirement_rows(&record) {
        let toned = |names: &[String], tone| PageTableCell::text(names.join(", ")).toned(tone);
        let cells = vec![
            PageTableCell::text(&row.label),
            toned(&row.pass, CellTone::Better),
            toned(&row.undecided, CellTone::Unclear),
            toned(&row.fail, CellTone::Worse),
        ];
        table.row("", cells);
    }
    section.table(table);
}

/// The recommended variant and why, what is uncertain, and what to do next.
pub fn summary_sentences(run: &RunReport) -> Vec<String> {
    match recommended(run) {
        Some(row) => {
            let scenarios = scenario_sentences(run.facts, run.rows, row);
            let scenarios =
                (!scenarios.is_empty()).then(|| format!("Requirements: {}", scenarios.join(" ")));
            let others = [uncertainty(run, row), next_step(run, row)];
            std::iter::once(recommendation(row)).chain(scenarios).chain(others).collect()
        }
        None => vec![no_recommendation(run), next_without(run)],
    }
}

fn recommendation(row: &ResultRow) -> String {
    let speed = match &row.measurement.speed {
        Ok(speed) => format!(
            "{} times as fast as the baseline on {} (99 % CI {} to {})",
            ratio(speed.speedup.value),
            row.target,
            ratio(speed.speedup.low),
            ratio(speed.speedup.high)
        ),
        Err(_) => String::new(),
    };
    let quality = row.evaluation.as_ref().zip(change(row)).map_or_else(String::new, |(e, c)| {
        let what = if c.excludes_zero() { "a change" } else { "no significant change" };
        format!(" with {what} of {}: {}", e.primary, metric_change_interval(e.primary, c))
    });
    format!("Recommended: {}. It is {speed}{quality}.", row.label())
}

fn uncertainty(run: &RunReport, row: &ResultRow) -> String {
    let samples = row.evaluation.as_ref().map(|e| e.samples);
    let mut parts = vec![samples.map_or_else(
        || "its quality is not known".to_string(),
        |samples| format!("quality stands on {samples} report samples"),
    )];
    if row.environment.emulated {
        parts.push(format!("{} is emulated, so its times are not a board's", row.target));
    }
    if !row.measurement.invalid_reasons.is_empty() {
        parts.push(row.measurement.invalid_reasons.join("; "));
    }
    if run.explanation(&row.variant.name).is_none() {
        parts.push("no change has been attributed to a decision yet".into());
    }
    format!("Uncertain: {}.", parts.join("; "))
}

fn next_step(run: &RunReport, row: &ResultRow) -> String {
    let name = &row.variant.name;
    let (directory, word) = (shell_word(run.directory), shell_word(name));
    match run.explanation(name) {
        None => format!(
            "Next: attribute the changes to single decisions: paring explain {directory} --variant {word}"
        ),
        Some(_) => format!(
            "Next: deploy variants/{}, or restore single components: paring restore {directory} --variant {word}",
            row.variant.file
        ),
    }
}

fn no_recommendation(run: &RunReport) -> String {
    if run.facts.quick {
        return "No recommendation: the quick protocol gives no verdicts.".into();
    }
    if let Some(record) = run.facts.gate(run.rows) {
        let passes = record.variants.iter().any(|own| own.verdict == GateVerdict::Pass);
        let counts = gate_sentence(&record).unwrap_or_default();
        let counts = counts.trim_start_matches("gate: ");
        return match passes {
            true => format!(
                "No recommendation: no variant that meets every requirement is faster than the baseline beyond noise; {counts}."
            ),
            false => format!(
                "No recommendation: no variant is known to meet every requirement; {counts}."
            ),
        };
    }
    let best = run.variant_rows().filter_map(|row| {
        let speed = row.measurement.speed.as_ref().ok()?;
        Some((row, speed.speedup))
    });
    let best = best.max_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let best = best.map_or_else(String::new, |(row, speedup)| {
        format!(
            " The highest speed-up is {} of {} (99 % CI {} to {}).",
            ratio(speedup.value),
            row.label(),
            ratio(speedup.low),
            ratio(speedup.high)
        )
    });
    format!(
        "No recommendation: no variant is faster than the baseline beyond noise without a significant loss of quality.{best}"
    )
}

fn next_without(run: &RunReport) -> String {
    match run.facts.quick {
        true => "Next: run the study without --quick.".into(),
        false if !run.facts.requirements.is_empty() => format!("Next: see what each requirement lacks: paring gate {}", shell_word(run.directory)),
        false => "Next: see Trade-off for what each variant gains and costs, and Effects for the decisions behind it.".into(),
    }
}

/// Five numbers of a variant.
fn figures(run: &RunReport, row: &ResultRow) -> Vec<KeyFigure> {
    let mut all = Vec::new();
    if let Ok(speed) = &row.measurement.speed {
        let tone = match speed.verdict {
            SpeedVerdict::Faster => "better",
            SpeedVerdict::Slower => "worse",
            SpeedVerdict::CannotTell => "unclear",
        };
        let interval =
            format!("99 % CI {} to {}", ratio(speed.speedup.low), ratio(speed.speedup.high));
        all.push(figure("speed-up", format!("{} ×", ratio(speed.speedup.value)), interval, tone));
    }
    if let Some((evaluation, change)) = row.evaluation.as_ref().zip(change(row)) {
        let tone = match (change.excludes_zero(), is_worse(row, change)) {
            (false, _) => "unclear",
            (true, true) => "worse",
            (true, false) => "better",
        };
        let primary = evaluation.primary;
        if let Some(metric) = evaluation.metrics.get(&primary) {
            let value = metric_value(primary, metric.value.value);
            let change = metric_change_interval(primary, change);
            all.push(figure(&primary.to_string(), value, change, tone));
        }
    }
    if let Ok(latency) = &row.measurement.latency {
        let text = latency_interval(latency.p50_ns);
        let (value, interval) = text.split_once(" (").unwrap_or((&text, ""));
        let interval = interval.trim_end_matches(')').to_string();
        all.push(figure("median latency per inference", value.into(), interval, "reference"));
    }
    all.push(file_size(run, row));
    if let Some(peak) = row.measurement.latency.as_ref().ok().and_then(|l| l.peak_rss_bytes) {
        let before = baseline(run).and_then(|row| row.measurement.latency.as_ref().ok());
        let before = before.and_then(|latency| latency.peak_rss_bytes);
        let against = before.map_or_else(String::new, |before| format!("baseline {before}"));
        all.push(figure("peak memory of the process", peak.to_string(), against, "reference"));
    }
    all
}

/// The size of a variant's file, against the baseline's where that has a row.
fn file_size(run: &RunReport, row: &ResultRow) -> KeyFigure {
    let own = row.variant.file_bytes;
    let before = baseline(run).map(|row| row.variant.file_bytes).filter(|before| *before > 0);
    let against = before.map_or_else(String::new, |before| {
        let share = 100.0 * (own as f64 / before as f64 - 1.0);
        format!("{} %, baseline {}", signed(share, 0), bytes(before))
    });
    figure("file size", bytes(own), against, "reference")
}

/// The baseline's first row.
fn baseline<'a>(run: &'a RunReport) -> Option<&'a ResultRow> {
    run.rows.iter().find(|row| row.variant.parent.is_none())
}

fn figure(name: &str, value: String, interval: String, tone: &'static str) -> KeyFigure {
    KeyFigure { name: name.into(), value, interval, tone }
}
