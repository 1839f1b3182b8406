//! Rows and sentences of an explanation, the same in the terminal and in report.md.

use paring_core::schema::{ConfidenceInterval, Effect, Explanation};

pub(super) fn header(found: &Explanation) -> [String; 7] {
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
pub(super) fn lines(found: &Explanation) -> impl Iterator<Item = String> + '_ {
    found.narrative.iter().map(|sentence| match sentence.about.as_str() {
        "caveat" => format!("caveat: {}", sentence.text),
        _ => sentence.text.clone(),
    })
}

pub(super) fn rows(found: &Explanation) -> Vec<Vec<String>> {
    let effect = |id: &str, metric: &str| {
        let mut own = found.effects.iter().filter(|e| e.of.is_none());
        own.find(|e| e.group == id && e.metric == metric)
    };
    let row = |group: &paring_core::schema::DecisionGroup| {
        let mut cells = vec![group.label.clone()];
        cells.extend(main(found, effect(&group.id, &found.main.metric)));
        let bought = effect(&group.id, "latency").and_then(|e| e.leave_one_out);
        cells.push(bought.map_or_else(missing, time));
        cells
    };
    found.groups.iter().map(row).collect()
}

pub(super) fn missing() -> String {
    "—".into()
}

fn main(found: &Explanation, effect: Option<&Effect>) -> [String; 5] {
    let of = |which: fn(&Effect) -> Option<ConfidenceInterval>| {
        effect.and_then(which).map_or_else(missing, |i| changed(found, i))
    };
    let p = effect.and_then(|e| e.holm).map_or_else(missing, |p| format!("{p:.3}"));
    [of(|e| e.shapley), of(|e| e.solo), of(|e| e.leave_one_out), of(|e| e.together), p]
}

/// A change of what counts most: of a share in points.
pub(super) fn changed(found: &Explanation, change: ConfidenceInterval) -> String {
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
fn time(change: ConfidenceInterval) -> String {
    let saved = |ns: f64| format!("{:.1}", -ns / 1e3).replace("-0.0", "0.0");
    format!("{} [{}, {}] µs", saved(change.value), saved(change.high), saved(change.low))
}
