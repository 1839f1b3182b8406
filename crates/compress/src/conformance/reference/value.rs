//! Exact tensors, and what a node reads of them.

use paring_onnx::graph::{ElementType, Node, Weights};
use std::collections::BTreeMap;

/// A tensor; integers of up to 32 bits and their sums are exact in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactTensor {
    /// Shape.
    pub dims: Vec<usize>,
    /// Element type.
    pub element: ElementType,
    /// Elements in row-major order.
    pub data: Vec<f64>,
}

/// The reason that a node has no exact value here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExactError {
    /// An operator without a definition here.
    #[error("node `{0}`: operator {1} has no exact reference")]
    Operator(String, String),
    /// Something a node needs is not there.
    #[error("node `{0}`: {1}")]
    Node(String, &'static str),
}

impl ExactTensor {
    /// Floats of a shape.
    pub fn floats(dims: &[usize], data: Vec<f64>) -> ExactTensor {
        ExactTensor { dims: dims.to_vec(), element: ElementType::F32, data }
    }

    pub(super) fn of(weights: &Weights) -> Option<ExactTensor> {
        let data = match weights.element {
            ElementType::F32 => weights.to_f32()?.into_iter().map(f64::from).collect(),
            ElementType::I8 => weights.bytes.iter().map(|b| f64::from(*b as i8)).collect(),
            ElementType::U8 => weights.bytes.iter().map(|b| f64::from(*b)).collect(),
            _ => weights.to_i64()?.into_iter().map(|v| v as f64).collect(),
        };
        Some(ExactTensor { dims: weights.dims.clone(), element: weights.element, data })
    }

    /// The only element, or that of a position where there is one each.
    pub(super) fn at(&self, position: usize) -> f64 {
        if self.data.len() == 1 { self.data[0] } else { self.data[position] }
    }

    pub(super) fn span(&self) -> (f64, f64) {
        match self.element {
            ElementType::I8 => (-128.0, 127.0),
            _ => (0.0, 255.0),
        }
    }
}

/// A node and what it reads.
pub(super) struct NodeInputs<'a> {
    pub(super) node: &'a Node,
    pub(super) values: &'a BTreeMap<String, ExactTensor>,
}

impl NodeInputs<'_> {
    pub(super) fn get(&self, slot: usize) -> Result<&ExactTensor, ExactError> {
        self.maybe(slot).ok_or(ExactError::Node(self.node.name.clone(), "an input is missing"))
    }

    pub(super) fn maybe(&self, slot: usize) -> Option<&ExactTensor> {
        self.values.get(self.node.input.get(slot)?)
    }

    pub(super) fn wrong(&self, why: &'static str) -> ExactError {
        ExactError::Node(self.node.name.clone(), why)
    }
}

/// y = saturate(round half to even(x / scale) + zero).
pub(super) fn quantized(x: f64, scale: f64, zero: f64, (low, high): (f64, f64)) -> f64 {
    ((x / scale).round_ties_even() + zero).clamp(low, high)
}
