//! The gate: requirements of a protocol applied to variants. Pure functions of records; what is judged is
//! on the report split and on targets, never on a point estimate alone.

mod decidable;
mod deciding_count;
mod gate_row;
mod judge;
mod observation;
mod quality_figures;
mod restoration;
mod split_scaling;
mod target_figures;

pub use decidable::{ReportSampleCounts, UndecidableRequirement, undecidable};
pub use deciding_count::{deciding_count, verdict_of};
pub use gate_row::GateRow;
pub use judge::{gate_record, judge, row_cells, row_verdict, unmet_cells};
pub use restoration::{
    CandidateTuning, MOST_EXHAUSTIVE_GROUPS, RestorationChange, RestorationSpace, RestorationState,
    RestoreSearch, RestoreTrial, RestoredValue, SearchEnd, SubsetValue, restore_exhaustively,
    restore_greedily,
};
pub use split_scaling::{RequirementReach, shortfall};
