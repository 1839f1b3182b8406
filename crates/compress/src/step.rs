//! One step of a recipe.

use crate::distillation::Distillation;
use crate::{ChannelPruning, LayerPruning, PostTrainingQuantization, WeightPruning};
use paring_core::schema::{Sha256Hex, TrainingRecord};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;

/// One step of a recipe.
///
/// As JSON it is part of the identity of what is made by it: names and values of its settings stay what
/// they are, and a new setting is left out where it says what was done before there was one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Remove components of couplings.
    Prune(ChannelPruning),
    /// Set single weights to zero.
    Sparsify(WeightPruning),
    /// Leave out layers or blocks.
    Bypass(LayerPruning),
    /// Take a model that another tool made of the parent, and tell what was done.
    Import {
        /// The file; no part of the step's identity.
        #[serde(skip)]
        path: PathBuf,
        /// Its hash: another content is another step.
        sha256: Sha256Hex,
    },
    /// Give layers narrower numbers.
    Quantize(PostTrainingQuantization),
    /// Train the weights towards the baseline's answers.
    Distill(Distillation),
    /// Whatever makes it faster and changes nothing.
    Tune {
        /// The target on which it has to be faster.
        on: String,
    },
}

impl Step {
    /// The step as JSON, which tells it from every other.
    pub fn identity(&self) -> Value {
        json!(self)
    }

    /// Trains weights, and so looks at the samples that choose between states.
    pub fn trains(&self) -> bool {
        matches!(self, Step::Distill(_))
    }

    /// The step as its training went, by the records of its decisions: a replay looks at no clock.
    pub fn as_done<'a>(&self, mut records: impl Iterator<Item = &'a TrainingRecord>) -> Step {
        match (self, records.next()) {
            (Step::Distill(how), Some(record)) => Step::Distill(how.as_done(record)),
            _ => self.clone(),
        }
    }

    /// Takes something out, rather than quantizing it.
    pub fn removes(&self) -> bool {
        matches!(self, Step::Prune(_) | Step::Sparsify(_) | Step::Bypass(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Prune(pruning) => pruning.fmt(f),
            Step::Sparsify(sparsify) => sparsify.fmt(f),
            Step::Bypass(bypassing) => bypassing.fmt(f),
            Step::Import { path, sha256 } => {
                let name = path.file_name().unwrap_or_default().display();
                write!(f, "import {name} ({})", sha256.short())
            }
            Step::Quantize(quantization) => quantization.fmt(f),
            Step::Distill(how) => how.fmt(f),
            Step::Tune { on } if on == "host" => f.write_str("tune"),
            Step::Tune { on } => write!(f, "tune on {on}"),
        }
    }
}
