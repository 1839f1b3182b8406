//! Verbs about integrity, keys, signatures and approvals.

mod approve;
mod card;
mod key;
mod sign;
mod verified_lines;
mod verify;

pub(super) use approve::{ApproveArgs, state_line};
pub(super) use card::ModelCardArgs;
pub(super) use key::KeyArgs;
pub(super) use sign::SignArgs;
pub(super) use verify::VerifyArgs;
