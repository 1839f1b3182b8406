//! The page of `paring compare --html`: runs over time, a chart of speed and one of quality for every
//! variant and target, each step judged.

use super::run_trends::{QualityVerdict, RunTrends, TrendPoint, TrendStep, VariantTrend};
use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::numbers::{latency_interval, metric_value, nanoseconds, ratio, signed};
use crate::report::html::page::{
    PageBlock, PageFact, PageSection, PageTable, PageTableCell, ReportPage,
};
use crate::report::{ComparedSource, SpeedupSeries};
use paring_core::number_format::counted;
use paring_core::schema::{ConfidenceInterval, Metric, SpeedVerdict};

/// Variants and targets that have charts; the table has all.
const MOST_CHARTS: usize = 40;
/// With more points than these a step that cannot be told is grey, without the words.
const LABELLED_POINTS: usize = 8;

/// Renders the page.
///
/// # Errors
/// [`askama::Error`] of the template.
pub fn trend_page_html(trends: &RunTrends) -> Result<String, askama::Error> {
    let sources = &trends.comparison.sources;
    let facts = vec![
        PageFact::new("runs", sources.len().to_string()),
        PageFact::new("variants and targets", trends.trends.len().to_string()),
    ];
    let study = sources.first().map_or("", |source| source.study.as_str());
    let footer = format!(
        "Written by paring {} from the runs' results and journals; `paring compare --format json` has the figures.",
        env!("CARGO_PKG_VERSION")
    );
    let lead = "Every run against the one before it, the oldest first. A step has a colour only where it is more than noise.";
    let mut page = ReportPage::new(format!("{study}: runs over time"), lead.into(), facts, footer);
    page.push(summary(trends));
    page.push(charts(trends));
    page.push(steps(trends));
    page.html()
}

fn summary(trends: &RunTrends) -> PageSection {
    let mut section = PageSection::new("summary", "Summary");
    let changed = notable(trends);
    section.say(match changed.len() {
        0 => "No step between two runs is more than noise.".to_string(),
        1 => "One step between two runs is more than noise.".to_string(),
        many => format!("{many} steps between two runs are more than noise."),
    });
    if !changed.is_empty() {
        section.blocks.push(PageBlock::List(changed));
    }
    let flagged = trends.comparison.history.iter().filter(|series| series.flagged);
    let flagged: Vec<String> = flagged.map(flagged_sentence).collect();
    if !flagged.is_empty() {
        section.say("The last run beside the history of all:");
        section.blocks.push(PageBlock::List(flagged));
    }
    let incomparable = judged(trends).filter(|(_, _, step)| step.verdict.is_none()).count();
    if incomparable > 0 {
        section.say(format!("Not comparable: {incomparable} steps; the table of steps says why."));
    }
    section.table(runs_table(&trends.comparison.sources));
    section
}

/// All steps, with their variant and run.
fn judged(trends: &RunTrends) -> impl Iterator<Item = (&VariantTrend, &TrendPoint, &TrendStep)> {
    let points =
        trends.trends.iter().flat_map(|trend| trend.points.iter().map(move |p| (trend, p)));
    points.filter_map(|(trend, point)| Some((trend, point, point.step.as_ref()?)))
}

/// Steps that are more than noise, a sentence each.
fn notable(trends: &RunTrends) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut steps: Vec<_> = judged(trends).collect();
    // The newest first.
    steps.sort_by_key(|(_, point, _)| std::cmp::Reverse(point.source));
    for (trend, point, step) in steps {
        let place = format!("run {}: {} on {}", point.source + 1, trend.label, trend.target);
        let ratio = step.ratio.map_or(String::new(), |ratio| format!(": {}", ratio_text(ratio)));
        match step.verdict {
            Some(SpeedVerdict::Faster) => sentences.push(format!("{place} became faster{ratio}")),
            Some(SpeedVerdict::Slower) => sentences.push(format!("{place} became slower{ratio}")),
            _ => {}
        }
        if let (QualityVerdict::Better | QualityVerdict::Worse, Some((metric, value))) =
            (step.quality, &point.figures.metric)
        {
            let value = shown_metric(metric, *value);
            sentences.push(format!("{place}: {metric} became {} ({value})", step.quality));
        }
    }
    sentences
}

fn flagged_sentence(series: &SpeedupSeries) -> String {
    format!(
        "{} on {}: {} % in the last run, usual up to {:.1} % ({})",
        series.variant,
        series.target,
        signed(series.last_pct, 1),
        series.threshold_pct,
        counted(series.changes as u64, "earlier change")
    )
}

fn runs_table(sources: &[ComparedSource]) -> PageTable {
    let header = ["run", "started", "study", "run id", "path", "rows"];
    let mut table = PageTable::new("Runs, the oldest first", &header);
    for (position, source) in sources.iter().enumerate() {
        table.row(
            "",
            vec![
                PageTableCell::number((position + 1).to_string()),
                PageTableCell::text(&source.started_at),
                PageTableCell::text(&source.study),
                PageTableCell::text(&source.run_id),
                PageTableCell::text(source.path.display().to_string()),
                PageTableCell::number(source.rows.len().to_string()),
            ],
        );
    }
    table
}

fn charts(trends: &RunTrends) -> PageSection {
    let mut section = PageSection::new("trends", "Variants over the runs");
    let mut ordered: Vec<&VariantTrend> = trends.trends.iter().collect();
    ordered.sort_by_key(|trend| !changes(trend));
    if ordered.len() > MOST_CHARTS {
        section.say(format!(
            "Charts of {MOST_CHARTS} of {} variants and targets, those that changed first; the table below has all.",
            ordered.len()
        ));
    }
    section.say("Lines are intervals of the run itself: 99 % for speed, 95 % for quality. A step between two runs is judged with what runs differ by of themselves: green is better, red is worse, grey cannot be told.");
    let runs = trends.comparison.sources.len();
    for (number, trend) in ordered.into_iter().take(MOST_CHARTS).enumerate() {
        section.head(format!("{} on {}", trend.label, trend.target));
        section.charts(&[speed_chart(trend, number, runs), quality_chart(trend, number, runs)]);
    }
    section
}

/// True of a variant with a step that is more than noise.
fn changes(trend: &VariantTrend) -> bool {
    trend.points.iter().filter_map(|point| point.step.as_ref()).any(|step| {
        let speed = matches!(step.verdict, Some(SpeedVerdict::Faster | SpeedVerdict::Slower));
        speed || matches!(step.quality, QualityVerdict::Better | QualityVerdict::Worse)
    })
}

/// Positions of runs along x.
fn run_axis(runs: usize) -> ChartAxis {
    let names = (1..=runs).map(|number| number.to_string()).collect();
    ChartAxis { title: "run".into(), unit: String::new(), scale: AxisScale::Bands(names) }
}

fn speed_chart(trend: &VariantTrend, number: usize, runs: usize) -> Chart {
    let value = |point: &TrendPoint| match trend.baseline {
        true => point.figures.latency_ns.map(|latency| scaled(latency, 1e-3)),
        false => point.figures.speedup,
    };
    let few = trend.points.len() <= LABELLED_POINTS;
    let marks = trend.points.iter().filter_map(|point| {
        let shown = value(point)?;
        let text = match trend.baseline {
            true => latency_interval(scaled(shown, 1e3)),
            false => format!("speed-up {}", ratio_text(shown)),
        };
        Some(mark(point, shown, text, speed_word(point.step.as_ref()), few))
    });
    let (title, unit) = match trend.baseline {
        true => ("latency", "µs"),
        false => ("speed-up", ""),
    };
    Chart {
        id: format!("speed-{number}"),
        title: format!("{} on {}: {title}", trend.label, trend.target),
        summary: match trend.baseline {
            true => "Medians".into(),
            false => "Against the baseline of the same run".into(),
        },
        x: run_axis(runs),
        y: ChartAxis {
            title: title.into(),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: false },
        },
        marks: marks.collect(),
    }
}

fn quality_chart(trend: &VariantTrend, number: usize, runs: usize) -> Chart {
    let few = trend.points.len() <= LABELLED_POINTS;
    let name = trend.points.iter().find_map(|point| point.figures.metric.as_ref());
    let name = name.map_or("", |(name, _)| name.as_str());
    let share = name.parse::<Metric>().is_ok_and(Metric::is_share);
    let marks = trend.points.iter().filter_map(|point| {
        let (metric, value) = point.figures.metric.as_ref().filter(|(known, _)| known == name)?;
        let factor = if share { 100.0 } else { 1.0 };
        let interval = point.figures.metric_interval;
        let exact = ConfidenceInterval { value: *value, low: *value, high: *value };
        let shown = scaled(interval.unwrap_or(exact), factor);
        let text = format!("{metric} {}", shown_metric(metric, *value));
        Some(mark(point, shown, text, quality_word(point.step.as_ref()), few))
    });
    Chart {
        id: format!("quality-{number}"),
        title: format!("{} on {}: {name}", trend.label, trend.target),
        summary: "On the report samples".into(),
        x: run_axis(runs),
        y: ChartAxis {
            title: name.into(),
            unit: if share { "%".into() } else { String::new() },
            scale: AxisScale::Linear { zero: false },
        },
        marks: marks.collect(),
    }
}

fn scaled(interval: ConfidenceInterval, factor: f64) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = interval;
    ConfidenceInterval { value: factor * value, low: factor * low, high: factor * high }
}

/// The word for a step and the colour of its mark.
type StepWord = (&'static str, MarkTone);

fn speed_word(step: Option<&TrendStep>) -> StepWord {
    match step.map(|step| step.verdict) {
        None => ("", MarkTone::Reference),
        Some(Some(SpeedVerdict::Faster)) => ("faster", MarkTone::Better),
        Some(Some(SpeedVerdict::Slower)) => ("slower", MarkTone::Worse),
        Some(Some(SpeedVerdict::CannotTell)) => ("cannot tell", MarkTone::Unclear),
        Some(None) => ("not comparable", MarkTone::Unclear),
    }
}

fn quality_word(step: Option<&TrendStep>) -> StepWord {
    match step.map(|step| step.quality) {
        None => ("", MarkTone::Reference),
        Some(QualityVerdict::Better) => ("better", MarkTone::Better),
        Some(QualityVerdict::Worse) => ("worse", MarkTone::Worse),
        Some(QualityVerdict::Unchanged) => ("", MarkTone::Unclear),
        Some(QualityVerdict::CannotTell) => ("cannot tell", MarkTone::Unclear),
        Some(QualityVerdict::NotComparable) => ("not comparable", MarkTone::Unclear),
    }
}

fn mark(
    point: &TrendPoint,
    shown: ConfidenceInterval,
    text: String,
    (word, tone): StepWord,
    few: bool,
) -> ChartMark {
    let reasons = point.step.as_ref().map(|step| step.reasons.join("; ")).unwrap_or_default();
    let parts = [text, word.to_string(), reasons];
    let note: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let significant = matches!(tone, MarkTone::Better | MarkTone::Worse);
    let bounds = (shown.low < shown.high).then_some((shown.low, shown.high));
    ChartMark {
        shape: MarkShape::Point,
        x: ChartValue::exact(point.source as f64),
        y: ChartValue { value: shown.value, bounds },
        from: 0.0,
        label: if significant || few { word.to_string() } else { String::new() },
        note: format!("run {}: {}", point.source + 1, note.join("; ")),
        tone,
        selects: None,
    }
}

fn ratio_text(interval: ConfidenceInterval) -> String {
    let [value, low, high] = [interval.value, interval.low, interval.high].map(ratio);
    format!("{value} (99 % CI {low} to {high})")
}

fn shown_metric(name: &str, value: f64) -> String {
    name.parse().map_or_else(|_| format!("{value:.4}"), |metric| metric_value(metric, value))
}

fn steps(trends: &RunTrends) -> PageSection {
    let mut section = PageSection::new("steps", "All steps");
    let header = [
        "run",
        "variant",
        "target",
        "latency",
        "speed-up",
        "against the run before",
        "speed",
        "metric",
        "quality",
        "why not comparable",
    ];
    let mut table = PageTable::new("Every variant in every run", &header).searchable();
    for trend in &trends.trends {
        for point in &trend.points {
            table.row("", step_cells(trend, point));
        }
    }
    section.table(table);
    section.say("Steps of speed: paired blocks where both journals are there, else the runs' intervals; intervals hold for all rows of two runs together at 99 % and hold what runs differ by of themselves. Baselines are compared by their latency alone, where only a difference above 25 % is judged.");
    section.say("Steps of quality: the 95 % intervals of both runs, taken as independent.");
    section
}

fn step_cells(trend: &VariantTrend, point: &TrendPoint) -> Vec<PageTableCell> {
    let none = || PageTableCell::text("");
    let number = |text: Option<String>| text.map_or_else(none, PageTableCell::number);
    let figures = &point.figures;
    let step = point.step.as_ref();
    let metric = figures.metric.as_ref();
    vec![
        PageTableCell::number((point.source + 1).to_string()),
        PageTableCell::text(&trend.label),
        PageTableCell::text(&trend.target),
        number(figures.latency_ns.map(|latency| nanoseconds(latency.value))),
        number(figures.speedup.map(|speedup| ratio(speedup.value))),
        number(step.and_then(|step| step.ratio).map(ratio_text)),
        PageTableCell::text(speed_word(step).0),
        number(metric.map(|(name, value)| format!("{name} {}", shown_metric(name, *value)))),
        PageTableCell::text(step.map(|step| step.quality.to_string()).unwrap_or_default()),
        PageTableCell::text(step.map(|step| step.reasons.join("; ")).unwrap_or_default()),
    ]
}
