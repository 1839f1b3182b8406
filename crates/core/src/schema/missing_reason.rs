//! The reason that stands in place of a value that does not exist.

use serde::{Deserialize, Serialize};

/// Reason that a value does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MissingReason(pub String);
