//! A backward pass as it is asked for: loss, gradients, and weights that vary.

use super::loss::{LossReduction, LossTerm};
use paring_onnx::ops::RoundingGradient;

/// A place in a model at which a gradient is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GradientPlace {
    /// A tensor: an input, an initializer, or one between nodes.
    Tensor(String),
    /// An input of one node, by slot: the part of its tensor's gradient that comes back through it.
    Reading {
        /// The node's name.
        node: String,
        /// The input slot.
        slot: usize,
    },
}

/// A form in which a gradient is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GradientForm {
    /// As it is, in the shape of its tensor.
    #[default]
    Whole,
    /// The sum of its squares, one number.
    SquaredNorm,
    /// The sum of its squares for each entry of an axis.
    SquaredNorms {
        /// The axis.
        axis: usize,
    },
    /// The sum of its products with the values for each entry of an axis: the derivatives of the loss
    /// by factors of the entries, at 1.
    FactorDerivatives {
        /// The axis.
        axis: usize,
    },
}

/// A gradient that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GradientTarget {
    /// Its place.
    pub place: GradientPlace,
    /// Its form.
    pub form: GradientForm,
}

impl GradientTarget {
    /// The whole gradient of a tensor.
    pub fn tensor(name: &str) -> Self {
        let place = GradientPlace::Tensor(name.to_string());
        GradientTarget { place, form: GradientForm::Whole }
    }

    /// The part of a gradient that comes back through the input `slot` of a node.
    pub fn reading(node: &str, slot: usize, form: GradientForm) -> Self {
        GradientTarget { place: GradientPlace::Reading { node: node.to_string(), slot }, form }
    }
}

/// The loss and the gradients of a backward pass.
#[derive(Clone, Debug)]
pub struct BackwardRequest {
    /// The loss is the sum of these.
    pub loss: Vec<LossTerm>,
    /// Reduction of the loss over the batch.
    pub reduction: LossReduction,
    /// The gradients.
    pub targets: Vec<GradientTarget>,
    /// Initializers of 32-bit floats that become inputs, so that a plan can be run with others.
    pub variables: Vec<String>,
    /// Gradient of Round.
    pub rounding: RoundingGradient,
}

impl BackwardRequest {
    /// Gradients of the mean of a loss; nothing varies, and rounding passes none.
    pub fn new(loss: Vec<LossTerm>, targets: Vec<GradientTarget>) -> Self {
        BackwardRequest {
            loss,
            reduction: LossReduction::Mean,
            targets,
            variables: Vec::new(),
            rounding: RoundingGradient::Zero,
        }
    }
}
