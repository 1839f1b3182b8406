//! Rules of approving variants. They are frozen with the first protocol that a run's ledger has.

use paring_core::schema::{LedgerEntry, LedgerEntryKind, Sha256Hex};
use serde::{Deserialize, Serialize};

/// Rules of approving a variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRules {
    /// People who have to approve, each with a key of their own; the study's owner alone never does.
    pub approvals: usize,
    /// Verbs that bring a variant to another target than the study's refuse one that is not approved.
    pub required: bool,
    /// SHA-256 of the public keys that count; any where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Sha256Hex>,
}

impl ApprovalRules {
    /// Field of the ledger's protocol entry.
    pub const FIELD: &'static str = "approval";

    /// True of the rules of a study that says nothing of approvals.
    pub fn is_default(&self) -> bool {
        *self == ApprovalRules::default()
    }

    /// The rules that a run began with.
    pub fn of(entries: &[LedgerEntry]) -> ApprovalRules {
        let first = entries.iter().find(|entry| entry.kind == LedgerEntryKind::Protocol);
        let rules = first.and_then(|entry| entry.body.get(Self::FIELD)).cloned();
        rules.and_then(|rules| serde_json::from_value(rules).ok()).unwrap_or_default()
    }
}
