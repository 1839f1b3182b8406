//! Gradients of the labels' cross entropy on calibration samples.

use super::super::error::CatalogError;
use super::calibration::{Calibration, in_order};
use crate::gradient::{
    BackwardGraph, BackwardPass, GradientValues, LossFunction, LossInput, LossTerm,
};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use paring_core::schema::TaskKind;
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

impl Calibration {
    /// The cross entropy of the samples' classes, at the output that the labels are about; `purpose`
    /// is for messages.
    ///
    /// # Errors
    /// [`CatalogError::NoLabels`] of samples without labels, [`CatalogError::NoClasses`] of other tasks
    /// than classification.
    pub fn cross_entropy(&self, graph: &Graph, purpose: &str) -> Result<LossTerm, CatalogError> {
        let rule = self.rule.filter(|_| !self.labels.is_empty());
        let rule = rule.ok_or_else(|| CatalogError::NoLabels(purpose.into()))?;
        if rule.kind != TaskKind::Classification {
            return Err(CatalogError::NoClasses(purpose.into(), rule.kind));
        }
        let outputs = graph.outputs();
        let output = outputs.get(rule.output).or(outputs.first());
        Ok(LossTerm {
            tensor: output.map(|name| name.to_string()).unwrap_or_default(),
            function: LossFunction::CrossEntropy(rule.scores),
            weight: 1.0,
        })
    }

    /// Runs a backward graph whose loss reads labels on every batch, on all cores, and hands on what
    /// comes of it in the batches' order.
    ///
    /// # Errors
    /// Those of [`BackwardPass`].
    pub fn visit_gradients(
        &self,
        backward: &BackwardGraph,
        look: &mut dyn FnMut(usize, GradientValues),
    ) -> Result<(), CatalogError> {
        for LossInput { tensor, dims, .. } in &backward.inputs {
            let (answers, labels) = (dims.iter().product(), self.batch);
            if answers != labels {
                let output = tensor.clone();
                return Err(CatalogError::LabelCount { output, answers, labels });
            }
        }
        let pass = BackwardPass::load(backward)?;
        let each = |batch: usize| Ok(pass.run(&self.labelled_arrays(batch, &backward.inputs))?);
        in_order(self.batches(), each, look)
    }

    /// The inputs of one batch with its labels.
    fn labelled_arrays(&self, batch: usize, inputs: &[LossInput]) -> BTreeMap<String, Array> {
        let mut arrays = self.arrays(batch);
        let labels = |position: usize| {
            let place = (batch * self.batch + position) % self.labels.len().max(1);
            self.labels.get(place).copied().unwrap_or(0)
        };
        for input in inputs {
            let own: Vec<i64> = (0..input.dims.iter().product()).map(labels).collect();
            // As many as the shape has places.
            if let Ok(own) = ArrayD::from_shape_vec(IxDyn(&input.dims), own) {
                arrays.insert(input.name.clone(), Array::I64(own));
            }
        }
        arrays
    }
}
