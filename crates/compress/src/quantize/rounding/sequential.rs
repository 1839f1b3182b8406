//! Sequential weight rounding (to the nearest or by GPTQ) and bias correction, each layer calibrated on the
//! outputs of the already quantized layers before it.

use super::bias_correction::correct_bias;
use super::gptq::gptq;
use crate::catalog::{self, Calibration, CalibrationWalk, CatalogError, InputRows, LinearLayer};
use crate::quantize::affine::AffineQuantizer;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::settings::{PostTrainingQuantization, WeightRounding};
use crate::quantize::weight_grid::WeightGrid;
use crate::{CompressError, DecisionDraft, Paring};
use faer::Mat;
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::BTreeMap;

/// Rounds weights and corrects biases layer by layer.
pub(in crate::quantize) struct SequentialRounding<'a> {
    pub(in crate::quantize) how: &'a PostTrainingQuantization,
    pub(in crate::quantize) affines: &'a BTreeMap<String, AffineQuantizer>,
    pub(in crate::quantize) grids: &'a BTreeMap<String, WeightGrid>,
    pub(in crate::quantize) calibration: &'a Calibration,
}

impl SequentialRounding<'_> {
    /// Moves weights onto their grids and corrects biases in `graph`; one decision a layer.
    ///
    /// # Errors
    /// [`CompressError`] where the graph cannot be run, or a layer's inputs are singular.
    pub(in crate::quantize) fn round_weights(
        &self,
        graph: &mut Graph,
        layers: &mut [QuantizableLayer],
    ) -> Result<Vec<DecisionDraft>, CompressError> {
        let facts: TensorFacts = graph.facts(&self.calibration.dims, self.calibration.batch)?;
        let float = graph.clone();
        let mut before = CalibrationWalk::new(&facts, self.calibration)?;
        let mut now = CalibrationWalk::new(&facts, self.calibration)?;
        let mut drafts = Vec::new();
        for linear in catalog::linears(&float, &facts) {
            let own = layers.iter_mut().find(|l| l.position == linear.position);
            let Some(layer) = own else { continue };
            let Some(grid) = self.grids.get(&layer.name) else { continue };
            let width = linear.features();
            let seen = now.rows(graph, &linear, width)?;
            let was = match self.how.correct {
                true => before.rows(&float, &linear, width)?,
                false => InputRows::default(),
            };
            let affine = self.affines.get(&layer.input).filter(|_| layer.scheme.is_static());
            let seen = fake_quantized_rows(seen, affine.copied());
            drafts.push(self.one(graph, &linear, grid, (&seen, &was))?);
            layer.refresh(graph);
        }
        Ok(drafts)
    }

    fn one(
        &self,
        graph: &mut Graph,
        linear: &LinearLayer,
        grid: &WeightGrid,
        (seen, was): (&InputRows, &InputRows),
    ) -> Result<DecisionDraft, CompressError> {
        // Of weights that others read too this layer gets a copy.
        let shared = graph.nodes()[linear.position].input.get(1).cloned().unwrap_or_default();
        let name = graph.own_initializer(linear.position, 1).unwrap_or(shared);
        let stored = graph.weights(&name)?;
        let not_floats = || CatalogError::NotFinite(linear.weights.clone());
        let given = linear.matrix(&stored).ok_or_else(not_floats)?;
        let rows = seen.matrix(false);
        let nearest = rounded_to_nearest(&given, linear, grid);
        let solved = match self.how.rounding {
            WeightRounding::Nearest => nearest.clone(),
            WeightRounding::Gptq => gptq(&given, &rows, linear, grid)?,
        };
        let mut paring = Paring::default();
        if let Some(written) = linear.write(&stored, &solved) {
            graph.set_weights(&name, written);
            paring.0.insert(name, stored);
        }
        let mut words = Vec::new();
        if self.how.rounding == WeightRounding::Gptq {
            words.push(format!(
                "weights rounded one after the other: outputs off by {:.5} of their power, {:.5} if each were rounded alone",
                error(&rows, &given, &solved),
                error(&rows, &given, &nearest)
            ));
        }
        if self.how.correct && linear.affine() {
            let moved = correct_bias(graph, linear, (&given, &solved), (seen, was), &mut paring)?;
            words.push(format!("biases make up for mean errors of up to {moved:.2e}"));
        }
        Ok(DecisionDraft {
            operation: "settle".into(),
            coupling: linear.layer.clone(),
            calibration_sha256: Some(self.calibration.sha256.clone()),
            paring,
            reason: format!("{}; on {} rows", words.join("; "), seen.count()),
            ..DecisionDraft::default()
        })
    }
}

/// Rows as the layer will read them.
fn fake_quantized_rows(rows: InputRows, affine: Option<AffineQuantizer>) -> InputRows {
    let Some(affine) = affine else { return rows };
    let values = rows.values.iter().map(|v| affine.fake_quantize(*v)).collect();
    InputRows { values, features: rows.features }
}

fn rounded_to_nearest(given: &Mat<f64>, linear: &LinearLayer, grid: &WeightGrid) -> Mat<f64> {
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
