//! Outcomes of making variants again.

use paring_core::schema::Sha256Hex;
use serde::Serialize;

/// Variants of a run, made again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rederivation {
    /// Hash of the baseline that they were made from.
    pub baseline_sha256: Sha256Hex,
    /// True where the run's data were given.
    pub with_data: bool,
    /// In the order of their names.
    pub variants: Vec<RederivedVariant>,
}

/// A variant that was to be made again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RederivedVariant {
    /// Its name.
    pub name: String,
    /// Its own steps that ran samples through the model when they were done again: last bits of activations
    /// decide numbers there, and depend on the processor. Another machine may give another file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub machine_dependent_steps: Vec<String>,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: RederivationOutcome,
}

/// The outcome of making a variant again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum RederivationOutcome {
    /// The model is the run's byte for byte, and its record and decisions say the same.
    Identical,
    /// Something is not the run's.
    Differs {
        /// The file in the run.
        file: String,
        /// The first difference.
        problem: String,
        /// True where last bits of activations decide, which are not the same on every processor.
        machine_dependent: bool,
    },
    /// It could not be made again.
    NotDerived {
        /// The reason, and what to do.
        reason: String,
    },
}

impl Rederivation {
    /// Variants that are not the run's.
    pub fn differing(&self) -> impl Iterator<Item = &RederivedVariant> {
        let differs =
            |v: &&RederivedVariant| matches!(v.outcome, RederivationOutcome::Differs { .. });
        self.variants.iter().filter(differs)
    }

    /// Variants that could not be made again.
    pub fn not_derived(&self) -> impl Iterator<Item = &RederivedVariant> {
        let refused =
            |v: &&RederivedVariant| matches!(v.outcome, RederivationOutcome::NotDerived { .. });
        self.variants.iter().filter(refused)
    }
}
