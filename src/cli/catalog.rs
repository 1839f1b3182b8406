//! `paring catalog`: what could be removed, what depends on what, what each component is worth.

use super::samples::{Sampled, Samples};
use super::{Coded, ExitCode, Global};
use crate::catalog::{
    self, Catalog, CatalogError, Coupling, Criterion, Dependencies, Linear, Rows, Savings,
};
use crate::graph::{Facts, Graph};
use crate::record::Origins;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say what could be removed, what depends on what, and what each component is worth.
#[derive(Debug, Args)]
pub(super) struct CatalogVerb {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Every component, not only the least important
    #[arg(long)]
    all: bool,
}

/// One component, as it is printed.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    original_index: usize,
    scores: BTreeMap<String, f64>,
    saves: Savings,
}

/// A model, opened.
struct Opened {
    graph: Graph,
    facts: Facts,
    layers: Vec<Linear>,
    rows: Vec<Rows>,
    criteria: Vec<Criterion>,
}

impl CatalogVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let opened = self.open()?;
        let failed = |e: CatalogError| Coded::new(ExitCode::Input, e);
        let found = catalog::catalog(&opened.graph, &opened.facts, &Origins::default())?;
        let depends = catalog::dependencies(&found, &opened.layers);
        let shown = found.couplings.iter().map(|c| opened.components(c));
        let shown = shown.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        match global.json {
            true => print_json(&opened, &found, &depends, &shown),
            false => self.print(&opened, &found, &depends, &shown),
        }
        Ok(())
    }

    fn open(&self) -> Result<Opened, Coded> {
        let graph = Graph::load(&self.model)?;
        let Sampled { dims, batch, calibration, .. } = self.samples.open(&self.model)?;
        let facts = graph.facts(&dims, batch)?;
        let layers = catalog::linears(&graph, &facts);
        let rows = match &calibration {
            Some(calibration) => {
                let all: Vec<&Linear> = layers.iter().collect();
                let widths: Vec<usize> = layers.iter().map(Linear::features).collect();
                catalog::observe(&graph, &all, &widths, calibration)
                    .map_err(|e| Coded::new(ExitCode::Input, e))?
            }
            None => vec![Rows::default(); layers.len()],
        };
        let known = |c: &Criterion| calibration.is_some() || !c.needs_data();
        let criteria = Criterion::ALL.into_iter().filter(known).collect();
        Ok(Opened { graph, facts, layers, rows, criteria })
    }

    fn print(
        &self,
        opened: &Opened,
        found: &Catalog,
        depends: &[Dependencies],
        shown: &[Vec<Shown>],
    ) {
        let components: usize = found.couplings.iter().map(|c| c.components.len()).sum();
        say!(
            "{}: {} couplings, {components} components",
            self.model.display(),
            found.couplings.len()
        );
        for ((coupling, depends), shown) in found.couplings.iter().zip(depends).zip(shown) {
            let width = coupling.components.len();
            say!("\n{}: {width} {}s", coupling.id, coupling.kind);
            if let Some(lossy) = &coupling.lossy {
                say!("  lossy: {lossy}");
            }
            let list = |names: &[String]| match names {
                [] => "nothing that can be removed".to_string(),
                names => names.join(", "),
            };
            say!("  computed from {}; read by {}", list(&depends.reads), list(&depends.readers));
            let members = coupling.members.iter();
            let members: Vec<String> =
                members.map(|m| format!("{}[{}]", m.initializer, m.axis)).collect();
            say!("  members: {}", members.join(", "));
            if let Some(first) = shown.first() {
                let Savings { params, bytes, macs, activation_bytes } = first.saves;
                say!(
                    "  each saves {params} parameters ({bytes} bytes), {macs} MACs, {activation_bytes} bytes of activations"
                );
            }
            let most = if self.all { shown.len() } else { shown.len().min(3) };
            let heading = if self.all { "by" } else { "least important by" };
            let by = opened.criteria.iter().rfind(|c| **c != Criterion::Random);
            let by = by.map(Criterion::to_string).unwrap_or_default();
            let each: Vec<String> = shown[..most]
                .iter()
                .map(|c| format!("{} {:.5}", c.id, c.scores.get(&by).copied().unwrap_or(f64::NAN)))
                .collect();
            say!("  {heading} {by}: {}", each.join(", "));
        }
        say!("");
        if opened.criteria.contains(&Criterion::Obs) {
            say!(
                "obs: by how much of their variance the outputs of the reading layers would be off,\n     their weights making up for the loss as well as they can; summed over the layers"
            );
        }
        for refused in &found.refused {
            say!("{}: stays whole: {}", refused.layer, refused.reason);
        }
    }
}

impl Opened {
    /// The components of a coupling, the least important first by the last criterion but the random.
    fn components(&self, coupling: &Coupling) -> Result<Vec<Shown>, CatalogError> {
        let readers = catalog::readers(coupling, &self.layers, &self.rows);
        let mut all: Vec<Shown> = coupling
            .components
            .iter()
            .map(|c| Shown {
                id: coupling.component_id(c),
                original_index: c.original_index,
                scores: BTreeMap::new(),
                saves: catalog::savings(&self.graph, &self.facts, c),
            })
            .collect();
        let mut order = Vec::new();
        for criterion in &self.criteria {
            if criterion.needs_data() && readers.is_empty() {
                continue;
            }
            let scores = catalog::scores(&self.graph, coupling, *criterion, &readers, 0)?;
            for (shown, score) in all.iter_mut().zip(&scores) {
                shown.scores.insert(criterion.to_string(), *score);
            }
            if *criterion != Criterion::Random {
                order = scores;
            }
        }
        let mut ranked: Vec<(f64, Shown)> = order.into_iter().zip(all).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(ranked.into_iter().map(|(_, shown)| shown).collect())
    }
}

fn print_json(opened: &Opened, found: &Catalog, depends: &[Dependencies], shown: &[Vec<Shown>]) {
    let couplings: Vec<_> = found
        .couplings
        .iter()
        .zip(depends)
        .zip(shown)
        .map(|((coupling, depends), shown)| {
            json!({
                "id": coupling.id, "kind": coupling.kind, "lossy": coupling.lossy,
                "members": coupling.members, "dependencies": depends, "components": shown,
            })
        })
        .collect();
    let refused: Vec<_> =
        found.refused.iter().map(|r| json!({ "layer": r.layer, "reason": r.reason })).collect();
    let criteria: Vec<String> = opened.criteria.iter().map(Criterion::to_string).collect();
    say!(
        "{:#}",
        json!({ "schema": 1, "criteria": criteria, "couplings": couplings, "refused": refused })
    );
}
