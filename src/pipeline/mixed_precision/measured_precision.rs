//! `layers = "measured"`: every layer in every precision, timed on a target and held against the
//! answers in float; the best few assignments confirmed end to end.

use super::precision_table::{
    best_assignment, cost_in_words, costs, engine_in_words, reason_in_words, rejected_assignments,
    sensitivity_csv,
};
use crate::pipeline::measurement::{StepFailure, TrialFailure, TrialMachine};
use crate::pipeline::tuning::TunedGraph;
use crate::pipeline::{
    Folders, PipelineError, RecipeContext, TrialMachines, known_conformance, read_json, refusal,
    replace, replace_json,
};
use paring_agent::engine::{CLEAR_UPPER_HALVES, ENGINE};
use paring_compress::catalog::Calibration;
use paring_compress::{
    self, ActivationRanges, CompressError, DecisionDraft, LayerPrecision, PostTrainingQuantization,
    StepResult, WeightRounding,
};
use paring_core::schema::{
    EnergyRules, EngineOptions, OriginalIndices, PrecisionObjective, PrecisionTable,
    RejectedAlternative, SCHEMA, Sha256Hex,
};
use paring_onnx::graph::{Graph, TensorFacts};
use serde_json::json;
use std::collections::BTreeMap;

/// The tables of a run's measured steps.
///
/// # Errors
/// [`PipelineError::File`] where the run's folder of costs cannot be read.
pub fn precision_tables(folders: &Folders) -> Result<Vec<PrecisionTable>, PipelineError> {
    let folder = folders.root().join("costs");
    let names = folder.names().map_err(PipelineError::file("read", &folder))?;
    let names = names.iter().filter(|name| name.contains(".precision-"));
    Ok(names.filter_map(|name| read_json(&folder.join(name))).collect())
}

/// A step's graph, and what the pipeline knows of it.
pub(super) struct PrecisionTrial<'a> {
    pub(super) context: &'a RecipeContext,
    pub(super) calibration: &'a Calibration,
    pub(super) graph: Graph,
    pub(super) facts: TensorFacts,
    /// Engine options of the model as given.
    pub(super) given: &'a EngineOptions,
    /// Those of all others.
    pub(super) options: EngineOptions,
    pub(super) how: PostTrainingQuantization,
    pub(super) ranges: ActivationRanges,
    pub(super) choices: BTreeMap<String, Vec<LayerPrecision>>,
}

impl RecipeContext {
    /// Gives every layer the precision that pays on the target; upper halves of registers are cleared
    /// beside, unless options are `fixed`, because what converts between precisions is slow otherwise.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant and the step.
    pub(in crate::pipeline) fn by_measure(
        &self,
        (variant, words): (&str, &str),
        graph: Graph,
        origins: OriginalIndices,
        (options, fixed): (&EngineOptions, bool),
        how: &PostTrainingQuantization,
    ) -> Result<TunedGraph, PipelineError> {
        let failed = |source: CompressError| PipelineError::Step {
            variant: variant.into(),
            step: words.into(),
            source: Box::new(source),
        };
        let no_samples = || failed(CompressError::NoCalibration("measuring precisions"));
        let calibration = self.inputs.calibration.as_ref().ok_or_else(no_samples)?;
        let (folded, mut decisions) =
            paring_compress::prepare_for_quantization(graph.clone(), how).map_err(failed)?;
        let how = PostTrainingQuantization { equalize: false, measured: false, ..how.clone() };
        let mut clearing = options.clone();
        let clears =
            !fixed && how.by != PrecisionObjective::Bytes && self.machines.clears_on(&how.on);
        if clears && !options.transforms.iter().any(|name| name == CLEAR_UPPER_HALVES) {
            clearing.transforms.push(CLEAR_UPPER_HALVES.into());
        }
        let bench = PrecisionTrial::new(self, calibration, folded, (options, clearing), how)
            .map_err(failed)?;
        let table = self.frozen(variant, &bench, &graph, &failed)?;
        self.keep_sensitivity(variant, &table)?;
        let table_sha256 = Sha256Hex::of_record(&table).ok();
        let best = best_assignment(&table);
        let chosen = best.map(|one| one.layers.clone()).unwrap_or_default();
        let stays = best.is_none();
        let how = PostTrainingQuantization { assigned: Some(chosen.clone()), ..bench.how.clone() };
        let made = match stays {
            true => StepResult::new(graph, origins, Vec::new()),
            false => {
                paring_compress::quantize(bench.graph.clone(), origins, &how, Some(calibration))
                    .map_err(failed)?
            }
        };
        if stays {
            decisions.clear();
        }
        decisions.extend(made.decisions);
        bench.explain(&table, &chosen, &mut decisions);
        decisions.push(DecisionDraft {
            operation: "choose precisions".into(),
            coupling: "the whole graph".into(),
            alternatives_rejected: rejected_assignments(&table, best),
            calibration_sha256: Some(calibration.sha256.clone()),
            table_sha256: table_sha256.clone(),
            reason: reason_in_words(&table, best) + &engine_in_words(&table, best),
            ..DecisionDraft::default()
        });
        for draft in decisions.iter_mut().filter(|d| !d.alternatives_rejected.is_empty()) {
            draft.table_sha256.clone_from(&table_sha256);
        }
        let options = if stays { options.clone() } else { bench.options.clone() };
        Ok(TunedGraph { made: StepResult { decisions, ..made }, options })
    }

    /// The table that was kept of the target for just this question, or a new one, which is kept.
    fn frozen(
        &self,
        variant: &str,
        bench: &PrecisionTrial,
        given: &Graph,
        failed: &dyn Fn(CompressError) -> PipelineError,
    ) -> Result<PrecisionTable, PipelineError> {
        let key = bench.key();
        let path =
            self.records.folders.costs(&format!("{}.precision-{}", bench.how.on, key.short()));
        let kept: Option<PrecisionTable> = read_json(&path);
        if let Some(table) = kept.filter(|table| table.key == key) {
            return Ok(table);
        }
        let on = &bench.how.on;
        if self.machines.replays {
            return Err(PipelineError::not_frozen(variant, on));
        }
        let table = match bench.how.by {
            // Files are as large everywhere.
            PrecisionObjective::Bytes => {
                bench.table(given, key, &mut TrialMachine::Here).map_err(StepFailure::from)
            }
            PrecisionObjective::Latency | PrecisionObjective::Energy => {
                self.machines.on(on, |machine| bench.table(given, key, machine))
            }
        };
        let table = table.map_err(|error| error.of(on, failed))?;
        replace_json(&path, &table)?;
        Ok(table)
    }

    /// One row a layer and precision, for other tools.
    fn keep_sensitivity(&self, variant: &str, table: &PrecisionTable) -> Result<(), PipelineError> {
        let folder = self.records.folders.sensitivity();
        let path = folder.join(format!("{variant}.csv"));
        let csv = sensitivity_csv(table).map_err(PipelineError::file("write", &path))?;
        replace(&path, &csv)
    }
}

impl<'a> PrecisionTrial<'a> {
    fn new(
        context: &'a RecipeContext,
        calibration: &'a Calibration,
        graph: Graph,
        (given, options): (&'a EngineOptions, EngineOptions),
        how: PostTrainingQuantization,
    ) -> Result<Self, CompressError> {
        let facts = graph.facts(&calibration.dims, calibration.batch)?;
        let choices = paring_compress::precision_choices(&graph, &how)?;
        let ranges = paring_compress::activation_ranges(&graph, &how, calibration)?;
        let mut bench = PrecisionTrial {
            context,
            calibration,
            graph,
            facts,
            given,
            options,
            how,
            ranges,
            choices,
        };
        bench.choices = bench.conforming()?;
        Ok(bench)
    }

    /// The choices without those that the engine here is known to reject or to get wrong.
    pub(super) fn conforming(
        &self,
    ) -> Result<BTreeMap<String, Vec<LayerPrecision>>, CompressError> {
        let Some(known) = known_conformance(&self.how.on) else { return Ok(self.choices.clone()) };
        let mut kept = BTreeMap::new();
        for (layer, schemes) in &self.choices {
            let mut right = Vec::new();
            for scheme in schemes {
                let own = BTreeMap::from([(layer.clone(), *scheme)]);
                if *scheme == LayerPrecision::F32 || refusal(&known, &self.narrow(&own)?).is_none()
                {
                    right.push(*scheme);
                }
            }
            kept.insert(layer.clone(), right);
        }
        Ok(kept)
    }

    /// Everything that decides what is measured.
    fn key(&self) -> Sha256Hex {
        let TrialMachines { sysfs_root, energy, .. } = &self.context.machines;
        let rules = energy.get(&self.how.on).filter(|_| self.how.by == PrecisionObjective::Energy);
        Sha256Hex::of_json(&json!({
            "graph": Sha256Hex::of(&self.graph.encode()),
            "step": self.how,
            "by": self.how.by,
            "reading": self.context.inputs.reading,
            "energy": rules.map(EnergyRules::wherever),
            "sensors": sysfs_root.as_ref().filter(|_| rules.is_some()),
            "options": self.options.label(),
            "given_options": self.given.label(),
            "samples": self.calibration.sha256,
            "engine": ENGINE,
        }))
    }

    /// The graph with these layers narrow, weights rounded plainly.
    pub(super) fn narrow(
        &self,
        layers: &BTreeMap<String, LayerPrecision>,
    ) -> Result<Graph, CompressError> {
        let plain = PostTrainingQuantization {
            rounding: WeightRounding::Nearest,
            correct: false,
            ..self.how.clone()
        };
        self.assigned(layers, &plain)
    }

    /// The graph with these layers narrow as the step says, which is what the variant will be.
    pub(super) fn as_told(
        &self,
        layers: &BTreeMap<String, LayerPrecision>,
    ) -> Result<Graph, CompressError> {
        self.assigned(layers, &self.how)
    }

    fn assigned(
        &self,
        layers: &BTreeMap<String, LayerPrecision>,
        how: &PostTrainingQuantization,
    ) -> Result<Graph, CompressError> {
        let how = PostTrainingQuantization { assigned: Some(layers.clone()), ..how.clone() };
        let (graph, origins) = (self.graph.clone(), OriginalIndices::default());
        let made = paring_compress::quantize_unchecked(
            graph,
            origins,
            &how,
            Some(self.calibration),
            Some(&self.ranges),
        )?;
        Ok(made.graph)
    }

    fn table(
        &self,
        given: &Graph,
        key: Sha256Hex,
        machine: &mut TrialMachine,
    ) -> Result<PrecisionTable, TrialFailure> {
        let mut table = PrecisionTable {
            schema: SCHEMA,
            target: self.how.on.clone(),
            engine: ENGINE.into(),
            key,
            layers_ns: BTreeMap::new(),
            by: self.how.by,
            options: self.options.clone(),
            layers_bytes: BTreeMap::new(),
            power_mw: BTreeMap::new(),
            given_uj: None,
            quantize_ns: Vec::new(),
            dequantize_ns: Vec::new(),
            sensitivity: Vec::new(),
            confirmed: Vec::new(),
        };
        if self.how.by == PrecisionObjective::Energy {
            // First, because a target without a sensor needs no timing.
            table.power_mw = self.powers(&table.key, machine)?;
        }
        match self.how.by {
            PrecisionObjective::Bytes => table.layers_bytes = self.sizes()?,
            PrecisionObjective::Latency | PrecisionObjective::Energy => {
                table.layers_ns = self.layers(machine)?;
                self.conversions(&mut table, machine)?;
            }
        }
        table.sensitivity = self.sensitivity(&table)?;
        (table.confirmed, table.given_uj) = self.confirmed(given, &table, machine)?;
        Ok(table)
    }

    /// Puts the alternatives of every layer into its decision, and makes one for those that stay.
    fn explain(
        &self,
        table: &PrecisionTable,
        chosen: &BTreeMap<String, LayerPrecision>,
        decisions: &mut Vec<DecisionDraft>,
    ) {
        for (layer, costs) in costs(table) {
            let own = chosen.get(layer).copied().unwrap_or(LayerPrecision::F32);
            let words = |scheme: LayerPrecision| cost_in_words(table, layer, scheme);
            let others = costs.keys().filter(|scheme| **scheme != own);
            let alternatives: Vec<RejectedAlternative> = others
                .map(|s| RejectedAlternative { what: s.to_string(), why: words(*s) })
                .collect();
            let reason = format!("{own} takes {}", words(own));
            let quantizes = |d: &&mut DecisionDraft| d.coupling == *layer && d.precision.is_some();
            match decisions.iter_mut().find(quantizes) {
                Some(draft) => {
                    draft.reason = format!("{reason}; {}", draft.reason);
                    draft.alternatives_rejected = alternatives;
                }
                None => decisions.push(DecisionDraft {
                    operation: "keep f32".into(),
                    coupling: layer.clone(),
                    alternatives_rejected: alternatives,
                    reason,
                    ..DecisionDraft::default()
                }),
            }
        }
    }
}

/// The part of the model that a layer belongs to.
pub(super) fn module(layer: &str) -> &str {
    layer.rsplit_once(['.', '/']).map_or(layer, |(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_what_names_begin_with() {
        assert_eq!(module("block1.pw"), "block1");
        assert_eq!(module("encoder/0/attn"), "encoder/0");
        assert_eq!(module("stem"), "stem");
    }
}
