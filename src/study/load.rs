//! What a study means: checked values, paths that lead somewhere.

use super::expand::recipes;
use super::file::{self, ClassShares, ShareOrArray, SplitsSection};
use super::robustness::robustness;
use super::task::task;
use super::timing::{self, Timing};
use super::{EnergyPlan, StudyError, energy};
use crate::evaluate::{self, SplitRule, Stress};
use crate::pipeline::Recipe;
use paring_agent::engine::{self, Source};
use paring_boards::{self, Inventory, Target, Trust};
use paring_compress::Step;
use paring_core::schema::{EnergySource, Metric, Setting};
use paring_data::Pixels;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A checked study.
#[derive(Clone, Debug)]
pub struct Study {
    /// The file it was read from.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Accountable person or team.
    pub owner: String,
    /// What a person said about it, by key; never invented.
    pub words: BTreeMap<String, String>,
    /// The model as given.
    pub model: PathBuf,
    /// Batch sizes to measure.
    pub batches: Vec<usize>,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// What the model's outputs mean.
    pub task: Task,
    /// Disturbances that variants have to bear, where that is asked for.
    pub robustness: Option<Stress>,
    /// The data.
    pub data: DataSource,
    /// Seeds everything that draws.
    pub seed: u64,
    /// How variants are timed.
    pub timing: Timing,
    /// How energy is measured.
    pub energy: EnergyPlan,
    /// Removals that are tried before any is decided, for the forecasts.
    pub probes: usize,
    /// The variants in order, without the baseline.
    pub recipes: Vec<Recipe>,
    /// Where variants are measured.
    pub targets: Vec<Target>,
}

impl Study {
    /// How models are run on a target: every batch with every number of threads and of streams.
    pub fn settings(&self, target: &Target) -> Vec<Setting> {
        let own = [target.profile.threads];
        let threads = if self.timing.threads.is_empty() { &own[..] } else { &self.timing.threads };
        let each = self.batches.iter().flat_map(|batch| threads.iter().map(move |t| (*batch, *t)));
        let streams = &self.timing.streams;
        each.flat_map(|(batch, threads)| {
            streams.iter().map(move |streams| Setting { batch, threads, streams: *streams })
        })
        .collect()
    }
}

/// What a model's outputs mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The output with the scores; `None` for the only one.
    pub output: Option<String>,
    /// What is asked of the model, as long as the data have labels.
    pub asked: evaluate::Task,
    /// The metric that is named as the one that counts most.
    pub metric: Option<Metric>,
}

/// Where data come from and how they are divided.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// A file or folder.
    pub path: PathBuf,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that never straddle a split.
    pub group: Option<String>,
    /// Whether the number of samples of each class was chosen beforehand, so that intervals take it as
    /// given.
    pub fixed_class_shares: bool,
    /// How samples are divided.
    pub splits: SplitRule,
    /// How pixels become numbers.
    pub pixels: Pixels,
}

/// Most samples of an inference.
const MOST_BATCH: usize = 1 << 16;
/// So many removals tell well enough how errors add up, and take a few seconds.
const PROBES: usize = 14;

/// Reads and checks a study. Paths in it are relative to its folder; `trust` is that in whoever made it.
///
/// # Errors
/// [`StudyError`] names the file, the line or the key.
pub fn load(path: &Path, trust: Trust) -> Result<Study, StudyError> {
    load_for(path, &[], trust)
}

/// Owner and recipes of the study in a file, whose paths are meant from `folder`.
///
/// # Errors
/// As for [`load`].
pub(super) fn recipes_of(path: &Path, folder: &Path) -> Result<(String, Vec<Recipe>), StudyError> {
    let file = file::read(path)?;
    let invalid = |problem: String| StudyError::Invalid { path: path.to_path_buf(), problem };
    Ok((file.study.owner, recipes(&file.variant, folder).map_err(invalid)?))
}

/// [`load`] with other targets than the study's, unless there are none.
///
/// # Errors
/// [`StudyError`] names the file, the line or the key.
pub fn load_for(path: &Path, targets: &[String], trust: Trust) -> Result<Study, StudyError> {
    let file = file::read(path)?;
    let invalid = |problem: String| StudyError::Invalid { path: path.to_path_buf(), problem };
    let folder = path.parent().unwrap_or(Path::new(""));
    let recipes = recipes(&file.variant, folder).map_err(invalid)?;
    let model = folder.join(file.model.path);
    let mut batches =
        file.model.batch.map_or_else(|| vec![usual_batch(&model)], |batch| batch.values());
    let mut seen = std::collections::BTreeSet::new();
    batches.retain(|batch| seen.insert(*batch));
    if batches.is_empty() || batches.contains(&0) {
        return Err(invalid("`batch` under [model] must be 1 or more".into()));
    }
    if let Some(odd) = batches.iter().find(|batch| **batch > MOST_BATCH) {
        return Err(invalid(format!(
            "`batch` under [model] must be {MOST_BATCH} at most, it is {odd}"
        )));
    }
    let targets = match targets {
        [] => target_words(&file.target).map_err(invalid)?,
        given => given.to_vec(),
    };
    let inventory = Inventory::find(folder, trust)?;
    let energy = energy::energy(file.energy, folder).map_err(invalid)?;
    refuse_untrusted(&energy, path, trust)?;
    let words = [
        ("purpose", file.study.purpose),
        ("risk", file.study.risk),
        ("ethics", file.study.ethics),
        ("review_by", file.study.review_by),
        ("notes", file.study.notes),
    ];
    let given = words.into_iter().filter_map(|(key, text)| Some((key.to_string(), text?)));
    Ok(Study {
        path: path.to_path_buf(),
        name: file.study.name,
        owner: file.study.owner,
        words: given.collect(),
        model,
        batches,
        dims: file.model.dims,
        task: task(&file.task).map_err(invalid)?,
        robustness: robustness(file.robustness).map_err(invalid)?,
        data: DataSource {
            path: folder.join(file.data.path),
            slices: file.data.slices,
            group: file.data.group,
            fixed_class_shares: file.data.class_shares == ClassShares::Fixed,
            splits: splits(file.data.splits).map_err(invalid)?,
            pixels: Pixels { mean: file.data.mean, std: file.data.std },
        },
        seed: file.protocol.seed,
        timing: timing::timing(&file.protocol).map_err(invalid)?,
        energy,
        probes: file.protocol.probes.unwrap_or(PROBES),
        targets: known(paring_boards::choose(&targets, &inventory)?, &recipes).map_err(invalid)?,
        recipes,
    })
}

/// Refuses an energy source that runs a program, where nobody trusts the study's owner with that.
fn refuse_untrusted(energy: &EnergyPlan, path: &Path, trust: Trust) -> Result<(), StudyError> {
    match (&energy.source, trust) {
        (Some(EnergySource::Command { .. }), Trust::Withheld) => {
            Err(StudyError::Untrusted { path: path.to_path_buf(), key: "command" })
        }
        _ => Ok(()),
    }
}

/// The batch that a model's file fixes, else 1; what is wrong with the file is said where it is opened.
fn usual_batch(model: &Path) -> usize {
    let signature = engine::describe(Source::File(model)).ok();
    signature.and_then(|signature| signature.fixed_batch()).unwrap_or(1)
}

/// The targets, where every step that measures does so on one of them or on this machine.
fn known(targets: Vec<Target>, recipes: &[Recipe]) -> Result<Vec<Target>, String> {
    let on = |step: &Step| match step {
        Step::Tune { on } => Some(on.clone()),
        Step::Quantize(how) => how.measured.then(|| how.on.clone()),
        _ => None,
    };
    let asked = |on: &String| on != "host" && targets.iter().all(|target| target.name != *on);
    for recipe in recipes {
        if let Some(on) = recipe.steps.iter().filter_map(on).find(asked) {
            return Err(format!(
                "variant `{}` measures on `{on}`, which is no target of the study; name it under [[target]]",
                recipe.name
            ));
        }
    }
    Ok(targets)
}

/// What the study calls its targets; this machine where it names none.
fn target_words(sections: &[file::TargetSection]) -> Result<Vec<String>, String> {
    let names: Vec<String> = match sections {
        [] => vec!["host".into()],
        sections => sections.iter().map(|t| t.name.clone()).collect(),
    };
    match (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
        Some(twice) => Err(format!("target `{}` stands there twice", names[twice])),
        None => Ok(names),
    }
}

fn splits(section: Option<SplitsSection>) -> Result<SplitRule, String> {
    use ShareOrArray::{Array, Share};
    let Some(SplitsSection { calibrate, select, report, seed }) = section else {
        return Ok(SplitRule::Shares { calibrate: 0.25, select: 0.25, report: 0.5, seed: 0 });
    };
    match (calibrate, select, report) {
        (Share(calibrate), Share(select), Share(report)) => {
            Ok(SplitRule::Shares { calibrate, select, report, seed })
        }
        (Array(calibrate), Array(select), Array(report)) => {
            Ok(SplitRule::Arrays { calibrate, select, report })
        }
        _ => Err("`splits` are three shares, or three names of index arrays".into()),
    }
}
