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
pub use dataset::{Dataset, Wanted};
pub use error::DataError;
pub use picture::Pixels;
pub use random::{random_inputs, random_sample_bytes};
pub use rows::Rows;
pub use window::{WINDOW_BYTES, Windows};
