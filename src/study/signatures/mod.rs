//! Signatures of a run: `run.sig` over every file, `signed/VARIANT/` to hand over, and where a variant
//! came from.
//!
//! A manifest that fits can be written by whoever writes the directory; a signature only by whoever has
//! the key.

mod gate_statement;
mod provenance;
mod statement_file;
mod run_signature;
mod signed_variant;
mod trusted_keys;

pub use run_signature::{SignedRunState, sign_run, verify_run_signature};
pub use signed_variant::{
    HandedOverVariant, is_handed_over, sign_variant, verify_handed_over, verify_signed_variants,
};
pub use statement_file::{VerifiedStatement, is_statement, verify_statement};
pub use trusted_keys::TrustedKeys;
