//! The run that a run follows under the same study's name, and what its protocol changed since.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The run before this one of the same study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredecessorRun {
    /// Name of its directory.
    pub directory: String,
    /// The run.
    pub run_id: String,
    /// Hash of its `protocol.json`.
    pub protocol_sha256: Sha256Hex,
    /// Fields that differ, by name; none of a run that was only repeated.
    pub changes: Vec<ProtocolChange>,
}

/// A field of a study or a hash of a protocol that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolChange {
    /// The key, with its sections.
    pub field: String,
    /// Its value in the run before; `None` where it was not there.
    pub before: Option<String>,
    /// Its value now; `None` where it is gone.
    pub after: Option<String>,
}

impl fmt::Display for ProtocolChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProtocolChange { field, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "{field}: {before} → {after}"),
            (None, Some(after)) => write!(f, "{field}: new, {after}"),
            (Some(before), None) => write!(f, "{field}: gone, it was {before}"),
            (None, None) => write!(f, "{field}"),
        }
    }
}
