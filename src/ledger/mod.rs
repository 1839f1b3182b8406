//! The ledger: who decided what, in a chain of hashes; and the store of everything taken out.
//!
//! Append-only. A torn last line is dropped; any other change shows when the chain is read.

mod chain;
mod error;
mod store;

pub use chain::{Ledger, LedgerHead, read_ledger};
pub use error::LedgerError;
pub use store::{keep_paring, paring_path, read_paring};
