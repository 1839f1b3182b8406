//! An explanation as a person reads it: in a terminal, and as Markdown.

use super::table::table;
use crate::record::{Effect, Explanation, Interval, LayerChange};

/// The group's parts in the change of accuracy and time, then everything in words.
pub fn explanation_text(found: &Explanation) -> String {
    let mut text = format!("{}\n", table(&HEADER, rows(found)));
    text.extend(lines(found).map(|line| format!("{line}\n")));
    for note in &found.notes {
        text += &format!("note by {}: {}\n", note.by, note.text);
    }
    text
}

/// All explanations of a run, with their tables.
pub fn report_md(study: &str, explanations: &[Explanation]) -> String {
    let mut text = format!("# {study}: what each decision changed\n");
    for found in explanations {
        text += &format!("\n## {}\n\n", found.variant);
        text.extend(lines(found).map(|line| format!("- {line}\n")));
        text += "\nChange of accuracy in points, by group of decisions:\n\n";
        text += &markdown(&HEADER, rows(found));
        if !found.layers.is_empty() {
            text += "\nTime by layer and module:\n\n";
            let header = ["layer", "before", "after", "touched by"];
            text += &markdown(&header, found.layers.iter().map(layer).collect());
        }
        if !found.notes.is_empty() {
            text += "\nNotes by people:\n\n";
        }
        for note in &found.notes {
            let on = note.on.as_ref().map_or(String::new(), |on| format!(", on `{on}`"));
            text += &format!("> {}\n>\n> {}{on}\n\n", note.text.replace('\n', "\n> "), note.by);
        }
    }
    text
}

const HEADER: [&str; 7] = [
    "group",
    "Shapley",
    "alone",
    "on top of all others",
    "over all draws",
    "p (Holm)",
    "time it buys",
];

/// Sentences, caveats marked as such.
fn lines(found: &Explanation) -> impl Iterator<Item = String> + '_ {
    found.narrative.iter().map(|sentence| match sentence.about.as_str() {
        "caveat" => format!("caveat: {}", sentence.text),
        _ => sentence.text.clone(),
    })
}

fn rows(found: &Explanation) -> Vec<Vec<String>> {
    let effect = |id: &str, metric: &str| {
        let mut own = found.effects.iter().filter(|e| e.of.is_none());
        own.find(|e| e.group == id && e.metric == metric)
    };
    let row = |group: &crate::record::Group| {
        let mut cells = vec![group.label.clone()];
        cells.extend(accuracy(effect(&group.id, "accuracy")));
        let bought = effect(&group.id, "latency").and_then(|e| e.leave_one_out);
        cells.push(bought.map_or_else(missing, time));
        cells
    };
    found.groups.iter().map(row).collect()
}

fn missing() -> String {
    "—".into()
}

fn accuracy(effect: Option<&Effect>) -> [String; 5] {
    let of = |which: fn(&Effect) -> Option<Interval>| {
        effect.and_then(which).map_or_else(missing, points)
    };
    let p = effect.and_then(|e| e.holm).map_or_else(missing, |p| format!("{p:.3}"));
    [of(|e| e.shapley), of(|e| e.solo), of(|e| e.leave_one_out), of(|e| e.together), p]
}

/// A change of a share in points.
fn points(change: Interval) -> String {
    let plain = |share: f64| {
        let text = format!("{:+.2}", 100.0 * share);
        if text == "-0.00" || text == "+0.00" { "0.00".to_string() } else { text }
    };
    format!("{} [{}, {}]", plain(change.value), plain(change.low), plain(change.high))
}

/// A change of time as what it saves.
fn time(change: Interval) -> String {
    let saved = |ns: f64| format!("{:.1}", -ns / 1e3).replace("-0.0", "0.0");
    format!("{} [{}, {}] µs", saved(change.value), saved(change.high), saved(change.low))
}

fn layer(layer: &LayerChange) -> Vec<String> {
    let us = |ns: f64| format!("{:.1} µs", ns / 1e3);
    let name = if layer.scope == "module" {
        format!("{} (all)", layer.layer)
    } else {
        layer.layer.clone()
    };
    vec![name, us(layer.before_ns), us(layer.after_ns), layer.groups.join(", ")]
}

fn markdown(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let header: Vec<String> = header.iter().map(|name| (*name).to_string()).collect();
    let rule: Vec<String> = header.iter().map(|_| "---".to_string()).collect();
    let rows = rows.iter().map(|row| line(row));
    [line(&header), line(&rule)].into_iter().chain(rows).collect()
}
