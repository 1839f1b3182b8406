//! Weights on their grids and biases that make up for it, layer by layer, each on what the already
//! narrowed layers before it give.

use super::affine::{Affine, OnGrid};
use super::layers::Layer;
use super::{Quantization, Rounding};
use crate::catalog::{self, Calibration, CatalogError, Linear, Rows, Walk};
use crate::recover::write_bias;
use crate::{CompressError, Draft, Paring};
use faer::linalg::solvers::Llt;
use faer::{Mat, Side};
use paring_onnx::graph::{Facts, Graph};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What layers are settled with.
pub(super) struct Settling<'a> {
    pub(super) how: &'a Quantization,
    pub(super) affines: &'a BTreeMap<String, Affine>,
    pub(super) grids: &'a BTreeMap<String, OnGrid>,
    pub(super) calibration: &'a Calibration,
}

impl Settling<'_> {
    /// Moves weights onto their grids and corrects biases in `graph`; one decision a layer.
    ///
    /// # Errors
    /// [`CompressError`] where the graph cannot be run, or a layer's inputs are singular.
    pub(super) fn settle(
        &self,
        graph: &mut Graph,
        layers: &mut [Layer],
    ) -> Result<Vec<Draft>, CompressError> {
        let facts: Facts = graph.facts(&self.calibration.dims, self.calibration.batch)?;
        let float = graph.clone();
        let mut before = Walk::new(&facts, self.calibration)?;
        let mut now = Walk::new(&facts, self.calibration)?;
        let mut drafts = Vec::new();
        for linear in catalog::linears(&float, &facts) {
            let own = layers.iter_mut().find(|l| l.position == linear.position);
            let Some(layer) = own else { continue };
            let Some(grid) = self.grids.get(&layer.name) else { continue };
            let width = linear.features();
            let seen = now.rows(graph, &linear, width)?;
            let was = match self.how.correct {
                true => before.rows(&float, &linear, width)?,
                false => Rows::default(),
            };
            let affine = self.affines.get(&layer.input).filter(|_| layer.scheme.is_static());
            let seen = through(seen, affine.copied());
            drafts.push(self.one(graph, &linear, grid, (&seen, &was))?);
            layer.refresh(graph);
        }
        Ok(drafts)
    }

    fn one(
        &self,
        graph: &mut Graph,
        linear: &Linear,
        grid: &OnGrid,
        (seen, was): (&Rows, &Rows),
    ) -> Result<Draft, CompressError> {
        // Of weights that others read too this layer gets a copy.
        let shared = graph.nodes()[linear.position].input.get(1).cloned().unwrap_or_default();
        let name = graph.own_initializer(linear.position, 1).unwrap_or(shared);
        let stored = graph.weights(&name)?;
        let not_floats = || CatalogError::NotFinite(linear.weights.clone());
        let given = linear.matrix(&stored).ok_or_else(not_floats)?;
        let rows = seen.matrix(false);
        let nearest = rounded(&given, linear, grid);
        let solved = match self.how.rounding {
            Rounding::Nearest => nearest.clone(),
            Rounding::Gptq => compensated(&given, &rows, linear, grid)?,
        };
        let mut paring = Paring::default();
        if let Some(written) = linear.write(&stored, &solved) {
            graph.set_weights(&name, written);
            paring.0.insert(name, stored);
        }
        let mut words = Vec::new();
        if self.how.rounding == Rounding::Gptq {
            words.push(format!(
                "weights rounded one after the other: outputs off by {:.5} of their power, {:.5} if each were rounded alone",
                error(&rows, &given, &solved),
                error(&rows, &given, &nearest)
            ));
        }
        if self.how.correct && linear.affine() {
            let moved = self.correct(graph, linear, (&given, &solved), (seen, was), &mut paring)?;
            words.push(format!("biases make up for mean errors of up to {moved:.2e}"));
        }
        Ok(Draft {
            operation: "settle".into(),
            coupling: linear.layer.clone(),
            calibration_sha256: Some(self.calibration.sha256.clone()),
            paring,
            reason: format!("{}; on {} rows", words.join("; "), seen.count()),
            ..Draft::default()
        })
    }

    /// Shifts biases by the mean of what the float layer gave less what this one gives; says the
    /// largest shift.
    ///
    /// Source: M. Nagel et al. 2019, arXiv 1906.04721, section 4.2 (from samples).
    fn correct(
        &self,
        graph: &mut Graph,
        linear: &Linear,
        (given, solved): (&Mat<f64>, &Mat<f64>),
        (seen, was): (&Rows, &Rows),
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
}

/// Rows as the layer will read them.
fn through(rows: Rows, affine: Option<Affine>) -> Rows {
    let Some(affine) = affine else { return rows };
    let values = rows.values.iter().map(|v| affine.through(*v)).collect();
    Rows { values, features: rows.features }
}

fn means(rows: &Rows) -> Vec<f64> {
    let mut sums = vec![0.0; rows.features];
    for row in rows.values.chunks(rows.features.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let count = rows.count().max(1) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

fn rounded(given: &Mat<f64>, linear: &Linear, grid: &OnGrid) -> Mat<f64> {
    let inputs = given.nrows();
    Mat::from_fn(inputs, given.ncols(), |f, o| {
        grid.nearest(given[(f, o)], (f, inputs), linear.output_of(o))
    })
}

/// Squared error of the outputs over their power.
fn error(rows: &Mat<f64>, given: &Mat<f64>, solved: &Mat<f64>) -> f64 {
    let (power, off) =
        ((rows * given).squared_norm_l2(), (rows * (given - solved)).squared_norm_l2());
    off / power.max(f64::MIN_POSITIVE)
}

/// Rounds input after input; what each rounding does to the outputs is made up for by the inputs that
/// are still free, with U from H⁻¹ = Uᵀ·U and H the inputs' second moments.
///
/// Source: E. Frantar et al. 2022, arXiv 2210.17323, algorithm 1.
fn compensated(
    given: &Mat<f64>,
    rows: &Mat<f64>,
    linear: &Linear,
    grid: &OnGrid,
) -> Result<Mat<f64>, CompressError> {
    let inverse = catalog::Normal::new(rows, &linear.layer)?.inverse();
    let singular = |_| CatalogError::Singular(linear.layer.clone());
    let factor: Llt<f64> = inverse.llt(Side::Lower).map_err(singular)?;
    let lower = factor.L();
    let inputs = given.nrows();
    // Row j of U, from its diagonal on.
    let upper: Vec<Vec<f64>> =
        (0..inputs).map(|j| (j..inputs).map(|k| lower[(k, j)]).collect()).collect();
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
