//! Stored values other than the weights of products: biases, parameters of normalisations, tables,
//! bounds, positions.

use super::super::stored::StoredTensor;
use crate::catalog::Slices;
use serde::Serialize;

/// Values that a rewrite computed may be apart by so much of the largest.
const ROUNDING: f32 = 2e-5;

/// One stored tensor other than the weights of a product, where it is not the same in both models.
#[derive(Clone, Debug, Serialize)]
pub struct ConstantDifference {
    /// The layer in the baseline.
    pub layer: String,
    /// Its role in the layer: `bias`, `scale`, `operand` …
    pub input: String,
    /// The initializer in the baseline.
    pub tensor: String,
    /// The initializer in the variant.
    pub tensor_there: String,
    /// The baseline's type.
    pub precision: String,
    /// The variant's type.
    pub precision_there: String,
    /// Norm of the change over the norm of the baseline's, of what is left; `None` where the two
    /// cannot be put side by side.
    pub change: Option<f64>,
    /// `rounded`, `changed`, or why nothing can be said.
    pub what: String,
}

/// The same values, rounded ones, or others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diff) enum ConstantLikeness {
    Same,
    Rounded,
    Changed,
    OtherShape,
}

impl ConstantLikeness {
    pub(in crate::diff) fn words(self) -> &'static str {
        match self {
            ConstantLikeness::Same => "the same",
            ConstantLikeness::Rounded => "rounded",
            ConstantLikeness::Changed => "changed",
            ConstantLikeness::OtherShape => "its shape is not what is left of the baseline's",
        }
    }
}

/// Holds values against each other, of the baseline those that are left. `computed` are values that a
/// rewrite made, which are not the same bit for bit.
pub(in crate::diff) fn held(
    base: &StoredTensor,
    there: &StoredTensor,
    gone: &Slices,
    computed: bool,
) -> (Option<f64>, ConstantLikeness) {
    let left = left(base, gone);
    let steps = step_of(there);
    let (own, other) = match (left.len(), there.values.len()) {
        (a, b) if a == b => (left, there.values.clone()),
        (a, 1) => (left, vec![there.values[0]; a]),
        (1, b) => (vec![left[0]; b], there.values.clone()),
        _ => return (None, ConstantLikeness::OtherShape),
    };
    compared(&own, &other, steps, computed)
}

/// Values that one side has and the other has not, against zeros.
pub(in crate::diff) fn against_zeros(values: &[f32], computed: bool) -> ConstantLikeness {
    let zeros = vec![0.0; values.len()];
    let near = computed && values.iter().all(|v| v.abs() < 1e-12);
    if values == zeros || near { ConstantLikeness::Same } else { ConstantLikeness::Changed }
}

fn compared(
    own: &[f32],
    other: &[f32],
    step: f32,
    computed: bool,
) -> (Option<f64>, ConstantLikeness) {
    let (mut difference, mut norm, mut most, mut largest) = (0.0f64, 0.0f64, 0.0f32, 0.0f32);
    let mut equal = true;
    for (a, b) in own.iter().zip(other) {
        // Infinities and what is no number are the same where both are.
        if a == b || (a.is_nan() && b.is_nan()) {
            norm += if a.is_finite() { f64::from(*a).powi(2) } else { 0.0 };
            largest = if a.is_finite() { largest.max(a.abs()) } else { largest };
            continue;
        }
        equal = false;
        difference += (f64::from(*a) - f64::from(*b)).powi(2);
        norm += f64::from(*a).powi(2);
        most = most.max((a - b).abs());
        largest = largest.max(a.abs()).max(b.abs());
    }
    // Zeros have no norm to hold a change against.
    let change = (norm > 0.0 || equal).then(|| (difference / norm.max(f64::MIN_POSITIVE)).sqrt());
    let likeness = match () {
        () if equal => ConstantLikeness::Same,
        () if computed && most <= ROUNDING * largest => ConstantLikeness::Same,
        () if step > 0.0 && most <= step * 1.01 => ConstantLikeness::Rounded,
        () => ConstantLikeness::Changed,
    };
    (change, likeness)
}

fn step_of(stored: &StoredTensor) -> f32 {
    let half = stored.precision.starts_with("f16") || stored.precision.starts_with("bf16");
    let largest = stored.values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let float = if half { largest / 256.0 } else { 0.0 };
    stored.steps.0.iter().copied().fold(float, f32::max)
}

/// The values that are left after what went.
fn left(stored: &StoredTensor, gone: &Slices) -> Vec<f32> {
    let goes: Vec<Option<&Vec<usize>>> =
        stored.axes.iter().map(|axis| gone.get(&(stored.name.clone(), *axis))).collect();
    if goes.iter().all(Option::is_none) {
        return stored.values.clone();
    }
    let stays = |flat: usize| {
        let mut rest = flat;
        stored.dims.iter().zip(&goes).rev().all(|(length, gone)| {
            let at = rest % length;
            rest /= length;
            gone.is_none_or(|g| g.binary_search(&at).is_err())
        })
    };
    let values = stored.values.iter().enumerate();
    values.filter(|(flat, _)| stays(*flat)).map(|(_, value)| *value).collect()
}

/// The role of the input in a slot of an operator.
pub(in crate::diff) fn input_name(op: &str, slot: usize) -> String {
    let name = match (op, slot) {
        ("Conv" | "ConvTranspose" | "Gemm" | "MatMul", 2) => "bias",
        ("BatchNormalization" | "LayerNormalization" | "InstanceNormalization", 1) => "scale",
        ("BatchNormalization" | "LayerNormalization" | "InstanceNormalization", 2) => "bias",
        ("BatchNormalization", 3) => "mean",
        ("BatchNormalization", 4) => "variance",
        ("SimplifiedLayerNormalization" | "RMSNormalization", 1) => "scale",
        ("Clip", 1) => "minimum",
        ("Clip", 2) => "maximum",
        ("PRelu", 1) => "slope",
        ("Gather", 0) => "table",
        ("Gather", 1) => "indices",
        ("LSTM" | "GRU" | "RNN", 1) => "input weights",
        ("LSTM" | "GRU" | "RNN", 2) => "recurrent weights",
        ("LSTM" | "GRU" | "RNN", 3) => "bias",
        ("LSTM" | "GRU" | "RNN", 5) => "initial hidden state",
        ("LSTM", 6) => "initial cell state",
        ("LSTM", 7) => "peephole weights",
        ("Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow", _) => "operand",
        _ => return format!("input {slot}"),
    };
    name.into()
}
