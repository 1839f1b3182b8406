//! Feature flow between two models, and the samples that were hit hardest.

use crate::evaluate::{self, ModelOutputs};
use crate::workflow::WorkflowError;
use crate::{pipeline, report};
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

/// A model and its answers.
pub(crate) struct InsightSubject<'a> {
    pub(crate) model: &'a Path,
    pub(crate) answers: &'a ModelOutputs,
}

/// Feature flow of a variant beside its baseline, and the samples hit hardest.
pub(crate) struct ModelInsight {
    pub(crate) flow: Vec<LayerFlow>,
    pub(crate) hits: Vec<DegradedSample>,
}

impl ModelInsight {
    /// Compares the second model with the first; alone, the first has its own flow.
    pub(crate) fn of(
        base: &InsightSubject,
        variant: Option<&InsightSubject>,
        data: &Dataset,
        batch: usize,
        dims: &BTreeMap<String, usize>,
    ) -> Result<ModelInsight, WorkflowError> {
        let failed = |source: evaluate::PredictError, model: &Path| WorkflowError::Predict {
            model: model.to_path_buf(),
            source,
        };
        let graph = Graph::load(base.model)?;
        let other = variant.map(|v| Graph::load(v.model)).transpose()?;
        let looked: Vec<usize> = base.answers.samples.iter().copied().take(FLOW_SAMPLES).collect();
        let inputs: BTreeMap<String, Array> =
            data.inputs_at(&looked).map_err(|e| failed(e.into(), base.model))?;
        let bindings = DimensionBindings { batch, dims };
        let flow = evaluate::layer_flows(&graph, other.as_ref(), &inputs, bindings)
            .map_err(|e| failed(e, variant.map_or(base.model, |v| v.model)))?;
        let Some(variant) = variant.filter(|v| !v.answers.predictions().is_empty()) else {
            return Ok(ModelInsight { flow, hits: vec![] });
        };
        let features = evaluate::penultimate(&graph, data, &base.answers.samples, batch, dims)
            .map_err(|e| failed(e, base.model))?;
        let features = features.unwrap_or_default();
        let hits = evaluate::hardest_hits(base.answers, variant.answers, &features, HITS);
        Ok(ModelInsight { flow, hits })
    }

    /// Writes both as CSV beside a model's answers.
    pub(crate) fn write(&self, folder: &ConfinedPath, name: &str) -> Result<(), WorkflowError> {
        let flow = report::flow_csv(&self.flow)?;
        pipeline::replace(&folder.join(format!("{name}.flow.csv")), &flow)?;
        if !self.hits.is_empty() {
            let hits = report::hits_csv(&self.hits)?;
            pipeline::replace(&folder.join(format!("{name}.hits.csv")), &hits)?;
        }
        Ok(())
    }
}
