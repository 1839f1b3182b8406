//! An explanation as a person reads it: in a terminal, and as Markdown.

use super::table::table;
use super::{flow_lines, hits_lines};
use paring_core::schema::{Effect, Explanation, Interval, LayerChange, LayerFlow, Link};
use paring_core::text::printable_lines;

/// Samples hit hardest that are listed.
const SHOWN_HITS: usize = 10;

/// The group's parts in the change of what counts most and of time, then everything in words.
pub fn explanation_text(found: &Explanation) -> String {
    let header = header(found);
    let mut text = format!("{}\n", table(&header.each_ref().map(String::as_str), rows(found)));
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
        let unit = if found.main.unit == "share" { ", in points" } else { "" };
        text += &format!("\nChange of {}{unit}, by group of decisions:\n\n", found.main.metric);
        text += &markdown(&header(found), rows(found));
        text += &tables(found);
        if !found.notes.is_empty() {
            text += "\nNotes by people:\n\n";
        }
        for note in &found.notes {
            let on = note.on.as_ref().map_or(String::new(), |on| format!(", on `{on}`"));
            text += &format!("> {}\n>\n> {}{on}\n\n", note.text.replace('\n', "\n> "), note.by);
        }
    }
    printable_lines(&text).into_owned()
}

/// Everything that goes into tables beside the groups.
fn tables(found: &Explanation) -> String {
    let mut text = String::new();
    let mut section = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let header: Vec<String> = header.iter().map(|name| (*name).to_string()).collect();
            text += &format!("\n{title}:\n\n{}", markdown(&header, rows));
        }
    };
    let change = format!("change of {}", found.main.metric);
    let links = found.links.iter().map(|l| link(found, l)).collect();
    let header = ["cause", "from", "to", "answers that change", &change, "largest difference"];
    section("On the way from the baseline to each machine", &header, links);
    let layers = found.layers.iter().map(layer).collect();
    let header = ["layer", "target", "before", "after", "touched by"];
    section("Time by layer and module", &header, layers);
    let flow = found.flow.iter().map(flow).collect();
    let header = ["layer", "channels", "effective rank", "channels that never vary", "CKA"];
    section("What flows out of each layer, before and after", &header, flow);
    let lines = hits_lines(&found.hits, SHOWN_HITS);
    if !lines.is_empty() {
        text += "\nSamples hit hardest:\n\n";
        text.extend(lines.iter().map(|line| format!("- {}\n", line.trim_start())));
    }
    if found.flow.iter().any(|l| !l.before.heads.is_empty()) {
        text +=
            &format!("\nAttention heads:\n\n```\n{}\n```\n", flow_lines(&found.flow).join("\n"));
    }
    text
}

fn header(found: &Explanation) -> [String; 7] {
    [
        "group",
        &format!("{} (Shapley)", found.main.metric),
        "alone",
        "on top of all others",
        "over all draws",
        "p (Holm)",
        "time it buys",
    ]
    .map(String::from)
}

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
    let row = |group: &paring_core::schema::Group| {
        let mut cells = vec![group.label.clone()];
        cells.extend(main(found, effect(&group.id, &found.main.metric)));
        let bought = effect(&group.id, "latency").and_then(|e| e.leave_one_out);
        cells.push(bought.map_or_else(missing, time));
        cells
    };
    found.groups.iter().map(row).collect()
}

fn missing() -> String {
    "—".into()
}

fn main(found: &Explanation, effect: Option<&Effect>) -> [String; 5] {
    let of = |which: fn(&Effect) -> Option<Interval>| {
        effect.and_then(which).map_or_else(missing, |i| changed(found, i))
    };
    let p = effect.and_then(|e| e.holm).map_or_else(missing, |p| format!("{p:.3}"));
    [of(|e| e.shapley), of(|e| e.solo), of(|e| e.leave_one_out), of(|e| e.together), p]
}

/// A change of what counts most: of a share in points.
fn changed(found: &Explanation, change: Interval) -> String {
    let plain = |value: f64| {
        let text = match found.main.unit.as_str() {
            "share" => format!("{:+.2}", 100.0 * value),
            _ => format!("{value:+.3e}"),
        };
        if ["-0.00", "+0.00", "+0.000e0", "-0.000e0"].contains(&text.as_str()) {
            "0".to_string()
        } else {
            text
        }
    };
    format!("{} [{}, {}]", plain(change.value), plain(change.low), plain(change.high))
}

/// A change of time as what it saves.
fn time(change: Interval) -> String {
    let saved = |ns: f64| format!("{:.1}", -ns / 1e3).replace("-0.0", "0.0");
    format!("{} [{}, {}] µs", saved(change.value), saved(change.high), saved(change.low))
}

fn link(found: &Explanation, link: &Link) -> Vec<String> {
    let flips = link.flips.map_or_else(missing, |flips| format!("{flips} of {}", link.samples));
    let change = link.change.map_or_else(missing, |change| changed(found, change));
    let cause = if link.cause == "all" { "all of it" } else { &link.cause };
    let difference = link.largest_difference.map_or(String::new(), |d| format!("{d:.1e}"));
    let [from, to] = link.between.clone();
    vec![cause.to_string(), from, to, flips, change, difference]
}

fn flow(layer: &LayerFlow) -> Vec<String> {
    let two = |of: &dyn Fn(&paring_core::schema::Flow) -> String| match &layer.after {
        Some(after) => format!("{} → {}", of(&layer.before), of(after)),
        None => of(&layer.before),
    };
    vec![
        layer.layer.clone(),
        two(&|f| f.channels.to_string()),
        two(&|f| format!("{:.1}", f.effective_rank)),
        two(&|f| format!("{:.0} %", 100.0 * f.dead)),
        layer.similarity.map_or_else(missing, |s| format!("{s:.3}")),
    ]
}

fn layer(layer: &LayerChange) -> Vec<String> {
    let us = |ns: f64| format!("{:.1} µs", ns / 1e3);
    let name = if layer.scope == "module" {
        format!("{} (all)", layer.layer)
    } else {
        layer.layer.clone()
    };
    let target = layer.target.clone();
    vec![name, target, us(layer.before_ns), us(layer.after_ns), layer.groups.join(", ")]
}

fn markdown(header: &[String], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = header.iter().map(|_| "---".to_string()).collect();
    let rows = rows.iter().map(|row| line(row));
    [line(header), line(&rule)].into_iter().chain(rows).collect()
}
