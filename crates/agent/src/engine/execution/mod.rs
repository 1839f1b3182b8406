//! Plans that run, and settings of the process that change how they run.

mod inference_plan;
mod instruction_sets;
mod tensor_conversion;
mod threads;
mod upper_halves;

pub use inference_plan::{InferencePlan, PlanInputs, arrange_for_input};
pub use instruction_sets::{avoid_faulty_tier, is_without, tiers, without_tiers};
pub use threads::use_threads;
pub use upper_halves::CLEAR_UPPER_HALVES;
pub(super) use upper_halves::{clear_upper_halves, has_upper_halves};
