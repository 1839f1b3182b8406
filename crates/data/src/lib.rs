//! Datasets: arrays of `.npz` files, folders of images and raw arrays with a table, and random inputs.
//!
//! Knows what an input needs (name, type, shape), not what a model is.

#![warn(missing_docs)]

mod csv_table;
mod dataset;
mod error;
mod folder;
mod npy;
mod npz;
mod picture;
mod random;
mod rows;
mod window;

pub use csv_table::CsvTable;
pub use dataset::{Dataset, DatasetRequest};
pub use error::DataError;
pub use picture::PixelNormalization;
pub use random::{random_inputs, random_sample_bytes};
pub use rows::SampleRows;
pub use window::{DatasetWindows, WINDOW_BYTES};
