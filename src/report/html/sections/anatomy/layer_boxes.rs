//! Layers of a variant as the drawing shows them: removed outputs at their original index, precision,
//! share of the time, and the decisions behind all that.

use super::decisions_table::{observed_alone, operation, primary_expected};
use super::variant_decisions::EnteredDecision;
use crate::report::ResultRow;
use crate::report::html::drawing::LayerBox;
use crate::report::html::network::ReportLayer;
use crate::report::html::numbers::{count, nanoseconds};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{Decision, Explanation, LayerTable, LayerTime};
use std::collections::{BTreeMap, BTreeSet};

/// Times of a variant's layers on the first target that timed them.
pub(super) struct TimedTable<'a> {
    table: &'a LayerTable,
    by_layer: BTreeMap<&'a str, Vec<&'a LayerTime>>,
    /// Other targets and batches that timed them too.
    others: usize,
}

impl<'a> TimedTable<'a> {
    /// `None` where no target timed the variant's layers.
    pub(super) fn of(run: &'a RunReport, row: &ResultRow) -> Option<TimedTable<'a>> {
        let own = run.layers.iter().filter(|table| table.variant_id == row.variant.variant_id);
        // Variants that are the same bytes share their times.
        let all: Vec<&LayerTable> = own.collect();
        let named = all.iter().filter(|table| table.variant == row.variant.name).count();
        let table = *all.iter().find(|t| t.variant == row.variant.name).or(all.first())?;
        let mut by_layer: BTreeMap<&str, Vec<&LayerTime>> = BTreeMap::new();
        for layer in &table.layers {
            by_layer.entry(&layer.layer).or_default().push(layer);
        }
        Some(TimedTable { table, by_layer, others: named.saturating_sub(1) })
    }

    /// The target that shares of time are of, for the drawing's caption.
    pub(super) fn words(times: Option<&TimedTable>) -> String {
        let Some(times) = times else { return "times of layers were not measured".into() };
        let batch = match times.table.batch {
            1 => String::new(),
            batch => format!(", batch {batch}"),
        };
        let others = match times.others {
            0 => String::new(),
            others => format!("; Hardware has {}", count(others, "other target or batch")),
        };
        format!("shares of the time are those on {}{batch}{others}", times.table.target)
    }

    /// Time and share of a layer: of its product and of what belongs to its name.
    fn of_layer(&self, layer: &str) -> Option<(f64, f64)> {
        let own = self.by_layer.get(layer)?;
        let sum = |of: fn(&LayerTime) -> f64| own.iter().map(|time| of(time)).sum::<f64>();
        Some((sum(|time| time.time_ns), sum(|time| time.share)))
    }
}

/// A box for every layer of the network.
pub(super) fn layer_boxes(
    run: &RunReport,
    row: &ResultRow,
    decisions: &[EnteredDecision],
    times: Option<&TimedTable>,
) -> Vec<LayerBox> {
    let kept: BTreeMap<(&str, usize), &[usize]> =
        row.variant.origins.axes().map(|(name, axis, kept)| ((name, axis), kept)).collect();
    let by_layer = decisions_by_layer(run, decisions);
    let explanation = run.explanation(&row.variant.name);
    let none = Vec::new();
    let layers = run.network.layers.iter();
    let boxed = layers.map(|layer| {
        let kept = layer
            .outputs
            .as_ref()
            .and_then(|(weights, axis)| kept.get(&(weights.as_str(), *axis)).copied());
        let subject = BoxSubject {
            layer,
            row,
            kept,
            decisions: by_layer.get(layer.name.as_str()).unwrap_or(&none),
            time: times.and_then(|times| times.of_layer(&layer.name)),
            explanation,
        };
        subject.boxed()
    });
    boxed.collect()
}

/// Decisions that concern each layer: those on it, and those on a coupling that its outputs belong to.
fn decisions_by_layer<'a>(
    run: &'a RunReport,
    decisions: &'a [EnteredDecision<'a>],
) -> BTreeMap<&'a str, Vec<&'a EnteredDecision<'a>>> {
    let makers: BTreeMap<(&str, usize), &str> = run
        .network
        .layers
        .iter()
        .filter_map(|layer| {
            let (weights, axis) = layer.outputs.as_ref()?;
            Some(((weights.as_str(), *axis), layer.name.as_str()))
        })
        .collect();
    let names: BTreeSet<&str> = run.network.layers.iter().map(|l| l.name.as_str()).collect();
    let mut found: BTreeMap<&str, Vec<&EnteredDecision>> = BTreeMap::new();
    for entered in decisions {
        let decision = &entered.decision;
        let members = decision.members.iter();
        let members =
            members.filter_map(|m| makers.get(&(m.initializer.as_str(), m.axis)).copied());
        let own = names.get(decision.coupling.as_str()).copied();
        let layers: BTreeSet<&str> = own.into_iter().chain(members).collect();
        for layer in layers {
            found.entry(layer).or_default().push(entered);
        }
    }
    found
}

/// A layer, and what is known of it in one variant.
struct BoxSubject<'a> {
    layer: &'a ReportLayer,
    row: &'a ResultRow,
    /// Original indices of outputs that remain; `None` where all do.
    kept: Option<&'a [usize]>,
    decisions: &'a [&'a EnteredDecision<'a>],
    /// Nanoseconds, and the share of the whole.
    time: Option<(f64, f64)>,
    explanation: Option<&'a Explanation>,
}

impl BoxSubject<'_> {
    fn boxed(&self) -> LayerBox {
        let layer = self.layer;
        let removed = self.removed();
        let own = self.decisions.iter().map(|entered| &entered.decision);
        let precision = own.filter_map(|d| d.precision.as_ref()).next_back();
        let class = precision.map_or("f32", |p| p.to.split([' ', '-']).next().unwrap_or("f32"));
        let format = precision.map_or_else(|| "f32".to_string(), |p| p.to.clone());
        let width = match (layer.width, removed.len()) {
            (0, _) => String::new(),
            (width, 0) => format!(" · {width} ch"),
            (width, gone) => format!(" · {} of {width} ch", width.saturating_sub(gone)),
        };
        LayerBox {
            name: layer.name.clone(),
            facts: format!("{format}{width}"),
            width: layer.width,
            removed,
            precision: class.to_string(),
            share: self.time.map(|(_, share)| share),
            note: self.note(),
        }
    }

    /// Original indices of outputs that are gone.
    fn removed(&self) -> Vec<usize> {
        let Some(kept) = self.kept else { return vec![] };
        let kept: BTreeSet<usize> = kept.iter().copied().collect();
        (0..self.layer.width).filter(|index| !kept.contains(index)).collect()
    }

    /// One line a decision, then the time, and why the rest is as it was.
    fn note(&self) -> String {
        let name = &self.layer.name;
        let mut lines = vec![name.clone()];
        // What was removed or quantized comes first, what accompanied it behind.
        let (main, others): (Vec<&EnteredDecision>, Vec<&EnteredDecision>) =
            self.decisions.iter().copied().partition(|own| own.decision.piece().is_some());
        lines.extend(main.into_iter().chain(others).map(|entered| self.decision_line(entered)));
        let refused = self.row.variant.refusals.iter().filter(|r| r.what == *name);
        lines.extend(refused.map(|r| format!("not changed by {}: {}", r.step, r.reason)));
        if lines.len() == 1 {
            lines.push("not changed".into());
        }
        lines.extend(self.time.map(|(ns, share)| {
            format!("takes {}, {:.0} % of the time", nanoseconds(ns), 100.0 * share)
        }));
        lines.join("\n")
    }

    fn decision_line(&self, entered: &EnteredDecision) -> String {
        let decision = &entered.decision;
        let coupled = match decision.coupling == self.layer.name {
            true => String::new(),
            false => format!(", together with {}", decision.coupling),
        };
        let mut parts = vec![format!("{}{coupled}{}", operation(decision), scores(decision))];
        if !decision.reason.is_empty() {
            parts.push(decision.reason.clone());
        }
        parts.extend(primary_expected(decision, self.explanation).map(|e| format!("expected {e}")));
        let observed = self.explanation.and_then(|found| observed_alone(entered.entry, found));
        parts.extend(observed.map(|observed| format!("observed alone {observed}")));
        parts.join("; ")
    }
}

/// The number of components that went, and their lowest and highest score.
fn scores(decision: &Decision) -> String {
    let scores = || decision.components.iter().map(|component| component.score);
    let low = scores().fold(f64::INFINITY, f64::min);
    let high = scores().fold(f64::NEG_INFINITY, f64::max);
    let criterion = decision.criterion.as_deref().unwrap_or("score");
    match decision.components.len() {
        0 => String::new(),
        1 => format!(": 1 removed, {criterion} {low:.3}"),
        many => format!(": {many} removed, {criterion} {low:.3} to {high:.3}"),
    }
}
