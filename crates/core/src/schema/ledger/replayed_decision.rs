//! Decisions, or parts of their components, that a replay keeps.

use crate::schema::DecidedPrecision;
use serde::{Deserialize, Serialize};

/// A component of a decision, as a replay names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComponentRef {
    /// `coupling:original index`.
    pub id: String,
    /// Its index in the baseline.
    pub original_index: usize,
}

/// A decision, or a part of its components, that a replay keeps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayedDecision {
    /// The coupling or layer.
    pub coupling: String,
    /// Its removed components; empty for a change of precision.
    pub components: Vec<ComponentRef>,
    /// The precision that the layer was given.
    pub precision: Option<DecidedPrecision>,
}
