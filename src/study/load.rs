//! Reading and checking a study file.

use super::recipes::recipes;
use super::sections::{
    self, OneOrMany, RequirementContext, StudySection, TargetSection, approval_rules, check_words,
    energy_plan, regimes, requirements, stress, task_settings, timing_plan,
};
use super::study_samples::data_source;
use super::{EnergyPlan, Study, StudyError};
use crate::pipeline::Recipe;
use paring_agent::engine::{self, ModelSource};
use paring_boards::{FolderTrust, Inventory, Target};
use paring_compress::Step;
use paring_core::schema::EnergySource;
use std::collections::BTreeMap;
use std::path::Path;

/// Most samples of an inference.
const MOST_BATCH: usize = 1 << 16;
/// Probes where the study names no number: enough to tell how errors add up, in a few seconds.
const DEFAULT_PROBES: usize = 14;

/// Reads and checks a study. Paths in it are relative to its folder; `trust` is that in whoever made it.
///
/// # Errors
/// [`StudyError`] names the file, the line or the key.
pub fn load(path: &Path, trust: FolderTrust) -> Result<Study, StudyError> {
    load_for(path, &[], trust)
}

/// Owner and recipes of the study in a file, whose paths are meant from `folder`.
///
/// # Errors
/// As for [`load`].
pub(super) fn recipes_of(path: &Path, folder: &Path) -> Result<(String, Vec<Recipe>), StudyError> {
    let (file, text) = sections::read(path)?;
    let recipes = recipes(&file.variant, folder).map_err(|e| e.of_study(path, &text))?;
    Ok((file.study.owner, recipes))
}

/// [`load`] with other targets than the study's, unless there are none.
///
/// # Errors
/// [`StudyError`] names the file, the line or the key.
pub fn load_for(path: &Path, targets: &[String], trust: FolderTrust) -> Result<Study, StudyError> {
    let (file, text) = sections::read(path)?;
    let invalid = |problem: String| StudyError::Invalid { path: path.to_path_buf(), problem };
    refuse_empty(&file.study).map_err(invalid)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let recipes = recipes(&file.variant, folder).map_err(|e| e.of_study(path, &text))?;
    let model = folder.join(file.model.path);
    let batches = batches(&model, file.model.batch).map_err(invalid)?;
    let own_targets = target_words(&file.target).map_err(invalid)?;
    let target_words = if targets.is_empty() { &own_targets } else { targets };
    let inventory = Inventory::find(folder, trust)?;
    let targets = paring_boards::select_targets(target_words, &inventory)?;
    let energy = energy_plan(file.energy, folder).map_err(invalid)?;
    refuse_untrusted(&energy, path, trust)?;
    let words = words(&file.study);
    check_date(&words).map_err(invalid)?;
    check_words(&file.protocol.require_words, &words, path, &text)?;
    let task = task_settings(&file.task).map_err(invalid)?;
    let robustness = stress(file.robustness).map_err(invalid)?;
    let context = RequirementContext {
        task: &task.labelled_task,
        slices: &file.data.slices,
        robustness: robustness.as_ref(),
        targets: target_names(&own_targets, &targets),
    };
    let requirements = requirements(&file.protocol.require, &context, path, &text)?;
    let data = data_source(file.data, folder).map_err(invalid)?;
    Ok(Study {
        path: path.to_path_buf(),
        name: file.study.name,
        owner: file.study.owner,
        words,
        model,
        batches,
        dims: file.model.dims,
        task,
        robustness,
        data,
        regimes: regimes(file.regime, folder).map_err(invalid)?,
        seed: file.protocol.seed,
        timing: timing_plan(&file.protocol).map_err(invalid)?,
        energy,
        probes: file.protocol.probes.unwrap_or(DEFAULT_PROBES),
        approval: approval_rules(&file.protocol).map_err(invalid)?,
        requirements,
        targets: known(targets, &recipes).map_err(invalid)?,
        recipes,
    })
}

/// Refuses a study that nobody answers for, or that has no name.
fn refuse_empty(section: &StudySection) -> Result<(), String> {
    if section.name.trim().is_empty() {
        return Err("`name` under [study] is empty; write one".into());
    }
    if section.owner.trim().is_empty() {
        return Err(
            "`owner` under [study] is empty; write the person or team who answers for it".into()
        );
    }
    Ok(())
}

/// Samples of an inference, each number once; what the model's file fixes where none is given.
fn batches(model: &Path, given: Option<OneOrMany<usize>>) -> Result<Vec<usize>, String> {
    let mut batches = given.map_or_else(|| vec![usual_batch(model)], |batch| batch.values());
    let mut seen = std::collections::BTreeSet::new();
    batches.retain(|batch| seen.insert(*batch));
    if batches.is_empty() || batches.contains(&0) {
        return Err("`batch` under [model] must be 1 or more".into());
    }
    match batches.iter().find(|batch| **batch > MOST_BATCH) {
        Some(odd) => {
            Err(format!("`batch` under [model] must be {MOST_BATCH} at most, it is {odd}"))
        }
        None => Ok(batches),
    }
}

/// A person's words about a study, by key.
fn words(study: &StudySection) -> BTreeMap<String, String> {
    let all = [
        ("purpose", &study.purpose),
        ("risk", &study.risk),
        ("ethics", &study.ethics),
        ("review_by", &study.review_by),
        ("notes", &study.notes),
    ];
    all.into_iter().filter_map(|(key, text)| Some((key.to_string(), text.clone()?))).collect()
}

/// Refuses a `review_by` that is no date: requirements warn after it.
fn check_date(words: &BTreeMap<String, String>) -> Result<(), String> {
    let Some(text) = words.get("review_by") else { return Ok(()) };
    match humantime::parse_rfc3339(&format!("{text}T00:00:00Z")) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(format!("`review_by` under [study] is `{text}`, not a date such as \"2030-12-31\""))
        }
    }
}

/// Names that requirements can call targets by: the study's own, and those that are selected now. `None`
/// where the study has labels or places, whose names are those of an inventory.
fn target_names<'a>(own: &'a [String], selected: &'a [Target]) -> Option<Vec<&'a str>> {
    let names = own.iter().map(String::as_str);
    let selected = selected.iter().map(|target| target.name.as_str());
    let is_name = own.iter().all(|word| !word.contains('=') && !word.contains("://"));
    is_name.then(|| names.chain(selected).collect())
}

/// Refuses an energy source that runs a program, where nobody trusts the study's owner with that.
fn refuse_untrusted(
    energy: &EnergyPlan,
    path: &Path,
    trust: FolderTrust,
) -> Result<(), StudyError> {
    match (&energy.source, trust) {
        (Some(EnergySource::Command { .. }), FolderTrust::Withheld) => {
            Err(StudyError::Untrusted { path: path.to_path_buf(), key: "command" })
        }
        _ => Ok(()),
    }
}

/// The batch that a model's file fixes, else 1; a fault of the file is reported where it is opened.
fn usual_batch(model: &Path) -> usize {
    let signature = engine::describe(ModelSource::File(model)).ok();
    signature.and_then(|signature| signature.fixed_batch()).unwrap_or(1)
}

/// The targets, where every step that measures does so on one of them or on this machine.
fn known(targets: Vec<Target>, recipes: &[Recipe]) -> Result<Vec<Target>, String> {
    let on = |step: &Step| match step {
        Step::Tune { on } => Some(on.clone()),
        Step::Quantize(quantization) => quantization.measured.then(|| quantization.on.clone()),
        _ => None,
    };
    let unknown = |on: &String| on != "host" && targets.iter().all(|target| target.name != *on);
    for recipe in recipes {
        if let Some(on) = recipe.steps.iter().filter_map(on).find(unknown) {
            return Err(format!(
                "variant `{}` measures on `{on}`, which is no target of the study; name it under [[target]]",
                recipe.name
            ));
        }
    }
    Ok(targets)
}

/// Names of the study's targets; this machine where it names none.
fn target_words(sections: &[TargetSection]) -> Result<Vec<String>, String> {
    let names: Vec<String> = match sections {
        [] => vec!["host".into()],
        sections => sections.iter().map(|t| t.name.clone()).collect(),
    };
    match (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
        Some(twice) => Err(format!("target `{}` stands there twice", names[twice])),
        None => Ok(names),
    }
}
