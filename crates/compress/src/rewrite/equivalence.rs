//! Equivalence of two graphs: the same outputs on the first calibration samples, rounding apart.

use crate::CompressError;
use crate::calibration_plan::calibration_plan;
use crate::catalog::Calibration;
use paring_core::schema::EngineOptions;
use paring_onnx::graph::Graph;

/// The most by which outputs that are exact up to rounding differ, relative to the largest output, also
/// through many layers.
pub(super) const EXACT: f64 = 1e-3;

/// All outputs of a graph that are numbers, on the first calibration samples.
///
/// # Errors
/// The engine's.
pub(crate) fn first_outputs(
    graph: &Graph,
    calibration: &Calibration,
) -> Result<Vec<f32>, CompressError> {
    let plan = calibration_plan(graph, calibration, &EngineOptions::default())?;
    let outputs = plan.run_numbers(&plan.inputs(&calibration.first())?)?;
    Ok(outputs.into_iter().flatten().collect())
}

/// The same; `None` of a graph that the engine cannot run, which nothing can be held against.
pub(crate) fn runnable_outputs(graph: &Graph, calibration: &Calibration) -> Option<Vec<f32>> {
    first_outputs(graph, calibration).ok()
}

/// Refuses a rewrite that should change nothing and does, on the first calibration samples. Where the
/// engine cannot run the graph as it was, there is nothing to tell.
///
/// # Errors
/// [`CompressError::NotEquivalent`] says by how much; the engine's.
pub fn equivalent(
    rewrite: &'static str,
    before: &Graph,
    after: &Graph,
    calibration: &Calibration,
) -> Result<(), CompressError> {
    if before.encode() == after.encode() {
        return Ok(());
    }
    let Some(expected) = runnable_outputs(before, calibration) else { return Ok(()) };
    let found = first_outputs(after, calibration)?;
    if outputs_differ(&expected, &found) {
        return Err(CompressError::NotEquivalent(rewrite, relative_difference(&expected, &found)));
    }
    Ok(())
}

/// Tells if two lists of outputs are further apart than rounding explains: by their largest difference
/// and as a whole. An output that is rounded itself, as by ArgMax or to bytes, may flip in few places.
pub(crate) fn outputs_differ(a: &[f32], b: &[f32]) -> bool {
    if relative_difference(a, b) <= EXACT {
        return false;
    }
    let square = |v: f64| v * v;
    let both = || a.iter().zip(b).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan()));
    let off: f64 = both().map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let power: f64 = a.iter().filter(|v| v.is_finite()).map(|v| square(f64::from(*v))).sum();
    // What is no number on one side makes this infinite or none.
    let far = off.sqrt() > EXACT * power.sqrt();
    a.len() != b.len() || off.is_nan() || far
}

/// Largest difference of two lists of outputs relative to the largest of `a`: infinite where one is no
/// number or is missing and the other is not.
pub(crate) fn relative_difference(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let finite = a.iter().filter(|v| v.is_finite());
    let largest = finite.fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    let gap = |(a, b): (&f32, &f32)| match (a - b).abs() {
        _ if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        gap if gap.is_nan() => f64::INFINITY,
        gap => f64::from(gap / largest),
    };
    a.iter().zip(b).map(gap).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_output_may_flip_in_few_places_and_no_other_may_be_off() {
        let bytes: Vec<f32> = (0..10_000).map(|i| (i % 256) as f32).collect();
        let mut flipped = bytes.clone();
        flipped[300] += 1.0;
        assert!(relative_difference(&bytes, &flipped) > EXACT && !outputs_differ(&bytes, &flipped));
        let scaled: Vec<f32> = bytes.iter().map(|v| v * 1.01).collect();
        assert!(outputs_differ(&bytes, &scaled));
        flipped[300] = f32::NAN;
        assert!(outputs_differ(&bytes, &flipped) && outputs_differ(&flipped, &bytes));
        assert!(!outputs_differ(&flipped, &flipped) && outputs_differ(&bytes, &bytes[1..]));
    }
}
