//! Images: samples read from image files, and samples drawn as pictures.

mod image_preprocessing;
mod image_samples;
mod image_survey;
mod pixel_grid;
mod sample_picture;

pub use image_preprocessing::{
    ChannelOrder, ImageInterpolation, ImageLayout, ImagePreprocessing, ImageSize,
    PixelNormalization,
};
pub(crate) use image_samples::{read, sample};
pub use image_survey::ImageSurvey;
pub use sample_picture::SamplePicture;
