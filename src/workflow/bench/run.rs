//! Models side by side on one target, as they are: a folder like a run's, the job, the agent, and the
//! figures.

use super::inputs;
use super::models::models;
use super::options::BenchOptions;
use crate::pipeline::{self, ExternalModel, Folders, MeasurementExtent, MeasurementPlan};
use crate::report::{self, BenchAnswer, BenchRow, InputOrigin, ResultRow, RunFacts};
use crate::study::{self, RunDirectory, TimingPlan};
use crate::workflow::{Progress, ProgressEvent, WorkflowError, on_one, one_target};
use paring_agent::engine::{self, ENGINE, ModelSignature, ModelSource};
use paring_boards::Target;
use paring_core::error_chain::error_chain;
use paring_core::schema::{
    ExecutionSetting, Measurement, MissingReason, Sha256Hex, StopRule, TargetEnvironment,
    VariantRecord,
};
use paring_data::{Dataset, DatasetRules, SampleRows};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Models and inputs, ready for the first block.
struct PreparedBench {
    given: Vec<ExternalModel>,
    /// Records of the models that can be measured.
    placed: Vec<Result<VariantRecord, MissingReason>>,
    data: Dataset,
    dims: BTreeMap<String, usize>,
    batch: usize,
    origin: InputOrigin,
}

/// Measures models side by side. Models that cannot be measured have a reason instead of figures.
///
/// # Errors
/// [`WorkflowError`] where the first model or the inputs cannot be used, or the target fails.
pub fn bench(options: &BenchOptions, progress: &Progress) -> Result<BenchAnswer, WorkflowError> {
    let target = one_target(&options.target, options.trust)?;
    crate::workflow::refuse_unapproved_models(
        options.models.iter().map(|model| model.as_path()),
        &target,
    )?;
    let given = models(options, progress)?;
    let samples = options.study.as_deref().map(study::study_samples).transpose()?;
    let origin = inputs::origin(options, samples.as_ref())?;
    let rules = samples.map(|samples| samples.data.rules).unwrap_or_default();
    let out = options.out.clone().unwrap_or_else(|| RunDirectory::named("bench"));
    let folders = new_folders(&out, &target.name)?;
    let prepared = options.prepare(given, origin, &rules, &folders);
    let prepared = prepared.inspect_err(|_| remove_unused(&out))?;
    let note = format!("raw samples and results in {}; {}", out.display(), prepared.origin);
    progress(ProgressEvent::Note(&note));
    let (facts, environment, measured) = options.measure(&prepared, &folders, &target, progress)?;
    let rows = rows(&prepared, &target, &environment, measured);
    let whole: Vec<ResultRow> = rows.iter().filter_map(|r| r.row.clone().ok()).collect();
    pipeline::replace(&folders.results(), &report::results_csv(&facts, &whole)?)?;
    let manifest = study::write_manifest(&folders)?;
    let PreparedBench { placed, origin, batch, .. } = prepared;
    let unusable = !placed.iter().all(Result::is_ok);
    Ok(BenchAnswer {
        rows,
        out,
        origin,
        target: target.name,
        batch,
        environment,
        manifest,
        unusable,
    })
}

/// Refuses a bench in which a model was not measured.
///
/// # Errors
/// [`WorkflowError::ModelNotMeasured`] with the first.
pub fn refuse_unmeasured(answer: &BenchAnswer) -> Result<(), WorkflowError> {
    match answer.rows.iter().find_map(|row| Some((&row.name, row.unmeasured()?))) {
        None => Ok(()),
        Some((model, MissingReason(reason))) => Err(WorkflowError::ModelNotMeasured {
            model: model.clone(),
            reason: reason.clone(),
            unusable: answer.unusable,
        }),
    }
}

impl BenchOptions {
    /// Opens all models and their inputs; the first has to be usable.
    fn prepare(
        &self,
        given: Vec<ExternalModel>,
        origin: InputOrigin,
        rules: &DatasetRules,
        folders: &Folders,
    ) -> Result<PreparedBench, WorkflowError> {
        let mut signatures = Vec::new();
        for (index, model) in given.iter().enumerate() {
            match engine::describe(ModelSource::File(&model.path)) {
                Ok(signature) => signatures.push(Ok(signature)),
                // Nothing can be compared with a baseline that does not exist.
                Err(error) if index == 0 => return Err(error.into()),
                Err(error) => {
                    let reason = error_chain(&error).replace('\n', " ");
                    signatures.push(Err(MissingReason(reason)));
                }
            }
        }
        let fixed = signatures[0].as_ref().ok().and_then(ModelSignature::fixed_batch);
        let batch = self.batch.or(fixed).unwrap_or(1);
        let mut dims = inputs::sizes(&signatures, &self.dims, batch)?;
        let (needs, fits) = inputs::needs(&signatures);
        let arrays = inputs::arrays(&origin, rules, &needs, &dims, batch)?;
        let mut placed = Vec::new();
        for ((model, signature), fit) in given.iter().zip(&signatures).zip(fits) {
            let bound = fit.and_then(|()| match signature {
                Ok(signature) => inputs::bind(signature, &arrays, &mut dims),
                Err(missing) => Err(missing.clone()),
            });
            let parent = (!placed.is_empty()).then(|| given[0].name.as_str());
            let found = bound.and_then(|()| pipeline::runs_once(model, &arrays, &dims, batch));
            let found = match found {
                Err(missing) => Err(missing),
                Ok(()) => pipeline::place(folders, model, parent, &dims, batch)?,
            };
            if let (None, Err(MissingReason(why))) = (parent, &found) {
                let problem = format!("{}: {why}", model.path.display());
                return Err(WorkflowError::Option(problem));
            }
            placed.push(found);
        }
        let data = Dataset::unlabelled(arrays).map_err(|e| WorkflowError::Samples(e.into()))?;
        Ok(PreparedBench { given, placed, data, dims, batch, origin })
    }

    /// Measures the models that can be measured.
    fn measure(
        &self,
        prepared: &PreparedBench,
        folders: &Folders,
        target: &Target,
        progress: &Progress,
    ) -> Result<(RunFacts, TargetEnvironment, Vec<Measurement>), WorkflowError> {
        let mut timing = study::default_timing_plan().map_err(WorkflowError::Option)?;
        (timing.rules.solo_ns, timing.rules.paired_ns) = (self.solo_ns, self.paired_ns);
        let threads = self.threads.unwrap_or(target.profile.threads);
        let setting = ExecutionSetting { batch: prepared.batch, threads, streams: self.streams };
        let stop = self.width.map(|width| study::width_stop_rule(width, self.blocks));
        let measurement_sha256 = self.rules_sha256(prepared, &timing, setting, stop.as_ref());
        let variants: Vec<VariantRecord> =
            prepared.placed.iter().filter_map(|p| p.clone().ok()).collect();
        let samples: Vec<usize> =
            (0..prepared.data.inputs.values().next().map_or(0, SampleRows::count)).collect();
        let bench = MeasurementPlan {
            extent: MeasurementExtent::Times,
            target: &target.name,
            measurement_sha256: measurement_sha256.clone(),
            seed: self.seed,
            blocks: self.blocks,
            stop,
            sustained_ns: self.sustained_ns,
            rules: timing.rules,
            settings: &[setting],
            affinity: &timing.affinity,
            conditions: timing.conditions,
            dims: &prepared.dims,
            data: &prepared.data,
            samples: &samples,
            energy: Err(MissingReason("a bench measures no energy".into())),
            sysfs_root: None,
        };
        let taken = on_one(target, folders, progress, &|target, stop, heard| {
            pipeline::measure(folders, &bench, target, &variants, stop, heard)
        })?;
        let facts = RunFacts {
            study: prepared.origin.study().into(),
            run_id: run_id(),
            data_sha256: prepared.data.sha256.to_string(),
            measurement_sha256: measurement_sha256.to_string(),
            quick: false,
            requirements: vec![],
        };
        let measured = taken.measurements.into_iter().map(|found| found.measurement);
        Ok((facts, taken.environment, measured.collect()))
    }

    /// Hash of the rules of timing.
    fn rules_sha256(
        &self,
        prepared: &PreparedBench,
        timing: &TimingPlan,
        setting: ExecutionSetting,
        stop: Option<&StopRule>,
    ) -> Sha256Hex {
        let mut rule = json!({
            "engine": ENGINE, "agent": env!("CARGO_PKG_VERSION"), "blocks": self.blocks,
            "rules": timing.rules, "seed": self.seed, "inputs": prepared.data.sha256,
            "dims": prepared.dims, "setting": setting,
        });
        let unusual = stop.is_some() || self.sustained_ns.is_some();
        if let (Some(rule), true) = (rule.as_object_mut(), unusual) {
            rule.insert("stop".into(), json!(stop));
            rule.insert("sustained_ns".into(), json!(self.sustained_ns));
        }
        Sha256Hex::of_json(&rule)
    }
}

/// Names one bench; two of the same models differ in it.
fn run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let salt = format!("{} {}", now.unwrap_or_default().as_nanos(), std::process::id());
    Sha256Hex::of(salt.as_bytes()).short().to_string()
}

/// Removes a folder that [`new_folders`] made, in which nothing was measured.
fn remove_unused(out: &Path) {
    // Whatever is left of it, the error that ended the bench is the one to be told.
    let _ = std::fs::remove_dir_all(out);
}

/// A folder like a run's, which must be new or empty.
fn new_folders(out: &Path, target: &str) -> Result<Folders, WorkflowError> {
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let problem = format!("{} is not empty; choose another --out", out.display());
        return Err(WorkflowError::Option(problem));
    }
    let folders = Folders::new(out);
    for folder in [folders.variants(), folders.journal(target)] {
        let failed = |source| WorkflowError::CreateFolder { path: folder.to_path_buf(), source };
        folder.create_folder().map_err(failed)?;
    }
    Ok(folders)
}

fn rows(
    prepared: &PreparedBench,
    target: &Target,
    environment: &TargetEnvironment,
    measured: Vec<Measurement>,
) -> Vec<BenchRow> {
    let baseline_weights =
        prepared.placed.first().and_then(|p| p.as_ref().ok()).map_or(0, |record| record.weights);
    let mut measured = measured.into_iter();
    let models = prepared.given.iter().zip(&prepared.placed);
    models
        .map(|(given, placed)| {
            let row = placed.clone().and_then(|variant| {
                let measurement =
                    measured.next().ok_or(MissingReason("it was not measured".into()))?;
                Ok(ResultRow {
                    variant,
                    baseline_weights,
                    evaluation: None,
                    evaluation_missing: None,
                    target: target.name.clone(),
                    environment: environment.clone(),
                    measurement,
                })
            });
            BenchRow { name: given.name.clone(), path: given.path.clone(), row }
        })
        .collect()
}
