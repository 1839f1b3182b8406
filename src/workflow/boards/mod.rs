//! Use cases about boards and other targets.

mod choose;
mod flash;
mod probe;
mod runner;
mod target;

pub use choose::{inventory_file, one_target};
pub use flash::{
    CardJob, CardOptions, PrepareOptions, PreparedCardImage, WirelessOptions, compare_card,
    open_card, prepare_card_image, write_card,
};
pub use probe::{PatternsOption, ProbeOptions, probe};
pub use runner::{RunnerOptions, run_program};
pub use target::{
    AddTargetOptions, AddedTarget, TargetList, add_target, check_targets, clean_targets,
    list_targets, remove_target, rename_target,
};
