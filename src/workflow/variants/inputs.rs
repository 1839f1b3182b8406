//! Inputs of the pipeline, derived of a study and its data: what recipes share, calibration samples,
//! what variants are evaluated on, how they are measured.

use crate::evaluate::EvaluationTask;
use crate::pipeline::{
    BaselineEstimates, EvaluationSetup, Folders, MeasurementExtent, MeasurementPlan, RecipeContext,
    RecipeInputs, RunRecords, TrialMachines,
};
use crate::study::{Study, StudyInputs};
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use paring_boards::Target;
use paring_compress::catalog::Calibration;
use paring_compress::{DecisionRule, Step};
use paring_core::schema::{EnergyRules, EnergySource, ExecutionSetting, MissingReason};
use paring_data::WINDOW_BYTES;
use std::collections::BTreeMap;
use std::path::Path;

impl OpenRun {
    /// The context that all recipes of the run share, without costs and forecasts.
    ///
    /// # Errors
    /// [`WorkflowError::Data`] where calibration samples cannot be read.
    pub(in crate::workflow) fn context(&self) -> Result<RecipeContext, WorkflowError> {
        let inputs = recipe_inputs(&self.study, &self.loaded)?;
        Ok(recipe_context(&self.study, self.directory.folders.clone(), inputs))
    }

    /// Data, samples and task that the run's variants are evaluated with.
    pub(in crate::workflow) fn evaluation_setup(&self) -> EvaluationSetup<'_> {
        let OpenRun { study, loaded, .. } = self;
        let group = study.data.group.as_ref();
        EvaluationSetup {
            data: &loaded.data,
            samples: &loaded.splits.report,
            groups: group.and_then(|name| loaded.data.columns.get(name)).map(Vec::as_slice),
            fixed_class_shares: study.data.fixed_class_shares,
            slices: &study.data.slices,
            batch: loaded.batch,
            dims: &loaded.dims,
            output: loaded.output,
            task: &loaded.task,
        }
    }

    /// The plan by which the run's variants are measured on a target, layers included.
    pub(in crate::workflow) fn measurement_plan<'a>(
        &'a self,
        sysfs_root: Option<&'a Path>,
        target: &'a Target,
        settings: &'a [ExecutionSetting],
    ) -> MeasurementPlan<'a> {
        let OpenRun { directory, study, loaded } = self;
        let timing = &study.timing;
        MeasurementPlan {
            extent: MeasurementExtent::Both,
            target: &target.name,
            measurement_sha256: directory.protocol.measurement_sha256.clone(),
            seed: study.seed,
            blocks: timing.blocks,
            stop: timing.stop.clone(),
            sustained_ns: timing.sustained_ns,
            rules: timing.rules.clone(),
            settings,
            affinity: &timing.affinity,
            conditions: timing.conditions.clone(),
            dims: &loaded.dims,
            data: &loaded.data,
            samples: &loaded.splits.report,
            energy: match directory.protocol.quick {
                true => Err(MissingReason("the quick protocol measures no energy".into())),
                false => Ok(study.energy.rules(&target.profile.energy)),
            },
            sysfs_root,
        }
    }
}

/// The model as given, and the samples that the steps of a study look at.
///
/// # Errors
/// [`WorkflowError::Data`] where calibration samples cannot be read.
pub(in crate::workflow) fn recipe_inputs(
    study: &Study,
    loaded: &StudyInputs,
) -> Result<RecipeInputs, WorkflowError> {
    let calibrate = &loaded.splits.calibrate;
    let held_out = &loaded.splits.select;
    let trains = study.recipes.iter().flat_map(|recipe| &recipe.steps).any(Step::trains);
    let select = (trains && !held_out.is_empty()).then(|| calibration(loaded, held_out));
    let calibration = calibration(loaded, calibrate)?;
    Ok(RecipeInputs {
        model: study.model.clone(),
        dims: loaded.dims.clone(),
        batch: loaded.batch,
        calibration: (!calibrate.is_empty()).then_some(calibration),
        select: select.transpose()?,
        reading: decision_rule(&loaded.task, loaded.output),
        seed: study.seed,
    })
}

/// The context that all recipes of a study share, in the run with these folders.
pub(in crate::workflow) fn recipe_context(
    study: &Study,
    folders: Folders,
    inputs: RecipeInputs,
) -> RecipeContext {
    RecipeContext {
        records: RunRecords { folders, owner: study.owner.clone() },
        inputs,
        machines: TrialMachines {
            targets: study.targets.clone(),
            rules: study.timing.rules.clone(),
            conditions: study.timing.conditions.clone(),
            energy: energy(study),
            sysfs_root: None,
            replays: false,
        },
        estimates: BaselineEstimates::default(),
    }
}

/// Rules of energy on every target of a study and on this machine, by target name.
fn energy(study: &Study) -> BTreeMap<String, EnergyRules> {
    let host = ("host".to_string(), study.energy.rules(&EnergySource::Auto));
    let rules = |t: &Target| (t.name.clone(), study.energy.rules(&t.profile.energy));
    [host].into_iter().chain(study.targets.iter().map(rules)).collect()
}

/// The decision rule of a task: the way predictions are read off the output at position `output`.
pub(in crate::workflow) fn decision_rule(task: &EvaluationTask, output: usize) -> DecisionRule {
    let EvaluationTask { kind, scores, threshold, positive, .. } = *task;
    DecisionRule { kind, scores, threshold, positive, output }
}

/// Samples of a study to calibrate on: all of `samples`, or as many of them, evenly spread, as fit
/// in memory.
///
/// # Errors
/// [`WorkflowError::Data`] where they cannot be read.
pub(in crate::workflow) fn calibration(
    loaded: &StudyInputs,
    samples: &[usize],
) -> Result<Calibration, WorkflowError> {
    let every = (loaded.data.bytes_of(samples.len()).div_ceil(WINDOW_BYTES)).max(1);
    let held: Vec<usize> = samples.iter().copied().step_by(every as usize).collect();
    let classes = loaded.data.labelled && loaded.data.targets.is_none();
    Ok(Calibration {
        inputs: loaded.data.inputs_at(&held)?,
        labels: held.iter().filter(|_| classes).map(|i| loaded.data.labels[*i]).collect(),
        rule: Some(decision_rule(&loaded.task, loaded.output)),
        batch: loaded.batch,
        dims: loaded.dims.clone(),
        sha256: loaded.data.sha256_of(&held),
    })
}
