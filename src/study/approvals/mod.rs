//! Approvals of variants: the rules of a study, the entries of its ledger, and what they come to.

mod approval_rules;
mod approval_state;
mod recorded_approval;
mod sign_approval;

pub use approval_rules::ApprovalRules;
pub use approval_state::ApprovalState;
pub use recorded_approval::{RecordedApproval, recorded_approvals};
pub use sign_approval::{ApprovalRequest, sign_approval};
