//! Records that people sign in a ledger: approvals of variants with the rules of a study and what they come
//! to, and signatures under the study's rules.

mod approval_rules;
mod approval_state;
mod protocol_signatures;
mod recorded_approval;
mod sign_approval;
mod signed_record;
mod trusted_signers;

pub use approval_rules::ApprovalRules;
pub use approval_state::ApprovalState;
pub use protocol_signatures::{
    RecordedProtocolSignature, recorded_protocol_signatures, sign_protocol,
};
pub use recorded_approval::{RecordedApproval, recorded_approvals};
pub use sign_approval::{ApprovalRequest, sign_approval};
pub use trusted_signers::TrustedSigners;
