//! Backward elimination: the components that the layers that read them can best do without, when their
//! weights may make up for it.
//!
//! For one layer with inputs a (and a constant 1), H = E[a aᵀ], weights W and B = H⁻¹·G with
//! G = E[a tᵀ] = H·W, leaving out the inputs S and solving for the rest anew adds the error
//! tr(B_Sᵀ ([H⁻¹]_SS)⁻¹ B_S). H⁻¹ and B of the rest follow by a downdate of rank |S|.
//!
//! Source: Hassibi & Stork 1993; for blocks of structured pruning Kurtic et al. 2022, arXiv 2203.07259.

use super::error::CatalogError;
use super::normal_equations::NormalEquations;
use faer::Accum;
use faer::linalg::matmul::matmul;
use faer::prelude::*;
use faer::{Col, Mat, Scale, Side};
use rayon::prelude::*;

/// One layer that reads the components.
#[derive(Debug)]
pub(super) struct ReaderProblem {
    /// H⁻¹.
    inverse: Mat<f64>,
    /// Bᵀ, `[outputs, inputs]`: what belongs to an input stands together in memory.
    solution: Mat<f64>,
    /// Variance of all outputs together, which errors are relative to.
    power: f64,
    /// The inputs of every component.
    blocks: Vec<Vec<usize>>,
}

/// Components in the order they go, and the error that each adds, relative to the outputs' power.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EliminationOrder {
    /// Positions of components.
    pub order: Vec<usize>,
    /// The error that each added when it went, in the same order.
    pub added: Vec<f64>,
    /// The error that each of the others would add.
    pub left: Vec<(usize, f64)>,
}

impl ReaderProblem {
    /// `rows` are inputs, `[count, inputs]`, the last a constant 1 where there is a bias; `weights`
    /// are `[inputs, outputs]`.
    pub(super) fn new(
        layer: &str,
        rows: &Mat<f64>,
        weights: &Mat<f64>,
        blocks: Vec<Vec<usize>>,
    ) -> Result<ReaderProblem, CatalogError> {
        let normal = NormalEquations::new(rows, layer)?;
        let cross = normal.cross(weights);
        Ok(ReaderProblem {
            inverse: normal.inverse(),
            solution: normal.solve(&cross).transpose().to_owned(),
            power: variance(rows, weights, &cross),
            blocks,
        })
    }

    /// Variance of all outputs together, which errors are relative to.
    pub(super) fn power(&self) -> f64 {
        self.power
    }

    /// The error that leaving out a component adds.
    pub(super) fn error(&self, component: usize) -> f64 {
        let block = &self.blocks[component];
        let own = Mat::from_fn(block.len(), block.len(), |i, j| self.inverse[(block[i], block[j])]);
        // Numerically these inputs are a combination of the others: nothing is lost.
        let Ok(factor) = own.llt(Side::Lower) else { return 0.0 };
        let lower = factor.L();
        // With the factor L, tr(Bᵀ(L·Lᵀ)⁻¹B) = ‖L⁻¹B‖²: forward substitution, row by row of B.
        let mut solved: Vec<Col<f64>> = Vec::with_capacity(block.len());
        for (i, input) in block.iter().enumerate() {
            let mut row = self.solution.col(*input).to_owned();
            for (j, earlier) in solved.iter().enumerate() {
                row -= earlier * Scale(lower[(i, j)]);
            }
            solved.push(row * Scale(1.0 / lower[(i, i)]));
        }
        solved.iter().map(|row| row.squared_norm_l2()).sum::<f64>() / self.power
    }

    pub(super) fn remove(&mut self, component: usize) {
        let block = self.blocks[component].clone();
        let n = self.inverse.nrows();
        let own = Mat::from_fn(block.len(), block.len(), |i, j| self.inverse[(block[i], block[j])]);
        let Ok(factor) = own.llt(Side::Lower) else { return };
        let columns = Mat::from_fn(n, block.len(), |i, j| self.inverse[(i, block[j])]);
        let b =
            Mat::from_fn(self.solution.nrows(), block.len(), |o, j| self.solution[(o, block[j])]);
        let (x, y) =
            (factor.solve(b.transpose().to_owned()), factor.solve(columns.transpose().to_owned()));
        // In place: a wide layer's matrix is too large to be made anew for every component.
        let par = faer::get_global_parallelism();
        matmul(self.solution.as_mut(), Accum::Add, x.transpose(), columns.transpose(), -1.0, par);
        matmul(self.inverse.as_mut(), Accum::Add, &columns, &y, -1.0, par);
    }
}

/// Variance of `rows · weights`, all outputs together.
fn variance(rows: &Mat<f64>, weights: &Mat<f64>, cross: &Mat<f64>) -> f64 {
    let count = rows.nrows().max(1) as f64;
    let mean_row = Mat::from_fn(1, rows.ncols(), |_, j| rows.col(j).iter().sum::<f64>() / count);
    let means = &mean_row * weights;
    let squares: f64 = (0..weights.ncols())
        .map(|o| (0..weights.nrows()).map(|i| weights[(i, o)] * cross[(i, o)]).sum::<f64>())
        .sum();
    let spread = squares - means.row(0).iter().map(|m| m * m).sum::<f64>();
    spread.max(f64::MIN_POSITIVE)
}

/// Takes out `count` of `candidates`, one after the other, always the one that adds the least to the sum
/// of all layers' errors.
pub(super) fn eliminate(
    problems: &mut [ReaderProblem],
    candidates: Vec<usize>,
    count: usize,
) -> EliminationOrder {
    let mut alive = candidates;
    let mut found = EliminationOrder::default();
    loop {
        let score = |c: &usize| -> f64 { problems.iter().map(|p| p.error(*c)).sum() };
        let errors: Vec<f64> = alive.par_iter().map(score).collect();
        let least = (0..alive.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]));
        let Some(least) = least.filter(|_| found.order.len() < count) else {
            found.left = alive.into_iter().zip(errors).collect();
            return found;
        };
        let component = alive.remove(least);
        problems.iter_mut().for_each(|p| p.remove(component));
        found.order.push(component);
        found.added.push(errors[least]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::normal_equations::damped;
    use super::*;

    fn numbers(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
        use rand::RngExt;
        let mut rng = paring_core::stats::generator(seed, "numbers");
        Mat::from_fn(rows, columns, |_, _| rng.random::<f64>() - 0.3)
    }

    /// Mean squared error of the best weights on all inputs but some, by solving anew.
    fn brute(rows: &Mat<f64>, weights: &Mat<f64>, gone: &[usize]) -> f64 {
        let kept: Vec<usize> = (0..rows.ncols()).filter(|i| !gone.contains(i)).collect();
        let (damped, ridge) = damped(rows);
        let pick =
            |m: &Mat<f64>| Mat::from_fn(kept.len(), kept.len(), |i, j| m[(kept[i], kept[j])]);
        let cross = &damped * weights - weights * Scale(ridge);
        let g = Mat::from_fn(kept.len(), weights.ncols(), |i, j| cross[(kept[i], j)]);
        let x = pick(&damped).llt(Side::Lower).unwrap().solve(&g);
        // Up to a constant, the damped objective: −tr(Gᵀ X).
        -(0..g.ncols())
            .map(|j| (0..g.nrows()).map(|i| g[(i, j)] * x[(i, j)]).sum::<f64>())
            .sum::<f64>()
    }

    #[test]
    fn errors_are_those_of_solving_anew() {
        let (rows, weights) = (numbers(60, 7, 1), numbers(7, 3, 2));
        let blocks: Vec<Vec<usize>> = vec![vec![0, 1], vec![2, 3], vec![4, 5]];
        let mut problems = [ReaderProblem::new("layer", &rows, &weights, blocks.clone()).unwrap()];
        let power = problems[0].power;
        let found = eliminate(&mut problems, vec![0, 1, 2], 2);
        let mut gone = Vec::new();
        for (component, added) in found.order.iter().zip(&found.added) {
            let before = brute(&rows, &weights, &gone);
            let of = |c: usize| brute(&rows, &weights, &[gone.clone(), blocks[c].clone()].concat());
            let others = (0..3).filter(|c| !gone.contains(&blocks[*c][0]));
            let least = others.map(of).fold(f64::INFINITY, f64::min);
            assert!((of(*component) - least).abs() < 1e-9);
            assert!(((of(*component) - before) / power - added).abs() < 1e-9);
            gone.extend(&blocks[*component]);
        }
        assert_eq!(found.left.len(), 1);
    }
}
