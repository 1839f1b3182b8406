//! The canonical form of a graph, and the order in which it is reached.

use super::rewriter::{Rewriter, Rewrites};
use super::{affine, constants, expand, patterns, products, quantized, reshape};
use crate::catalog::Calibration;
use paring_agent::engine::DimensionBindings;
use paring_onnx::graph::{ElementType, Facts, Graph};
use std::collections::{BTreeMap, BTreeSet};

/// A graph in the form that is compared.
pub(in crate::diff) struct Canonical {
    /// The same function in standard operators, for the engine.
    pub(in crate::diff) executable: Graph,
    /// The form that is compared, which is not ONNX.
    pub(in crate::diff) graph: Graph,
    /// Of the executable graph; a reason where the engine cannot analyse it.
    pub(in crate::diff) facts: Result<Facts, String>,
    /// What was rewritten, by kind.
    pub(in crate::diff) rewrites: Rewrites,
    /// Initializers whose values a rewrite computed.
    pub(in crate::diff) computed: BTreeSet<String>,
    /// Shapes of its tensors.
    pub(in crate::diff) shapes: BTreeMap<String, Vec<usize>>,
    /// Quantization of computed tensors.
    pub(in crate::diff) quantizations: Vec<ActivationQuantization>,
}

/// The numbers that a computed tensor is quantized with.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::diff) struct ActivationQuantization {
    /// The tensor that is quantized.
    pub(in crate::diff) tensor: String,
    /// Distance of two neighbouring values.
    pub(in crate::diff) scale: f32,
    /// The integer that stands for zero.
    pub(in crate::diff) zero: f32,
    /// The type of the integers.
    pub(in crate::diff) element: ElementType,
}

impl ActivationQuantization {
    /// Smallest value that can be told.
    pub(in crate::diff) fn low(&self) -> f32 {
        (self.span().0 - self.zero) * self.scale
    }

    /// Largest value that can be told.
    pub(in crate::diff) fn high(&self) -> f32 {
        (self.span().1 - self.zero) * self.scale
    }

    fn span(&self) -> (f32, f32) {
        match self.element.0 {
            3 => (-128.0, 127.0),
            4 => (0.0, 65_535.0),
            5 => (-32_768.0, 32_767.0),
            _ => (0.0, 255.0),
        }
    }
}

/// Brings a graph into canonical form; without `shapes` only as far as it goes without them. `probe` are inputs that it takes, for what the engine computes.
pub(in crate::diff) fn canonical(
    graph: &Graph,
    bindings: DimensionBindings,
    shapes: bool,
    probe: impl Fn(&Graph) -> Option<Calibration>,
) -> Canonical {
    let mut executable = graph.clone();
    let rewrites = expand::expand(&mut executable, bindings);
    let facts = executable.facts(bindings.dims, bindings.batch);
    let facts = facts.map_err(|error| chain(&error));
    let known = facts.as_ref().ok().filter(|_| shapes).cloned().unwrap_or_default();
    let mut rewriter = Rewriter::new(executable.clone(), known, rewrites);
    if facts.is_ok() && shapes {
        constants::fold(&mut rewriter, &executable, probe(&executable).as_ref());
    }
    let quantizations = quantized::lift(&mut rewriter);
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
    let Rewriter { graph, rewrites, computed, facts: Facts { shapes, .. }, .. } = rewriter;
    Canonical { executable, graph, facts, rewrites, computed, shapes, quantizations }
}

/// An error with its causes.
pub(in crate::diff) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
