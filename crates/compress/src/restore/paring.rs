//! The tensors that a decision took out or overwrote.

use paring_onnx::graph::Weights;
use std::collections::BTreeMap;

/// Everything that a decision took out or overwrote: tensors by name.
///
/// A slice that was removed is `initializer@axis`; `initializer@axis#indices` are the original indices
/// it stood at, `initializer@axis#places` those in the axis as it was just before. Slices of one
/// initializer went in the order of their axes and come back in the reverse order. A tensor that was
/// replaced as a whole has its own name; where single weights became zero, `initializer#mask` is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paring(pub BTreeMap<String, Weights>);
