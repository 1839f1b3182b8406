//! The ledger: decisions, forecasts with their outcomes, and the lineage of variants.

mod approval;
mod decision;
mod forecast;
mod forecast_outcome;
mod ledger_entry;
mod original_indices;
mod protocol_signature;
mod replayed_decision;
mod training_record;
mod variant_record;

pub use approval::{Approval, ApprovalAction, SignedApproval};
pub use decision::{
    CouplingMember, Decision, DecisionInputs, PrecisionChange, RejectedAlternative,
    RemovedComponent, StepRefusal,
};
pub use forecast::Forecast;
pub use forecast_outcome::{ForecastError, ForecastOutcome, TrackRecord};
pub use ledger_entry::{LedgerEntry, LedgerEntryBody, LedgerEntryKind};
pub use original_indices::OriginalIndices;
pub use protocol_signature::{ProtocolSignature, SignedProtocol};
pub use replayed_decision::{ComponentRef, ReplayedDecision};
pub use training_record::{EpochLoss, TensorChange, TrainingEnd, TrainingRecord};
pub use variant_record::{StepRecord, VariantRecord};
