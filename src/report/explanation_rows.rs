//! Rows and paragraphs of an explanation for tables and pages.

use super::interval_text::interval_text;
use crate::pipeline::HERE;
use paring_core::number_format::{decimal, signed, signed_significant};
use paring_core::schema::{
    ChangeCauses, ConfidenceInterval, DecisionGroup, Effect, Explanation, NarrativeTopic,
};

/// Columns of the table of groups: effects on the primary metric, then what each saves on every machine
/// that was timed.
pub(super) fn header(found: &Explanation) -> Vec<String> {
    let fixed = ["group", "Shapley value", "alone", "leave-one-out", "over resamples", "p (Holm)"];
    let saved = timed(found).map(|change| format!("saves{}, µs", place(change.target.as_deref())));
    fixed.into_iter().map(String::from).chain(saved).collect()
}

/// ` in this process`, ` on pi4`, or nothing.
pub(super) fn place(target: Option<&str>) -> String {
    match target {
        None => String::new(),
        Some(HERE) => format!(" in {HERE}"),
        Some(target) => format!(" on {target}"),
    }
}

/// Causes of the change of latency, a machine each.
fn timed(found: &Explanation) -> impl Iterator<Item = &ChangeCauses> {
    found.digest.causes.iter().filter(|change| change.metric == "latency")
}

/// Sentences by paragraph, in order.
pub(super) fn paragraphs(found: &Explanation) -> Vec<(NarrativeTopic, Vec<&str>)> {
    let mut paragraphs: Vec<(NarrativeTopic, Vec<&str>)> = Vec::new();
    for sentence in &found.narrative {
        match paragraphs.last_mut() {
            Some((topic, sentences)) if *topic == sentence.topic => sentences.push(&sentence.text),
            _ => paragraphs.push((sentence.topic, vec![&sentence.text])),
        }
    }
    paragraphs
}

/// One row a group; below, what no single group answers for.
pub(super) fn rows(found: &Explanation) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = found.groups.iter().map(|group| row(found, group)).collect();
    let shared = timed(found).map(|change| shared_saving(found, change));
    let shared: Vec<String> = shared.collect();
    if found.groups.len() > 1 && !shared.is_empty() {
        let label = "not attributable to one group".to_string();
        let blank = std::iter::repeat_n(missing(), 5);
        rows.push(std::iter::once(label).chain(blank).chain(shared).collect());
    }
    rows
}

fn row(found: &Explanation, group: &DecisionGroup) -> Vec<String> {
    let own = found.effects.iter().filter(|e| e.of.is_none() && e.group == group.id);
    let main = own.clone().find(|e| e.metric == found.main.metric);
    let saved = timed(found).map(|change| {
        let mut same = own.clone().filter(|e| e.metric == "latency" && e.target == change.target);
        same.find_map(|e| e.leave_one_out).map_or_else(missing, saving)
    });
    let mut cells = vec![group.label.clone()];
    cells.extend(main_cells(found, main));
    cells.extend(saved);
    cells
}

/// The whole saving less the sum of those that are leave-one-out.
fn shared_saving(found: &Explanation, change: &ChangeCauses) -> String {
    let whole = change.total.and_then(|total| Some(-found.totals.get(total)?.change.value));
    let own = found.effects.iter().filter(|e| e.metric == "latency" && e.target == change.target);
    let parts: f64 = own.filter_map(|e| Some(-e.leave_one_out?.value)).sum();
    whole.map_or_else(missing, |whole| decimal((whole - parts) / 1e3, 1))
}

pub(super) fn missing() -> String {
    "—".into()
}

fn main_cells(found: &Explanation, effect: Option<&Effect>) -> [String; 5] {
    let of = |which: fn(&Effect) -> Option<ConfidenceInterval>| {
        effect.and_then(which).map_or_else(missing, |i| changed(found, i))
    };
    let p = effect.and_then(|e| e.holm).map_or_else(missing, |p| format!("{p:.3}"));
    [of(|e| e.shapley), of(|e| e.solo), of(|e| e.leave_one_out), of(|e| e.together), p]
}

/// A change of the primary metric: of a share in points; without an interval where nothing changed at
/// all.
pub(super) fn changed(found: &Explanation, change: ConfidenceInterval) -> String {
    let show = |value: f64| match found.main.unit.as_str() {
        "share" => signed(100.0 * value, 2),
        _ => signed_significant(value),
    };
    interval_text(change, show)
}

/// A change of time as what it saves.
fn saving(change: ConfidenceInterval) -> String {
    let saved = ConfidenceInterval { value: -change.value, low: -change.high, high: -change.low };
    interval_text(saved, |ns| decimal(ns / 1e3, 1))
}
