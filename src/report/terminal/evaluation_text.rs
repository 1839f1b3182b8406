//! An evaluation as a sentence, and as tables of metrics, classes, the confusion matrix and slices.

use super::metric_text::{signed, with_interval};
use super::robustness_lines::robustness_lines;
use paring_core::schema::{ClassScore, Evaluation, Metric, MetricScore, MissingReason};

/// More classes than these are too many for a table on a terminal.
const MOST_CLASSES: usize = 24;

/// The primary metric with its interval, change against the baseline, and what could not be used.
pub fn evaluation_line(found: &Evaluation) -> String {
    let Some(score) = found.metrics.get(&found.primary) else {
        let why =
            found.missing.get(&found.primary).map_or("not computed", |MissingReason(why)| why);
        return format!("{} not stated on {} samples: {why}", found.primary, found.samples);
    };
    let value = with_interval(found.primary, score.value);
    let mut line = format!("{} {value} on {} samples", found.primary, found.samples);
    if let Some(change) = score.change {
        line += &format!("; change {}", signed(found.primary, change));
    }
    if let Some(flips) = found.flips {
        let noun = if flips == 1 { "prediction differs" } else { "predictions differ" };
        line += &format!(", {flips} {noun} from the first model's");
    }
    line + &unusable(found)
}

fn unusable(found: &Evaluation) -> String {
    match found.unusable {
        0 => String::new(),
        1 => "; 1 sample had scores that are not numbers, it counts as wrong".into(),
        n => format!("; {n} samples had scores that are not numbers, they count as wrong"),
    }
}

/// Everything that an evaluation found, in lines of text.
pub fn evaluation_text(found: &Evaluation) -> String {
    let mut lines = vec![format!("{} of {} samples{}", found.task, found.samples, unusable(found))];
    for (metric, score) in &found.metrics {
        lines.push(format!("  {:<20} {}", metric.to_string(), score_text(*metric, score)));
    }
    for (metric, MissingReason(why)) in &found.missing {
        lines.push(format!("  {:<20} none: {why}", metric.to_string()));
    }
    if let Some(sure) = found.decisiveness {
        let (confidence, margin) = (sure.confidence, sure.margin);
        lines.push(format!("  mean confidence {confidence:.4}, mean margin {margin:.4}"));
    }
    if let Some(flips) = found.flip_kinds {
        lines.push(format!(
            "  flips: {} right to wrong, {} wrong to right, {} wrong to wrong; McNemar p = {:.3}",
            flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong, flips.p_value
        ));
    }
    lines.extend(classes(&found.classes));
    lines.extend(confusion(&found.confusion));
    lines.extend(slices(found));
    lines.extend(robustness_lines(&found.robustness));
    lines.join("\n")
}

fn score_text(metric: Metric, score: &MetricScore) -> String {
    let value = with_interval(metric, score.value);
    match score.change {
        Some(change) => format!("{value:<32} change {}", signed(metric, change)),
        None => value,
    }
}

fn classes(all: &[ClassScore]) -> Vec<String> {
    if all.is_empty() || all.len() > MOST_CLASSES {
        return vec![];
    }
    let mut lines = vec![format!(
        "  {:>5} {:>8} {:>9}  {:<24} {:<24} {}",
        "class", "samples", "predicted", "recall", "precision", "f1"
    )];
    let cell = |score: &Option<MetricScore>| {
        score.map_or("—".into(), |score| with_interval(Metric::Accuracy, score.value))
    };
    for own in all {
        let line = format!(
            "  {:>5} {:>8} {:>9}  {:<24} {:<24} {:<24}",
            own.class,
            own.samples,
            own.predicted,
            cell(&own.recall),
            cell(&own.precision),
            cell(&own.f1)
        );
        lines.push(line.trim_end().to_string());
    }
    lines
}

fn confusion(table: &[Vec<u64>]) -> Vec<String> {
    if table.is_empty() || table.len() > MOST_CLASSES {
        return vec![];
    }
    let columns = table[0].len();
    let largest = table.iter().flatten().max().copied().unwrap_or(0);
    let width = largest.to_string().len().max(columns.to_string().len()).max(3) + 1;
    let head = |column: usize| match column < table.len() {
        true => format!("{column:>width$}"),
        false => format!("{:>width$}", "NaN"),
    };
    let header: String = (0..columns).map(head).collect();
    let mut lines = vec!["  confusion, a row for each label, a column for each answer".to_string()];
    lines.push(format!("  {:>5}{header}", ""));
    for (label, row) in table.iter().enumerate() {
        let cells: String = row.iter().map(|count| format!("{count:>width$}")).collect();
        lines.push(format!("  {label:>5}{cells}"));
    }
    lines
}

fn slices(found: &Evaluation) -> Vec<String> {
    let mut lines = Vec::new();
    for slice in &found.slices {
        let mut line = format!("  {} = {}: {} samples", slice.column, slice.value, slice.samples);
        for (metric, score) in &slice.metrics {
            line += &format!(", {metric} {}", score_text(*metric, score).replace("  ", ""));
        }
        if let Some(p) = slice.p_adjusted {
            line += &format!(", p = {p:.3} after Holm");
        }
        lines.push(line);
    }
    for (column, spread) in &found.slice_spread {
        let spread = match found.primary.is_share() {
            true => format!("{:.2} points", 100.0 * spread),
            false => format!("{spread:.5}"),
        };
        lines.push(format!(
            "  {} spreads over {spread} between the slices of {column}",
            found.primary
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{ConfidenceInterval, Sha256Hex, TaskKind};

    #[test]
    fn a_sentence_says_what_is_known_and_what_is_not() {
        let id = Sha256Hex::of(b"x");
        let mut found = Evaluation::empty(id, TaskKind::Classification, Metric::Ece, 3);
        found.missing.insert(Metric::Ece, MissingReason("no sample has a usable answer".into()));
        assert_eq!(
            evaluation_line(&found),
            "ece not stated on 3 samples: no sample has a usable answer"
        );
        let value = ConfidenceInterval { value: 0.5, low: 0.25, high: 0.75 };
        found.primary = Metric::Accuracy;
        found.metrics.insert(Metric::Accuracy, MetricScore { value, change: Some(value) });
        found.flips = Some(2);
        found.unusable = 1;
        assert_eq!(
            evaluation_line(&found),
            "accuracy 50.00 % [25.00, 75.00] on 3 samples; change +50.00 points [+25.00, +75.00], 2 predictions differ from the first model's; 1 sample had scores that are not numbers, it counts as wrong"
        );
        found.confusion = vec![vec![1, 0, 1], vec![0, 1, 0]];
        assert!(evaluation_text(&found).ends_with(
            "  confusion, a row for each label, a column for each answer\n          0   1 NaN\n      0   1   0   1\n      1   0   1   0"
        ));
    }
}
