//! Making variants: the ledger's entries and the files of a recipe's steps.

use super::apply_steps::{AppliedRecipe, AppliedStep, apply_steps};
use super::onnx_validity::check_validity;
use super::remaining_weights::{precision_shares, remaining_weights};
use crate::ledger::{Ledger, LedgerError, keep_paring, paring_path};
use crate::pipeline::restoring::readable;
use crate::pipeline::run_files::read_variant;
use crate::pipeline::{
    BASELINE, Folders, PipelineError, Recipe, RecipeContext, RecipeInputs, replace, replace_json,
};
use paring_compress::distillation::TrainingListener;
use paring_compress::{DecisionDraft, DecisionPlace, Step};
use paring_core::schema::{
    Decision, DecisionInputs, EngineOptions, FileName, LedgerEntryBody, LedgerEntryKind,
    OriginalIndices, PrecisionObjective, SCHEMA, Sha256Hex, StepRecord, StepRefusal, VariantRecord,
};
use paring_onnx::graph::Graph;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Puts the model as given into the run, and its record.
///
/// # Errors
/// [`PipelineError`] where it cannot be read, analysed or written.
pub fn baseline(folders: &Folders, inputs: &RecipeInputs) -> Result<VariantRecord, PipelineError> {
    let failed = |source| PipelineError::Graph { variant: BASELINE.into(), source };
    let graph = Graph::load(&inputs.model).map_err(failed)?;
    let given = std::fs::read(&inputs.model).map_err(PipelineError::file("read", &inputs.model))?;
    // With external data the file alone is not the model; the encoded graph has everything inside.
    let bytes = if graph.self_contained() { given } else { graph.encode() };
    let key = Sha256Hex::of(&bytes);
    let lineage = VariantLineage {
        name: BASELINE.into(),
        parent: None,
        options: EngineOptions::default(),
        recipe: vec![],
        key,
    };
    if let Some(made) = lineage.made_before(folders) {
        return Ok(made);
    }
    lineage.write(folders, inputs, &graph, &bytes, StepsOutcome::default())
}

/// Makes the variant of a recipe from `parent`, or finds it made before with the same key; `heard` is
/// told how far a training is.
///
/// # Errors
/// [`PipelineError`] names the variant and the step.
pub fn make(
    context: &RecipeContext,
    ledger: &mut Ledger,
    recipe: &Recipe,
    parent: &VariantRecord,
    heard: &TrainingListener,
) -> Result<VariantRecord, PipelineError> {
    let options = recipe.options.clone().unwrap_or_else(|| parent.options.clone());
    let words: Vec<String> = recipe.steps.iter().map(Step::to_string).collect();
    let RecipeContext { records, inputs, estimates, .. } = context;
    let folders = &records.folders;
    let key = recipe_key(context, recipe, parent, &options);
    let lineage = VariantLineage {
        name: recipe.name.clone(),
        parent: Some(parent.name.clone()),
        options,
        recipe: parent.recipe.iter().chain(&words).cloned().collect(),
        key,
    };
    if let Some(made) = lineage.made_before(folders) {
        let ids: BTreeSet<&Sha256Hex> = ledger.entries().iter().map(|e| &e.entry_id).collect();
        if !made.decisions.iter().all(|id| ids.contains(id)) {
            let (path, variant) = (folders.ledger().to_path_buf(), made.name);
            return Err(LedgerError::Lost { path, variant }.into());
        }
        return Ok(made);
    }
    let failed = |source| PipelineError::Graph { variant: recipe.name.clone(), source };
    let parent_path = folders.variants().join(&parent.file);
    let graph = Graph::load(&parent_path).map_err(failed)?;
    let AppliedRecipe { graph, origins, options, mut steps } =
        apply_steps(context, recipe, parent, (graph, lineage.options.clone()), heard)?;
    let lineage = VariantLineage { options, ..lineage };
    if let Some(learnt) = &estimates.forecaster {
        steps.iter_mut().for_each(|taken| taken.foresee(learnt, &lineage.options));
    }
    let whole = |path: &Path| std::fs::read(path).map_err(PipelineError::file("read", path));
    let bytes = match recipe.steps.as_slice() {
        // A recipe without steps is its parent, byte for byte, and an import the file that was given.
        [] => whole(&parent_path)?,
        [Step::Import { path, .. }] if Graph::load(path).map_err(failed)?.self_contained() => {
            whole(path)?
        }
        _ => graph.encode(),
    };
    if !recipe.steps.iter().all(|step| matches!(step, Step::Import { .. })) {
        check_validity(&recipe.name, &parent_path, &bytes)?;
    }
    let variant_id = VariantRecord::identity(&Sha256Hex::of(&bytes), &lineage.options);
    let mut outcome = record_steps(context, ledger, recipe, parent, &variant_id, steps)?;
    outcome.origins = origins;
    lineage.write(folders, inputs, &graph, &bytes, outcome)
}

/// Hash over everything that a recipe's variant is made from.
fn recipe_key(
    context: &RecipeContext,
    recipe: &Recipe,
    parent: &VariantRecord,
    options: &EngineOptions,
) -> Sha256Hex {
    let RecipeContext { inputs, machines, .. } = context;
    let calibration = inputs.calibration.as_ref().map(|c| c.sha256.as_str()).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let (seed, reading) = (inputs.seed, inputs.reading);
    let by_energy = |step: &Step| matches!(step, Step::Quantize(how) if how.measured && how.by == PrecisionObjective::Energy);
    // What a simulated sensor decided is not what a real one would.
    let simulated = machines.sysfs_root.is_some() && recipe.steps.iter().any(by_energy);
    let told = [json!(reading), json!(seed), json!(simulated)];
    let steps: Vec<Value> = recipe.steps.iter().map(Step::identity).collect();
    let mut parts = json!([parent.variant_id, steps, options, calibration, told, version]);
    if let (Some(parts), true) = (parts.as_array_mut(), recipe.steps.iter().any(Step::trains)) {
        parts.push(json!(inputs.select.as_ref().map(|select| &select.sha256)));
    }
    Sha256Hex::of_json(&parts)
}

/// Enters the steps of a recipe into the ledger and keeps what they took out.
fn record_steps(
    context: &RecipeContext,
    ledger: &mut Ledger,
    recipe: &Recipe,
    parent: &VariantRecord,
    variant_id: &Sha256Hex,
    steps: Vec<AppliedStep>,
) -> Result<StepsOutcome, PipelineError> {
    let removed = parent.components_removed.clone();
    let sparse = parent.sparse.clone();
    let mut outcome = StepsOutcome { removed, sparse, ..StepsOutcome::default() };
    for AppliedStep { words, decisions, refusals, unexplained, rest, .. } in steps {
        outcome.unexplained.extend(unexplained);
        let folder = context.records.folders.parings();
        let mut step = StepRecord {
            rest: keep_paring(&folder, &rest)?,
            step: words.clone(),
            parings: Vec::new(),
            decisions: Vec::new(),
        };
        for draft in decisions {
            let masks = draft.paring.0.keys().filter_map(|key| key.strip_suffix("#mask"));
            outcome.sparse.extend(masks.map(str::to_string));
            let (entry, decision) =
                record_decision(context, ledger, words.clone(), draft, parent, variant_id)?;
            let ids = decision.components.iter().map(|c| c.id.clone());
            outcome.removed.entry(decision.coupling.clone()).or_default().extend(ids);
            step.parings.extend(decision.parings.clone());
            step.decisions.push(entry.clone());
            outcome.decisions.push(entry);
        }
        for (what, reason) in refusals {
            let (variant, parent_id) = (recipe.name.clone(), parent.variant_id.clone());
            let refusal = StepRefusal { parent_id, variant, step: words.clone(), what, reason };
            ledger
                .record(LedgerEntryBody { kind: LedgerEntryKind::Refusal, body: json!(refusal) })?;
            outcome.refusals.push(refusal);
        }
        outcome.steps.push(step);
    }
    outcome.removed.retain(|_, ids| !ids.is_empty());
    Ok(outcome)
}

/// Keeps a decision's paring and enters the decision into the ledger.
fn record_decision(
    context: &RecipeContext,
    ledger: &mut Ledger,
    step: String,
    draft: DecisionDraft,
    parent: &VariantRecord,
    variant_id: &Sha256Hex,
) -> Result<(Sha256Hex, Decision), PipelineError> {
    let paring = keep_paring(&context.records.folders.parings(), &draft.paring)?;
    let inputs = DecisionInputs {
        calibration_sha256: draft.calibration_sha256.clone(),
        cost_table_sha256: match draft.by_cost {
            true => context.estimates.costs_sha256(),
            false => draft.table_sha256.clone(),
        },
    };
    let decision = draft.into_decision(DecisionPlace {
        parent_id: parent.variant_id.clone(),
        variant_id: variant_id.clone(),
        step,
        inputs,
        parings: vec![paring],
        owner: context.records.owner.clone(),
    });
    let body = readable(&decision)?;
    let id = ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Decision, body })?;
    Ok((id, decision))
}

/// Lineage of a variant, known before it is made.
struct VariantLineage {
    name: String,
    parent: Option<String>,
    options: EngineOptions,
    recipe: Vec<String>,
    key: Sha256Hex,
}

/// Ledger entries, refusals and remaining indices of a variant's steps.
#[derive(Default)]
struct StepsOutcome {
    removed: BTreeMap<String, Vec<String>>,
    origins: OriginalIndices,
    sparse: BTreeSet<String>,
    decisions: Vec<Sha256Hex>,
    refusals: Vec<StepRefusal>,
    unexplained: Vec<String>,
    steps: Vec<StepRecord>,
}

impl VariantLineage {
    /// The record of an earlier run of the same recipe, if its files are still what they were.
    fn made_before(&self, folders: &Folders) -> Option<VariantRecord> {
        let folder = folders.variants();
        let record = read_variant(folders, &self.name).ok()??;
        let found = folder.join(&record.file).sha256().ok()?;
        let kept = |paring: &Sha256Hex| {
            let path = paring_path(&folders.parings(), paring);
            path.sha256().is_ok_and(|found| found == *paring)
        };
        let same = record.recipe_sha256 == self.key && record.file_sha256 == found;
        (same && record.parings.iter().all(kept)).then_some(record)
    }

    fn write(
        self,
        folders: &Folders,
        inputs: &RecipeInputs,
        graph: &Graph,
        bytes: &[u8],
        outcome: StepsOutcome,
    ) -> Result<VariantRecord, PipelineError> {
        let failed = |source| PipelineError::Graph { variant: self.name.clone(), source };
        let facts = graph.facts(&inputs.dims, inputs.batch).map_err(failed)?;
        let cost = graph.cost(&facts.shapes);
        let precision_mix = precision_shares(graph, &facts, &self.options);
        let file = FileName::try_from(format!("{}.onnx", self.name)).map_err(|e| {
            PipelineError::file("write", &folders.variants())(std::io::Error::other(e))
        })?;
        let file_sha256 = Sha256Hex::of(bytes);
        replace(&folders.variants().join(&file), bytes)?;
        let parings = outcome.steps.iter().flat_map(|s| s.parings.iter().chain([&s.rest]));
        let parings = parings.cloned().collect();
        if let Some(bytes) =
            remaining_weights(graph, &outcome.origins, &outcome.sparse).map_err(failed)?
        {
            let path = folders.variants().join(format!("{}.kept.safetensors", self.name));
            replace(&path, &bytes)?;
        }
        let path = folders.variants().join(format!("{}.json", self.name));
        let record = VariantRecord {
            schema: SCHEMA,
            variant_id: VariantRecord::identity(&file_sha256, &self.options),
            name: self.name,
            file,
            file_sha256,
            file_bytes: bytes.len() as u64,
            options: self.options,
            parent: self.parent,
            recipe: self.recipe,
            recipe_sha256: self.key,
            decisions: outcome.decisions,
            components_removed: outcome.removed,
            origins: outcome.origins,
            sparse: outcome.sparse,
            parings,
            steps: outcome.steps,
            refusals: outcome.refusals,
            unexplained: outcome.unexplained,
            params: cost.params,
            weights: cost.weights,
            macs: cost.macs.map(|macs| macs / inputs.batch as u64),
            sparsity: cost.sparsity,
            precision_mix,
        };
        replace_json(&path, &record)?;
        Ok(record)
    }
}
