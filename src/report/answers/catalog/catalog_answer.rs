//! The answer of `paring catalog`: what could be removed, dependencies, scores and expected changes.

use super::ablation_answer::AblationAnswer;
use super::criterion_correlations::CriterionCorrelations;
use super::gradient_change_text::gradient_change_text;
use crate::pipeline::Forecaster;
use crate::report::interval_text::interval_text;
use paring_compress::catalog::{
    BypassCandidate, Catalog, ComponentKind, Coupling, CouplingDependencies, Criterion,
    ExpectedSavings, GradientChange,
};
use paring_core::number_format::{counted, signed};
use paring_core::schema::{ConfidenceInterval, Forecast};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A component with its scores and the change that its removal should bring.
#[derive(Debug, Serialize)]
pub struct RankedComponent {
    /// Its id.
    pub id: String,
    /// Its index in the baseline.
    pub original_index: usize,
    /// Scores by criterion.
    pub scores: BTreeMap<String, f64>,
    /// Savings if it alone goes.
    pub saves: ExpectedSavings,
    /// Expected change if it alone goes.
    pub expected: ExpectedChange,
}

/// Change that removing one component alone should bring.
#[derive(Debug, Default, Serialize)]
pub struct ExpectedChange {
    /// Squared error of the reading layers' outputs, in their units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_error: Option<f64>,
    /// The same over the outputs' variance, summed over the layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_error_share: Option<f64>,
    /// Change of accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Forecast>,
    /// Saved time by the layers' times on this machine, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_saved_ns: Option<f64>,
    /// Backward impact: share of the component in the squared norm of the gradient that the loss
    /// sends back to its coupling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_share: Option<f64>,
    /// Relative change of the norm of the gradient at the weights before and behind it, everything else
    /// keeping its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_change: Option<GradientChange>,
    /// Conditioning of the layers that read it, with it and without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditioning: Vec<ReaderConditioning>,
}

/// Condition numbers of the second moments of what a layer reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReaderConditioning {
    /// The layer.
    pub layer: String,
    /// Of everything that it reads.
    pub whole: f64,
    /// Without the component.
    pub without: f64,
}

/// A layer or block that can be left out.
#[derive(Debug)]
pub struct RankedBypass {
    /// The layer or block.
    pub bypass: BypassCandidate,
    /// Savings if it alone goes.
    pub savings: ExpectedSavings,
    /// Its score by activations, where there is data.
    pub score: Option<f64>,
}

/// Couplings of a model with scores and forecasts of their components.
#[derive(Debug)]
pub struct CatalogAnswer {
    /// The model's file.
    pub model: PathBuf,
    /// Couplings, and layers that stay whole.
    pub catalog: Catalog,
    /// Dependencies of each coupling.
    pub dependencies: Vec<CouplingDependencies>,
    /// Components of each coupling, the least important first.
    pub components: Vec<Vec<RankedComponent>>,
    /// Readers of each coupling whose weights cannot be judged by data.
    pub opaque_readers: Vec<Vec<String>>,
    /// Layers and blocks that can be left out.
    pub bypasses: Vec<RankedBypass>,
    /// Criteria that components are judged by.
    pub criteria: Vec<Criterion>,
    /// True where they were named; the first of them ranks then.
    pub named: bool,
    /// Forecasts of accuracy, where they could be learnt.
    pub forecaster: Option<Forecaster>,
    /// True where there are data.
    pub calibrated: bool,
    /// The reason why nothing is judged by gradients, where there are data.
    pub gradients_missing: Option<String>,
    /// Measured removals of single components, where they were asked for.
    pub ablations: Option<AblationAnswer>,
}

/// The criterion by which components with these scores are ranked: the first of those that were
/// `named`; else the last that looks at outputs, behind which gradients and chance stand.
pub fn ranking(
    criteria: &[Criterion],
    named: bool,
    scores: &BTreeMap<String, f64>,
) -> Option<Criterion> {
    let mut scored = criteria.iter().filter(|c| scores.contains_key(&c.to_string()));
    let stands_behind = |c: &&&Criterion| **c == &Criterion::Random || c.needs_gradients();
    match named {
        true => scored.next().copied(),
        false => scored.rfind(|c| !stands_behind(&c)).copied(),
    }
}

impl CatalogAnswer {
    /// A tree for a person; `all` shows every component rather than the first few.
    pub fn text(&self, all: bool) -> String {
        let mut lines = Vec::new();
        let couplings = &self.catalog.couplings;
        let components: usize = couplings.iter().map(|c| c.components.len()).sum();
        lines.push(format!(
            "{}: {}, {}",
            self.model.display(),
            counted(couplings.len() as u64, "coupling"),
            counted(components as u64, "component")
        ));
        let each = couplings
            .iter()
            .zip(&self.dependencies)
            .zip(&self.components)
            .zip(&self.opaque_readers);
        for (((coupling, dependencies), ranked), opaque_readers) in each {
            lines.extend(self.ranked_lines(coupling, dependencies, ranked, opaque_readers, all));
        }
        lines.extend(self.closing_lines());
        match &self.ablations {
            Some(ablations) => lines.extend(ablations.lines(all)),
            None if self.named => {
                lines.extend(self.correlations().iter().flat_map(CriterionCorrelations::lines));
            }
            None => {}
        }
        lines.join("\n")
    }

    /// Agreement of the criteria with each other.
    fn correlations(&self) -> Option<CriterionCorrelations> {
        let criteria: Vec<String> = self.criteria.iter().map(Criterion::to_string).collect();
        let scores: Vec<_> = self.components.iter().flatten().map(|own| &own.scores).collect();
        CriterionCorrelations::of(&criteria, &scores)
    }

    fn ranked_lines(
        &self,
        coupling: &Coupling,
        dependencies: &CouplingDependencies,
        ranked: &[RankedComponent],
        opaque_readers: &[String],
        all: bool,
    ) -> Vec<String> {
        let mut lines = coupling_lines(coupling, dependencies);
        if !opaque_readers.is_empty() {
            lines.push(format!(
                "  not judged by data: its reader {} does not weigh each channel by stored 32-bit floats of its own",
                opaque_readers.join(", ")
            ));
        }
        if let Some(first) = ranked.first() {
            lines.push(format!("  each saves {}", savings_text(&first.saves)));
            if let Some(saved) = first.expected.latency_saved_ns {
                lines.push(format!(
                    "  and, by the layers' times on this machine, about {:.2} µs",
                    saved / 1e3
                ));
            }
        }
        lines.extend(conditioning_lines(ranked));
        let most = if all { ranked.len() } else { ranked.len().min(3) };
        let by = ranked.first().and_then(|own| ranking(&self.criteria, self.named, &own.scores));
        let by = by.map(|by| by.to_string()).unwrap_or_default();
        lines.push(format!("  {} {by}:", if all { "by" } else { "least important by" }));
        ranked[..most]
            .iter()
            .for_each(|component| lines.push(format!("    {}", component_line(component, &by))));
        lines
    }

    fn closing_lines(&self) -> Vec<String> {
        let mut lines = vec!["".to_string()];
        for RankedBypass { bypass, savings, score } in &self.bypasses {
            let what = if bypass.kind == ComponentKind::Block { "block" } else { "layer" };
            let change = score.map_or_else(String::new, |s| {
                format!("; without it its output is off by {:.1} % of its power", 100.0 * s)
            });
            lines.push(format!(
                "{what} {} can be left out: saves {}{change}",
                bypass.id,
                savings_text(savings)
            ));
        }
        if self.criteria.contains(&Criterion::Obs) {
            lines.push("obs: by how much of their variance the outputs of the reading layers would be off,\n     their weights making up for the loss as well as they can; summed over the layers".into());
        }
        if let Some(reason) = &self.gradients_missing {
            lines.push(format!("taylor, fisher, movement: not judged: {reason}"));
        }
        match self.forecaster.as_ref().and_then(Forecaster::evaluated) {
            Some((tried, samples)) => lines.push(format!(
                "expected accuracy: learnt from {tried} removals that were tried on {samples} samples of this data"
            )),
            None if self.calibrated => {
                lines.push("expected accuracy: not known; too little was or could be tried to learn from".into());
            }
            None => {}
        }
        for refused in &self.catalog.refused {
            lines.push(format!("{}: stays whole: {}", refused.layer, refused.reason));
        }
        lines
    }

    /// The same for a machine.
    pub fn json(&self) -> Value {
        let each = self.catalog.couplings.iter().zip(&self.dependencies);
        let couplings: Vec<_> = each
            .zip(self.components.iter().zip(&self.opaque_readers))
            .map(|((coupling, depends), (shown, opaque))| {
                json!({
                    "id": coupling.id, "kind": coupling.kind, "lossy": coupling.lossy,
                    "members": coupling.members, "dependencies": depends, "components": shown,
                    "opaque_readers": opaque,
                })
            })
            .collect();
        let refused = self.catalog.refused.iter();
        let refused: Vec<_> =
            refused.map(|r| json!({ "layer": r.layer, "reason": r.reason })).collect();
        let bypasses = self.bypasses.iter().map(|RankedBypass { bypass, savings, score }| {
            json!({
                "id": bypass.id, "kind": bypass.kind, "layers": bypass.layers, "saves": savings,
                "activation": score,
            })
        });
        let bypasses: Vec<_> = bypasses.collect();
        let criteria: Vec<String> = self.criteria.iter().map(Criterion::to_string).collect();
        json!({
            "schema": 2, "criteria": criteria, "couplings": couplings, "bypasses": bypasses,
            "forecaster": self.forecaster, "gradients_missing": self.gradients_missing,
            "refused": refused, "correlations": self.correlations(), "ablations": self.ablations,
        })
    }
}

fn coupling_lines(coupling: &Coupling, dependencies: &CouplingDependencies) -> Vec<String> {
    let mut lines =
        vec![format!("\n{}: {} {}s", coupling.id, coupling.components.len(), coupling.kind)];
    if let Some(lossy) = &coupling.lossy {
        lines.push(format!("  lossy: {lossy}"));
    }
    let list = |names: &[String]| match names {
        [] => "nothing that can be removed".to_string(),
        names => names.join(", "),
    };
    lines.push(format!(
        "  computed from {}; read by {}",
        list(&dependencies.reads),
        list(&dependencies.readers)
    ));
    let members = coupling.members.iter();
    let members: Vec<String> = members.map(|m| format!("{}[{}]", m.initializer, m.axis)).collect();
    lines.push(format!("  members: {}", members.join(", ")));
    lines
}

/// The conditioning of the layers that read a coupling, and the component whose removal lowers it most.
fn conditioning_lines(ranked: &[RankedComponent]) -> Vec<String> {
    let layers = ranked.first().map(|own| own.expected.conditioning.as_slice()).unwrap_or_default();
    let line = |(place, reader): (usize, &ReaderConditioning)| {
        let without = |component: &RankedComponent| {
            component.expected.conditioning.get(place).map(|found| found.without)
        };
        let each = ranked.iter().filter_map(|own| Some((&own.id, without(own)?)));
        let (id, least) = each.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let ReaderConditioning { layer, whole, .. } = reader;
        Some(format!(
            "  what {layer} reads has the condition number {whole:.0}; without {id} {least:.0}, the least"
        ))
    };
    layers.iter().enumerate().filter_map(line).collect()
}

fn savings_text(saved: &ExpectedSavings) -> String {
    let ExpectedSavings { params, bytes, macs, activation_bytes } = saved;
    format!(
        "{params} parameters ({bytes} bytes), {macs} MACs, {activation_bytes} bytes of activations"
    )
}

fn component_line(component: &RankedComponent, by: &str) -> String {
    let score = component.scores.get(by).map_or_else(String::new, |score| format!("{score:.5}"));
    let mut line = format!("{:<16} {score}", component.id);
    if let Some(units) = component.expected.output_error {
        line += &format!(", outputs off by {units:.3e} squared");
    }
    if let Some(share) = component.expected.gradient_share {
        line += &format!(", {:.1} % of the gradient", 100.0 * share);
    }
    if let Some(change) = component.expected.gradient_change.and_then(gradient_change_text) {
        line += &format!(", its norm expected {change}");
    }
    if let Some(expected) = &component.expected.accuracy {
        let change =
            ConfidenceInterval { value: expected.delta, low: expected.low, high: expected.high };
        let points = interval_text(change, |share| signed(100.0 * share, 2));
        line += &format!(", accuracy expected {points} points");
    }
    line
}
