//! The study: a file that says what to compress, how, on what data and where; and its run directory.

mod approvals;
mod error;
mod key_schemas;
mod kept_answers;
mod load;
mod opened;
mod recipes;
mod regime_inputs;
mod replayed_study;
mod run;
mod required_data;
mod sections;
mod checked_study;
mod signatures;
mod toml_schema;
mod study_samples;
mod verify;

pub use approvals::{
    ApprovalRequest, ApprovalRules, ApprovalState, RecordedApproval, RecordedProtocolSignature,
    TrustedSigners, recorded_approvals, recorded_protocol_signatures, sign_approval, sign_protocol,
};
pub use checked_study::{DataSource, Study};
pub use error::StudyError;
pub use kept_answers::kept_answers;
pub use load::{load, load_for};
pub use opened::{StudyInputs, open};
pub use regime_inputs::{RegimeInputs, open_regime};
pub use replayed_study::load_replayed;
pub use run::{ManifestError, Protocol, RunDirectory, RunManifest};
pub use sections::{
    EnergyPlan, QUICK_BLOCKS, Regime, StudyRequirement, TaskSettings, TimingPlan,
    default_timing_plan, width_stop_rule,
};
pub use signatures::{
    HandedOverVariant, SignedRunState, TrustedKeys, VerifiedStatement, is_handed_over,
    is_statement, sign_run, sign_variant, verify_handed_over, verify_run_signature,
    verify_signed_variants, verify_statement,
};
pub use study_samples::{StudySamples, study_samples};
pub use toml_schema::study_schema;
pub(crate) use toml_schema::toml_schema;
pub use verify::{
    RecordedRows, VerificationSummary, VerifyError, first_violation, recorded_rows, verify,
    write_manifest,
};
