//! Predictions: reliability, confusion and its change, classes and slices with intervals, regressions and
//! fixes, and the samples that changed most.

use super::samples::sample_blocks;
use crate::report::ResultRow;
use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::findings::class_cause;
use crate::report::html::numbers::{count, metric_change_interval, metric_value};
use crate::report::html::page::{PageSection, PageTable, PageTableCell, VariantPanel, cut_caption};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{Evaluation, Metric, MetricScore};

/// Classes whose confusions fit a table.
const MOST_CLASSES: usize = 24;
/// Classes that a table lists.
const MOST_LISTED: usize = 200;
/// Variants whose classes and samples stand in the page.
const MOST_VARIANTS: usize = 60;

/// The section.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("predictions", "Predictions");
    if run.samples.left_out > 0 {
        section.say(format!(
            "Too many samples changed to draw them all: the inputs of {} are not drawn.",
            count(run.samples.left_out, "sample")
        ));
    }
    let baseline = evaluations(run).find(|(row, _)| row.variant.parent.is_none()).map(|(_, e)| e);
    for (number, (row, evaluation)) in evaluations(run).enumerate() {
        let name = &row.variant.name;
        let panel = VariantPanel {
            name: name.clone(),
            summary: format!("{name}: {}", headline(evaluation)),
            open: false,
        };
        section.panel(panel, |section| {
            let other = baseline.filter(|_| row.variant.parent.is_some());
            section.list(class_sentences(run, name, evaluation));
            if number < MOST_VARIANTS {
                section.columns(
                    |left| left.table(metrics_table(evaluation)),
                    |right| right.charts(&[reliability(name, evaluation)]),
                );
                sample_blocks(run, name, section);
                class_blocks(name, evaluation, other, section);
            } else {
                section.table(metrics_table(evaluation));
                section.say(format!(
                    "No classes and samples: the page shows those of {MOST_VARIANTS} variants; predictions/{name}.quality.json has them."
                ));
            }
        });
    }
    section
}

/// Classes, confusions, slices and robustness.
fn class_blocks(
    name: &str,
    evaluation: &Evaluation,
    baseline: Option<&Evaluation>,
    section: &mut PageSection,
) {
    section.table(classes_table(evaluation));
    let many = evaluation.confusion.len();
    if many > MOST_CLASSES {
        section.say(format!(
            "Confusion counts of {many} classes do not fit the page; predictions/{name}.quality.json has them."
        ));
    }
    let confusions = (many <= MOST_CLASSES).then(|| confusion_table(evaluation, baseline));
    section.columns(
        |left| confusions.into_iter().for_each(|table| left.table(table)),
        |right| right.table(slices_table(evaluation)),
    );
    section.table(robustness_table(evaluation));
}

/// The class whose recall fell most and the group of decisions behind most of its regressions.
fn class_sentences(run: &RunReport, name: &str, evaluation: &Evaluation) -> Vec<String> {
    let fell = evaluation.classes.iter().filter_map(|class| {
        let change = class.recall.as_ref()?.change?;
        (change.value < 0.0).then_some((class, change))
    });
    let Some((class, change)) = fell.min_by(|a, b| a.1.value.total_cmp(&b.1.value)) else {
        return vec![];
    };
    let sure = match change.excludes_zero() {
        true => "",
        false => ", which cannot be told from noise",
    };
    let lost = format!(
        "Class {} lost most: its recall changed by {}{sure}.",
        class.class,
        metric_change_interval(Metric::Recall, change)
    );
    let cause = run.explanation(name).and_then(|found| {
        let cause = class_cause(found, class.class)?;
        Some(format!(
            "Most of its regressions go back to: {} ({} of {}).",
            cause.label,
            cause.answers_for,
            count(cause.regressions, "regression")
        ))
    });
    std::iter::once(lost).chain(cause).collect()
}

/// One evaluation per variant: quality does not depend on the target.
fn evaluations<'a>(run: &'a RunReport) -> impl Iterator<Item = (&'a ResultRow, &'a Evaluation)> {
    let mut seen: Vec<&str> = Vec::new();
    run.rows.iter().filter_map(move |row| {
        let evaluation = row.evaluation.as_ref()?;
        let name = row.variant.name.as_str();
        (!seen.contains(&name)).then(|| {
            seen.push(name);
            (row, evaluation)
        })
    })
}

fn headline(evaluation: &Evaluation) -> String {
    let primary = evaluation.primary;
    let score = evaluation.metrics.get(&primary);
    let value = score.map_or_else(String::new, |s| {
        format!("{primary} {} ", metric_value(primary, s.value.value))
    });
    let flips = evaluation.flip_kinds.as_ref().map_or_else(
        || format!("on {} samples", evaluation.samples),
        |flips| {
            format!(
                "on {} samples; {}, {}",
                evaluation.samples,
                count(flips.right_to_wrong, "regression"),
                match flips.wrong_to_right {
                    1 => "1 fix".to_string(),
                    fixes => format!("{fixes} fixes"),
                }
            )
        },
    );
    format!("{value}{flips}")
}

fn interval(metric: Metric, score: &MetricScore) -> String {
    let [value, low, high] =
        [score.value.value, score.value.low, score.value.high].map(|v| metric_value(metric, v));
    format!("{value} (95 % CI {low} to {high})")
}

fn changed(metric: Metric, score: &MetricScore) -> PageTableCell {
    match score.change {
        Some(change) => PageTableCell::number(metric_change_interval(metric, change)),
        None => PageTableCell::text("baseline"),
    }
}

fn metrics_table(evaluation: &Evaluation) -> PageTable {
    let mut table =
        PageTable::new("All metrics", &["metric", "value", "change against the baseline"]);
    for (metric, score) in &evaluation.metrics {
        let cells = vec![
            PageTableCell::text(metric.to_string()),
            PageTableCell::number(interval(*metric, score)),
            changed(*metric, score),
        ];
        table.row("", cells);
    }
    for (metric, why) in &evaluation.missing {
        let none = PageTableCell::text(format!("none: {}", why.0));
        table.row("", vec![PageTableCell::text(metric.to_string()), none, PageTableCell::text("")]);
    }
    table
}

/// Accuracy of bins of confidence: on the diagonal, confidence is what it says.
fn reliability(name: &str, evaluation: &Evaluation) -> Chart {
    let bins = evaluation.reliability.iter().filter_map(|bin| {
        let (confidence, accuracy) = (bin.confidence?, bin.accuracy?);
        Some(ChartMark {
            shape: MarkShape::Point,
            x: ChartValue::exact(100.0 * confidence),
            y: ChartValue { value: 100.0 * accuracy, bounds: wilson(accuracy, bin.samples) },
            from: 0.0,
            label: String::new(),
            note: format!(
                "{} of {:.0} to {:.0} % confidence",
                count(bin.samples, "sample"),
                100.0 * bin.low,
                100.0 * bin.high
            ),
            tone: MarkTone::Plain,
            selects: None,
        })
    });
    let corner = |at: f64| ChartMark {
        shape: MarkShape::Corner,
        x: ChartValue::exact(at),
        y: ChartValue::exact(at),
        from: 0.0,
        label: String::new(),
        note: "confidence equals accuracy".into(),
        tone: MarkTone::Reference,
        selects: None,
    };
    let mut marks: Vec<ChartMark> = bins.collect();
    if !marks.is_empty() {
        let least = marks.iter().map(|m| m.x.value.min(m.y.value)).fold(100.0, f64::min);
        marks.extend([corner(least), corner(100.0)]);
    }
    Chart {
        id: format!("reliability-{}", identifier(name)),
        title: format!("Reliability of {name}"),
        summary: "Below the line the model is more confident than it is right".into(),
        x: ChartAxis {
            title: "confidence".into(),
            unit: "%".into(),
            scale: AxisScale::Linear { zero: false },
        },
        y: ChartAxis {
            title: "accuracy".into(),
            unit: "%".into(),
            scale: AxisScale::Linear { zero: false },
        },
        marks,
    }
}

/// Wilson's interval of a share, in percent.
fn wilson(share: f64, samples: usize) -> Option<(f64, f64)> {
    let right = (share * samples as f64).round() as usize;
    let found = paring_core::stats::wilson_interval(right, samples)?;
    Some((100.0 * found.low, 100.0 * found.high))
}

/// Letters and digits of a name, and a number for everything else.
fn identifier(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("-{:x}", c as u32) })
        .collect()
}

fn classes_table(evaluation: &Evaluation) -> PageTable {
    let header = ["class", "samples", "predicted", "recall", "change of recall", "precision"];
    let caption = cut_caption("Classes", MOST_LISTED, evaluation.classes.len());
    let mut table = PageTable::new(&caption, &header).searchable();
    for class in evaluation.classes.iter().take(MOST_LISTED) {
        let score = |of: &Option<MetricScore>| {
            of.as_ref().map_or_else(
                || PageTableCell::text("none"),
                |s| PageTableCell::number(interval(Metric::Recall, s)),
            )
        };
        let recall = class.recall.as_ref();
        table.row(
            "",
            vec![
                PageTableCell::number(class.class.to_string()),
                PageTableCell::number(class.samples.to_string()),
                PageTableCell::number(class.predicted.to_string()),
                score(&class.recall),
                recall.map_or_else(|| PageTableCell::text("none"), |s| changed(Metric::Recall, s)),
                score(&class.precision),
            ],
        );
    }
    table
}

/// Labels down, predictions across; beside each count its change against the baseline.
fn confusion_table(evaluation: &Evaluation, baseline: Option<&Evaluation>) -> PageTable {
    let counts = &evaluation.confusion;
    let names: Vec<String> = (0..counts.len()).map(|class| class.to_string()).collect();
    let header: Vec<&str> =
        ["label \\ predicted"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut table =
        PageTable::new("Confusion counts, with the change against the baseline", &header);
    for (label, row) in counts.iter().enumerate() {
        let before = baseline.and_then(|b| b.confusion.get(label));
        let cells = row.iter().enumerate().map(|(predicted, now)| {
            let was = before.and_then(|row| row.get(predicted));
            let change = was.map_or(0, |was| *now as i64 - *was as i64);
            PageTableCell::number(match change {
                0 => now.to_string(),
                change => format!("{now} ({change:+})").replace('-', "−"),
            })
        });
        let cells = [PageTableCell::number(label.to_string())].into_iter().chain(cells).collect();
        table.row("", cells);
    }
    table
}

fn slices_table(evaluation: &Evaluation) -> PageTable {
    let header =
        ["slice", "value", "samples", "quality", "change against the baseline", "p (corrected)"];
    let mut table = PageTable::new("Slices", &header);
    for slice in &evaluation.slices {
        let Some((metric, score)) = slice.metrics.get_key_value(&evaluation.primary) else {
            continue;
        };
        table.row(
            "",
            vec![
                PageTableCell::text(&slice.column),
                PageTableCell::text(&slice.value),
                PageTableCell::number(slice.samples.to_string()),
                PageTableCell::number(interval(*metric, score)),
                changed(*metric, score),
                slice.p_adjusted.map_or_else(
                    || PageTableCell::text("none"),
                    |p| PageTableCell::number(format!("{p:.4}")),
                ),
            ],
        );
    }
    table
}

fn robustness_table(evaluation: &Evaluation) -> PageTable {
    let header = [
        "perturbation",
        "strength",
        "samples",
        "quality",
        "drop against clean inputs",
        "change against the baseline",
    ];
    let mut table = PageTable::new("Robustness", &header);
    for score in &evaluation.robustness {
        let value = MetricScore { value: score.value, change: score.change };
        let unsound = score.attack.as_ref().is_some_and(|attack| !attack.unsound.is_empty());
        let mark = if unsound { " (not sound)" } else { "" };
        table.row(
            "",
            vec![
                PageTableCell::text(format!("{}{mark}", score.disturbance)),
                PageTableCell::number(score.strength.to_string()),
                PageTableCell::number(score.samples.to_string()),
                PageTableCell::number(interval(score.metric, &value)),
                PageTableCell::number(metric_change_interval(score.metric, score.drop)),
                changed(score.metric, &value),
            ],
        );
    }
    table
}
