//! Evaluates all variants on the report split, and enters into the ledger that it was looked at, and
//! what it showed.

use crate::ledger::Ledger;
use crate::pipeline::{self, VariantEvaluation};
use crate::report;
use crate::workflow::open_run::OpenRun;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_core::schema::{
    Evaluation, LedgerEntryBody, LedgerEntryKind, MissingReason, VariantRecord,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Evaluations by the variant's name, or the reason why there is none.
pub(in crate::workflow) type VariantEvaluations =
    BTreeMap<String, Result<Evaluation, MissingReason>>;

/// Evaluates variants, the baseline first, and writes what came of it.
///
/// # Errors
/// [`WorkflowError`] where the baseline cannot be evaluated, or the run not be written.
pub(in crate::workflow) fn evaluate_variants(
    run: &OpenRun,
    variants: &[VariantRecord],
    progress: &Progress,
) -> Result<VariantEvaluations, WorkflowError> {
    let setup = run.evaluation_setup();
    if !run.loaded.data.labelled {
        progress(ProgressEvent::Unlabelled { data: &run.study.data.path });
    }
    let stage = ProgressStage::Evaluate;
    progress(ProgressEvent::StageLength { stage, total: variants.len() });
    let folders = &run.directory.folders;
    let done = AtomicUsize::new(0);
    let mut heard = |item: &str| {
        progress(ProgressEvent::StageItem { stage, item });
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(ProgressEvent::StageDone { stage, done });
    };
    let mut found = pipeline::evaluate_variants(folders, folders, &setup, variants, &mut heard)?;
    if let Some(stress) = &run.study.robustness {
        progress(ProgressEvent::StageLength { stage, total: 2 * variants.len() });
        pipeline::evaluate_disturbed(folders, &setup, variants, stress, &mut found, &mut heard)?;
        write_robustness(run, &found)?;
    }
    progress(ProgressEvent::StageEnd(stage));
    for VariantEvaluation { variant, quality } in &found {
        if let Ok(quality) = quality {
            pipeline::replace_json(&folders.quality(variant), &quality.evaluation)?;
        }
    }
    let look = json!({ "split": "report", "data_sha256": run.directory.protocol.data_sha256 });
    record_looks(run, look, found.iter().map(outcome))?;
    let each = found.into_iter().map(|VariantEvaluation { variant, quality }| {
        (variant, quality.map(|quality| quality.evaluation))
    });
    Ok(each.collect())
}

/// Evaluates variants beside those of a finished run, each once; `baseline` is evaluated again with them.
///
/// # Errors
/// As for [`evaluate_variants`].
pub(in crate::workflow) fn evaluate_further(
    run: &OpenRun,
    baseline: &VariantRecord,
    variants: &[VariantRecord],
    progress: &Progress,
) -> Result<VariantEvaluations, WorkflowError> {
    let (setup, folders) = (run.evaluation_setup(), &run.directory.folders);
    let all: Vec<VariantRecord> = std::iter::once(baseline).chain(variants).cloned().collect();
    let stage = ProgressStage::Evaluate;
    let mut heard = |item: &str| progress(ProgressEvent::StageItem { stage, item });
    let found = pipeline::evaluate_variants(folders, folders, &setup, &all, &mut heard)?;
    let found: Vec<VariantEvaluation> =
        found.into_iter().filter(|own| own.variant != baseline.name).collect();
    for VariantEvaluation { variant, quality } in &found {
        if let Ok(quality) = quality {
            pipeline::replace_json(&folders.quality(variant), &quality.evaluation)?;
        }
    }
    let names: Vec<&str> = variants.iter().map(|own| own.name.as_str()).collect();
    let look = json!({
        "split": "report", "data_sha256": run.directory.protocol.data_sha256, "by": "gate",
        "variants": names,
    });
    record_looks(run, look, found.iter().map(outcome))?;
    let each = found.into_iter().map(|VariantEvaluation { variant, quality }| {
        (variant, quality.map(|quality| quality.evaluation))
    });
    Ok(each.collect())
}

fn write_robustness(run: &OpenRun, found: &[VariantEvaluation]) -> Result<(), WorkflowError> {
    let rows = found.iter().flat_map(|VariantEvaluation { variant, quality }| {
        let scores = quality.iter().flat_map(|quality| &quality.evaluation.robustness);
        scores.map(|score| (variant.as_str(), score))
    });
    let csv = report::robustness_csv(&rows.collect::<Vec<_>>())?;
    Ok(pipeline::replace(&run.directory.folders.robustness(), &csv)?)
}

/// The ledger's words on one variant.
fn outcome(found: &VariantEvaluation) -> Value {
    match &found.quality {
        Ok(quality) => {
            json!({ "variant": found.variant, "evaluation": quality.evaluation.brief() })
        }
        Err(MissingReason(why)) => json!({ "variant": found.variant, "not_evaluated": why }),
    }
}

/// Enters into the ledger that the report split was looked at, and what that showed.
fn record_looks(
    run: &OpenRun,
    look: Value,
    outcomes: impl Iterator<Item = Value>,
) -> Result<(), WorkflowError> {
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &run.study.owner)?;
    let entries = std::iter::once((LedgerEntryKind::Look, look))
        .chain(outcomes.map(|body| (LedgerEntryKind::Outcome, body)));
    for (kind, body) in entries {
        ledger.record(LedgerEntryBody { kind, body })?;
    }
    Ok(())
}
