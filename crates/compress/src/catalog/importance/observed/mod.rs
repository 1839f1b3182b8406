//! Statistics of calibration samples: the samples, layers as linear maps, and the rows that these read.

mod calibration;
mod calibration_walk;
mod input_rows;
mod linear_layer;

pub use calibration::{Calibration, Range};
pub use calibration_walk::Walk;
pub use input_rows::{Rows, observe, observe_all};
pub use linear_layer::{Linear, linears, per_output};
