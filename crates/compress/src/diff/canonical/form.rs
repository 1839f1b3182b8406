//! The canonical form of a graph, and the order in which it is reached.

use super::activation_quantization::{self, ActivationQuantization};
use super::rewriter::{GraphRewriter, RewriteLog};
use super::{affine, constants, fused, patterns, products, reshape};
use crate::catalog::Calibration;
use paring_agent::engine::DimensionBindings;
use paring_core::error_chain::error_chain;
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};

/// A graph in the form that is compared.
pub(in crate::diff) struct CanonicalGraph {
    /// The same function in standard operators, for the engine.
    pub(in crate::diff) executable: Graph,
    /// The form that is compared, which is not ONNX.
    pub(in crate::diff) graph: Graph,
    /// Of the executable graph; a reason where the engine cannot analyse it.
    pub(in crate::diff) facts: Result<TensorFacts, String>,
    /// The rewritten layers, by kind.
    pub(in crate::diff) rewrites: RewriteLog,
    /// Initializers whose values a rewrite computed.
    pub(in crate::diff) computed: BTreeSet<String>,
    /// Shapes of its tensors.
    pub(in crate::diff) shapes: BTreeMap<String, Vec<usize>>,
    /// Quantization of computed tensors.
    pub(in crate::diff) quantizations: Vec<ActivationQuantization>,
}

/// Brings a graph into canonical form; without `shapes` only as far as it goes without them. `probe` are inputs that it takes, for what the engine computes.
pub(in crate::diff) fn canonical(
    graph: &Graph,
    bindings: DimensionBindings,
    shapes: bool,
    probe: impl Fn(&Graph) -> Option<Calibration>,
) -> CanonicalGraph {
    let mut executable = graph.clone();
    let rewrites = fused::expand(&mut executable, bindings);
    let facts = executable.facts(bindings.dims, bindings.batch);
    let facts = facts.map_err(|error| error_chain(&error));
    let known = facts.as_ref().ok().filter(|_| shapes).cloned().unwrap_or_default();
    let mut rewriter = GraphRewriter::new(executable.clone(), known, rewrites);
    if facts.is_ok() && shapes {
        constants::fold(&mut rewriter, &executable, probe(&executable).as_ref());
    }
    let quantizations = activation_quantization::lift(&mut rewriter);
    reshape::normalize(&mut rewriter);
    patterns::normalize(&mut rewriter);
    affine::fold(&mut rewriter);
    products::unwrap(&mut rewriter);
    reshape::normalize(&mut rewriter);
    // Biases that a reshape stood in front of.
    affine::fold(&mut rewriter);
    rewriter.merge_repetitions();
    rewriter.drop_dead();
    let renamed = |mut quantization: ActivationQuantization| {
        while let Some(other) = rewriter.renamed.get(&quantization.tensor) {
            quantization.tensor.clone_from(other);
        }
        quantization
    };
    let quantizations = quantizations.into_iter().map(renamed).collect();
    let GraphRewriter { graph, rewrites, computed, facts: TensorFacts { shapes, .. }, .. } =
        rewriter;
    CanonicalGraph { executable, graph, facts, rewrites, computed, shapes, quantizations }
}
