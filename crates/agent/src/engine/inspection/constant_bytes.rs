//! Bytes of a model's constants, before and after the engine packs them for its kernels.

use crate::engine::{AnalysedModel, InferencePlan};
use std::collections::HashSet;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;

impl AnalysedModel {
    /// Bytes of all constants of the analysed model: the file's initializers, folded.
    pub fn constant_bytes(&self) -> u64 {
        bytes(self.typed.nodes())
    }
}

impl InferencePlan {
    /// Bytes of all constants of the optimised plan, most of them packed for a kernel.
    pub fn constant_bytes(&self) -> u64 {
        bytes(self.runnable.model().nodes())
    }
}

fn bytes(nodes: &[TypedNode]) -> u64 {
    let mut seen = HashSet::new();
    nodes
        .iter()
        .filter_map(|node| Some((node.op_as::<Const>()?, node.outputs.first()?)))
        // A tensor that several nodes share is there once.
        .filter(|(constant, _)| seen.insert(std::sync::Arc::as_ptr(constant.val())))
        .filter_map(|(_, outlet)| outlet.fact.mem_size().to_i64().ok())
        .map(|bytes| u64::try_from(bytes).unwrap_or(0))
        .sum()
}
