//! An evaluation as a sentence, and as tables of metrics, classes, the confusion matrix and slices.

use super::layout::TerminalLayout;
use super::layout::text_table::{COLUMNS, TextColumn, cell, fitted};
use super::metric_text::{signed_change, with_interval};
use super::robustness_lines::robustness_lines;
use crate::report::interval_text::interval_text;
use paring_core::number_format::{counted, decimal};
use paring_core::schema::{ClassScore, Evaluation, Metric, MetricScore, MissingReason};

/// More classes than these are too many for a table on a terminal.
const MOST_CLASSES: usize = 24;

/// The primary metric with its interval, change against the baseline, and what could not be used.
pub fn evaluation_line(found: &Evaluation) -> String {
    let Some(score) = found.metrics.get(&found.primary) else {
        let why =
            found.missing.get(&found.primary).map_or("not computed", |MissingReason(why)| why);
        let samples = counted(found.samples, "sample");
        return format!("{} not stated on {samples}: {why}", found.primary);
    };
    let value = with_interval(found.primary, score.value);
    let samples = counted(found.samples, "sample");
    let mut line = format!("{} {value} on {samples}", found.primary);
    if let Some(change) = score.change {
        line += &format!("; change {}", signed_change(found.primary, change));
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

/// Everything that an evaluation found, in lines of text that fit the layout.
pub fn evaluation_text(found: &Evaluation, layout: TerminalLayout) -> String {
    let mut text = layout.prose(&metric_lines(found).join("\n"));
    if !found.classes.is_empty() && found.classes.len() <= MOST_CLASSES {
        text += &format!("\n{}", fitted(class_columns(&found.classes), layout));
    }
    let below = confusion(&found.confusion, layout).into_iter().chain(slices(found));
    text + &layout.lines(below.chain(robustness_lines(&found.robustness)))
}

fn metric_lines(found: &Evaluation) -> Vec<String> {
    let samples = counted(found.samples, "sample");
    let mut lines = vec![format!("{} of {samples}{}", found.task, unusable(found))];
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
    lines
}

fn score_text(metric: Metric, score: &MetricScore) -> String {
    let value = with_interval(metric, score.value);
    match score.change {
        Some(change) => format!("{value:<28} change {}", signed_change(metric, change)),
        None => value,
    }
}

fn class_columns(all: &[ClassScore]) -> Vec<TextColumn> {
    let share = |heading: &str, rank: u8, of: fn(&ClassScore) -> Option<MetricScore>| {
        let text = |own: &ClassScore| {
            of(own).map_or("—".into(), |score| {
                interval_text(score.value, |share| decimal(100.0 * share, 1))
            })
        };
        TextColumn::text(heading, rank, all.iter().map(|own| cell(text(own))))
    };
    vec![
        TextColumn::figures("class", 0, all.iter().map(|own| cell(own.class))),
        TextColumn::figures("samples", 0, all.iter().map(|own| cell(own.samples))),
        TextColumn::figures("predicted", 2, all.iter().map(|own| cell(own.predicted))),
        share("recall, %", 0, |own| own.recall),
        share("precision, %", 0, |own| own.precision),
        share("f1, %", 1, |own| own.f1),
    ]
}

fn confusion(table: &[Vec<u64>], layout: TerminalLayout) -> Vec<String> {
    if table.is_empty() || table.len() > MOST_CLASSES {
        return vec![];
    }
    let columns = table[0].len();
    let largest = table.iter().flatten().max().copied().unwrap_or(0);
    let width = largest.to_string().len().max(columns.to_string().len()).max(3) + 1;
    if 7 + columns * width > COLUMNS && !layout.wide {
        return vec![format!("--wide adds: confusion of {} classes", table.len())];
    }
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
        let samples = counted(slice.samples, "sample");
        let mut line = format!("  {} = {}: {samples}", slice.column, slice.value);
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
    use insta::assert_snapshot;
    use paring_core::schema::{
        ConfidenceInterval, ConfidenceSummary, FlipSummary, Sha256Hex, SliceScore, TaskKind,
    };

    #[test]
    fn metrics_classes_confusion_and_slices() {
        let of = |value: f64| ConfidenceInterval { value, low: value - 0.1, high: value + 0.05 };
        let none = ConfidenceInterval { value: 0.0, low: 0.0, high: 0.0 };
        let id = Sha256Hex::of(b"x");
        let mut found = Evaluation::empty(id, TaskKind::Classification, Metric::Accuracy, 396);
        let score = |value, change| MetricScore { value: of(value), change };
        found.metrics.insert(Metric::Accuracy, score(0.95, Some(none)));
        found.metrics.insert(Metric::Ece, score(0.0125, Some(of(-0.00001))));
        found.missing.insert(Metric::Auc, MissingReason("a class has no sample".into()));
        found.decisiveness = Some(ConfidenceSummary { confidence: 0.97, margin: 0.9 });
        found.flips = Some(1);
        found.flip_kinds = Some(FlipSummary {
            right_to_wrong: 1,
            wrong_to_right: 0,
            wrong_to_wrong: 0,
            p_value: 1.0,
        });
        let class = |class, share| ClassScore {
            class,
            samples: 198,
            predicted: 199,
            recall: Some(score(share, None)),
            precision: Some(score(share, None)),
            f1: None,
            specificity: None,
        };
        found.classes = vec![class(0, 0.95), class(1, 0.9)];
        found.confusion = vec![vec![198, 0], vec![1, 197]];
        found.slices = vec![SliceScore {
            column: "writer".into(),
            value: "a".into(),
            samples: 1,
            metrics: [(Metric::Accuracy, score(0.9, Some(none)))].into(),
            flips: None,
            p_adjusted: Some(0.5),
        }];
        found.slice_spread = [("writer".to_string(), 0.03)].into();
        assert_snapshot!(evaluation_line(&found), @"accuracy 95.00 % [85.00, 100.00] on 396 samples; change 0.00 points, 1 prediction differs from the first model's");
        assert_snapshot!(evaluation_text(&found, TerminalLayout::default()), @"
        classification of 396 samples
          accuracy             95.00 % [85.00, 100.00]      change 0.00 points
          ece                  0.01250 [−0.08750, 0.06250]  change −0.00001 [−0.10001, +0.04999]
          auc                  none: a class has no sample
          mean confidence 0.9700, mean margin 0.9000
          flips: 1 right to wrong, 0 wrong to right, 0 wrong to wrong; McNemar p = 1.000
        ────────────────────────────────────────────────────────────────────────
        class  samples  predicted  recall, %           precision, %        f1, %
        ────────────────────────────────────────────────────────────────────────
            0      198        199  95.0 [85.0, 100.0]  95.0 [85.0, 100.0]  —
            1      198        199  90.0 [80.0, 95.0]   90.0 [80.0, 95.0]   —
        ────────────────────────────────────────────────────────────────────────
          confusion, a row for each label, a column for each answer
                  0   1
              0 198   0
              1   1 197
          writer = a: 1 sample, accuracy 90.00 % [80.00, 95.00] change 0.00 points, p = 0.500 after Holm
          accuracy spreads over 3.00 points between the slices of writer
        ");
    }

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
        assert!(evaluation_text(&found, TerminalLayout::default()).ends_with(
            "  confusion, a row for each label, a column for each answer\n          0   1 NaN\n      0   1   0   1\n      1   0   1   0"
        ));
    }
}
