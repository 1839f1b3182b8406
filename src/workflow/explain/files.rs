//! Files of an explanation: answers sample by sample, tables, the ledger's entries, the tool's record
//! as a forecaster.

use super::explanation_inputs::{AnswerPair, ExplanationInputs};
use crate::attribution::{all_outcomes, narrate};
use crate::ledger::{Ledger, read_ledger};
use crate::pipeline::{self, Instances, PipelineError, variant_record};
use crate::report;
use crate::workflow::WorkflowError;
use crate::workflow::evaluate::ModelInsight;
use crate::workflow::open_run::OpenRun;
use paring_core::schema::{
    Explanation, LedgerEntryBody, LedgerEntryKind, LedgerNote, TrackRecord, VariantRecord,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Writes answers sample by sample, where the run has none yet; all tables as CSV on request.
///
/// # Errors
/// [`WorkflowError`] names the file that cannot be written.
pub(super) fn write_instances(
    inputs: &ExplanationInputs,
    variant: &VariantRecord,
    pair: &AnswerPair,
    insight: &ModelInsight,
) -> Result<(), WorkflowError> {
    let folder = inputs.run.directory.folders.predictions();
    let slices = inputs.run.evaluation_setup().own_slices();
    let (predictions, before) = (pair.variant.predictions(), pair.baseline.predictions());
    let instances = Instances {
        answers: &pair.variant,
        predictions: &predictions,
        before: Some(&before),
        slices: &slices,
    };
    let name = &variant.name;
    let path = folder.join(format!("{name}.parquet"));
    if !path.exists() {
        pipeline::write_instances(&path, &instances)?;
    }
    if inputs.csv {
        pipeline::write_instances_csv(&folder.join(format!("{name}.csv")), &instances)?;
        insight.write(&folder, name)?;
    }
    Ok(())
}

/// Adds what came of the forecasts to the tool's record in `history`, and the record to the
/// explanations.
///
/// # Errors
/// [`PipelineError::File`] where the record cannot be read or written.
pub(super) fn update_track_record(
    explanations: &mut [Explanation],
    history: Option<&Path>,
) -> Result<(), PipelineError> {
    let outcomes = all_outcomes(explanations);
    let all = match history {
        Some(path) => {
            pipeline::add_outcomes(path, &outcomes)?;
            pipeline::read_outcomes(path)?
        }
        None => outcomes,
    };
    let track = TrackRecord::of(&all);
    for explanation in explanations {
        explanation.track = track.clone();
        narrate(explanation);
    }
    Ok(())
}

/// Replaces everything that is derived from explanations; gives the files.
///
/// # Errors
/// [`WorkflowError`] names the file that cannot be written.
pub(super) fn write_explanations(
    run: &OpenRun,
    explanations: &[Explanation],
) -> Result<Vec<PathBuf>, WorkflowError> {
    let (folders, facts) = (&run.directory.folders, run.directory.protocol.facts());
    pipeline::replace_json(&folders.explanations(), &explanations)?;
    let csv = report::effects_csv(&facts, explanations)?;
    pipeline::replace(&folders.effects(), &csv)?;
    let csv = report::savings_csv(&facts, explanations)?;
    pipeline::replace(&folders.savings(), &csv)?;
    let files = [folders.effects(), folders.savings(), folders.explanations()];
    Ok(files.iter().map(|file| file.to_path_buf()).collect())
}

/// Notes of people about a variant or the whole run.
///
/// # Errors
/// [`PipelineError`] where the ledger or the variant's record cannot be read.
pub(super) fn notes(run: &OpenRun, variant: &str) -> Result<Vec<LedgerNote>, PipelineError> {
    let entries = read_ledger(&run.directory.folders.ledger())?;
    let record = variant_record(&run.directory.folders, variant)?;
    let concerns = |on: &String| {
        on == variant || record.decisions.iter().any(|id| id.as_str().starts_with(on.as_str()))
    };
    let notes = entries.into_iter().filter(|e| e.kind == LedgerEntryKind::Note);
    let notes = notes.filter_map(|e| serde_json::from_value::<LedgerNote>(e.body).ok());
    Ok(notes.filter(|note| note.on.as_ref().is_none_or(concerns)).collect())
}

/// Enters into the ledger that the report split was looked at, and the effects of each group.
///
/// # Errors
/// [`PipelineError::Ledger`] where the ledger cannot be written.
pub(super) fn record_explanation(run: &OpenRun, found: &Explanation) -> Result<(), PipelineError> {
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &run.study.owner)?;
    let data = &run.directory.protocol.data_sha256;
    let look = json!({
        "split": "report", "data_sha256": data, "by": "explain", "variant": found.variant,
        "experiments": found.experiments,
    });
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Look, body: look })?;
    for group in &found.groups {
        let effects = found.effects.iter().filter(|e| {
            let known = e.shapley.is_some() || e.leave_one_out.is_some();
            e.group == group.id && e.of.is_none() && known
        });
        let body = json!({
            "variant": found.variant, "variant_id": found.variant_id, "group": group.id,
            "decisions": group.decisions, "effects": effects.collect::<Vec<_>>(),
        });
        ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Outcome, body })?;
    }
    Ok(())
}
