//! A checked study: typed values, paths that lead somewhere.

use super::{ApprovalRules, EnergyPlan, Regime, StudyRequirement, TaskSettings, TimingPlan};
use crate::evaluate::{RobustnessTest, SplitRule};
use crate::pipeline::Recipe;
use paring_boards::Target;
use paring_core::schema::{ExecutionSetting, Requirement};
use paring_data::DatasetRules;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A checked study.
#[derive(Clone, Debug)]
pub struct Study {
    /// The file it was read from.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Accountable person or team.
    pub owner: String,
    /// A person's words about it, by key; never invented.
    pub words: BTreeMap<String, String>,
    /// The model as given.
    pub model: PathBuf,
    /// Batch sizes to measure.
    pub batches: Vec<usize>,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// Meaning of the model's outputs, and the metrics.
    pub task: TaskSettings,
    /// Disturbances that variants have to bear, where that is asked for.
    pub robustness: Option<RobustnessTest>,
    /// The data.
    pub data: DataSource,
    /// Further data that every variant is evaluated on.
    pub regimes: Vec<Regime>,
    /// Seeds everything that draws.
    pub seed: u64,
    /// Rules of timing.
    pub timing: TimingPlan,
    /// Rules of measuring energy.
    pub energy: EnergyPlan,
    /// Removals that are tried before any is decided, for the forecasts.
    pub probes: usize,
    /// Rules of approving variants.
    pub approval: ApprovalRules,
    /// Bounds that every variant has to keep.
    pub requirements: Vec<StudyRequirement>,
    /// The variants in order, without the baseline.
    pub recipes: Vec<Recipe>,
    /// Machines that variants are measured on.
    pub targets: Vec<Target>,
}

impl Study {
    /// Its requirements, without their places in the file.
    pub fn requirements(&self) -> Vec<Requirement> {
        self.requirements.iter().map(|own| own.requirement.clone()).collect()
    }

    /// Settings that models run with on a target: every batch with every number of threads and of
    /// streams.
    pub fn settings(&self, target: &Target) -> Vec<ExecutionSetting> {
        let of_profile = [target.profile.threads];
        let threads =
            if self.timing.threads.is_empty() { &of_profile[..] } else { &self.timing.threads };
        let each = self.batches.iter().flat_map(|batch| threads.iter().map(move |t| (*batch, *t)));
        let streams = &self.timing.streams;
        each.flat_map(|(batch, threads)| {
            streams.iter().map(move |streams| ExecutionSetting {
                batch,
                threads,
                streams: *streams,
            })
        })
        .collect()
    }
}

/// Data of a study, and the rule that divides them.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// A file or folder.
    pub path: PathBuf,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that never straddle a split.
    pub group: Option<String>,
    /// True where the number of samples of each class was chosen beforehand, so that intervals take it
    /// as given.
    pub fixed_class_shares: bool,
    /// True where nothing that is shown names a single sample.
    pub private: bool,
    /// Rule that divides samples.
    pub splits: SplitRule,
    /// Rules that make files numbers.
    pub rules: DatasetRules,
}
