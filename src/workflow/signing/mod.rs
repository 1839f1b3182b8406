//! Use cases about keys, signatures and approvals.

mod approval_check;
mod approve;
mod audit;
mod card;
mod data_card;
mod keys;
mod sign;
mod sign_protocol;

pub use approve::{ApproveOptions, GivenApproval, approval_states, approve};
pub use audit::{AuditOptions, write_audit};
pub use card::{CardFormat, CardOfRunOptions, cards};
pub use data_card::data_card;
pub use keys::{NewKey, new_key, trusted_keys, trusted_signers};
pub use sign::{SignOptions, SignedRun, sign};
pub use sign_protocol::{SignProtocolOptions, SignedRules, sign_protocol};

pub(crate) use approval_check::refuse_unapproved_models;
pub(super) use keys::{private_key, signer_key};
