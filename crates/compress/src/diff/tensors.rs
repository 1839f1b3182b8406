//! The weights of a pair of operators, held against each other.

use super::TensorDifference;
use super::channels::OperatorPair;
use super::operators::WeightedOperator;
use crate::catalog::Slices;

/// The values are equal, or equal but for the rounding of a rewrite.
pub(super) const SAME: &str = "the same";
/// Each value is the baseline's within a step of the coarser type.
pub(super) const ROUNDED: &str = "rounded";
/// Weights that were trained or computed further: by fine-tuning, recovery or hand.
pub(super) const CHANGED: &str = "weights changed";
/// Weights that were not made from one another.
pub(super) const OTHER_WEIGHTS: &str =
    "other weights: of another training, or channels in another order";

/// Values that a rewrite computed may be apart by so much of the largest.
const ROUNDING: f64 = 2e-5;
/// Weights whose cosine is below this were not made from one another.
const UNLIKE: f64 = 0.5;

/// Holds the weights of a pair against each other, of the baseline those that are left. `computed`: a
/// rewrite made them, so that they are not the same bit for bit.
pub(super) fn tensor(pair: &OperatorPair, gone: &Slices, computed: bool) -> TensorDifference {
    let (base, variant) = (pair.base, pair.variant);
    let zeros = |o: &WeightedOperator| {
        o.values.iter().filter(|v| **v == 0.0).count() as f64 / o.values.len().max(1) as f64
    };
    let left = |axis: usize, length: usize| -> Vec<usize> {
        let gone = gone.get(&(base.weights.clone(), axis));
        (0..length).filter(|i| gone.is_none_or(|g| g.binary_search(i).is_err())).collect()
    };
    let outputs = left(base.output_axis, base.dims[0]);
    let inputs = match base.form.depthwise {
        true => (0..base.dims[1]).collect(),
        false => left(base.input_axis, base.dims[1]),
    };
    let fits = [outputs.len(), inputs.len(), base.dims[2]] == variant.dims;
    let (change, likeness, what) = match (fits, variant.scaled) {
        (false, _) => (None, None, "its shape is not what is left of the baseline's".to_string()),
        (_, false) => {
            (None, None, "its scale is applied behind the layer; only its form is known".into())
        }
        (true, true) => {
            let (change, likeness, what) = change(base, variant, &[outputs, inputs], computed);
            (Some(change), Some(likeness), what.to_string())
        }
    };
    TensorDifference {
        layer: base.layer.clone(),
        layer_there: variant.layer.clone(),
        tensor: base.weights.clone(),
        tensor_there: variant.weights.clone(),
        precision: base.precision.clone(),
        precision_there: variant.precision.clone(),
        sparsity: zeros(base),
        sparsity_there: zeros(variant),
        change,
        likeness,
        elements: variant.values.len(),
        what,
    }
}

/// Relative L2 norm of the change, cosine, and what it is called.
fn change(
    base: &WeightedOperator,
    variant: &WeightedOperator,
    [outputs, inputs]: &[Vec<usize>; 2],
    computed: bool,
) -> (f64, f64, &'static str) {
    let (mut difference, mut norm, mut product, mut power, mut rounded) =
        (0.0, 0.0, 0.0, 0.0, true);
    let (mut equal, mut most, mut largest) = (true, 0.0f64, 0.0f64);
    let [_, width, places] = base.dims;
    let mut there = variant.values.iter();
    // What a normalisation folded in was rounded as well.
    let grain = if computed { 2.0 } else { 1.0 } / 1024.0;
    for (row, o) in outputs.iter().enumerate() {
        let step = f64::from(variant.steps.get(row).copied().unwrap_or(0.0));
        for at in inputs.iter().flat_map(|i| (0..places).map(move |k| (o * width + i) * places + k))
        {
            let (was, is) = (f64::from(base.values[at]), f64::from(*there.next().unwrap_or(&0.0)));
            let apart = (is - was).abs();
            difference += apart.powi(2);
            norm += was * was;
            product += was * is;
            power += is * is;
            equal &= apart == 0.0;
            most = most.max(apart);
            largest = largest.max(was.abs()).max(is.abs());
            // Half a step, and what computing the scale in single precision leaves; a clipped end
            // of the range may be off by a whole one.
            let half = if variant.precision == "f16" { grain * is.abs() + 1e-7 } else { 0.0 };
            let bfloat = if variant.precision == "bf16" { is.abs() / 128.0 } else { 0.0 };
            rounded &= apart <= step * 1.01 + half + bfloat;
        }
    }
    let change = (difference / f64::max(norm, f64::MIN_POSITIVE)).sqrt();
    let zero = norm == 0.0 && power == 0.0;
    let likeness =
        if zero { 1.0 } else { product / f64::max((norm * power).sqrt(), f64::MIN_POSITIVE) };
    let narrower = variant.precision != base.precision && variant.precision != "f32";
    let what = match () {
        () if equal || (computed && most <= ROUNDING * largest) => SAME,
        () if narrower && rounded => ROUNDED,
        () if likeness < UNLIKE => OTHER_WEIGHTS,
        () if narrower => "rounded, after the weights had changed",
        () => CHANGED,
    };
    (change, likeness, what)
}
