//! Makes all variants of a study, the baseline first, and writes the ledger.

use super::VariantFailure;
use crate::ledger::Ledger;
use crate::pipeline::{self, ForecastBudget, PipelineError, Recipe, RecipeContext};
use crate::study::{ApprovalRules, Study, StudyError};
use crate::workflow::open_run::OpenRun;
use crate::workflow::progress::uncounted;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_compress::distillation::TrainingProgress;
use paring_compress::{ChannelPruning, Step};
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, VariantRecord};
use paring_onnx::graph::Graph;
use serde_json::json;
use std::path::Path;

/// Sources of forecasts beside the removals that are tried.
pub(in crate::workflow) struct ForecastSources<'a> {
    /// The tool's record as a forecaster.
    pub(in crate::workflow) history: Option<&'a Path>,
    /// Forecasts latencies too, from times that are never the same.
    pub(in crate::workflow) latency: bool,
}

/// Variants that were made, and those that were not.
pub(in crate::workflow) struct MadeVariants {
    /// Records, the baseline first.
    pub(in crate::workflow) records: Vec<VariantRecord>,
    pub(in crate::workflow) failures: Vec<VariantFailure>,
}

/// Makes all variants. One that its model or its recipe does not allow does not stop the others.
///
/// # Errors
/// [`WorkflowError`] where the baseline cannot be made, or the run not be written.
pub(in crate::workflow) fn make_variants(
    run: &OpenRun,
    sysfs_root: Option<&Path>,
    forecasts: &ForecastSources,
    progress: &Progress,
) -> Result<MadeVariants, WorkflowError> {
    let study = &run.study;
    let mut context = forecasting_context(run, forecasts, progress)?;
    context.machines.sysfs_root = sysfs_root.map(Path::to_path_buf);
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &study.owner)?;
    refuse_other_approvals(run, &ledger)?;
    ledger.record(protocol_entry(run))?;
    let stage = ProgressStage::Compress;
    progress(ProgressEvent::StageLength { stage, total: study.recipes.len() + 1 });
    let mut records = vec![pipeline::baseline(&context.records.folders, &context.inputs)?];
    let mut failures = Vec::new();
    progress(ProgressEvent::StageDone { stage, done: 1 });
    for (position, recipe) in study.recipes.iter().enumerate() {
        progress(ProgressEvent::StageItem { stage, item: &recipe.name });
        match make_variant(run, &context, &mut ledger, recipe, (&records, progress))? {
            Ok(made) => records.push(made),
            Err(failure) => failures.push(failure),
        }
        progress(ProgressEvent::StageEnd(ProgressStage::Distill));
        progress(ProgressEvent::StageDone { stage, done: position + 2 });
    }
    progress(ProgressEvent::StageEnd(stage));
    Ok(MadeVariants { records, failures })
}

/// Tells how far a training is.
pub(in crate::workflow) fn training_listener<'a>(
    progress: &'a Progress<'a>,
) -> impl Fn(TrainingProgress) + Sync + 'a {
    move |training| {
        let stage = ProgressStage::Distill;
        let TrainingProgress { done, epochs, loss, best } = training;
        progress(ProgressEvent::StageLength { stage, total: epochs });
        let item = format!("loss {loss:.4}, held out {best:.4}");
        progress(ProgressEvent::StageItem { stage, item: &item });
        progress(ProgressEvent::StageDone { stage, done });
    }
}

/// Makes the variant of one recipe; a failure of its own is entered into the ledger.
fn make_variant(
    run: &OpenRun,
    context: &RecipeContext,
    ledger: &mut Ledger,
    recipe: &Recipe,
    (records, progress): (&[VariantRecord], &Progress),
) -> Result<Result<VariantRecord, VariantFailure>, WorkflowError> {
    let made = match records.iter().find(|v| v.name == recipe.parent) {
        // Nothing is entered into the ledger before all steps are done, so a panic leaves it whole.
        Some(parent) => pipeline::attempt(&recipe.name, || {
            pipeline::make(context, ledger, recipe, parent, &training_listener(progress))
        }),
        None => Err(PipelineError::NoParent {
            variant: recipe.name.clone(),
            parent: recipe.parent.clone(),
        }),
    };
    let mut refused = Vec::new();
    let reason = match made {
        // What the target is known to reject or to get wrong is refused before it is sent there.
        Ok(made) => match nonconformance(run, &made) {
            Some(reason) => format!("variant `{}`: {reason}", recipe.name),
            None => return Ok(Ok(made)),
        },
        Err(error) if error.is_of_one_variant() => {
            refused = error.refusals().to_vec();
            WorkflowError::from(error).with_causes()
        }
        Err(error) => return Err(error.into()),
    };
    ledger.record(refusal_entry(&recipe.name, &reason, &refused))?;
    Ok(Err(VariantFailure { variant: recipe.name.clone(), reason }))
}

/// Refuses to go on with a run that was begun under other rules of approval: who wants fewer eyes later
/// makes a new run.
fn refuse_other_approvals(run: &OpenRun, ledger: &Ledger) -> Result<(), WorkflowError> {
    let begun = ledger.entries().iter().any(|entry| entry.kind == LedgerEntryKind::Protocol);
    match begun && ApprovalRules::of(ledger.entries()) != run.study.approval {
        true => {
            let path = run.path().to_path_buf();
            Err(StudyError::OtherProtocol { path, what: "rules of approval" }.into())
        }
        false => Ok(()),
    }
}

fn protocol_entry(run: &OpenRun) -> LedgerEntryBody {
    let protocol = &run.directory.protocol;
    let mut body = json!({
        "study": protocol.study,
        "words": run.study.words,
        "data_sha256": protocol.data_sha256,
        "measurement_sha256": protocol.measurement_sha256,
        "gate_sha256": protocol.gate_sha256,
    });
    if !run.study.approval.is_default() {
        body[ApprovalRules::FIELD] = json!(run.study.approval);
    }
    LedgerEntryBody { kind: LedgerEntryKind::Protocol, body }
}

/// A variant that was not made, with everything that its step refused.
fn refusal_entry(variant: &str, reason: &str, refused: &[(String, String)]) -> LedgerEntryBody {
    let mut body = json!({ "variant": variant, "what": "variant", "reason": reason });
    if !refused.is_empty() {
        let each = refused.iter().map(|(what, why)| json!({ "what": what, "reason": why }));
        body["refusals"] = json!(each.collect::<Vec<_>>());
    }
    LedgerEntryBody { kind: LedgerEntryKind::Refusal, body }
}

/// The reason why a variant must not go to one of the study's targets, if there is one.
fn nonconformance(run: &OpenRun, made: &VariantRecord) -> Option<String> {
    let graph = Graph::load(&run.directory.folders.variants().join(&made.file)).ok()?;
    let known = run.study.targets.iter().filter_map(|t| pipeline::known_conformance(&t.name));
    known.filter_map(|table| pipeline::refusal(&table, &graph)).next()
}

/// The context that all recipes of a run share, with the costs and the forecaster that they need.
fn forecasting_context(
    run: &OpenRun,
    sources: &ForecastSources,
    progress: &Progress,
) -> Result<RecipeContext, WorkflowError> {
    let mut context = run.context()?;
    let RecipeContext { records, inputs, estimates, .. } = &mut context;
    let by_cost = |step: &Step| matches!(step, Step::Prune(how) if how.needs_costs());
    if steps(&run.study).any(by_cost) {
        uncounted(progress, ProgressStage::Forecast, "costs of layers on this machine", || {
            estimates.measure_costs(&records.folders, inputs, "host")
        })?;
    }
    let pruned = |step: &Step| match step {
        Step::Prune(pruning) => Some(pruning.clone()),
        _ => None,
    };
    let prunings: Vec<ChannelPruning> = steps(&run.study).filter_map(pruned).collect();
    if prunings.is_empty() {
        return Ok(context);
    }
    let splits = &run.loaded.splits;
    let subject = pipeline::EvaluationSetup { samples: &splits.select, ..run.evaluation_setup() };
    let earlier = match sources.history {
        Some(path) => pipeline::read_outcomes(path)?,
        None => vec![],
    };
    let budget = ForecastBudget {
        probes: run.study.probes,
        reported: splits.report.len(),
        timed: sources.latency,
    };
    // A forecast is worth less than the variants that it is about.
    let learnt = uncounted(progress, ProgressStage::Forecast, "removals that are tried", || {
        estimates.learn(&records.folders, inputs, &subject, &prunings, &budget, &earlier)
    });
    if let Err(error) = learnt {
        progress(ProgressEvent::NoForecasts(&error));
    }
    Ok(context)
}

fn steps(study: &Study) -> impl Iterator<Item = &Step> {
    study.recipes.iter().flat_map(|recipe| &recipe.steps)
}
