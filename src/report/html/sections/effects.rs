//! Effects: from the baseline to a variant, decision by decision, with intervals; expected against
//! observed; and how good the forecaster has been.

use crate::report::explanation_rows::{self, paragraphs, place};
use crate::report::html::drawing::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone,
};
use crate::report::html::numbers::{change_in_unit, count, scale_of_unit};
use crate::report::html::page::{PageSection, PageTable, PageTableCell, VariantPanel};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{
    ConfidenceInterval, Effect, Explanation, FieldFormat, MetricTotal, NarrativeTopic,
};
use paring_core::text::shell_word;
use serde_json::json;

/// Level under which a corrected p-value makes an effect significant.
const SIGNIFICANT: f64 = 0.05;
/// Metrics that have a chart beside the primary one; effects.csv has all.
const DRAWN: [&str; 3] = ["latency", "energy", "file_bytes"];
/// Variants whose charts stand in the page.
const MOST_EXPLAINED: usize = 60;
/// Outcomes that a chart shows.
const MOST_OUTCOMES: usize = 400;

/// The section; empty before `paring explain` ran.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("effects", "Effects");
    if run.explanations.is_empty() {
        section.say(format!(
            "Not attributed yet: paring explain {} does it by experiments with and without each decision.",
            shell_word(run.directory)
        ));
        return section;
    }
    let names = run.variants();
    for (number, name) in names.iter().enumerate().skip(1) {
        let found = run.explanation(name);
        let what = found.map_or_else(|| "not attributed yet".to_string(), headline);
        let panel = VariantPanel {
            name: name.to_string(),
            summary: format!("{name}: {what}"),
            open: false,
        };
        section.panel(panel, |section| {
            section.list(run.scenarios(name));
            match found {
                Some(found) => explained(found, number, section),
                None => section.say(format!(
                    "Not attributed yet: paring explain {} --variant {} does it by experiments with and without each decision.",
                    shell_word(run.directory),
                    shell_word(name)
                )),
            }
        });
    }
    if let Some(first) = run.explanations.first() {
        section.head("Record of the forecaster");
        section.say(record_sentence(first));
        section.charts(&[expected_against_observed(run)]);
    }
    section
}

/// Waterfalls, paragraphs and forecasts of one variant.
fn explained(found: &Explanation, number: usize, section: &mut PageSection) {
    let totals = shown_totals(found).into_iter().enumerate();
    let id = |position: usize| format!("effects-{number}-{position}");
    let charts = totals.map(|(position, total)| waterfall(found, total, &id(position)));
    let charts: Vec<Chart> = charts.take_while(|_| number <= MOST_EXPLAINED).collect();
    match charts.is_empty() {
        true => narrative(found, section),
        false => section.columns(|left| narrative(found, left), |right| right.charts(&charts)),
    }
    if number > MOST_EXPLAINED {
        section.say(format!(
            "No charts: the page draws those of {MOST_EXPLAINED} variants; effects.csv has every figure."
        ));
    }
    section.table(groups_table(found));
    section.table(outcomes_table(found));
}

/// The explanation in words, a paragraph a topic.
fn narrative(found: &Explanation, section: &mut PageSection) {
    for (topic, sentences) in paragraphs(found) {
        match topic {
            NarrativeTopic::Caveats => {
                section.list(sentences.into_iter().map(String::from).collect())
            }
            _ => section.say(sentences.join(" ")),
        }
    }
}

/// Effects of every group of decisions on the primary metric, and the time that each saves.
fn groups_table(found: &Explanation) -> PageTable {
    let names = explanation_rows::header(found);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let caption = format!("Effects of each group on {}", spoken(&found.main.metric));
    let mut table = PageTable::new(&caption, &names).searchable();
    for row in explanation_rows::rows(found) {
        let mut cells = row.into_iter();
        let label = cells.next().map(PageTableCell::text);
        table.row("", label.into_iter().chain(cells.map(PageTableCell::number)).collect());
    }
    table
}

/// Share of forecasts whose bounds held.
fn record_sentence(found: &Explanation) -> String {
    let track = &found.track;
    if track.count == 0 {
        return "No forecast has an outcome yet.".into();
    }
    format!(
        "{} of {} held: the observed change lay within the bounds that were stated before the experiment.",
        track.covered,
        count(track.count, "forecast")
    )
}

fn headline(found: &Explanation) -> String {
    let total = found.totals.iter().find(|t| t.metric == found.main.metric && t.of.is_none());
    let groups = count(found.groups.len(), "group");
    total.map_or_else(
        || format!("{groups} of decisions"),
        |total| {
            let change = interval_in_unit(&total.unit, total.change);
            format!("{} changed by {change}, {groups} of decisions", found.main.metric)
        },
    )
}

/// Totals that have a chart: those of the primary metric and of [`DRAWN`] that changed or may have
/// changed, and that have parts by group.
fn shown_totals(found: &Explanation) -> Vec<&MetricTotal> {
    let drawn = |total: &&MetricTotal| {
        let name = total.metric.as_str();
        total.of.is_none() && (name == found.main.metric || DRAWN.contains(&name))
    };
    let changed = |total: &&MetricTotal| {
        let ConfidenceInterval { value, low, high } = total.change;
        [value, low, high].iter().any(|bound| *bound != 0.0)
    };
    let has_parts =
        |total: &&MetricTotal| found.effects.iter().any(|e| is_part(e, total) && part(e).is_some());
    found.totals.iter().filter(drawn).filter(changed).filter(has_parts).collect()
}

/// A metric as people call it: `file size`, not `file_bytes`.
fn spoken(metric: &str) -> String {
    FieldFormat::MetricName.of(&json!(metric)).unwrap_or_else(|| metric.to_string())
}

fn is_part(effect: &Effect, total: &MetricTotal) -> bool {
    effect.metric == total.metric && effect.of == total.of && effect.target == total.target
}

/// The value that adds up over groups where there is one, else that of the group alone.
fn part(effect: &Effect) -> Option<ConfidenceInterval> {
    effect.shapley.or(effect.leave_one_out)
}

fn interval_in_unit(unit: &str, of: ConfidenceInterval) -> String {
    let [value, low, high] = [of.value, of.low, of.high].map(|v| change_in_unit(unit, v));
    format!("{value} (CI {low} to {high})")
}

fn waterfall_title(found: &Explanation, total: &MetricTotal) -> String {
    let place = place(total.target.as_deref());
    format!("Change of {}{place}, {}", spoken(&total.metric), found.variant)
}

fn waterfall_summary(additive: bool) -> String {
    let kind = match additive {
        true => "Shapley values: the bars add up to the whole change",
        false => "Leave-one-out effects: each on top of all others; they do not add up",
    };
    format!("{kind}. Grey bars are not significant after correction for multiple tests")
}

/// Effects that make up a total, the largest first.
fn parts<'a>(found: &'a Explanation, total: &MetricTotal) -> Vec<(&'a Effect, ConfidenceInterval)> {
    let own = found.effects.iter().filter(|effect| is_part(effect, total));
    let mut parts: Vec<_> = own.filter_map(|effect| Some((effect, part(effect)?))).collect();
    parts.sort_by(|a, b| b.1.size().total_cmp(&a.1.size()));
    parts
}

/// Bars from the baseline's value to the variant's, one group after the other, largest first.
fn waterfall(found: &Explanation, total: &MetricTotal, id: &str) -> Chart {
    let (factor, unit) = scale_of_unit(&total.unit);
    let parts = parts(found, total);
    let additive = parts.iter().all(|(effect, _)| effect.shapley.is_some());
    let label = |id: &str| {
        let group = found.groups.iter().find(|group| group.id == id);
        group.map_or_else(|| id.to_string(), |group| group.label.clone())
    };
    let bars = parts.iter().scan(0.0, |reached, (effect, change)| {
        let from = if additive { *reached } else { 0.0 };
        *reached += change.value;
        Some((
            label(&effect.group),
            effect_note(effect, *change),
            from,
            *change,
            effect_tone(found, effect, *change),
        ))
    });
    let whole = (additive && !parts.is_empty()).then(|| {
        let note = interval_in_unit(&total.unit, total.change);
        ("all together".to_string(), note, 0.0, total.change, MarkTone::Reference)
    });
    let marks: Vec<ChartMark> = bars
        .chain(whole)
        .enumerate()
        .map(|(place, (label, note, from, change, tone))| ChartMark {
            shape: MarkShape::Bar,
            from: factor * from,
            x: ChartValue {
                value: factor * (from + change.value),
                bounds: Some((factor * (from + change.low), factor * (from + change.high))),
            },
            y: ChartValue::exact(place as f64),
            label,
            note,
            tone,
            selects: None,
        })
        .collect();
    let bands = marks.iter().map(|mark| mark.label.clone()).collect();
    Chart {
        id: id.into(),
        title: waterfall_title(found, total),
        summary: waterfall_summary(additive),
        x: ChartAxis {
            title: format!("change of {}", spoken(&total.metric)),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: true },
        },
        y: ChartAxis {
            title: "decision".into(),
            unit: String::new(),
            scale: AxisScale::Bands(bands),
        },
        marks,
    }
}

fn effect_note(effect: &Effect, change: ConfidenceInterval) -> String {
    let corrected =
        effect.holm.map_or_else(String::new, |p| format!("; p = {p:.4} after Holm's correction"));
    format!("{}{corrected}; {}", interval_in_unit(&effect.unit, change), effect.method)
}

/// Effects are coloured only where their interval leaves 0 out and the corrected test agrees.
fn effect_tone(found: &Explanation, effect: &Effect, change: ConfidenceInterval) -> MarkTone {
    let tested = effect.holm.is_none_or(|p| p <= SIGNIFICANT);
    if !change.excludes_zero() || !tested {
        return MarkTone::Unclear;
    }
    let higher = effect.metric == found.main.metric && found.main.higher_is_better;
    match (change.value > 0.0) == higher {
        true => MarkTone::Better,
        false => MarkTone::Worse,
    }
}

fn outcomes_table(found: &Explanation) -> PageTable {
    let header = ["decision", "metric", "expected", "observed", "within the bounds"];
    let mut table =
        PageTable::new("Expected against observed, each group of decisions alone", &header);
    for outcome in &found.forecasts {
        let forecast = &outcome.expected;
        let unit = unit_of(found, &forecast.metric);
        let expected =
            ConfidenceInterval { value: forecast.delta, low: forecast.low, high: forecast.high };
        let label = found.groups.iter().find(|group| group.id == outcome.group);
        table.row(
            "",
            vec![
                PageTableCell::text(
                    label.map_or(outcome.group.as_str(), |group| group.label.as_str()),
                ),
                PageTableCell::text(format!(
                    "{}{}",
                    spoken(&forecast.metric),
                    place(forecast.target.as_deref())
                )),
                PageTableCell::number(interval_in_unit(&unit, expected)),
                PageTableCell::number(interval_in_unit(&unit, outcome.observed)),
                PageTableCell::text(if outcome.covered { "yes" } else { "no" }),
            ],
        );
    }
    table
}

fn unit_of(found: &Explanation, metric: &str) -> String {
    let total = found.totals.iter().find(|total| total.metric == metric);
    let unit = total.map(|total| total.unit.clone());
    unit.unwrap_or_else(|| {
        if metric == found.main.metric { found.main.unit.clone() } else { String::new() }
    })
}

/// Forecasts of the primary metric along x, what came along y.
fn expected_against_observed(run: &RunReport) -> Chart {
    let main = run.explanations.first().map(|found| &found.main);
    let metric = main.map_or("", |main| main.metric.as_str());
    let (factor, unit) = scale_of_unit(main.map_or("", |main| main.unit.as_str()));
    let all =
        run.explanations.iter().flat_map(|found| found.forecasts.iter().map(move |f| (found, f)));
    let own: Vec<_> = all.filter(|(_, outcome)| outcome.expected.metric == metric).collect();
    let cut = match own.len() > MOST_OUTCOMES {
        true => format!(". The first {MOST_OUTCOMES} of {} are drawn", own.len()),
        false => String::new(),
    };
    let marks = own.into_iter().take(MOST_OUTCOMES).map(|(found, outcome)| ChartMark {
        shape: MarkShape::Point,
        x: ChartValue {
            value: factor * outcome.expected.delta,
            bounds: Some((factor * outcome.expected.low, factor * outcome.expected.high)),
        },
        y: ChartValue {
            value: factor * outcome.observed.value,
            bounds: Some((factor * outcome.observed.low, factor * outcome.observed.high)),
        },
        from: 0.0,
        label: String::new(),
        note: format!("{}, {}", found.variant, outcome.group),
        tone: if outcome.covered { MarkTone::Plain } else { MarkTone::Worse },
        selects: Some(found.variant.clone()),
    });
    Chart {
        id: "forecasts".into(),
        title: format!("Expected and observed change of {metric}, each group alone"),
        summary: format!("Red marks lie outside the bounds that were stated beforehand{cut}"),
        x: ChartAxis {
            title: "expected".into(),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: true },
        },
        y: ChartAxis {
            title: "observed".into(),
            unit: unit.into(),
            scale: AxisScale::Linear { zero: true },
        },
        marks: marks.collect(),
    }
}
