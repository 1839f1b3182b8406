//! GPTQ: weights rounded input by input, the inputs that are still free making up for each error.

use crate::CompressError;
use crate::catalog::LinearLayer;
use crate::inverse_hessian::inverse_factor;
use crate::quantize::weight_grid::WeightGrid;
use faer::Mat;
use rayon::prelude::*;

/// Rounds input after input; what each rounding does to the outputs is made up for by the inputs that
/// are still free, with U from H⁻¹ = Uᵀ·U and H the inputs' second moments.
///
/// Source: E. Frantar et al. 2022, arXiv 2210.17323, algorithm 1.
pub(super) fn gptq(
    given: &Mat<f64>,
    rows: &Mat<f64>,
    linear: &LinearLayer,
    grid: &WeightGrid,
) -> Result<Mat<f64>, CompressError> {
    let factor = inverse_factor(rows, &linear.layer)?;
    let inputs = given.nrows();
    // Row j of U, from its diagonal on.
    let upper: Vec<Vec<f64>> =
        (0..inputs).map(|j| (j..inputs).map(|k| factor[(j, k)]).collect()).collect();
    let columns: Vec<Vec<f64>> = (0..given.ncols())
        .into_par_iter()
        .map(|o| {
            let mut column: Vec<f64> = (0..inputs).map(|f| given[(f, o)]).collect();
            for (j, row) in upper.iter().enumerate() {
                let nearest = grid.nearest(column[j], (j, inputs), linear.output_of(o));
                let off = (column[j] - nearest) / row[0];
                column[j] = nearest;
                column[j + 1..].iter_mut().zip(&row[1..]).for_each(|(w, u)| *w -= off * u);
            }
            column
        })
        .collect();
    Ok(Mat::from_fn(inputs, given.ncols(), |f, o| columns[o][f]))
}
