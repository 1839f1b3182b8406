//! Datasets: arrays of `.npz` files, folders of images and raw arrays with a table, and random inputs.
//!
//! Knows what an input needs (name, type, shape), not what a model is.

#![warn(missing_docs)]

mod csv_table;
mod dataset;
mod dataset_loading;
mod dataset_rules;
mod data_error;
mod labelled_folder;
mod labels;
mod npy;
mod npz;
mod images;
mod random_inputs;
mod sample_rows;
mod dataset_windows;

pub use csv_table::CsvTable;
pub use data_error::DataError;
pub use dataset::{Dataset, DatasetRequest};
pub use dataset_rules::DatasetRules;
pub use dataset_windows::{DatasetWindows, WINDOW_BYTES};
pub use images::{
    ChannelOrder, ImageInterpolation, ImageLayout, ImagePreprocessing, ImageSize, ImageSurvey,
    PixelNormalization, SamplePicture,
};
pub use random_inputs::{random_inputs, random_sample_bytes};
pub use sample_rows::SampleRows;
