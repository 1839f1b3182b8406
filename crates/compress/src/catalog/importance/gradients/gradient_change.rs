//! Gradients at the weights before and behind a component, and how they change when it goes: expected
//! from the whole model, and observed on the model without it.
//!
//! Expected is that everything else keeps its gradient: what is lost is the component's own part of the
//! squared norm.

use super::super::coupling_readers::CouplingReader;
use super::super::error::CatalogError;
use super::super::normal_equations::damped;
use super::super::observed::Calibration;
use super::super::scores::features;
use crate::catalog::{ComponentSlices, Coupling};
use crate::gradient::{
    BackwardRequest, GradientForm, GradientPlace, GradientTarget, LossReduction, backward_graph,
};
use faer::{Mat, Side};
use paring_onnx::graph::{Graph, GraphIndex, TensorFacts};
use paring_onnx::ops;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Components of a coupling times the cube of what its reader reads: beyond, no condition numbers.
const MOST_WORK: usize = 1_000_000_000;

/// An initializer and an axis of it.
type WeightAxis = (String, usize);

/// Relative changes of the norms of gradients at weights: −0.01 is one percent less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GradientChange {
    /// At the weights that make a component; `None` where none has a gradient.
    pub before: Option<f64>,
    /// At the weights that read it.
    pub behind: Option<f64>,
}

/// Squared norms of the gradients at the weights around couplings, means over the passes.
#[derive(Clone, Debug, Default)]
pub struct WeightGradients {
    /// By entry of the axis.
    squares: BTreeMap<WeightAxis, Vec<f64>>,
    /// The axes that belong to weights which read the couplings.
    behind: BTreeSet<WeightAxis>,
}

/// Gradients of the labels' cross entropy at the weights before and behind couplings. Weights that no
/// gradient reaches are left out.
///
/// # Errors
/// [`CatalogError`] where samples have no labels or the backward pass cannot be run.
pub fn weight_gradients(
    graph: &Graph,
    facts: &TensorFacts,
    couplings: &[&Coupling],
    calibration: &Calibration,
    purpose: &str,
) -> Result<WeightGradients, CatalogError> {
    let components = couplings.iter().filter_map(|coupling| coupling.components.first());
    let axes: Vec<WeightAxis> = components
        .flat_map(|component| component.slices.keys().cloned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let target = |(name, axis): &WeightAxis| GradientTarget {
        place: GradientPlace::Tensor(name.clone()),
        form: GradientForm::SquaredNorms { axis: *axis },
    };
    let loss = vec![calibration.cross_entropy(graph, purpose)?];
    let request = BackwardRequest {
        reduction: LossReduction::Sum,
        ..BackwardRequest::new(loss, axes.iter().map(target).collect())
    };
    let mut backward = backward_graph(graph, facts, &request)?;
    let given = backward.gradients.iter().map(|own| own.output.is_ok());
    let open: Vec<WeightAxis> =
        axes.into_iter().zip(given).filter(|(_, given)| *given).map(|(axis, _)| axis).collect();
    backward.gradients.retain(|own| own.output.is_ok());
    let mut squares: BTreeMap<WeightAxis, Vec<f64>> = BTreeMap::new();
    let mut passes = 0;
    if !open.is_empty() {
        calibration.visit_gradients(&backward, &mut |_, values| {
            passes += 1;
            for (axis, found) in open.iter().zip(&values.gradients) {
                let sums = squares.entry(axis.clone()).or_insert_with(|| vec![0.0; found.len()]);
                sums.iter_mut().zip(found).for_each(|(sum, own)| *sum += f64::from(*own));
            }
        })?;
    }
    let count = f64::from(passes.max(1));
    squares.values_mut().flatten().for_each(|sum| *sum /= count);
    let index = GraphIndex::new(graph);
    let behind = open.into_iter().filter(|axis| is_read(graph, &index, axis)).collect();
    Ok(WeightGradients { squares, behind })
}

/// True of the axis of weights along which their node sums over what it reads.
fn is_read(graph: &Graph, index: &GraphIndex, (name, axis): &WeightAxis) -> bool {
    index.consumers(name).iter().any(|(position, slot)| {
        let makes = graph.nodes().get(*position).and_then(ops::output_axis);
        makes.is_some_and(|(own, makes)| own == *slot && makes != *axis)
    })
}

impl WeightGradients {
    /// The change that is expected when a component goes.
    pub fn expected(&self, component: &ComponentSlices) -> GradientChange {
        let relative = |sums: Option<(f64, f64)>| {
            let (all, own) = sums.filter(|(all, _)| *all > 0.0)?;
            Some(((all - own).max(0.0) / all).sqrt() - 1.0)
        };
        let [before, behind] = self.sums(component).map(relative);
        GradientChange { before, behind }
    }

    /// The change that is observed where a component is gone: `without` are the gradients then.
    pub fn observed(
        &self,
        component: &ComponentSlices,
        without: &WeightGradients,
    ) -> GradientChange {
        let left = without.sums(component);
        let of = |behind: bool| {
            let side = usize::from(behind);
            let ((all, _), (now, _)) = (self.sums(component)[side]?, left[side]?);
            (all > 0.0).then(|| (now / all).sqrt() - 1.0)
        };
        GradientChange { before: of(false), behind: of(true) }
    }

    /// Squared norms before and behind: of all weights, and of the component's own.
    fn sums(&self, component: &ComponentSlices) -> [Option<(f64, f64)>; 2] {
        let mut sums = [None, None];
        for (axis, entries) in &component.slices {
            let Some(squares) = self.squares.get(axis) else { continue };
            let side = &mut sums[usize::from(self.behind.contains(axis))];
            let own: f64 = entries.iter().filter_map(|entry| squares.get(*entry)).sum();
            let (all, part) = side.unwrap_or((0.0, 0.0));
            *side = Some((all + squares.iter().sum::<f64>(), part + own));
        }
        sums
    }
}

/// Condition numbers of the second moments of what a layer reads of a coupling: of all of it, and without
/// each component alone. The larger, the worse are the layer's weights determined, and the slower does
/// training move them. A thousandth of the mean diagonal is added to it, as where systems are solved, so
/// that the numbers are finite. `None` of rows that are too long.
pub fn condition_numbers(reader: &CouplingReader, coupling: &Coupling) -> Option<(f64, Vec<f64>)> {
    let width = reader.rows.features;
    let work = width.saturating_pow(3).saturating_mul(coupling.components.len());
    if work > MOST_WORK || reader.rows.count() == 0 {
        return None;
    }
    let (gram, _) = damped(&reader.rows.matrix(false));
    let without = |component: &ComponentSlices| {
        let gone: BTreeSet<usize> = features(reader.layer, component).into_iter().collect();
        let left: Vec<usize> = (0..width).filter(|column| !gone.contains(column)).collect();
        condition(&Mat::from_fn(left.len(), left.len(), |i, j| gram[(left[i], left[j])]))
    };
    let each = coupling.components.iter().map(without).collect::<Option<Vec<f64>>>()?;
    Some((condition(&gram)?, each))
}

/// Largest over smallest eigenvalue.
fn condition(gram: &Mat<f64>) -> Option<f64> {
    let values = gram.self_adjoint_eigenvalues(Side::Lower).ok()?;
    let (low, high) = (values.first()?, values.last()?);
    (*low > 0.0).then(|| high / low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_numbers_are_ratios_of_eigenvalues() {
        // Eigenvalues of [[2, 1], [1, 2]] are 1 and 3, of a diagonal its entries.
        let near = |gram: &Mat<f64>, expected: f64| {
            assert!((condition(gram).unwrap() - expected).abs() < 1e-12);
        };
        near(&Mat::from_fn(2, 2, |i, j| if i == j { 2.0 } else { 1.0 }), 3.0);
        near(&Mat::from_fn(3, 3, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 }), 3.0);
        assert_eq!(condition(&Mat::from_fn(2, 2, |_, _| 1.0)).filter(|own| *own < 1e12), None);
    }
}
