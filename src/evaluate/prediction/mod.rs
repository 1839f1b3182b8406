//! Predictions of a model on a dataset: from output tensors to classes and probabilities.

mod model_outputs;
mod predict_error;
mod predictor;
mod quantized_output;
mod sample_output;
mod task_output;

pub use model_outputs::{GroundTruth, ModelOutputs, PixelOutputs, SampleMismatch};
pub use predict_error::PredictError;
pub use predictor::Predictor;
pub use task_output::{OutputError, task_output};
