//! Errors of judging components.

use super::criterion::Criterion;
use crate::gradient::GradientError;
use paring_agent::engine::EngineError;
use paring_core::schema::TaskKind;
use paring_onnx::graph::GraphError;

/// An error of the catalog. Messages name the tensor or the coupling.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// An activation is not a number.
    #[error(
        "tensor `{0}` is NaN or infinite on the calibration samples; the model or the data are broken"
    )]
    NotFinite(String),
    /// The criterion needs calibration samples.
    #[error("{0} needs calibration samples; give the study a [data] section")]
    NoCalibration(String),
    /// Something needs to know what is right.
    #[error(
        "{0} needs calibration samples with labels: gradients are those of the cross entropy of the labels' classes"
    )]
    NoLabels(String),
    /// Labels are no classes.
    #[error("{0} needs one class a sample: gradients of {1} tasks are not taken yet")]
    NoClasses(String, TaskKind),
    /// The output has another number of answers than there are labels.
    #[error(
        "{answers} answers of `{output}` for {labels} labels a batch: gradients need one class a sample"
    )]
    LabelCount {
        /// The output.
        output: String,
        /// Its answers in one batch.
        answers: usize,
        /// Samples in one batch.
        labels: usize,
    },
    /// The backward pass cannot be made or run.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// The criterion judges something else.
    #[error("{what} cannot be judged by `{criterion}`; known for them are {known}")]
    Criterion {
        /// The criterion.
        criterion: Criterion,
        /// Plural of the components that were to be judged.
        what: &'static str,
        /// Criteria that can.
        known: &'static str,
    },
    /// A system of equations has no solution.
    #[error(
        "calibration inputs of layer `{0}` do not determine its weights (singular Gram matrix); use more, or more varied, calibration samples"
    )]
    Singular(String),
    /// The graph cannot be read.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph cannot be run.
    #[error("run the calibration samples")]
    Engine(#[from] EngineError),
}
