//! Settings of a step that leaves out layers or blocks.

use super::settings::{Amount, Recovery};
use crate::catalog::{Criterion, Kind};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// Settings of a step that leaves out layers or blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bypassing {
    /// [`Kind::Layer`] or [`Kind::Block`].
    pub kind: Kind,
    /// How many of them.
    pub amount: Amount,
    /// How importance is judged.
    pub criterion: Criterion,
    /// How the layers behind make up for what goes.
    pub recover: Recovery,
    /// Only those whose ids match; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Those whose ids match stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Exactly these, whatever the scores say: a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<BTreeSet<String>>,
}

impl Bypassing {
    /// Whether it looks at calibration samples.
    pub fn needs_data(&self) -> bool {
        self.criterion.needs_data() || self.recover != Recovery::None
    }
}

impl fmt::Display for Bypassing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prune {}s, {}, criterion {}", self.kind, self.amount, self.criterion)?;
        write!(f, "{}", self.recover)?;
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", protect {}", self.protect.join(" "))?;
        }
        if let Some(frozen) = &self.frozen {
            let ids: Vec<&str> = frozen.iter().map(String::as_str).collect();
            write!(f, ", replayed with {}", ids.join(" "))?;
        }
        Ok(())
    }
}
