//! Recovery without retraining: what remains of the layers that read a cut is solved anew, so that
//! they give what the baseline gave.
//!
//! Layers go in the order of the graph, each on the inputs that the already recovered graph produces.

use super::settings::RecoveryMethod;
use crate::catalog::{
    self, Calibration, CalibrationWalk, CatalogError, InputRows, LinearLayer, Slices,
};
use crate::{CompressError, DecisionDraft, Paring};
use faer::Mat;
use paring_agent::engine::onnx;
use paring_onnx::graph::{Graph, GraphIndex, TensorFacts, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// The number of times that a layer in front of a Relu is solved again, with what it gave in place of
/// negative targets: these are only asked to stay negative.
const RELU_PASSES: usize = 4;

/// Operation of the decisions that recovered a layer.
pub const RECOVERY_OPERATION: &str = "recover";

/// The baseline's layers with their inputs, and what was cut out of them.
pub(crate) struct RecoveryBaseline<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) layers: &'a [LinearLayer],
    pub(crate) rows: &'a [InputRows],
    /// The removed indices, by tensor and axis.
    removed: Slices,
    /// Names of nodes that read another tensor than before.
    swapped: BTreeSet<String>,
}

impl<'a> RecoveryBaseline<'a> {
    /// A graph as it was, with the layers and rows that were seen in it.
    pub(crate) fn new(graph: &'a Graph, layers: &'a [LinearLayer], rows: &'a [InputRows]) -> Self {
        RecoveryBaseline { graph, layers, rows, removed: Slices::new(), swapped: BTreeSet::new() }
    }

    /// Slices were cut out of it.
    pub(crate) fn without(self, removed: Slices) -> Self {
        RecoveryBaseline { removed, ..self }
    }

    /// Nodes were made to read something else.
    pub(crate) fn swapped(self, swapped: BTreeSet<String>) -> Self {
        RecoveryBaseline { swapped, ..self }
    }

    /// Refits every layer of `graph` that reads something changed; gives a decision for each.
    pub(crate) fn recover(
        &self,
        graph: &mut Graph,
        facts: &TensorFacts,
        recovery: RecoveryMethod,
        calibration: &Calibration,
    ) -> Result<Vec<DecisionDraft>, CompressError> {
        let layers = catalog::linears(graph, facts);
        let (dirty, index) = (self.dirty(graph), GraphIndex::new(graph));
        let mut walk = CalibrationWalk::new(facts, calibration)?;
        let mut drafts = Vec::new();
        let old = self.layers.iter().zip(self.rows);
        let before: BTreeMap<_, _> = keyed(self.graph, self.layers).into_iter().zip(old).collect();
        for (key, new) in keyed(graph, &layers).into_iter().zip(&layers) {
            let Some((old, rows)) = before.get(&key) else { continue };
            // Weights that serve two layers cannot be solved for one of them.
            if index.only_consumer(&new.weights).is_none() {
                continue;
            }
            let shifts = matches!(recovery, RecoveryMethod::Mean | RecoveryMethod::Statistics);
            let node = &graph.nodes()[new.position].name;
            let stale = dirty.contains(&new.input) || self.swapped.contains(node);
            if !stale || (shifts && !new.affine()) {
                continue;
            }
            let now = walk.rows(graph, new, old.features())?;
            let target = self.target(old, rows)?;
            let fit = LayerFit::new(graph, new, &now, target)?;
            let solved = match recovery {
                RecoveryMethod::LeastSquares => fit.least_squares(new)?,
                RecoveryMethod::Statistics => fit.moments(new, true),
                _ => fit.moments(new, false),
            };
            drafts.push(fit.apply(graph, new, &solved, (recovery, calibration))?);
        }
        Ok(drafts)
    }

    /// Tensors that are not what they were in the baseline.
    fn dirty(&self, graph: &Graph) -> BTreeSet<String> {
        let mut dirty: BTreeSet<String> =
            self.removed.keys().map(|(tensor, _)| tensor.clone()).collect();
        for node in graph.nodes() {
            let mut read = node.input.iter().map(String::as_str).chain(onnx::captured(node));
            let stale = read.any(|input| dirty.contains(input));
            if stale || self.swapped.contains(&node.name) {
                dirty.extend(node.output.iter().cloned());
            }
        }
        dirty
    }

    /// The outputs of the baseline's layer, of those that are still there.
    pub(crate) fn target(
        &self,
        layer: &LinearLayer,
        rows: &InputRows,
    ) -> Result<Mat<f64>, CatalogError> {
        let weights = catalog::with_bias(self.graph, layer)?;
        let gone = self.removed.get(&(layer.weights.clone(), layer.output_axis));
        let kept: Vec<usize> = (0..layer.columns())
            .filter(|c| gone.is_none_or(|g| g.binary_search(&layer.output_of(*c)).is_err()))
            .collect();
        let weights = Mat::from_fn(weights.nrows(), kept.len(), |i, j| weights[(i, kept[j])]);
        Ok(rows.matrix(layer.affine()) * weights)
    }
}

/// The key of a layer before and after a cut: its node's name, its weights, and which of its
/// groups. The layer's name may change where another layer of the module went.
fn keyed(graph: &Graph, layers: &[LinearLayer]) -> Vec<(String, String, usize)> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let key = |l: &LinearLayer| {
        let groups = seen.entry(l.position).or_default();
        *groups += 1;
        (graph.nodes()[l.position].name.clone(), l.weights.clone(), *groups)
    };
    layers.iter().map(key).collect()
}

/// One layer to be solved.
pub(crate) struct LayerFit {
    rows: Mat<f64>,
    /// Weights as they are after the cut, a bias last.
    given: Mat<f64>,
    target: Mat<f64>,
}

impl LayerFit {
    pub(crate) fn new(
        graph: &Graph,
        layer: &LinearLayer,
        rows: &InputRows,
        target: Mat<f64>,
    ) -> Result<LayerFit, CatalogError> {
        let given = catalog::with_bias(graph, layer)?;
        Ok(LayerFit { rows: rows.matrix(layer.affine()), given, target })
    }

    /// min ‖rows · W − target‖² + λ‖W − given‖²: what the samples leave open stays as it was.
    pub(crate) fn least_squares(&self, layer: &LinearLayer) -> Result<Mat<f64>, CatalogError> {
        let normal = catalog::NormalEquations::new(&self.rows, &layer.layer)?;
        let prior = &self.given * faer::Scale(normal.ridge());
        let scale = faer::Scale(1.0 / self.rows.nrows().max(1) as f64);
        let solve =
            |target: &Mat<f64>| normal.solve(&((self.rows.transpose() * target) * scale + &prior));
        let mut solved = solve(&self.target);
        for _ in 0..if layer.relu { RELU_PASSES } else { 0 } {
            let found = &self.rows * &solved;
            let wanted = Mat::from_fn(self.target.nrows(), self.target.ncols(), |i, j| {
                let target = self.target[(i, j)];
                if target > 0.0 { target } else { found[(i, j)].min(0.0) }
            });
            solved = solve(&wanted);
        }
        Ok(solved)
    }

    /// Outputs get the baseline's mean and, where `spread`, its variance.
    fn moments(&self, layer: &LinearLayer, spread: bool) -> Mat<f64> {
        let found = &self.rows * &self.given;
        let count = found.nrows().max(1) as f64;
        let mut solved = self.given.clone();
        let last = layer.features();
        for j in 0..found.ncols() {
            let moments = |m: &Mat<f64>| {
                let mean = m.col(j).iter().sum::<f64>() / count;
                (mean, m.col(j).iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count)
            };
            let ((is, varies), (was, varied)) = (moments(&found), moments(&self.target));
            // An output that no longer varies cannot be made to.
            let factor = if spread && varies > 0.0 { (varied / varies).sqrt() } else { 1.0 };
            (0..=last).for_each(|i| solved[(i, j)] *= factor);
            solved[(last, j)] += was - is * factor;
        }
        solved
    }

    /// Squared error behind the Relu, if there is one, relative to the target's spread.
    fn error(&self, layer: &LinearLayer, weights: &Mat<f64>) -> f64 {
        relative_error(&(&self.rows * weights), &self.target, layer.relu)
    }

    fn apply(
        &self,
        graph: &mut Graph,
        layer: &LinearLayer,
        solved: &Mat<f64>,
        (recovery, calibration): (RecoveryMethod, &Calibration),
    ) -> Result<DecisionDraft, CompressError> {
        let weights = graph.weights(&layer.weights)?;
        let mut paring = Paring::default();
        if let (Some(written), true) =
            (layer.write(&weights, solved), recovery != RecoveryMethod::Mean)
        {
            graph.set_weights(&layer.weights, written);
            paring.0.insert(layer.weights.clone(), weights);
        }
        if layer.affine() {
            write_bias(graph, layer, solved, &mut paring)?;
        }
        let (before, after) = (self.error(layer, &self.given), self.error(layer, solved));
        let how = match recovery {
            RecoveryMethod::LeastSquares => "least squares on weights and bias",
            RecoveryMethod::Statistics => "scaled and shifted to the baseline's mean and variance",
            _ => "bias moved to the baseline's mean",
        };
        Ok(DecisionDraft {
            operation: RECOVERY_OPERATION.into(),
            coupling: layer.layer.clone(),
            calibration_sha256: Some(calibration.sha256.clone()),
            paring,
            reason: format!(
                "{how}: its output was off by {:.4} of its variance, is by {:.4}, on {} rows of {} samples",
                before,
                after,
                self.rows.nrows(),
                calibration.samples()
            ),
            ..DecisionDraft::default()
        })
    }
}

/// Squared error of outputs relative to the variance of `target`, both `[rows, outputs]`; behind a Relu
/// where `relu`.
pub(crate) fn relative_error(outputs: &Mat<f64>, target: &Mat<f64>, relu: bool) -> f64 {
    let pass = |v: f64| if relu { v.max(0.0) } else { v };
    let (mut error, mut spread) = (0.0, 0.0);
    for j in 0..outputs.ncols() {
        let target: Vec<f64> = target.col(j).iter().map(|v| pass(*v)).collect();
        let mean = target.iter().sum::<f64>() / target.len().max(1) as f64;
        for (i, target) in target.iter().enumerate() {
            error += (pass(outputs[(i, j)]) - target).powi(2);
            spread += (target - mean).powi(2);
        }
    }
    error / spread.max(f64::MIN_POSITIVE)
}

/// Writes the last row of `solved` into a layer's bias, which is made where it could be and is not.
pub(crate) fn write_bias(
    graph: &mut Graph,
    layer: &LinearLayer,
    solved: &Mat<f64>,
    paring: &mut Paring,
) -> Result<(), CompressError> {
    let last = layer.features();
    let width = graph.dims(&layer.weights).and_then(|d| d.get(layer.output_axis).copied());
    let width = width.unwrap_or(layer.outputs.end);
    let (name, mut dims, mut values) = match bias_place(graph, layer) {
        Some((position, slot)) => {
            let shared = graph.nodes()[position].input[slot].clone();
            let name = graph.own_initializer(position, slot).unwrap_or(shared);
            let bias = graph.weights(&name)?;
            let values = catalog::per_output(bias.to_f32().unwrap_or_default(), width);
            let dims = bias.dims.clone();
            paring.0.insert(name.clone(), bias);
            (name, dims, values)
        }
        None => {
            let base = format!("{}#bias", graph.nodes()[layer.position].output[0]);
            (graph.fresh_name(&base), vec![width], vec![0.0; width])
        }
    };
    for (j, output) in layer.outputs.clone().enumerate() {
        values[output] = (solved[(last, j)] / layer.factors.1) as f32;
    }
    if dims.iter().product::<usize>() != values.len() {
        dims = vec![values.len()];
    }
    graph.set_weights(&name, Weights::f32(&dims, &values));
    if let (Some(slot), Some(node)) = (layer.bias_slot, graph.node_mut(layer.position)) {
        node.input.resize((slot + 1).max(node.input.len()), String::new());
        node.input[slot] = name;
    }
    Ok(())
}

/// The node and the slot in which a layer's bias is read now: its own, or those of the addition behind
/// a product.
fn bias_place(graph: &Graph, layer: &LinearLayer) -> Option<(usize, usize)> {
    let node = &graph.nodes()[layer.position];
    if node.input.get(2).is_some_and(|given| !given.is_empty()) {
        return Some((layer.position, 2));
    }
    layer.bias.as_ref()?;
    let product = node.output.first()?;
    let adds = graph.nodes().iter().enumerate().skip(layer.position);
    let mut adds =
        adds.filter(|(_, other)| other.op_type == "Add" && other.input.contains(product));
    let (position, add) = adds.next()?;
    Some((position, add.input.iter().position(|input| input != product)?))
}
