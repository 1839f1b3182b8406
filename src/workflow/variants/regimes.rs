//! Evaluation of all variants on regimes: further data beside the report split.

use crate::ledger::Ledger;
use crate::pipeline::{self, EvaluationSetup, Folders, VariantEvaluation};
use crate::report::{self, RegimeEvaluation, RegimeVariant};
use crate::study::{self, Regime, RegimeInputs};
use crate::workflow::open_run::OpenRun;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_core::schema::{
    Evaluation, FileName, LedgerEntryBody, LedgerEntryKind, MissingReason, RegimeRecord, SCHEMA,
    VariantRecord,
};
use serde_json::{Value, json};

/// Evaluates variants, the baseline first, on regimes that they were not evaluated on, and writes
/// `regimes.csv` of all that the run has; gives those of `regimes`.
///
/// # Errors
/// [`WorkflowError`] where a regime does not fit the study, was evaluated on other data before, or the
/// run cannot be written.
pub(in crate::workflow) fn evaluate_regimes(
    run: &OpenRun,
    regimes: &[Regime],
    variants: &[VariantRecord],
    progress: &Progress,
) -> Result<Vec<RegimeEvaluation>, WorkflowError> {
    // Before the first is evaluated, every one has to fit.
    let opened = regimes.iter().map(|regime| open(run, regime)).collect::<Result<Vec<_>, _>>()?;
    for (regime, inputs) in regimes.iter().zip(&opened) {
        evaluate_regime(run, regime, inputs, variants, progress)?;
    }
    let folders = &run.directory.folders;
    let found = recorded_regimes(folders, variants)?;
    if !found.is_empty() {
        pipeline::replace(&folders.regime_scores(), &report::regimes_csv(&found)?)?;
    }
    let asked = |found: &RegimeEvaluation| regimes.iter().any(|r| r.name == found.record.name);
    Ok(found.into_iter().filter(asked).collect())
}

/// Evaluations on all regimes of a run, in the order of their names, as its files have them.
///
/// # Errors
/// [`WorkflowError`] where a file cannot be read.
fn recorded_regimes(
    folders: &Folders,
    variants: &[VariantRecord],
) -> Result<Vec<RegimeEvaluation>, WorkflowError> {
    let folder = folders.regimes();
    let names = folder.names().map_err(pipeline::PipelineError::file("read", &folder))?;
    let mut regimes = Vec::new();
    for name in names {
        let Ok(name) = FileName::try_from(name) else { continue };
        let own = folders.regime(&name);
        let Some(record) = pipeline::read_json::<RegimeRecord>(&own.regime_record()) else {
            continue;
        };
        let variants = variants.iter().map(|variant| regime_variant(folders, &own, variant));
        regimes.push(RegimeEvaluation { record, variants: variants.collect() });
    }
    Ok(regimes)
}

fn regime_variant(folders: &Folders, own: &Folders, variant: &VariantRecord) -> RegimeVariant {
    let read = |folders: &Folders| {
        let found: Option<Evaluation> = pipeline::read_json(&folders.quality(&variant.name));
        let found = found.filter(|found| found.variant_id == variant.variant_id);
        found.ok_or_else(|| MissingReason("it was not evaluated".into()))
    };
    RegimeVariant { variant: variant.name.clone(), quality: read(own), report: read(folders) }
}

/// The regime's data; one that was evaluated on other data before is an error.
fn open(run: &OpenRun, regime: &Regime) -> Result<RegimeInputs, WorkflowError> {
    let inputs = study::open_regime(&run.study, &run.loaded, regime)?;
    let folders = run.directory.folders.regime(&regime.name);
    let before: Option<RegimeRecord> = pipeline::read_json(&folders.regime_record());
    let other = before.is_some_and(|before| {
        before.data_sha256 != inputs.data_sha256
            || before.slices != regime.slices
            || before.group != regime.group
    });
    match other {
        false => Ok(inputs),
        true => Err(WorkflowError::Option(format!(
            "regime `{}` was evaluated on other data, slices or groups in this run; give {} a name of its own",
            regime.name,
            regime.path.display()
        ))),
    }
}

fn evaluate_regime(
    run: &OpenRun,
    regime: &Regime,
    inputs: &RegimeInputs,
    variants: &[VariantRecord],
    progress: &Progress,
) -> Result<(), WorkflowError> {
    let folders = &run.directory.folders;
    let own = folders.regime(&regime.name);
    let record = RegimeRecord {
        schema: SCHEMA,
        name: regime.name.clone(),
        data: regime.path.display().to_string(),
        data_sha256: inputs.data_sha256.clone(),
        slices: regime.slices.clone(),
        group: regime.group.clone(),
        labelled: inputs.data.labelled,
        samples: inputs.samples.len(),
        variants: variants.iter().map(|variant| variant.variant_id.clone()).collect(),
    };
    if pipeline::read_json(&own.regime_record()).as_ref() == Some(&record) {
        return Ok(());
    }
    if !inputs.data.labelled {
        progress(ProgressEvent::Unlabelled { data: &regime.path });
    }
    let (stage, total) = (ProgressStage::Evaluate, variants.len());
    progress(ProgressEvent::StageLength { stage, total });
    let mut done = 0;
    let mut heard = |item: &str| {
        done += 1;
        progress(ProgressEvent::StageItem { stage, item });
        progress(ProgressEvent::StageDone { stage, done });
    };
    let folder = own.predictions();
    folder.create_folder().map_err(pipeline::PipelineError::file("create", &folder))?;
    let setup = regime_setup(run, regime, inputs);
    let found = pipeline::evaluate_variants(folders, &own, &setup, variants, &mut heard)?;
    progress(ProgressEvent::StageEnd(stage));
    for VariantEvaluation { variant, quality } in &found {
        if let Ok(quality) = quality {
            pipeline::replace_json(&own.quality(variant), &quality.evaluation)?;
        }
    }
    enter(run, &record, &found)?;
    // The last: a regime without its record is evaluated again.
    Ok(pipeline::replace_json(&own.regime_record(), &record)?)
}

/// Data, samples and task that variants are evaluated with on a regime.
fn regime_setup<'a>(
    run: &'a OpenRun,
    regime: &'a Regime,
    inputs: &'a RegimeInputs,
) -> EvaluationSetup<'a> {
    let group = regime.group.as_ref();
    EvaluationSetup {
        data: &inputs.data,
        samples: &inputs.samples,
        groups: group.and_then(|name| inputs.data.columns.get(name)).map(Vec::as_slice),
        slices: &regime.slices,
        task: &inputs.task,
        ..run.evaluation_setup()
    }
}

/// Enters into the ledger that a regime was looked at, and what it showed.
fn enter(
    run: &OpenRun,
    record: &RegimeRecord,
    found: &[VariantEvaluation],
) -> Result<(), WorkflowError> {
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &run.study.owner)?;
    let look = json!({
        "split": "regime", "regime": record.name, "data": record.data,
        "data_sha256": record.data_sha256,
    });
    let outcome = |found: &VariantEvaluation| -> Value {
        let what = json!({ "variant": found.variant, "regime": record.name });
        let (key, value) = match &found.quality {
            Ok(quality) => ("evaluation", json!(quality.evaluation.brief())),
            Err(MissingReason(why)) => ("not_evaluated", json!(why)),
        };
        let mut what = what;
        what[key] = value;
        what
    };
    let entries = std::iter::once((LedgerEntryKind::Look, look))
        .chain(found.iter().map(|found| (LedgerEntryKind::Outcome, outcome(found))));
    for (kind, body) in entries {
        ledger.record(LedgerEntryBody { kind, body })?;
    }
    Ok(())
}
