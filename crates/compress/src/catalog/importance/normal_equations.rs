//! The normal equations of a layer's inputs, factored.

use super::error::CatalogError;
use faer::linalg::solvers::{DenseSolveCore, Llt};
use faer::prelude::*;
use faer::{Mat, Scale, Side};

/// Share of the mean diagonal of H that is added to it.
pub const DAMPING: f64 = 1e-3;

/// H = E[a aᵀ] + λ over rows a, factored: as it is, or, where there are fewer rows than inputs, through
/// the rows: H⁻¹ = (1 − Aᵀ(A·Aᵀ + n·λ)⁻¹A)/λ (Woodbury 1950), which is far less work then.
#[derive(Debug)]
pub(crate) struct NormalEquations<'a> {
    rows: &'a Mat<f64>,
    ridge: f64,
    factor: CholeskyFactor,
}

#[derive(Debug)]
enum CholeskyFactor {
    Inputs(Llt<f64>),
    Rows(Llt<f64>),
}

impl<'a> NormalEquations<'a> {
    /// Factors; `rows` are `[count, inputs]`, `layer` is for the message.
    pub(crate) fn new(rows: &'a Mat<f64>, layer: &str) -> Result<Self, CatalogError> {
        let singular = |_| CatalogError::Singular(layer.to_string());
        if rows.nrows() >= rows.ncols() {
            let (damped, ridge) = damped(rows);
            let factor = CholeskyFactor::Inputs(damped.llt(Side::Lower).map_err(singular)?);
            return Ok(NormalEquations { rows, ridge, factor });
        }
        let ridge = ridge(rows);
        let mut inner = rows * rows.transpose();
        let count = rows.nrows().max(1) as f64;
        (0..rows.nrows()).for_each(|i| inner[(i, i)] += count * ridge);
        let factor = CholeskyFactor::Rows(inner.llt(Side::Lower).map_err(singular)?);
        Ok(NormalEquations { rows, ridge, factor })
    }

    /// λ.
    pub(crate) fn ridge(&self) -> f64 {
        self.ridge
    }

    /// H⁻¹ · x.
    pub(crate) fn solve(&self, x: &Mat<f64>) -> Mat<f64> {
        match &self.factor {
            CholeskyFactor::Inputs(factor) => factor.solve(x),
            CholeskyFactor::Rows(inner) => {
                let through = self.rows.transpose() * inner.solve(self.rows * x);
                (x - through) * Scale(1.0 / self.ridge)
            }
        }
    }

    /// H⁻¹.
    pub(crate) fn inverse(&self) -> Mat<f64> {
        match &self.factor {
            CholeskyFactor::Inputs(factor) => factor.inverse(),
            CholeskyFactor::Rows(inner) => {
                let through = self.rows.transpose() * inner.solve(self.rows);
                let mut inverse = through * Scale(-1.0 / self.ridge);
                (0..inverse.nrows()).for_each(|i| inverse[(i, i)] += 1.0 / self.ridge);
                inverse
            }
        }
    }

    /// E[a aᵀ] · weights, without the damping.
    pub(crate) fn cross(&self, weights: &Mat<f64>) -> Mat<f64> {
        let outputs = self.rows * weights;
        (self.rows.transpose() * outputs) * Scale(1.0 / self.rows.nrows().max(1) as f64)
    }
}

/// H with its damping, and λ.
pub(crate) fn damped(rows: &Mat<f64>) -> (Mat<f64>, f64) {
    let count = rows.nrows().max(1) as f64;
    let mut gram = (rows.transpose() * rows) * Scale(1.0 / count);
    let ridge = ridge(rows);
    (0..gram.nrows()).for_each(|i| gram[(i, i)] += ridge);
    (gram, ridge)
}

fn ridge(rows: &Mat<f64>) -> f64 {
    let power: f64 = (0..rows.ncols()).map(|j| rows.col(j).squared_norm_l2()).sum();
    let count = (rows.nrows() * rows.ncols()).max(1) as f64;
    (DAMPING * power / count).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn both_ways_solve_the_same_equations() {
        let mut rng = paring_core::stats::generator(4, "normal");
        for (count, inputs) in [(40, 9), (9, 40)] {
            let rows = Mat::from_fn(count, inputs, |_, _| rng.random::<f64>() - 0.4);
            let x = Mat::from_fn(inputs, 3, |_, _| rng.random::<f64>());
            let normal = NormalEquations::new(&rows, "layer").unwrap();
            let (h, _) = damped(&rows);
            let back = &h * normal.solve(&x);
            let one = &h * normal.inverse();
            for i in 0..inputs {
                (0..3).for_each(|j| assert!((back[(i, j)] - x[(i, j)]).abs() < 1e-8));
                assert!((one[(i, i)] - 1.0).abs() < 1e-8);
            }
            let ridge = normal.ridge();
            let expected = (&h * &x) - &x * Scale(ridge);
            let found = normal.cross(&x);
            (0..inputs).for_each(|i| assert!((found[(i, 0)] - expected[(i, 0)]).abs() < 1e-9));
        }
    }
}
