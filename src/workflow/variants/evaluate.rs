//! Evaluates all variants on the report split, and enters into the ledger that it was looked at, and
//! what it showed.

use super::regimes::{evaluate_regimes, made_variants};
use super::report_look::enter_look;
use crate::ledger::Ledger;
use crate::pipeline::{self, VariantEvaluation};
use crate::report;
use crate::study::Regime;
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
    }
    progress(ProgressEvent::StageEnd(stage));
    for VariantEvaluation { variant, quality } in &found {
        if let Ok(quality) = quality {
            pipeline::replace_json(&folders.quality(variant), &quality.evaluation)?;
        }
    }
    write_robustness(run)?;
    enter_look(run, "run", variants, progress)?;
    record_outcomes(run, found.iter().map(outcome))?;
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
    let mut found = pipeline::evaluate_variants(folders, folders, &setup, &all, &mut heard)?;
    if let Some(stress) = &run.study.robustness {
        pipeline::evaluate_disturbed(folders, &setup, &all, stress, &mut found, &mut heard)?;
    }
    let found: Vec<VariantEvaluation> =
        found.into_iter().filter(|own| own.variant != baseline.name).collect();
    for VariantEvaluation { variant, quality } in &found {
        if let Ok(quality) = quality {
            pipeline::replace_json(&folders.quality(variant), &quality.evaluation)?;
        }
    }
    write_robustness(run)?;
    enter_look(run, "gate", variants, progress)?;
    record_outcomes(run, found.iter().map(outcome))?;
    let evaluated: Vec<Regime> =
        run.study.regimes.iter().filter(|own| is_evaluated(run, own)).cloned().collect();
    evaluate_regimes(run, &evaluated, &all, progress)?;
    let each = found.into_iter().map(|VariantEvaluation { variant, quality }| {
        (variant, quality.map(|quality| quality.evaluation))
    });
    Ok(each.collect())
}

/// True of a regime that the run's variants were evaluated on.
fn is_evaluated(run: &OpenRun, regime: &Regime) -> bool {
    run.directory.folders.regime(&regime.name).regime_record().exists()
}

/// Writes the answers of all variants of the run on disturbed inputs, as their evaluations have them, where
/// the study asks for any.
fn write_robustness(run: &OpenRun) -> Result<(), WorkflowError> {
    if run.study.robustness.is_none() {
        return Ok(());
    }
    let folders = &run.directory.folders;
    let evaluations = made_variants(run)?.into_iter().filter_map(|variant| {
        let own: Option<Evaluation> = pipeline::read_json(&folders.quality(&variant.name));
        Some((variant.name.clone(), own.filter(|own| own.variant_id == variant.variant_id)?))
    });
    let evaluations: Vec<(String, Evaluation)> = evaluations.collect();
    let rows = evaluations.iter().flat_map(|(variant, evaluation)| {
        evaluation.robustness.iter().map(|score| (variant.as_str(), score))
    });
    let csv = report::robustness_csv(&rows.collect::<Vec<_>>())?;
    Ok(pipeline::replace(&folders.robustness(), &csv)?)
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

/// Enters into the ledger what a look at the report split showed.
fn record_outcomes(
    run: &OpenRun,
    outcomes: impl Iterator<Item = Value>,
) -> Result<(), WorkflowError> {
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &run.study.owner)?;
    for body in outcomes {
        ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Outcome, body })?;
    }
    Ok(())
}
