//! The factor of the inverse Hessian by which SparseGPT and GPTQ hand an input's error to the inputs
//! behind it.

use crate::catalog::{CatalogError, NormalEquations};
use faer::{Mat, Side};

/// U with H⁻¹ = Uᵀ·U, upper triangular; H are the damped second moments of `rows`, `[count, inputs]`.
///
/// # Errors
/// [`CatalogError::Singular`] names `layer` where there is no such factor.
pub(crate) fn inverse_factor(rows: &Mat<f64>, layer: &str) -> Result<Mat<f64>, CatalogError> {
    let singular = |_| CatalogError::Singular(layer.to_string());
    let inverse = NormalEquations::new(rows, layer)?.inverse();
    let lower = inverse.llt(Side::Lower).map_err(singular)?;
    Ok(lower.L().transpose().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use paring_core::stats;
    use rand::RngExt;

    #[test]
    fn the_inverse_s_factor_is_one() {
        let mut rng = stats::generator(3, "rows");
        let rows = Mat::from_fn(50, 6, |_, _| rng.random::<f64>());
        let upper = inverse_factor(&rows, "layer").unwrap();
        let (damped, _) = catalog::damped(&rows);
        let one = &damped * (upper.transpose() * &upper);
        for i in 0..6 {
            for j in 0..6 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((one[(i, j)] - expected).abs() < 1e-8);
                assert!(i <= j || upper[(i, j)] == 0.0);
            }
        }
    }
}
