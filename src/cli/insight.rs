//! What `paring eval` shows beside figures: feature flow, and the samples that were hit hardest.

use super::{Coded, ExitCode};
use crate::evaluate::{self, Answers};
use crate::pipeline;
use crate::report;
use anyhow::anyhow;
use paring_agent::arrays::Array;
use paring_agent::engine::DimensionBindings;
use paring_core::files::ConfinedPath;
use paring_core::schema::{DegradedSample, LayerFlow};
use paring_data::Dataset;
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;
use std::path::Path;

/// Samples that flow is looked at with.
const FLOW_SAMPLES: usize = 64;
/// Samples that a list of hits goes down to.
const HITS: usize = 100;

/// A model, and what it was asked with.
pub(super) struct Seen<'a> {
    pub(super) model: &'a Path,
    pub(super) answers: &'a Answers,
}

/// What a variant does beside its baseline.
pub(super) struct Insight {
    pub(super) flow: Vec<LayerFlow>,
    pub(super) hits: Vec<DegradedSample>,
}

impl Insight {
    /// Compares the second model with the first; alone, the first has its own flow.
    pub(super) fn of(
        base: &Seen,
        variant: Option<&Seen>,
        data: &Dataset,
        batch: usize,
        dims: &BTreeMap<String, usize>,
    ) -> Result<Insight, Coded> {
        let failed = |e: evaluate::PredictError, model: &Path| {
            let error = anyhow!(e).context(model.display().to_string());
            Coded::new(ExitCode::Input, error)
        };
        let graph = Graph::load(base.model)?;
        let other = variant.map(|v| Graph::load(v.model)).transpose()?;
        let looked: Vec<usize> = base.answers.samples.iter().copied().take(FLOW_SAMPLES).collect();
        let inputs: BTreeMap<String, Array> =
            data.inputs_at(&looked).map_err(|e| failed(e.into(), base.model))?;
        let bindings = DimensionBindings { batch, dims };
        let flow = evaluate::flow(&graph, other.as_ref(), &inputs, bindings)
            .map_err(|e| failed(e, variant.map_or(base.model, |v| v.model)))?;
        let Some(variant) = variant.filter(|v| !v.answers.predictions().is_empty()) else {
            return Ok(Insight { flow, hits: vec![] });
        };
        let features = evaluate::penultimate(&graph, data, &base.answers.samples, batch, dims)
            .map_err(|e| failed(e, base.model))?;
        let features = features.unwrap_or_default();
        let hits = evaluate::hits(base.answers, variant.answers, &features, HITS);
        Ok(Insight { flow, hits })
    }

    /// Writes both as CSV beside a model's answers.
    pub(super) fn write(&self, folder: &ConfinedPath, name: &str) -> Result<(), Coded> {
        let failed = |e: report::ReportError| Coded::new(ExitCode::Internal, e);
        let flow = report::flow_csv(&self.flow).map_err(failed)?;
        pipeline::replace(&folder.join(format!("{name}.flow.csv")), &flow)?;
        if !self.hits.is_empty() {
            let hits = report::hits_csv(&self.hits).map_err(failed)?;
            pipeline::replace(&folder.join(format!("{name}.hits.csv")), &hits)?;
        }
        Ok(())
    }
}
