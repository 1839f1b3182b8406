//! The cost table of a run: measured once, then frozen, so that the same run gives the same variants.

use super::node_times::attributed;
use crate::pipeline::PipelineError;
use crate::pipeline::run_files::{Folders, read_json, replace_json};
use crate::pipeline::variants::{BASELINE, BaselineEstimates, RecipeInputs};
use paring_agent::engine::{AnalysedModel, ENGINE, ModelSource};
use paring_core::schema::{CostTable, EngineOptions, SCHEMA, Sha256Hex};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// Runs that the medians are of.
const RUNS: usize = 101;

impl BaselineEstimates {
    /// Measures the baseline's nodes in this process, or finds the table that the run has.
    ///
    /// # Errors
    /// [`PipelineError`] where the engine cannot run the baseline, or the table cannot be kept.
    pub fn measure_costs(
        &mut self,
        folders: &Folders,
        inputs: &RecipeInputs,
        target: &str,
    ) -> Result<(), PipelineError> {
        self.find_costs(folders, target);
        if self.costs.is_some() || inputs.calibration.is_none() {
            return Ok(());
        }
        let table = measured(inputs, target)?;
        replace_json(&folders.costs(target), &table)?;
        self.costs = Some(table);
        Ok(())
    }

    /// Takes up the table that the run has of a target, if it has one.
    pub fn find_costs(&mut self, folders: &Folders, target: &str) {
        self.costs = read_json(&folders.costs(target));
    }

    /// Hash of the table.
    pub(in crate::pipeline) fn costs_sha256(&self) -> Option<Sha256Hex> {
        self.costs.as_ref().and_then(|table| Sha256Hex::of_record(table).ok())
    }
}

/// Medians of the baseline's nodes in this process.
fn measured(inputs: &RecipeInputs, target: &str) -> Result<CostTable, PipelineError> {
    let failed = |source| PipelineError::Graph { variant: BASELINE.into(), source };
    let engine = |source| PipelineError::Engine { variant: BASELINE.into(), source };
    let graph = Graph::load(&inputs.model).map_err(failed)?;
    let model =
        AnalysedModel::load(ModelSource::File(&inputs.model), inputs.bindings()).map_err(engine)?;
    let plan = model.optimise(&EngineOptions::default()).map_err(engine)?;
    let samples = inputs.calibration.as_ref().map(|c| c.first()).unwrap_or_default();
    let bound = plan.inputs(&samples).map_err(engine)?;
    let mut nodes_ns: BTreeMap<String, f64> = BTreeMap::new();
    let profile = plan.profile(&bound, RUNS).map_err(engine)?;
    for (from, node) in attributed(&graph, &profile) {
        // What belongs to no node is still part of the whole.
        let name = from.map_or_else(String::new, |p| graph.nodes()[p].name.clone());
        *nodes_ns.entry(name).or_default() += node.median_ns();
    }
    let (engine, target) = (ENGINE.to_string(), target.to_string());
    Ok(CostTable { schema: SCHEMA, target, engine, nodes_ns })
}
