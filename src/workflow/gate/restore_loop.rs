//! Variants that fail, made anew with as much put back as their requirements need: chosen on the select
//! split, evaluated once on the report split, measured like every other variant.

use super::judge::{record_gate, refuse_without_requirements};
use super::select_trials::{RestoreCost, SelectTrials};
use crate::govern::{self, RestoreTrial};
use crate::ledger::Ledger;
use crate::pipeline::{self, BASELINE, Recipe, variant_record};
use crate::report::VariantRestoration;
use crate::study;
use crate::workflow::open_run::OpenRun;
use crate::workflow::report::write_report_if_possible;
use crate::workflow::run::measure_further;
use crate::workflow::variants::{VariantResult, evaluate_further, training_listener};
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_boards::FolderTrust;
use paring_core::schema::{
    GateVerdict, LedgerEntryBody, LedgerEntryKind, MissingReason, Requirement, VariantRecord,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Failing variants to restore until they pass.
#[derive(Clone, Debug)]
pub struct GateRestoreOptions {
    /// The run directory.
    pub run: PathBuf,
    /// Variants to restore; those that fail without any.
    pub variants: Vec<String>,
    /// Path of the study file, if it has moved.
    pub study: Option<PathBuf>,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
    /// The size that as little as possible is given back of.
    pub by: RestoreCost,
    /// Maximum number of groups of decisions.
    pub groups: usize,
}

/// Puts back what failing variants need to meet the requirements on quality and size.
///
/// # Errors
/// [`WorkflowError`] where the run, its study or a variant cannot be used, or a trial fails.
pub fn restore_until_pass(
    options: &GateRestoreOptions,
    progress: &Progress,
) -> Result<Vec<VariantRestoration>, WorkflowError> {
    let mut run = OpenRun::reopen(&options.run, options.study.as_deref(), options.trust, progress)?;
    refuse_without_requirements(&run.directory, &options.run)?;
    if run.directory.protocol.quick {
        run.study.timing.shorten();
    }
    run.directory.protocol.measures_alike(&run.study, &run.loaded, &options.run)?;
    let all = run.directory.protocol.require.clone();
    let own = |requirement: &&Requirement| {
        !requirement.metric.is_measured() && !requirement.metric.is_robust()
    };
    let requirements: Vec<Requirement> = all.iter().filter(own).cloned().collect();
    if requirements.is_empty() {
        return Err(WorkflowError::Option(
            "the protocol has no requirement on quality or size that putting back could meet"
                .into(),
        ));
    }
    let mut restorations = Vec::new();
    for name in failing(options, &run)? {
        restorations.push(restore_variant(options, &run, &requirements, &name, progress)?);
    }
    let made: Vec<VariantRecord> =
        restorations.iter().filter_map(|found| found.restored.clone()).collect();
    if !made.is_empty() {
        evaluate_and_measure(&run, &made, progress)?;
        record_gate(&run.directory, &run.study.owner, progress)?;
        write_report_if_possible(&run.directory, progress);
    }
    run.seal()?;
    Ok(restorations)
}

/// The variants that were asked for, or those that fail.
fn failing(options: &GateRestoreOptions, run: &OpenRun) -> Result<Vec<String>, WorkflowError> {
    let folders = &run.directory.folders;
    for name in &options.variants {
        variant_record(folders, name)?;
    }
    if !options.variants.is_empty() {
        return Ok(options.variants.clone());
    }
    let rows = study::recorded_rows(folders)?.rows;
    let found = run.directory.protocol.facts().gate(&rows);
    let found = found.into_iter().flat_map(|record| record.variants);
    // What a call before this one made is not made anew of itself.
    let names = found.filter(|own| own.verdict == GateVerdict::Fail).map(|own| own.variant);
    Ok(names.filter(|name| run.study.recipes.iter().any(|recipe| recipe.name == *name)).collect())
}

fn restore_variant(
    options: &GateRestoreOptions,
    run: &OpenRun,
    requirements: &[Requirement],
    name: &str,
    progress: &Progress,
) -> Result<VariantRestoration, WorkflowError> {
    let extent = (options.by, options.groups);
    let mut trials = SelectTrials::begin(run, name, requirements, extent)?;
    let groups: Vec<String> = trials.groups.iter().map(|group| group.label.clone()).collect();
    if groups.is_empty() {
        return Err(WorkflowError::NothingDecided(name.to_string()));
    }
    let stage = ProgressStage::Explain;
    let rounds = groups.len() * (groups.len() + 1) / 2 + groups.len();
    progress(ProgressEvent::StageLength { stage, total: rounds });
    progress(ProgressEvent::StageItem { stage, item: name });
    let mut done = 0;
    let search = govern::restore_greedily(groups.len(), &mut |restored| {
        done += 1;
        progress(ProgressEvent::StageDone { stage, done });
        trials.value(restored)
    })?;
    progress(ProgressEvent::StageEnd(stage));
    let restored = search.restored.iter().copied().collect();
    let steps = trials.steps(&restored)?;
    let (context, folders) = (run.context()?, &run.directory.folders);
    let mut ledger = Ledger::open(&folders.ledger(), &run.study.owner)?;
    for trial in &search.trials {
        ledger.record(restore_entry(trial_body(run, name, &groups, trial)))?;
    }
    let mut made = None;
    if !search.restored.is_empty() {
        let recipe = Recipe {
            name: format!("{name}.gated"),
            parent: BASELINE.to_string(),
            steps,
            options: Some(trials.variant.options.clone()),
        };
        let baseline = variant_record(folders, BASELINE)?;
        let heard = training_listener(progress);
        made = Some(pipeline::make(&context, &mut ledger, &recipe, &baseline, &heard)?);
    }
    ledger.record(restore_entry(json!({
        "variant": name, "what": "gate", "gate_sha256": run.directory.protocol.gate_sha256,
        "groups": search.restored.iter().map(|group| &groups[*group]).collect::<Vec<_>>(),
        "start": search.start, "end": search.end,
        "restored": made.as_ref().map(|made| &made.name),
        "variant_id": made.as_ref().map(|made| &made.variant_id),
    })))?;
    let by = match options.by {
        RestoreCost::Macs => "macs",
        RestoreCost::Bytes => "bytes",
    };
    Ok(VariantRestoration { variant: name.to_string(), groups, by, search, restored: made })
}

fn restore_entry(body: Value) -> LedgerEntryBody {
    LedgerEntryBody { kind: LedgerEntryKind::Restore, body }
}

/// The ledger's words on one trial.
fn trial_body(run: &OpenRun, variant: &str, groups: &[String], trial: &RestoreTrial) -> Value {
    json!({
        "variant": variant, "what": "trial", "split": "select",
        "gate_sha256": run.directory.protocol.gate_sha256,
        "group": groups[trial.group], "action": trial.action,
        "beside": trial.restored.iter().map(|group| &groups[*group]).collect::<Vec<_>>(),
        "before": trial.before, "after": trial.after, "kept": trial.kept,
    })
}

/// Evaluates new variants on the report split and measures them.
fn evaluate_and_measure(
    run: &OpenRun,
    made: &[VariantRecord],
    progress: &Progress,
) -> Result<(), WorkflowError> {
    let baseline = variant_record(&run.directory.folders, BASELINE)?;
    let mut evaluations = evaluate_further(run, &baseline, made, progress)?;
    let none = || Err(MissingReason("it was not evaluated".into()));
    let all = std::iter::once(&baseline).chain(made);
    let variants = all.map(|record| VariantResult {
        evaluation: evaluations.remove(&record.name).unwrap_or_else(none),
        record: record.clone(),
        measurements: vec![],
        layers: vec![],
    });
    measure_further(run, variants.collect(), progress)
}
