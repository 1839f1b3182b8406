//! Bias correction: biases take over the mean error that rounding makes in each output.

use crate::catalog::{self, InputRows, LinearLayer};
use crate::prune::write_bias;
use crate::{CompressError, Paring};
use faer::Mat;
use paring_onnx::graph::Graph;

/// Shifts biases by the mean of what the float layer gave less what this one gives; says the
/// largest shift.
///
/// Source: M. Nagel et al. 2019, arXiv 1906.04721, section 4.2 (from samples).
pub(super) fn correct_bias(
    graph: &mut Graph,
    linear: &LinearLayer,
    (given, solved): (&Mat<f64>, &Mat<f64>),
    (seen, was): (&InputRows, &InputRows),
    paring: &mut Paring,
) -> Result<f64, CompressError> {
    let (mean_now, mean_was) = (means(seen), means(was));
    let last = linear.features();
    let mut biased = catalog::with_bias(graph, linear)?;
    let mut moved = 0.0f64;
    for o in 0..given.ncols() {
        let shift: f64 = (0..given.nrows())
            .map(|f| mean_was[f] * given[(f, o)] - mean_now[f] * solved[(f, o)])
            .sum();
        biased[(last, o)] += shift;
        moved = moved.max(shift.abs());
    }
    write_bias(graph, linear, &biased, paring)?;
    Ok(moved)
}

fn means(rows: &InputRows) -> Vec<f64> {
    let mut sums = vec![0.0; rows.features];
    for row in rows.values.chunks(rows.features.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let count = rows.count().max(1) as f64;
    sums.iter().map(|sum| sum / count).collect()
}
