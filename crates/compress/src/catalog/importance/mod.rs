//! Importance of components: criteria, what layers read on calibration samples, the error that a
//! removal adds, and what it is expected to save.

mod bypass_scores;
mod coupling_readers;
mod criterion;
mod deletion_error;
mod error;
mod expected_impact;
mod gradients;
mod normal_equations;
mod observed;
mod optimal_brain_surgeon;
mod scores;

pub use bypass_scores::bypass_scores;
pub use coupling_readers::{CouplingReader, opaque_readers, readers};
pub use criterion::Criterion;
pub use deletion_error::deletion_error;
pub use error::CatalogError;
pub use expected_impact::{
    CouplingDependencies, ExpectedSavings, bytes_removed, dependencies, latency_saved, savings,
    shares_removed,
};
pub use gradients::{
    ComponentGradients, CouplingGradients, GradientChange, InputGradient, LayerGradient,
    ModelGradients, WeightGradients, component_gradients, condition_numbers, layer_gradients,
    weight_gradients,
};
pub use normal_equations::DAMPING;
pub(crate) use normal_equations::{NormalEquations, damped};
pub use observed::{
    ActivationRange, Calibration, CalibrationWalk, InputRows, LinearLayer, linears, observe,
    observe_all, per_output,
};
pub use optimal_brain_surgeon::EliminationOrder;
pub use scores::{elimination, joint_error, output_errors, scores, with_bias};
