//! Recipes, and the context that all recipes of a run share.

use crate::pipeline::{Folders, Forecaster};
use paring_boards::Target;
use paring_compress::catalog::Calibration;
use paring_compress::{DecisionRule, Step};
use paring_core::schema::{ConditionRules, CostTable, EnergyRules, EngineOptions, SampleRules};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The name of the model as given.
pub const BASELINE: &str = "baseline";

/// The recipe of one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// The variant it starts from.
    pub parent: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Engine options of its own; `None` inherits the parent's.
    pub options: Option<EngineOptions>,
}

/// The context of all recipes of a run.
#[derive(Clone, Debug)]
pub struct Context {
    /// Folders of the run.
    pub folders: Folders,
    /// The model as given.
    pub model: PathBuf,
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// The batch at which shapes are taken: 1, or what the file fixes.
    pub batch: usize,
    /// Calibration samples, where there are data.
    pub calibration: Option<Calibration>,
    /// Rule by which predictions are read off the model's outputs.
    pub reading: DecisionRule,
    /// Seeds what draws.
    pub seed: u64,
    /// Rules of timing, where forms are tried against each other.
    pub rules: SampleRules,
    /// Machines that steps may measure on; this one where a name is not among them.
    pub targets: Vec<Target>,
    /// Conditions that make a block there invalid, and those that are set before.
    pub conditions: ConditionRules,
    /// Rules of measuring energy on them, by name, where a step goes by it.
    pub energy: BTreeMap<String, EnergyRules>,
    /// The folder that stands for `/` where their power sensors are read; `None` for `/`.
    pub sysfs_root: Option<PathBuf>,
    /// Costs of the baseline's nodes, where a recipe goes by them.
    pub costs: Option<CostTable>,
    /// Forecaster of removals' costs in the primary metric, where it was learnt.
    pub forecaster: Option<Forecaster>,
    /// Accountable person or team.
    pub owner: String,
}
