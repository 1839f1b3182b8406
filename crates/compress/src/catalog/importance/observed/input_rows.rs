//! Rows of inputs that layers read on the calibration samples, taken at the same places whichever
//! graph is looked at, so that rows of a pruned graph can be held against those of the baseline.

use super::super::error::CatalogError;
use super::calibration::Calibration;
use super::linear_layer::LinearLayer;
use faer::Mat;
use ndarray::ArrayD;
use paring_core::stats;
use paring_onnx::graph::Graph;
use rand::seq::index::sample;
use std::collections::BTreeSet;

/// At most so many numbers are kept for a layer; beyond, places are drawn at random.
const BUDGET: usize = 4_000_000;

/// Rows of one layer, `[count, features]`.
#[derive(Clone, Debug, Default)]
pub struct InputRows {
    /// Row by row.
    pub values: Vec<f32>,
    /// Length of a row.
    pub features: usize,
}

impl InputRows {
    /// Number of rows.
    pub fn count(&self) -> usize {
        self.values.len() / self.features.max(1)
    }

    /// As a matrix, with a last column of ones where `constant`.
    pub fn matrix(&self, constant: bool) -> Mat<f64> {
        let width = self.features;
        Mat::from_fn(self.count(), width + usize::from(constant), |row, column| match column {
            c if c == width => 1.0,
            c => f64::from(self.values[row * width + c]),
        })
    }
}

/// Rows of each of `layers` on all samples. `widths` are the lengths of rows that decide how many are
/// taken: those of the baseline, so that two graphs are looked at in the same places.
///
/// # Errors
/// Those of [`Calibration::visit`].
pub fn observe(
    graph: &Graph,
    layers: &[&LinearLayer],
    widths: &[usize],
    calibration: &Calibration,
) -> Result<Vec<InputRows>, CatalogError> {
    let tensors: Vec<String> =
        layers.iter().map(|l| l.input.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let empty = |l: &&LinearLayer| InputRows { values: Vec::new(), features: l.features() };
    let mut rows: Vec<InputRows> = layers.iter().map(empty).collect();
    calibration.visit(graph, &tensors, &mut |batch, outputs| {
        for ((layer, rows), width) in layers.iter().zip(&mut rows).zip(widths) {
            let Some(x) = tensors.binary_search(&layer.input).ok().map(|i| &outputs[i]) else {
                continue;
            };
            RowSampling { layer, width: *width, calibration }.append(batch, x, &mut rows.values);
        }
    })?;
    Ok(rows)
}

/// Rows of all `layers` of a graph; empty ones without samples.
///
/// # Errors
/// Those of [`Calibration::visit`].
pub fn observe_all(
    graph: &Graph,
    layers: &[LinearLayer],
    calibration: Option<&Calibration>,
) -> Result<Vec<InputRows>, CatalogError> {
    let Some(calibration) = calibration else {
        return Ok(vec![InputRows::default(); layers.len()]);
    };
    let all: Vec<&LinearLayer> = layers.iter().collect();
    let widths: Vec<usize> = layers.iter().map(LinearLayer::features).collect();
    observe(graph, &all, &widths, calibration)
}

/// Places at which a layer's rows are taken.
pub(super) struct RowSampling<'a> {
    pub(super) layer: &'a LinearLayer,
    /// Length of the baseline's rows.
    pub(super) width: usize,
    pub(super) calibration: &'a Calibration,
}

impl RowSampling<'_> {
    /// Appends the rows of one batch, whose values of the layer's input are `x`.
    pub(super) fn append(&self, batch: usize, x: &ArrayD<f32>, into: &mut Vec<f32>) {
        let Calibration { batch: size, .. } = self.calibration;
        let samples = self.calibration.batches() * size;
        let all = self.layer.rows_in(x.shape());
        let want = (BUDGET / self.width.max(1) / samples).clamp(1, all);
        for own in 0..x.shape()[0] {
            let purpose = format!("places {} {}", self.layer.layer, batch * size + own);
            let mut places = sample(&mut stats::generator(0, &purpose), all, want).into_vec();
            places.sort_unstable();
            places.into_iter().for_each(|place| self.layer.append_row(x, own, place, into));
        }
    }
}
