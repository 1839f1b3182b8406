//! Explains the variants of a run, one after the other, and writes what came of it.

use super::explanation::explanation;
use super::explanation_inputs::ExplanationInputs;
use super::files::{record_explanation, update_track_record, write_explanations};
use super::time_budget::TimeBudget;
use super::{ExplainOptions, ExplainResult};
use crate::attribution::{
    AblationOptions, AblationStudy, EvaluatedSamples, not_drawn, resample_calibration,
};
use crate::evaluate::{GroundTruth, RobustnessTest};
use crate::ledger::Ledger;
use crate::pipeline::{self, PipelineError, RecipeInputs, RecordedStep, variant_record};
use crate::report::seconds;
use crate::study::Study;
use crate::workflow::open_run::{OpenRun, sysfs_root};
use crate::workflow::report::{samples_are_private, write_report_if_possible};
use crate::workflow::variants::calibration;
use crate::workflow::{
    Progress, ProgressEvent, ProgressStage, WorkflowError, refuse_unapproved_models,
};
use paring_boards::{self, Inventory, Target};
use paring_compress::Step;
use paring_core::schema::{Explanation, VariantRecord};
use std::path::Path;
use std::time::{Duration, Instant};

/// Part of a variant's time that is spent on experiments; the rest is for flips, boards and files.
const EXPERIMENT_SHARE: f64 = 0.7;

/// Explains variants of a run: the effect of every group of decisions on every metric, by experiments.
/// What there is no time for is left out, and named in the result.
///
/// # Errors
/// [`WorkflowError`] where the run or its study cannot be used, an experiment fails, or a variant that
/// was asked for by name has nothing to be explained.
pub fn explain(
    options: &ExplainOptions,
    progress: &Progress,
) -> Result<ExplainResult, WorkflowError> {
    let mut run = OpenRun::reopen(&options.run, options.study.as_deref(), options.trust, progress)?;
    let targets = targets(options, &run.study)?;
    let sysfs_root = options.sysfs_root.as_deref().map(sysfs_root).transpose()?;
    let budget = TimeBudget::from_now(options.time);
    let inputs = ExplanationInputs {
        run: &run,
        budget: &budget,
        targets: &targets,
        // A board that somebody names has to answer; one that the study names may be away.
        insist: !options.targets.is_empty(),
        stress: stress(options, &run.study),
        measure: options.measure,
        bounds_measurements: options.bounds_measurements,
        sysfs_root: sysfs_root.as_deref(),
        csv: options.csv,
        progress,
    };
    let mut explanations = Vec::new();
    let names = variants(options, &run)?;
    refuse_unapproved(&run, &names, &targets)?;
    for (position, name) in names.iter().enumerate() {
        // One variant is explained in any case: a call that does nothing says nothing.
        let not_explained = || format!("{name} was not explained");
        if !explanations.is_empty() && !budget.allows(Duration::ZERO, not_explained) {
            continue;
        }
        let share = budget.share(names.len() - position);
        match explain_variant(options, &inputs, name, share)? {
            Some(found) => explanations.push(found),
            None if options.names(name) => {
                return Err(WorkflowError::NothingDecided(name.clone()));
            }
            None => {}
        }
    }
    update_track_record(&mut explanations, options.forecast_history.as_deref())?;
    let private = run.study.data.private
        || samples_are_private(&run.directory.folders, &run.directory.protocol);
    let mut written = merged(&run, &explanations, progress);
    if private {
        written = written.into_iter().map(Explanation::without_samples).collect();
        let shown = explanations.into_iter().map(Explanation::without_samples);
        explanations = shown.map(|found| Explanation { flips: vec![], ..found }).collect();
    }
    let mut files = write_explanations(&run, &written)?;
    write_report_if_possible(&run.directory, progress);
    let report = run.directory.folders.report();
    if report.exists() {
        files.insert(0, report.to_path_buf());
    }
    let undone = budget.undone();
    Ok(ExplainResult { explanations, undone, files, manifest_sha256: run.seal()? })
}

/// The explanations, and those of earlier calls about other variants that are still what they were, in the
/// study's order. Where the earlier ones cannot be read, a note says that they are not kept.
fn merged(run: &OpenRun, explanations: &[Explanation], progress: &Progress) -> Vec<Explanation> {
    let folders = &run.directory.folders;
    let path = folders.explanations();
    let earlier: Option<Vec<Explanation>> = pipeline::read_json(&path);
    if earlier.is_none() && path.exists() {
        let note = format!(
            "{} could not be read and is written anew: explain the other variants again",
            path.display()
        );
        progress(ProgressEvent::Note(&note));
    }
    let earlier = earlier.unwrap_or_default();
    let is_kept = |found: &Explanation| {
        let is_new = explanations.iter().any(|new| new.variant == found.variant);
        let same = variant_record(folders, &found.variant)
            .is_ok_and(|record| record.variant_id == found.variant_id);
        !is_new && same
    };
    let mut all = explanations.to_vec();
    all.extend(earlier.into_iter().filter(is_kept));
    let position = |found: &Explanation| {
        run.study.recipes.iter().position(|recipe| recipe.name == found.variant)
    };
    all.sort_by_key(|found| position(found).unwrap_or(usize::MAX));
    all
}

/// Machines that are asked and measured on.
fn targets(options: &ExplainOptions, study: &Study) -> Result<Vec<Target>, WorkflowError> {
    if options.targets.is_empty() {
        return Ok(study.targets.clone());
    }
    let folder = study.path.parent().unwrap_or(Path::new(""));
    let inventory = Inventory::find(folder, options.trust)?;
    Ok(paring_boards::select_targets(&options.targets, &inventory)?)
}

/// Refuses targets that the study does not name, where it asks for approvals that a variant lacks.
fn refuse_unapproved(
    run: &OpenRun,
    names: &[String],
    targets: &[Target],
) -> Result<(), WorkflowError> {
    for name in names {
        let file = variant_record(&run.directory.folders, name)?.file;
        let model = run.directory.folders.variants().join(&file).to_path_buf();
        for target in targets {
            refuse_unapproved_models([model.as_path()], target)?;
        }
    }
    Ok(())
}

fn stress(options: &ExplainOptions, study: &Study) -> Option<RobustnessTest> {
    study.robustness.clone().or_else(|| options.robustness.then(RobustnessTest::default))
}

/// Variants to explain: those named, or all of the study that were made.
fn variants(options: &ExplainOptions, run: &OpenRun) -> Result<Vec<String>, PipelineError> {
    let folders = &run.directory.folders;
    if !options.variants.is_empty() {
        for name in &options.variants {
            variant_record(folders, name)?;
        }
        return Ok(options.variants.clone());
    }
    let all = run.study.recipes.iter().map(|recipe| recipe.name.clone());
    Ok(all.filter(|name| variant_record(folders, name).is_ok()).collect())
}

/// Explains one variant; `None` where nothing was decided, or another tool decided it.
fn explain_variant(
    options: &ExplainOptions,
    inputs: &ExplanationInputs,
    name: &str,
    time: Duration,
) -> Result<Option<Explanation>, WorkflowError> {
    let begun = Instant::now();
    let ExplanationInputs { run, progress, .. } = inputs;
    let OpenRun { directory, study, .. } = run;
    let line = pipeline::ancestry(&directory.folders, name)?;
    if let Some(foreign) = line.iter().find(|v| imported(study, v)) {
        return match options.names(name) {
            true => Err(PipelineError::Foreign(foreign.name.clone()).into()),
            false => Ok(None),
        };
    }
    let ledger = Ledger::open(&directory.folders.ledger(), &study.owner)?;
    let steps = pipeline::recorded_steps(&line, &study.recipes, &ledger)?;
    drop(ledger);
    let variant = &line[0];
    let undecided = steps.iter().all(|step| step.decisions.is_empty());
    if undecided && variant.options.transforms.is_empty() {
        return Ok(None);
    }
    let stage = ProgressStage::Explain;
    progress(ProgressEvent::StageLength { stage, total: 0 });
    progress(ProgressEvent::StageItem { stage, item: name });
    let manner = options.manner(study.seed, time);
    let mut context = run.context()?;
    // Steps that went by costs are repeated on further draws by the same costs.
    context.estimates.find_costs(&directory.folders, "host");
    let further = further_draws(run, &context.inputs, &steps, options.replicates)?;
    let (truth, setup) = (truth(run)?, run.evaluation_setup());
    let begin = |manner: &AblationOptions| {
        let (further, truth) = (further.clone(), truth.clone());
        AblationStudy::begin(&steps, &variant.options, &context, further, setup, truth, manner)
    };
    let mut case = begin(&manner)?;
    if steps.iter().any(|step| step.step.trains()) {
        let spent = begun.elapsed();
        case = coarsened(inputs, name, case, time.saturating_sub(spent), &|groups| {
            begin(&AblationOptions { groups, ..manner })
        })?;
    }
    progress(ProgressEvent::StageLength { stage, total: options.experiments });
    let spent = begun.elapsed();
    let experiments = time.saturating_sub(spent).mul_f64(EXPERIMENT_SHARE);
    let manner = AblationOptions { time: experiments, ..manner };
    case.explore(&manner, &mut |done| progress(ProgressEvent::StageDone { stage, done }))?;
    progress(ProgressEvent::StageLength { stage, total: 0 });
    if case.explored.cut_short {
        inputs.budget.leave_out(format!("{name}: experiments that would narrow the intervals"));
    }
    let found = explanation(inputs, variant, &mut case, &manner)?;
    record_explanation(run, &found)?;
    progress(ProgressEvent::StageEnd(stage));
    Ok(Some(found))
}

/// The investigation with as few groups as its time allows, where every experiment trains anew; what that
/// leaves out is named.
fn coarsened<'a>(
    inputs: &ExplanationInputs,
    name: &str,
    mut case: AblationStudy<'a>,
    time: Duration,
    begin: &dyn Fn(usize) -> Result<AblationStudy<'a>, PipelineError>,
) -> Result<AblationStudy<'a>, WorkflowError> {
    let each = case.time_of_one()?;
    let (most, experiments) = case.affordable_groups(each, time.mul_f64(EXPERIMENT_SHARE));
    if most >= case.groups.len() {
        return Ok(case);
    }
    let (fewer, all) = (begin(most)?, case.groups.len());
    if fewer.groups.len() == all {
        return Ok(case);
    }
    inputs.budget.leave_out(format!(
        "{name}: effects of {all} groups instead of {}: {experiments} experiments that train anew, of about {} each",
        fewer.groups.len(),
        seconds(each)
    ));
    Ok(fewer)
}

/// The inputs of recipes on further calibration samples, drawn from the same pool as the study's `own`.
fn further_draws(
    run: &OpenRun,
    own: &RecipeInputs,
    steps: &[RecordedStep],
    replicates: u64,
) -> Result<Vec<RecipeInputs>, WorkflowError> {
    let OpenRun { study, loaded, .. } = run;
    let splits = &loaded.splits;
    let pool = [splits.calibrate.as_slice(), &splits.select].concat();
    let groups = study.data.group.as_ref().and_then(|name| loaded.data.columns.get(name));
    // What decides nothing by data and draws nothing is the same on every draw.
    let draws = if steps.iter().all(|step| step.decisions.is_empty()) { 1 } else { replicates };
    let further = (1..draws).map(|draw| {
        let seed = study.seed.wrapping_add(draw);
        let size = splits.calibrate.len();
        let samples = resample_calibration(&pool, groups.map(Vec::as_slice), size, seed);
        let drawn = own.calibration.as_ref().map(|_| calibration(loaded, &samples));
        // States of a training are chosen on samples that have nothing to do with those it drew.
        let left = not_drawn(&pool, groups.map(Vec::as_slice), &samples);
        let select = own.select.as_ref().filter(|_| !left.is_empty());
        let select = select.map(|_| calibration(loaded, &left)).transpose()?;
        Ok(RecipeInputs { calibration: drawn.transpose()?, select, seed, ..own.clone() })
    });
    further.collect()
}

/// True where another tool made a variant.
fn imported(study: &Study, variant: &VariantRecord) -> bool {
    let recipe = study.recipes.iter().find(|recipe| recipe.name == variant.name);
    let mut steps = recipe.into_iter().flat_map(|r| &r.steps);
    steps.any(|step| matches!(step, Step::Import { .. }))
}

/// Labels, true answers, groups and slices of the report samples. Where labels are no classes, the true
/// answers are read by the width of the baseline's.
fn truth(run: &OpenRun) -> Result<EvaluatedSamples, WorkflowError> {
    let OpenRun { study, loaded, directory } = run;
    let samples = &loaded.splits.report;
    let at = |column: &Vec<String>| samples.iter().map(|s| column[*s].clone()).collect::<Vec<_>>();
    let columns = &loaded.data.columns;
    let slices = study.data.slices.iter();
    let baseline = variant_record(&directory.folders, pipeline::BASELINE)?;
    let targets = match loaded.task.is_by_class() {
        true if !loaded.data.labelled => GroundTruth::Unknown,
        true => GroundTruth::Classes,
        false => run.evaluation_setup().answers(&directory.folders, &baseline)?.truth,
    };
    Ok(EvaluatedSamples {
        task: loaded.task.clone(),
        labels: samples.iter().map(|s| loaded.data.labels[*s]).collect(),
        targets,
        groups: study.data.group.as_ref().and_then(|name| columns.get(name)).map(at),
        fixed_class_shares: study.data.fixed_class_shares,
        slices: slices.filter_map(|s| Some((s.clone(), at(columns.get(s)?)))).collect(),
    })
}
