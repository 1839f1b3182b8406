//! Statistics of calibration samples: the samples, layers as linear maps, and the rows that these read.

mod calibration;
mod calibration_walk;
mod input_rows;
mod linear_layer;
mod loss_gradients;

pub use calibration::{ActivationRange, Calibration};
pub use calibration_walk::CalibrationWalk;
pub use input_rows::{InputRows, observe, observe_all};
pub use linear_layer::{LinearLayer, linears, per_output};
