//! A card as Markdown.

use super::CardRecords;
use super::card_records::NOT_STATED;
use crate::report::markdown::{FIGURES, code, figure_cells, table, text};
use crate::report::terminal::{signed_change, with_interval};
use paring_core::number_format::counted;
use paring_core::schema::{Metric, MetricScore};
use paring_core::text::printable_lines;

/// The card of a variant; empty without one.
pub fn model_card_md(card: &CardRecords) -> String {
    let Some(variant) = card.variant() else { return String::new() };
    let parts = [
        format!(
            "# Model card: {} of {}\n\nEvidence from a run of paring, no claim of conformity with any rule or standard.\n",
            code(&variant.name),
            code(&card.facts.study)
        ),
        intent(card),
        identity(card),
        metrics(card),
        by_class_and_slice(card),
        hardware(card),
        decisions(card),
        limits(card),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    printable_lines(&parts.join("\n")).into_owned()
}

fn intent(card: &CardRecords) -> String {
    let mut rows = vec![vec!["owner".to_string(), text(card.owner)]];
    for key in ["purpose", "risk", "ethics", "review_by", "notes"] {
        rows.push(vec![key.replace('_', " "), text(card.word(key).unwrap_or(NOT_STATED))]);
    }
    if let Some(approval) = card.approval {
        let people = approval.people.iter().map(|(by, end)| match end {
            Some(end) => format!("{by} until {end}"),
            None => format!("{by}, no end stated"),
        });
        let people = people.collect::<Vec<_>>().join("; ");
        let state = match &approval.lacking {
            None => format!("approved by {people}"),
            Some(lacking) => format!("not approved: {lacking}"),
        };
        rows.push(vec!["approval".into(), text(&state)]);
    }
    format!("## Intent\n\nIn the owner's words.\n\n{}", table(&["what", "words"], &rows))
}

fn identity(card: &CardRecords) -> String {
    let Some(variant) = card.variant() else { return String::new() };
    let made_from: Vec<String> =
        card.line.iter().skip(1).map(|record| code(&record.name)).collect();
    let made_from = match made_from.is_empty() {
        true => "nothing: it is the model as given".to_string(),
        false => made_from.join(" from "),
    };
    let macs = variant.macs.map_or_else(|| "not known".to_string(), |macs| macs.to_string());
    let rows = [
        ("file", format!("{}, {} bytes", code(&variant.file), variant.file_bytes)),
        ("SHA-256", code(variant.file_sha256.as_str())),
        ("variant id", code(variant.variant_id.as_str())),
        ("made from", made_from),
        ("baseline SHA-256", code(card.line.last().map_or("", |base| base.file_sha256.as_str()))),
        ("data, splits and metrics SHA-256", code(&card.facts.data_sha256)),
        ("run", code(&card.facts.run_id)),
        ("parameters", variant.params.to_string()),
        ("multiply-accumulates a sample", macs),
        ("precision", text(variant.precision())),
        ("weights that are zero", format!("{:.1} %", 100.0 * variant.sparsity)),
    ];
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(what, value)| vec![what.to_string(), value]).collect();
    format!("## Model\n\n{}", table(&["what", "value"], &rows))
}

fn score_cells(metric: Metric, score: &MetricScore) -> [String; 2] {
    let change = score.change.map(|change| signed_change(metric, change));
    [text(&with_interval(metric, score.value)), text(&change.unwrap_or_else(|| "none".into()))]
}

fn metrics(card: &CardRecords) -> String {
    let Some(found) = card.evaluation else {
        return "## Quality\n\nNot evaluated.\n".to_string();
    };
    let rows: Vec<Vec<String>> = found
        .metrics
        .iter()
        .map(|(metric, score)| {
            let [value, change] = score_cells(*metric, score);
            vec![text(&metric.to_string()), value, change]
        })
        .collect();
    format!(
        "## Quality\n\nOn {} of the report split, with 95 % intervals; the primary metric is {}.\n\n{}",
        counted(found.samples, "sample"),
        text(&found.primary.to_string()),
        table(&["metric", "value", "change against the baseline"], &rows)
    )
}

fn by_class_and_slice(card: &CardRecords) -> String {
    let Some(found) = card.evaluation else { return String::new() };
    let mut rows = Vec::new();
    for slice in &found.slices {
        for (metric, score) in &slice.metrics {
            let [value, change] = score_cells(*metric, score);
            let name = format!("{} = {}", slice.column, slice.value);
            let samples = slice.samples.to_string();
            rows.push(vec![code(&name), samples, text(&metric.to_string()), value, change]);
        }
    }
    for class in &found.classes {
        if let Some(recall) = &class.recall {
            let [value, change] = score_cells(Metric::Accuracy, recall);
            let name = format!("class {}", class.class);
            rows.push(vec![code(&name), class.samples.to_string(), "recall".into(), value, change]);
        }
    }
    match rows.is_empty() {
        true => String::new(),
        false => {
            let header = ["slice or class", "samples", "metric", "value", "change"];
            format!("## Quality by slice and class\n\n{}", table(&header, &rows))
        }
    }
}

fn hardware(card: &CardRecords) -> String {
    if card.rows.is_empty() {
        return "## Hardware\n\nNot measured.\n".to_string();
    }
    let rows: Vec<Vec<String>> = card.rows.iter().map(figure_cells).collect();
    format!("## Hardware\n\nMedian latency with 99 % intervals.\n\n{}", table(&FIGURES, &rows))
}

fn decisions(card: &CardRecords) -> String {
    let Some(variant) = card.variant() else { return String::new() };
    if card.decisions.is_empty() {
        return "## Decisions\n\nNone.\n".to_string();
    }
    let removed = counted(variant.removed_count(), "component");
    let rows: Vec<Vec<String>> = card
        .operations()
        .into_iter()
        .map(|(operation, count)| vec![text(operation), count.to_string()])
        .collect();
    let recipe: Vec<String> =
        variant.recipe.iter().map(|step| format!("1. {}\n", text(step))).collect();
    format!(
        "## Decisions\n\n{}\n{removed} removed since the baseline. Each decision with its scores, alternatives and reason stands in ledger.jsonl.\n\n{}",
        recipe.concat(),
        table(&["operation", "decisions"], &rows)
    )
}

fn limits(card: &CardRecords) -> String {
    let limits: Vec<String> =
        card.limits().iter().map(|limit| format!("- {}\n", text(limit))).collect();
    format!("## Limits that the run shows\n\n{}", limits.concat())
}
