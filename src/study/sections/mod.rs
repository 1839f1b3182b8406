//! Sections of a study file: what is typed, key by key, and the checked rules that it becomes.

mod approval;
mod data;
mod energy;
mod one_or_many;
mod regime;
mod requirements;
mod robustness;
mod study_file;
mod task;
mod timing;

pub(super) use approval::approval_rules;
pub(super) use data::{ClassShares, DataSection, ShareOrArray, SplitsSection, dataset_rules};
pub use energy::EnergyPlan;
pub(super) use energy::energy_plan;
pub(super) use one_or_many::OneOrMany;
pub use regime::Regime;
pub(super) use regime::regimes;
pub use requirements::StudyRequirement;
pub(super) use requirements::{RequirementContext, check_words, requirements};
pub(super) use robustness::stress;
pub(super) use study_file::{StudyFile, StudySection, TargetSection, parse, read};
pub use task::TaskSettings;
pub(super) use task::task_settings;
pub(super) use timing::timing_plan;
pub use timing::{QUICK_BLOCKS, TimingPlan, default_timing_plan, width_stop_rule};
