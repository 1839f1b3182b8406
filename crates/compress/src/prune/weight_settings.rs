//! Settings of a step that sets single weights to zero.

use super::settings::Recovery;
use crate::catalog::Criterion;
use serde::Serialize;
use std::fmt;

/// Which weights become zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sparsity {
    /// This share of each layer, above 0 and below 1.
    Ratio(f64),
    /// Those with a score up to this.
    Score(f64),
    /// All but `kept` of every `of` consecutive inputs of an output, `2:4` say.
    Groups {
        /// How many stay.
        kept: usize,
        /// Of how many.
        of: usize,
    },
}

/// Settings of a step that sets weights to zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sparsify {
    /// Which weights.
    pub sparsity: Sparsity,
    /// How importance is judged.
    pub criterion: Criterion,
    /// Whether the weights that stay make up for what goes.
    pub recover: bool,
    /// Only layers whose names match; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Layers whose names match stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
}

impl Sparsify {
    /// Whether it looks at calibration samples.
    pub fn needs_data(&self) -> bool {
        self.criterion.needs_data() || self.recover
    }
}

impl fmt::Display for Sparsify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prune weights, ")?;
        match self.sparsity {
            Sparsity::Ratio(ratio) => write!(f, "ratio {ratio}")?,
            Sparsity::Score(score) => write!(f, "score up to {score}")?,
            Sparsity::Groups { kept, of } => write!(f, "pattern {kept}:{of}")?,
        }
        write!(f, ", criterion {}", self.criterion)?;
        let recovery = if self.recover { Recovery::LeastSquares } else { Recovery::None };
        write!(f, "{recovery}")?;
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", protect {}", self.protect.join(" "))?;
        }
        Ok(())
    }
}

/// The id of all single weights of a layer, as one component.
pub fn weights_id(layer: &str) -> String {
    format!("{layer}/weights")
}
