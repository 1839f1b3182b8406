//! The study: a file that says what to compress, how, on what data and where; and its run directory.

mod error;
mod load;
mod opened;
mod recipes;
mod regime_inputs;
mod run;
mod sections;
mod checked_study;
mod verify;

pub use checked_study::{DataSource, Study};
pub use error::StudyError;
pub use load::{load, load_for};
pub use opened::{StudyInputs, open};
pub use regime_inputs::{RegimeInputs, open_regime};
pub use run::{ManifestError, Protocol, QUICK_BLOCKS, RunDirectory, RunManifest};
pub use sections::{
    EnergyPlan, Regime, TaskSettings, TimingPlan, default_timing_plan, width_stop_rule,
};
pub use verify::{
    RecordedRows, VerificationSummary, VerifyError, first_violation, recorded_rows, verify,
    write_manifest,
};
