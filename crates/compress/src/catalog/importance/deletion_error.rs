//! The error of components that are left out while the layers that read them keep their weights.

use super::coupling_readers::CouplingReader;
use super::error::CatalogError;
use super::scores::{features, of_unit_variance, with_bias};
use crate::catalog::Coupling;
use faer::Mat;
use paring_onnx::graph::Graph;

/// The error that leaving out all of `gone` (positions) adds where the readers' weights stay as they
/// are: the mean square of what is missing from each reader's outputs over their variance, summed over
/// the readers. `centred`: biases take over its mean, so that only the rest counts.
///
/// # Errors
/// [`CatalogError`] where a weight is not made of 32-bit floats.
pub fn deletion_error(
    graph: &Graph,
    coupling: &Coupling,
    readers: &[CouplingReader],
    gone: &[usize],
    centred: bool,
) -> Result<f64, CatalogError> {
    let mut error = 0.0;
    for CouplingReader { layer, rows } in readers {
        let rows = rows.matrix(layer.affine());
        let weights = of_unit_variance(&rows, with_bias(graph, layer)?);
        let own: Vec<usize> =
            gone.iter().flat_map(|c| features(layer, &coupling.components[*c])).collect();
        let (count, outputs) = (rows.nrows(), weights.ncols());
        let inputs = Mat::from_fn(count, own.len(), |i, j| rows[(i, own[j])]);
        let missing = inputs * Mat::from_fn(own.len(), outputs, |i, j| weights[(own[i], j)]);
        let power: f64 = spreads(&(rows * weights)).iter().map(|(_, variance)| variance).sum();
        let each = spreads(&missing);
        let square = |(mean, variance): &(f64, f64)| match centred {
            true => *variance,
            false => variance + mean * mean,
        };
        error += each.iter().map(square).sum::<f64>() / power.max(f64::MIN_POSITIVE);
    }
    Ok(error)
}

/// Mean and variance of each column.
fn spreads(values: &Mat<f64>) -> Vec<(f64, f64)> {
    let count = values.nrows().max(1) as f64;
    let of = |column: usize| {
        let mean = values.col(column).iter().sum::<f64>() / count;
        let squares = values.col(column).iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        (mean, squares / count)
    };
    (0..values.ncols()).map(of).collect()
}
