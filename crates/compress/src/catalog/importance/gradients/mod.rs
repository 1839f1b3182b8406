//! Gradients of the loss: at components, at layers, and what becomes of them when a component goes.

mod component_gradients;
mod gradient_change;
mod layer_gradients;

pub use component_gradients::{ComponentGradients, CouplingGradients, component_gradients};
pub use gradient_change::{GradientChange, WeightGradients, condition_numbers, weight_gradients};
pub use layer_gradients::{InputGradient, LayerGradient, ModelGradients, layer_gradients};
