//! Variants that fail, made anew with as much put back as their requirements need: chosen on the select
//! split, evaluated once on the report split, measured like every other variant.

use super::judge::{record_gate, refuse_without_requirements};
use super::measured_group_costs::costed_target;
use super::restoration_entries::RestorationEntries;
use super::select_trials::{RestorationScope, RestoreCost, SelectTrials};
use crate::govern::{self, MOST_EXHAUSTIVE_GROUPS, RestorationState, RestoreSearch, SearchEnd};
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
use paring_core::schema::{GateVerdict, MissingReason, Requirement, VariantRecord};
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
    /// The cost that as little as possible is given back of.
    pub by: RestoreCost,
    /// The target that measured costs are of; otherwise the requirements', or the study's only one.
    pub target: Option<String>,
    /// Maximum number of groups of decisions.
    pub groups: usize,
    /// True where every set of groups is tried.
    pub exhaustive: bool,
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
    let target = match options.by {
        RestoreCost::Measured(_) => Some(costed_target(&run, options.target.as_deref())?),
        RestoreCost::Macs | RestoreCost::Bytes if options.target.is_some() => {
            return Err(WorkflowError::Option(format!(
                "{} are the same on every target: --target goes with --by microseconds or millijoules",
                options.by.name()
            )));
        }
        RestoreCost::Macs | RestoreCost::Bytes => None,
    };
    let scope = RestorationScope { by: options.by, target, groups: options.groups };
    let mut restorations = Vec::new();
    for name in failing(options, &run)? {
        let mut trials = SelectTrials::begin(&run, &name, &requirements, &scope)?;
        let search = searched(&mut trials, &run, options.exhaustive, &scope, progress)?;
        restorations.push(made_anew(&trials, &run, search, &scope, progress)?);
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

/// The search for what a variant needs, with every trial in the ledger.
fn searched(
    trials: &mut SelectTrials,
    run: &OpenRun,
    exhaustive: bool,
    scope: &RestorationScope,
    progress: &Progress,
) -> Result<RestoreSearch, WorkflowError> {
    let (name, groups) = (trials.variant.name.clone(), trials.groups.len());
    if groups == 0 {
        return Err(WorkflowError::NothingDecided(name));
    }
    if exhaustive && groups > MOST_EXHAUSTIVE_GROUPS {
        return Err(WorkflowError::Option(format!(
            "`{name}` has {groups} groups of decisions, which are {} sets: --exhaustive needs --groups {MOST_EXHAUSTIVE_GROUPS} or fewer",
            1_u128 << groups.min(100)
        )));
    }
    let (space, entries) = (trials.space(), RestorationEntries::of(run, trials, scope));
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &run.study.owner)?;
    let stage = ProgressStage::Explain;
    let rounds = groups * (groups + 1) / 2 + groups + space.tunings.len();
    let total = if exhaustive { 1 << groups } else { rounds };
    progress(ProgressEvent::StageLength { stage, total });
    progress(ProgressEvent::StageItem { stage, item: &name });
    let mut done = 0;
    let mut value = |state: &RestorationState| {
        done += 1;
        progress(ProgressEvent::StageDone { stage, done });
        trials.value(state)
    };
    let search = match exhaustive {
        true => govern::restore_exhaustively(groups, &mut value, &mut |subset| {
            Ok(ledger.record(entries.subset(subset)).map(drop)?)
        }),
        false => govern::restore_greedily(&space, &mut value, &mut |trial| {
            Ok(ledger.record(entries.trial(trial)).map(drop)?)
        }),
    }?;
    progress(ProgressEvent::StageEnd(stage));
    Ok(search)
}

/// The variant as a search found that it passes, if it does, and the ledger's entry of the search's end.
fn made_anew(
    trials: &SelectTrials,
    run: &OpenRun,
    search: RestoreSearch,
    scope: &RestorationScope,
    progress: &Progress,
) -> Result<VariantRestoration, WorkflowError> {
    let (folders, variant) = (&run.directory.folders, trials.variant.name.clone());
    let mut ledger = Ledger::open(&folders.ledger(), &run.study.owner)?;
    let state = RestorationState {
        restored: search.restored.iter().copied().collect(),
        tuned: search.tuned.iter().copied().collect(),
    };
    let mut made = None;
    if search.ended == SearchEnd::Passes {
        let recipe = Recipe {
            name: format!("{variant}.gated"),
            parent: BASELINE.to_string(),
            steps: trials.steps(&state)?,
            options: Some(trials.variant.options.clone()),
        };
        let baseline = variant_record(folders, BASELINE)?;
        let (context, heard) = (run.context()?, training_listener(progress));
        made = Some(pipeline::make(&context, &mut ledger, &recipe, &baseline, &heard)?);
    }
    let entries = RestorationEntries::of(run, trials, scope);
    ledger.record(entries.end(&search, made.as_ref()))?;
    Ok(VariantRestoration {
        variant,
        groups: trials.groups.iter().map(|group| group.label.clone()).collect(),
        tunings: trials.tunings.iter().map(|own| own.tuning.to_string()).collect(),
        explained: trials.explained.clone(),
        samples: run.loaded.splits.select.len(),
        by: scope.by.name(),
        target: scope.target.clone(),
        search,
        restored: made,
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
