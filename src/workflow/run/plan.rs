//! Forecast of a run before it starts: what would run, and for how long.

use super::RunOptions;
use super::preflight::check_targets;
use crate::govern::{self, ReportSampleCounts, UndecidableRequirement};
use crate::study::{Study, StudyInputs};
use crate::workflow::variants::calibration;
use crate::workflow::{WorkflowError, sysfs_root};
use paring_agent::measure::energy_span;
use paring_compress::Step;
use paring_compress::distillation::{self, Distillation, DistillationInputs};
use paring_core::error_chain::error_chain;
use paring_core::schema::EnergySource;
use paring_onnx::graph::Graph;
use std::time::Duration;

/// Time that a block takes beside warm-up and sampling: starting, loading and optimising.
const BLOCK_OVERHEAD: Duration = Duration::from_millis(60);

/// A variant, and the time that its trainings take or the reason why they will fail.
pub type TrainingEstimate = (String, Result<Duration, String>);

/// A run that was not started.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The study, as it would be run.
    pub study: Study,
    /// Samples to calibrate on.
    pub calibrate_samples: usize,
    /// Samples to select on.
    pub select_samples: usize,
    /// Samples to report on.
    pub report_samples: usize,
    /// Blocks of fresh processes on each target.
    pub blocks: usize,
    /// Their time on each target, for a small model.
    pub estimate: Duration,
    /// Estimated time of the training of each variant that trains, or the reason why it will fail.
    pub training: Vec<TrainingEstimate>,
    /// Time of energy windows on each target that may have a power sensor.
    pub energy: Vec<(String, Duration)>,
    /// Requirements that no variant can pass with these data and blocks.
    pub undecidable: Vec<UndecidableRequirement>,
    /// True where the protocol is the short one, which gives no verdicts.
    pub quick: bool,
}

/// Opens a study and says what its run would do.
///
/// # Errors
/// [`WorkflowError::Study`] names what does not fit.
pub fn plan_run(options: &RunOptions) -> Result<RunPlan, WorkflowError> {
    let (study, loaded) = options.open_study()?;
    let root = options.sysfs_root.as_deref().map(sysfs_root).transpose()?;
    check_targets(&study, root.as_deref())?;
    let variants = study.recipes.len();
    let settings =
        study.targets.iter().map(|target| study.settings(target).len()).max().unwrap_or(1);
    let blocks = study.timing.blocks as usize * settings;
    Ok(RunPlan {
        calibrate_samples: loaded.splits.calibrate.len(),
        select_samples: loaded.splits.select.len(),
        report_samples: loaded.splits.report.len(),
        blocks: blocks * (2 * variants + 1),
        estimate: estimate(&study, blocks, settings),
        training: training_time(&study, &loaded)?,
        energy: energy_time(&study, options.quick),
        undecidable: undecidable_requirements(&study, &loaded),
        quick: options.quick,
        study,
    })
}

/// Requirements that no variant can pass with the report samples of each class and slice.
fn undecidable_requirements(study: &Study, loaded: &StudyInputs) -> Vec<UndecidableRequirement> {
    let (data, report) = (&loaded.data, &loaded.splits.report);
    let mut counts = ReportSampleCounts { all: report.len() as u64, ..Default::default() };
    let by_class = data.labelled && data.targets.is_none();
    for sample in report {
        if let Some(label) = data.labels.get(*sample).filter(|_| by_class) {
            *counts.classes.entry(*label).or_default() += 1;
        }
        for column in &study.data.slices {
            if let Some(value) = data.columns.get(column).and_then(|values| values.get(*sample)) {
                *counts.slices.entry((column.clone(), value.clone())).or_default() += 1;
            }
        }
    }
    govern::undecidable(&study.requirements(), loaded.task.kind, &counts, study.timing.blocks)
}

/// Time of `blocks` blocks of each variant, solo and paired, and of the long loads.
fn estimate(study: &Study, blocks: usize, settings: usize) -> Duration {
    let variants = study.recipes.len();
    let long = Duration::from_nanos(study.timing.sustained_ns.map_or(0, |span| span.0));
    round(study, variants + 1) * blocks as u32 + long * ((variants + 1) * settings) as u32
}

/// Time of a solo block of each of some models, and of a paired one of all but the first.
fn round(study: &Study, models: usize) -> Duration {
    let rules = &study.timing.rules;
    let warm = Duration::from_nanos(rules.warmup_min_ns.0);
    let solo = BLOCK_OVERHEAD + warm + Duration::from_nanos(rules.solo_ns.0);
    let paired = 2 * (BLOCK_OVERHEAD + warm) + Duration::from_nanos(rules.paired_ns.0);
    solo * models as u32 + paired * models.saturating_sub(1) as u32
}

/// Time of all blocks of some models in one setting.
pub(in crate::workflow) fn measuring_time(study: &Study, models: usize) -> Duration {
    round(study, models) * study.timing.blocks
}

/// Time of the trainings of each variant, from a few updates of the baseline.
fn training_time(
    study: &Study,
    loaded: &StudyInputs,
) -> Result<Vec<TrainingEstimate>, WorkflowError> {
    if !study.recipes.iter().any(|recipe| recipe.steps.iter().any(Step::trains)) {
        return Ok(vec![]);
    }
    let teacher = Graph::load(&study.model)?;
    let calibrate = calibration(loaded, &loaded.splits.calibrate)?;
    let select = calibration(loaded, &loaded.splits.select)?;
    let inputs = DistillationInputs {
        teacher: &teacher,
        calibration: Some(&calibrate),
        select: Some(&select),
        seed: study.seed,
    };
    // Trainings alike are timed once.
    let mut timed: Vec<(&Distillation, Result<Duration, String>)> = Vec::new();
    let mut found = Vec::new();
    for recipe in &study.recipes {
        let trainings = recipe.steps.iter().filter_map(|step| match step {
            Step::Distill(how) => Some(how),
            _ => None,
        });
        let mut all: Option<Result<Duration, String>> = None;
        for how in trainings {
            let known = timed.iter().find(|(other, _)| *other == how).map(|(_, own)| own.clone());
            let own = known.unwrap_or_else(|| {
                let own = training_time_of(how, &inputs);
                timed.push((how, own.clone()));
                own
            });
            all = Some(match all {
                None => own,
                Some(before) => before.and_then(|before| Ok(before.saturating_add(own?))),
            });
        }
        found.extend(all.map(|time| (recipe.name.clone(), time)));
    }
    Ok(found)
}

fn training_time_of(how: &Distillation, inputs: &DistillationInputs) -> Result<Duration, String> {
    distillation::training_time(how, inputs).map_err(|error| error_chain(&error))
}

/// Time of the energy windows on each target that may have a sensor.
fn energy_time(study: &Study, quick: bool) -> Vec<(String, Duration)> {
    let each = study.energy.windows as usize * (study.recipes.len() + 1);
    let windows = study.targets.iter().filter_map(|target| {
        let rules = study.energy.rules(&target.profile.energy);
        let off = quick || matches!(rules.source, EnergySource::None { .. });
        let blocks = each * study.settings(target).len();
        (!off).then(|| (target.name.clone(), energy_span(&rules) * blocks as u32))
    });
    windows.collect()
}
