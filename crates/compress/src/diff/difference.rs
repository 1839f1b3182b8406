//! Differences of a variant from its baseline, as far as they can be told from the two models.

use super::channels::CouplingDifference;
use super::execution::OutputComparison;
use super::flow::{ConstantDifference, OperatorChange};
use paring_core::schema::OriginalIndices;
use serde::Serialize;

/// The conclusion of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceVerdict {
    /// The same operators and the same stored values, whatever their names.
    Identical,
    /// Another file that computes the same.
    SameFunction,
    /// Something was changed, and it is said what.
    Changed,
    /// Something differs that is not explained.
    NotExplained,
}

/// Differences of a variant from its baseline, as far as they can be told from the two models.
#[derive(Clone, Debug, Serialize)]
pub struct ModelDifference {
    /// The conclusion.
    pub verdict: DifferenceVerdict,
    /// The conclusion for a person: one sentence for each kind of difference.
    pub conclusion: Vec<String>,
    /// Rewrites of only one of the two before they were compared.
    pub rewrites: Vec<String>,
    /// The outputs of both on the same inputs.
    pub outputs: OutputComparison,
    /// Couplings of the baseline, and what is left of them.
    pub couplings: Vec<CouplingDifference>,
    /// Weights that both have.
    pub tensors: Vec<TensorDifference>,
    /// Other stored values that are not the same in both.
    pub constants: Vec<ConstantDifference>,
    /// Operators that do something else.
    pub operators_changed: Vec<OperatorChange>,
    /// Operators without weights that the variant has not, as `layer: operator`.
    pub operators_removed: Vec<String>,
    /// Operators without weights that the baseline has not, as `layer: operator`.
    pub operators_added: Vec<String>,
    /// Tensors that are read elsewhere, and inputs and outputs of the models that differ.
    pub data_flow: Vec<String>,
    /// Quantization of activations that differs.
    pub quantization: Vec<String>,
    /// Layers of the baseline that the variant has not.
    pub layers_removed: Vec<String>,
    /// Layers of the variant that the baseline has not.
    pub layers_added: Vec<String>,
    /// Differences that cannot be explained, for a person.
    pub unexplained: Vec<String>,
    /// Of the variant's own shortened initializers: the baseline's indices that are left.
    pub origins: OriginalIndices,
    /// A note on the comparison of activations, or the reason that there was none.
    pub activations: String,
}

/// One weight tensor in both models.
#[derive(Clone, Debug, Serialize)]
pub struct TensorDifference {
    /// The layer in the baseline.
    pub layer: String,
    /// The layer in the variant.
    pub layer_there: String,
    /// The initializer in the baseline.
    pub tensor: String,
    /// The initializer in the variant.
    pub tensor_there: String,
    /// The baseline's type, `f32` say.
    pub precision: String,
    /// The variant's type, `int8 per channel` say.
    pub precision_there: String,
    /// Share of zeros in the baseline, 0 to 1.
    pub sparsity: f64,
    /// Share of zeros in the variant.
    pub sparsity_there: f64,
    /// Norm of the change over the norm of the baseline's, of what is left; `None` where the two
    /// cannot be put side by side.
    pub change: Option<f64>,
    /// Cosine of the weights that are left and the variant's.
    pub likeness: Option<f64>,
    /// Elements that were compared.
    #[serde(skip)]
    pub(super) elements: usize,
    /// `the same`, `rounded`, `weights changed`, `other weights`, or why nothing can be said.
    pub what: String,
}

impl ModelDifference {
    /// True if the variant is the baseline.
    pub fn is_none(&self) -> bool {
        self.verdict == DifferenceVerdict::Identical
    }
}
