//! report.md: all explanations of a run as Markdown.

use super::explanation_rows::{changed, header, lines, missing, rows};
use super::terminal::{flow_lines, hits_lines};
use paring_core::schema::{DeploymentStage, Explanation, LayerChange, LayerFlow};
use paring_core::text::printable_lines;

/// Samples hit hardest that are listed.
const SHOWN_HITS: usize = 10;

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

fn link(found: &Explanation, link: &DeploymentStage) -> Vec<String> {
    let flips = link.flips.map_or_else(missing, |flips| format!("{flips} of {}", link.samples));
    let change = link.change.map_or_else(missing, |change| changed(found, change));
    let cause = if link.cause == "all" { "all of it" } else { &link.cause };
    let difference = link.largest_difference.map_or(String::new(), |d| format!("{d:.1e}"));
    let [from, to] = link.between.clone();
    vec![cause.to_string(), from, to, flips, change, difference]
}

fn flow(layer: &LayerFlow) -> Vec<String> {
    let two = |of: &dyn Fn(&paring_core::schema::ActivationStatistics) -> String| match &layer.after
    {
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
