//! Images: samples read from image files, and samples drawn as pictures.

mod image_samples;
mod sample_picture;

pub use image_samples::PixelNormalization;
pub(crate) use image_samples::{read, sample};
pub use sample_picture::SamplePicture;
