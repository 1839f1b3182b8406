//! Arrays and datasets: what models are fed with, in memory, in files, and as the agent reads it.
//!
//! Knows what an input needs (name, type, shape), not what a model is.

mod array;
mod confined;
mod inputs;
mod need;
mod temporary;
#[cfg(feature = "host")]
mod csv_table;
#[cfg(feature = "host")]
mod dataset;
#[cfg(feature = "host")]
mod error;
#[cfg(feature = "host")]
mod folder;
#[cfg(feature = "host")]
mod picture;
#[cfg(feature = "host")]
mod npy;
#[cfg(feature = "host")]
mod npz;
#[cfg(feature = "host")]
mod window;
#[cfg(feature = "host")]
mod random;
#[cfg(feature = "host")]
mod replace;
#[cfg(feature = "host")]
mod rows;

pub use array::{Array, Dtype};
pub use confined::ConfinedPath;
#[cfg(feature = "host")]
pub use csv_table::CsvTable;
#[cfg(feature = "host")]
pub use dataset::{Dataset, Wanted};
#[cfg(feature = "host")]
pub use error::DataError;
pub use inputs::{InputsError, read_tensors, write_tensors};
pub use need::{Dim, InputNeed, NeedError, UnknownSizes, assign_batch_axes};
#[cfg(feature = "host")]
pub use picture::Pixels;
#[cfg(feature = "host")]
pub use random::{random_inputs, random_sample_bytes};
#[cfg(feature = "host")]
pub use replace::{append_lines, replace_file};
#[cfg(feature = "host")]
pub use rows::Rows;
#[cfg(feature = "host")]
pub use window::{WINDOW_BYTES, Windows};
