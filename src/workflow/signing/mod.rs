//! Use cases about keys, signatures and approvals.

mod approve;
mod audit;
mod card;
mod keys;
mod sign;

pub use approve::{ApproveOptions, GivenApproval, approval_states, approve};
pub use audit::{AuditOptions, write_audit};
pub use card::{CardFormat, CardOfRunOptions, cards};
pub use keys::{NewKey, new_key, trusted_keys};
pub use sign::{SignOptions, SignedRun, sign};

pub(super) use keys::private_key;
