//! The context of a run's recipes, divided by what a stage needs: records, inputs, machines, estimates.

use crate::pipeline::{Folders, Forecaster};
use paring_agent::engine::DimensionBindings;
use paring_boards::Target;
use paring_compress::DecisionRule;
use paring_compress::catalog::Calibration;
use paring_core::schema::{ConditionRules, CostTable, EnergyRules, SampleRules};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The context of all recipes of a run. Tune steps and measured precisions, which need all of it, stand
/// in `tuning/tune.rs` and `mixed_precision/measured_precision.rs`.
#[derive(Clone, Debug)]
pub struct RecipeContext {
    /// Places of the run's files, and who answers for its decisions.
    pub records: RunRecords,
    /// The model as given, and the samples that steps look at.
    pub inputs: RecipeInputs,
    /// Machines that steps may measure on.
    pub machines: TrialMachines,
    /// Costs and forecasts of removals, where a recipe goes by them.
    pub estimates: BaselineEstimates,
}

/// Places of a run's files, and who answers for the decisions in its ledger.
#[derive(Clone, Debug)]
pub struct RunRecords {
    /// Folders of the run.
    pub folders: Folders,
    /// Accountable person or team.
    pub owner: String,
}

/// The model as given, and the samples that steps look at: all that the steps of a replay need. Timing of
/// models on these samples stands in `measurement/model_timing.rs`.
#[derive(Clone, Debug)]
pub struct RecipeInputs {
    /// The model as given.
    pub model: PathBuf,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// The batch at which shapes are taken: 1, or what the file fixes.
    pub batch: usize,
    /// Calibration samples, where there are data.
    pub calibration: Option<Calibration>,
    /// Samples that choose between states of a training, where a recipe trains.
    pub select: Option<Calibration>,
    /// Rule by which predictions are read off the model's outputs.
    pub reading: DecisionRule,
    /// Seeds what draws.
    pub seed: u64,
}

impl RecipeInputs {
    /// The sizes at which shapes are taken.
    pub(in crate::pipeline) fn bindings(&self) -> DimensionBindings<'_> {
        DimensionBindings { batch: self.batch, dims: &self.dims }
    }
}

/// Machines that steps may measure on, and the rules of measuring there. `measurement/trial_machine.rs`
/// reaches one of them.
#[derive(Clone, Debug)]
pub struct TrialMachines {
    /// The machines; this one where a name is not among them.
    pub targets: Vec<Target>,
    /// Rules of timing, where forms are tried against each other.
    pub rules: SampleRules,
    /// Conditions that make a block there invalid, and those that are set before.
    pub conditions: ConditionRules,
    /// Rules of measuring energy on them, by name, where a step goes by it.
    pub energy: BTreeMap<String, EnergyRules>,
    /// The folder that stands for `/` where their power sensors are read; `None` for `/`.
    pub sysfs_root: Option<PathBuf>,
    /// Nothing is measured: the run's frozen tables decide, or a step fails.
    pub replays: bool,
}

/// Estimates of what removals cost and save, learnt on the baseline: measured in
/// `measurement/cost_table.rs`, learnt in `forecast/learn.rs`.
#[derive(Clone, Debug, Default)]
pub struct BaselineEstimates {
    /// Costs of the baseline's nodes, where a recipe goes by them.
    pub costs: Option<CostTable>,
    /// Forecaster of removals' costs in the primary metric, where it was learnt.
    pub forecaster: Option<Forecaster>,
}
