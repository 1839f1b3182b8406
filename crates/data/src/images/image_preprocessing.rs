//! Rules that make an image file an input: resizing, cropping, order of channels, layout, normalization.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Rules by which images become inputs. By default they are not resized, channels are red, green, blue, and pixels
/// are numbers from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImagePreprocessing {
    /// Size before cropping; `None` leaves images as they are.
    pub resize: Option<ImageSize>,
    /// Pixels between pixels, where images are resized.
    pub interpolation: ImageInterpolation,
    /// Size of the part in the middle that is kept; `None` for all of it.
    pub crop: Option<ImageSize>,
    /// Order of the channels of an input with three.
    pub channels: ChannelOrder,
    /// Place of the channels among an input's axes; `None` as its shape says.
    pub layout: Option<ImageLayout>,
    /// Normalization of pixels.
    pub normalization: PixelNormalization,
}

/// A size of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ImageSize {
    /// Of the shorter side; the other keeps the proportion.
    ShorterSide(u32),
    /// Of both sides.
    Exact {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
}

/// Filter of resizing; where images become smaller, it spans as many pixels as become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageInterpolation {
    /// The nearest pixel.
    Nearest,
    /// A triangle.
    #[default]
    Bilinear,
    /// Keys' cubic with a = −0.5.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// Order of the channels of a coloured input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV and Caffe have them.
    Bgr,
}

/// Place of the channels among an input's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageLayout {
    /// Behind the batch: `[N, C, H, W]`.
    Nchw,
    /// At the end: `[N, H, W, C]`.
    Nhwc,
}

impl fmt::Display for ImageLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ImageLayout::Nchw => "nchw",
            ImageLayout::Nhwc => "nhwc",
        })
    }
}

/// Normalization of pixels from 0 to 1: `(pixel − mean) / std` per channel of the input.
/// Empty lists stand for 0 and 1; one entry serves all channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PixelNormalization {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
}

impl PixelNormalization {
    /// A pixel's number.
    pub(super) fn apply(&self, pixel: f32, channel: usize) -> f32 {
        let of = |list: &[f32], default| match list {
            [] => default,
            [one] => *one,
            many => many.get(channel).copied().unwrap_or(default),
        };
        (pixel - of(&self.mean, 0.0)) / of(&self.std, 1.0)
    }

    /// True where pixels stay what they are.
    pub(super) fn none(&self) -> bool {
        self.mean.is_empty() && self.std.is_empty()
    }

    /// Refuses lists that do not fit so many channels.
    ///
    /// # Errors
    /// A sentence with both numbers.
    pub(super) fn fits(&self, channels: usize, input: &str) -> Result<(), String> {
        for (key, list) in [("mean", &self.mean), ("std", &self.std)] {
            if list.len() > 1 && list.len() != channels {
                let (count, plural) = (list.len(), if channels == 1 { "" } else { "s" });
                return Err(format!(
                    "`{key}` under [data] has {count} numbers, but the {input} takes {channels} channel{plural}: give {channels}"
                ));
            }
        }
        Ok(())
    }
}

impl ImagePreprocessing {
    /// Refuses numbers that no image can be made with.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        for (key, list) in [("mean", &self.normalization.mean), ("std", &self.normalization.std)] {
            if !matches!(list.len(), 0 | 1 | 3) {
                let count = list.len();
                return Err(format!(
                    "`{key}` under [data] has {count} numbers; give one for each channel: 1 or 3"
                ));
            }
            if let Some(odd) = list.iter().find(|number| !number.is_finite()) {
                return Err(format!("`{key}` under [data] holds {odd}, which is no number"));
            }
        }
        if self.normalization.std.iter().any(|number| *number <= 0.0) {
            return Err(
                "`std` under [data] holds a number that is not above 0; pixels are divided by it"
                    .into(),
            );
        }
        let wide = |list: &[f32]| list.iter().any(|number| number.abs() > 1.0);
        if wide(&self.normalization.mean) && !self.normalization.std.iter().any(|s| *s < 0.02) {
            return Err("`mean` under [data] is of pixels from 0 to 1, but holds a number above 1: divide `mean` and `std` by 255".into());
        }
        for (key, size) in [("resize", self.resize), ("crop", self.crop)] {
            let sides = match size {
                Some(ImageSize::ShorterSide(side)) => [side, side],
                Some(ImageSize::Exact { height, width }) => [height, width],
                None => continue,
            };
            if let Some(odd) = sides.iter().find(|side| !(1..=MOST_SIDE).contains(*side)) {
                return Err(format!("`{key}` under [data] is {odd} pixels; give 1 to {MOST_SIDE}"));
            }
        }
        Ok(())
    }
}

/// Longest side that images are resized to.
const MOST_SIDE: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(rules: ImagePreprocessing, said: &str) {
        assert_eq!(rules.check().unwrap_err(), said);
    }

    #[test]
    fn numbers_that_make_no_image_are_named() {
        let of = |mean: &[f32], std: &[f32]| ImagePreprocessing {
            normalization: PixelNormalization { mean: mean.to_vec(), std: std.to_vec() },
            ..ImagePreprocessing::default()
        };
        refused(
            of(&[0.1, 0.2], &[]),
            "`mean` under [data] has 2 numbers; give one for each channel: 1 or 3",
        );
        refused(of(&[f32::NAN], &[]), "`mean` under [data] holds NaN, which is no number");
        refused(
            of(&[], &[0.0]),
            "`std` under [data] holds a number that is not above 0; pixels are divided by it",
        );
        refused(
            of(&[123.7, 116.3, 103.5], &[58.4, 57.1, 57.4]),
            "`mean` under [data] is of pixels from 0 to 1, but holds a number above 1: divide `mean` and `std` by 255",
        );
        let side = ImagePreprocessing {
            crop: Some(ImageSize::Exact { height: 8, width: 0 }),
            ..ImagePreprocessing::default()
        };
        refused(side, "`crop` under [data] is 0 pixels; give 1 to 16384");
        assert_eq!(of(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]).check(), Ok(()));
        // Pixels from 0 to 255, as Caffe has them.
        assert_eq!(of(&[0.408, 0.459, 0.485], &[0.003_921_57]).check(), Ok(()));
    }
}
