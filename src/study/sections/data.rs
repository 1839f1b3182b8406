//! The `[data]` section: where the data are, how they are divided, and how files become numbers.

use paring_data::{
    ChannelOrder, DatasetRules, ImageInterpolation, ImageLayout, ImagePreprocessing, ImageSize,
    PixelNormalization,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Most classes that a study names.
const MOST_CLASSES: usize = 100_000;

/// The samples that variants are calibrated and evaluated on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct DataSection {
    /// An .npz file, or a folder: with a labels.csv, or a subfolder for each class.
    pub(in crate::study) path: PathBuf,
    /// Arrays (columns) of integers, one per sample, that name subsets; every metric is reported per subset.
    #[serde(default)]
    pub(in crate::study) slices: Vec<String>,
    /// An array (column) of groups that never straddle a split; intervals resample whole groups.
    #[serde(default)]
    pub(in crate::study) group: Option<String>,
    /// Origin of the number of samples of each class.
    #[serde(default)]
    pub(in crate::study) class_shares: ClassShares,
    /// Division of the samples; default: a quarter, a quarter and a half.
    #[serde(default)]
    pub(in crate::study) splits: Option<SplitsSection>,
    /// Nothing that is shown names a single sample.
    #[serde(default)]
    pub(in crate::study) private: bool,
    /// Names of the classes in the order of the model's outputs.
    #[serde(default)]
    classes: Vec<String>,
    /// Of images: the shorter side, with the other in proportion; or `[height, width]`.
    #[serde(default)]
    resize: Option<SideOrSides>,
    /// Of images, after `resize`: the middle of this size; one number stands for both sides.
    #[serde(default)]
    crop: Option<SideOrSides>,
    /// Filter of `resize`.
    #[serde(default)]
    interpolation: InterpolationKey,
    /// Order of the channels of an input with three.
    #[serde(default)]
    channels: ChannelsKey,
    /// Place of the channels among an input's axes, where its shape could be either.
    #[serde(default)]
    layout: Option<LayoutKey>,
    /// Of images: `(pixel - mean) / std` of pixels from 0 to 1, one number per channel of the input, or one for all.
    #[serde(default)]
    mean: Vec<f32>,
    /// Of images: `(pixel - mean) / std` of pixels from 0 to 1, one number per channel of the input, or one for all.
    #[serde(default)]
    std: Vec<f32>,
}

/// A side, or height and width.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum SideOrSides {
    Side(u32),
    Sides([u32; 2]),
}

/// Filter of resizing.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum InterpolationKey {
    Nearest,
    #[default]
    Bilinear,
    Bicubic,
    Lanczos,
}

/// Order of channels.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ChannelsKey {
    #[default]
    Rgb,
    Bgr,
}

/// Place of the channels.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LayoutKey {
    Nchw,
    Nhwc,
}

impl From<SideOrSides> for ImageSize {
    fn from(typed: SideOrSides) -> ImageSize {
        match typed {
            SideOrSides::Side(side) => ImageSize::ShorterSide(side),
            SideOrSides::Sides([height, width]) => ImageSize::Exact { height, width },
        }
    }
}

impl From<InterpolationKey> for ImageInterpolation {
    fn from(typed: InterpolationKey) -> ImageInterpolation {
        match typed {
            InterpolationKey::Nearest => ImageInterpolation::Nearest,
            InterpolationKey::Bilinear => ImageInterpolation::Bilinear,
            InterpolationKey::Bicubic => ImageInterpolation::Bicubic,
            InterpolationKey::Lanczos => ImageInterpolation::Lanczos,
        }
    }
}

/// Origin of the number of samples of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::study) enum ClassShares {
    /// As many as came: other samples would have other shares.
    #[default]
    Sampled,
    /// A number that was chosen beforehand.
    Fixed,
}

/// Division of the samples: three shares, stratified by label, or three names of arrays with sample indices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct SplitsSection {
    /// Recipes calibrate on these.
    pub(in crate::study) calibrate: ShareOrArray,
    /// Choices and forecasts use these.
    pub(in crate::study) select: ShareOrArray,
    /// Results speak of these alone.
    pub(in crate::study) report: ShareOrArray,
    /// Seeds the division.
    #[serde(default)]
    pub(in crate::study) seed: u64,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::study) enum ShareOrArray {
    Share(f64),
    Array(String),
}

/// The rules by which files become numbers.
///
/// # Errors
/// A sentence that names the key.
pub(in crate::study) fn dataset_rules(section: &DataSection) -> Result<DatasetRules, String> {
    let images = ImagePreprocessing {
        resize: section.resize.map(ImageSize::from),
        interpolation: section.interpolation.into(),
        crop: section.crop.map(ImageSize::from),
        channels: match section.channels {
            ChannelsKey::Rgb => ChannelOrder::Rgb,
            ChannelsKey::Bgr => ChannelOrder::Bgr,
        },
        layout: section.layout.map(|layout| match layout {
            LayoutKey::Nchw => ImageLayout::Nchw,
            LayoutKey::Nhwc => ImageLayout::Nhwc,
        }),
        normalization: PixelNormalization { mean: section.mean.clone(), std: section.std.clone() },
    };
    images.check()?;
    check_classes(&section.classes)?;
    Ok(DatasetRules { images, classes: section.classes.clone() })
}

fn check_classes(classes: &[String]) -> Result<(), String> {
    if classes.len() > MOST_CLASSES {
        let count = classes.len();
        return Err(format!("`classes` under [data] has {count} names, {MOST_CLASSES} at most"));
    }
    if classes.len() == 1 {
        return Err(
            "`classes` under [data] has one name; list all classes, in the order of the model's outputs"
                .into(),
        );
    }
    if let Some(position) = classes.iter().position(|name| name.trim().is_empty()) {
        return Err(format!("`classes` under [data] has an empty name at position {position}"));
    }
    let mut seen = std::collections::BTreeSet::new();
    match classes.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(format!("`classes` under [data] has `{twice}` twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::toml_input::parse_toml;

    #[derive(Debug, Deserialize)]
    struct Only {
        data: DataSection,
    }

    #[track_caller]
    fn refused(keys: &str, said: &str) {
        let text = format!("[data]\npath = \"x\"\n{keys}\n");
        let message = match parse_toml::<Only>(&text) {
            Ok(only) => dataset_rules(&only.data).unwrap_err(),
            Err(error) => format!("{}: {}", error.line, error.message),
        };
        assert!(message.starts_with(said), "{message}");
    }

    #[test]
    fn keys_become_rules() {
        let text = "[data]\npath = \"x\"\nresize = 256\ncrop = [224, 192]\nchannels = \"bgr\"\n\
                    layout = \"nhwc\"\ninterpolation = \"bicubic\"\nmean = [0.5]\n";
        let rules = dataset_rules(&parse_toml::<Only>(text).unwrap().data).unwrap().images;
        assert_eq!(rules.resize, Some(ImageSize::ShorterSide(256)));
        assert_eq!(rules.crop, Some(ImageSize::Exact { height: 224, width: 192 }));
        assert_eq!((rules.channels, rules.layout), (ChannelOrder::Bgr, Some(ImageLayout::Nhwc)));
        assert_eq!(rules.interpolation, ImageInterpolation::Bicubic);
    }

    #[test]
    fn what_means_nothing_is_named() {
        refused("std = [0.2, 0.2]", "`std` under [data] has 2 numbers; give one for each channel");
        refused("classes = [\"a\", \"a\"]", "`classes` under [data] has `a` twice");
        refused("classes = [\"a\"]", "`classes` under [data] has one name; list all");
        refused("channels = \"gbr\"", "3: unknown variant `gbr`, expected `rgb` or `bgr`");
    }
}
