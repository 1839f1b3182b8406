//! Images as samples of an input: upright, in the input's layout, grey by ITU-R BT.601. Resized only where
//! the rules say so: what a network was trained on is not for this tool to guess.

use super::image_preprocessing::{ChannelOrder, ImageLayout, ImagePreprocessing};
use super::pixel_grid::PixelGrid;
use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, ImageResult};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, Dim, Dtype, InputNeed};
use std::path::Path;

/// Largest image, decoded: a few kilobytes can claim any size.
const MOST_BYTES: u64 = 256 << 20;

/// Reads an image by its contents, and turns it as its EXIF orientation says.
pub(crate) fn read(path: &Path) -> ImageResult<DynamicImage> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    if decoder.total_bytes() > MOST_BYTES {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Makes an image a sample of the input: grey or coloured, resized, cropped, channels first or last, floats
/// or bytes.
pub(crate) fn sample(
    picture: &DynamicImage,
    need: &InputNeed,
    rules: &ImagePreprocessing,
) -> Result<Array, String> {
    let input = format!("input `{}` {} {}", need.name, need.dtype, need.shape());
    check_type(need, rules, &input)?;
    let layouts = layouts(need, rules)?;
    let Some(channels) = layouts.first().map(|layout| layout.channels) else {
        return Err(format!(
            "the {input} is no image: it has no 1 or 3 channels behind the batch or at the end; use an .npz file"
        ));
    };
    let grid = |channels| {
        let grid = PixelGrid::of(picture, channels);
        let grid = match rules.resize {
            Some(size) => grid.resized(size, rules.interpolation),
            None => grid,
        };
        rules.crop.map_or(Ok(grid.clone()), |size| grid.cropped(size))
    };
    let first = grid(channels)?;
    let (width, height) = first.size();
    let (width, height) = (width as usize, height as usize);
    let fits = |dim: &Dim, size: usize| !matches!(dim, Dim::Fixed(n) if *n != size);
    let fitting = layouts.iter().find(|l| fits(l.height, height) && fits(l.width, width));
    let Some(layout) = fitting else {
        return Err(misfit(&layouts, (width, height), &input, rules));
    };
    let grid = if layout.channels == channels { first } else { grid(layout.channels)? };
    rules.normalization.fits(layout.channels, &input)?;
    Ok(laid_out(&grid, layout, need.dtype, rules))
}

/// A way to read an input's axes as those of an image.
#[derive(Clone, Copy)]
struct AxisReading<'a> {
    channels: usize,
    channels_first: bool,
    height: &'a Dim,
    width: &'a Dim,
}

/// Refuses inputs whose numbers are no pixels.
fn check_type(need: &InputNeed, rules: &ImagePreprocessing, input: &str) -> Result<(), String> {
    match need.dtype {
        Dtype::F32 => Ok(()),
        Dtype::U8 if rules.normalization.none() => Ok(()),
        Dtype::U8 => Err(format!(
            "`mean` and `std` need float32, but the {input} takes pixels as bytes; leave them out"
        )),
        _ => Err(format!(
            "images feed inputs of float32 or uint8, not the {input}; use an .npz file"
        )),
    }
}

/// Every reading of the input's axes that the rules allow. Of an input that could be either, the one that
/// the image fits is taken.
fn layouts<'a>(
    need: &'a InputNeed,
    rules: &ImagePreprocessing,
) -> Result<Vec<AxisReading<'a>>, String> {
    let channel = |dim: &Dim| match dim {
        Dim::Fixed(n @ (1 | 3)) => Some(*n),
        _ => None,
    };
    let [_, a, b, c] = need.dims.as_slice() else { return Ok(vec![]) };
    let first = channel(a).map(|channels| AxisReading {
        channels,
        channels_first: true,
        height: b,
        width: c,
    });
    let last = channel(c).map(|channels| AxisReading {
        channels,
        channels_first: false,
        height: a,
        width: b,
    });
    let found: Vec<AxisReading> = match rules.layout {
        Some(ImageLayout::Nchw) => first.into_iter().collect(),
        Some(ImageLayout::Nhwc) => last.into_iter().collect(),
        None => first.into_iter().chain(last).collect(),
    };
    match rules.layout {
        Some(layout) if found.is_empty() => Err(format!(
            "`layout` under [data] is \"{layout}\", but the input `{}` {} {} has no 1 or 3 channels there; leave `layout` out or correct it",
            need.name,
            need.dtype,
            need.shape()
        )),
        _ => Ok(found),
    }
}

/// The sentence about an image of the wrong size, with the key that mends it.
fn misfit(
    layouts: &[AxisReading],
    (width, height): (usize, usize),
    input: &str,
    rules: &ImagePreprocessing,
) -> String {
    let resized = rules.resize.is_some() || rules.crop.is_some();
    let made = if resized { ", as `resize` and `crop` under [data] make it," } else { "" };
    let sizes = layouts.iter().find_map(|layout| match (layout.height, layout.width) {
        (Dim::Fixed(height), Dim::Fixed(width)) => Some((*height, *width)),
        _ => None,
    });
    let remedy = match sizes {
        Some((height, width)) => format!(
            "write what the model was trained with under [data], `resize = [{height}, {width}]` say"
        ),
        None => "resize the images beforehand".into(),
    };
    format!("an image of {width}x{height}{made} does not fit the {input}; {remedy}")
}

/// Pixels in the input's order of axes and channels.
fn laid_out(
    grid: &PixelGrid,
    layout: &AxisReading,
    dtype: Dtype,
    rules: &ImagePreprocessing,
) -> Array {
    let (width, height) = grid.size();
    let (width, height, channels) = (width as usize, height as usize, layout.channels);
    let shape = match layout.channels_first {
        true => [channels, height, width],
        false => [height, width, channels],
    };
    let swapped = rules.channels == ChannelOrder::Bgr && channels == 3;
    let at = |i: &IxDyn| {
        let (c, y, x) = match layout.channels_first {
            true => (i[0], i[1], i[2]),
            false => (i[2], i[0], i[1]),
        };
        let own = if swapped { channels - 1 - c } else { c };
        ((y * width + x) * channels + own, c)
    };
    match dtype {
        Dtype::U8 => {
            let bytes = grid.bytes();
            Array::U8(ArrayD::from_shape_fn(IxDyn(&shape), |i| bytes[at(&i).0]))
        }
        _ => {
            let shares = grid.shares();
            Array::F32(ArrayD::from_shape_fn(IxDyn(&shape), |i| {
                let (place, channel) = at(&i);
                rules.normalization.apply(shares[place], channel)
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::image_preprocessing::PixelNormalization;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    fn need(dtype: Dtype, dims: &[usize]) -> InputNeed {
        let batch = std::iter::once(Dim::Symbol("N".into()));
        let dims = batch.chain(dims.iter().map(|n| Dim::Fixed(*n))).collect();
        InputNeed::batched("x", dtype, dims)
    }

    #[test]
    fn bytes_stay_bytes_and_other_inputs_are_refused_for_what_they_are() {
        let picture = DynamicImage::from(RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 7, 255])));
        let found =
            sample(&picture, &need(Dtype::U8, &[1, 2, 3]), &ImagePreprocessing::default()).unwrap();
        assert_eq!(found.to_bytes(), [0, 7, 255, 1, 7, 255]);
        assert_eq!((found.dtype(), found.shape()), (Dtype::U8, &[1, 2, 3][..]));
        #[track_caller]
        fn refused(
            picture: &DynamicImage,
            need: InputNeed,
            pixels: &ImagePreprocessing,
            said: &str,
        ) {
            assert_eq!(sample(picture, &need, pixels).unwrap_err(), said);
        }
        let none = ImagePreprocessing::default();
        let mean = ImagePreprocessing {
            normalization: PixelNormalization { mean: vec![0.5], std: vec![] },
            ..ImagePreprocessing::default()
        };
        refused(
            &picture,
            need(Dtype::U8, &[1, 2, 3]),
            &mean,
            "`mean` and `std` need float32, but the input `x` uint8 [N, 1, 2, 3] takes pixels as bytes; leave them out",
        );
        refused(
            &picture,
            need(Dtype::I8, &[3, 1, 2]),
            &none,
            "images feed inputs of float32 or uint8, not the input `x` int8 [N, 3, 1, 2]; use an .npz file",
        );
        refused(
            &picture,
            need(Dtype::F32, &[3, 2, 2]),
            &none,
            "an image of 2x1 does not fit the input `x` float32 [N, 3, 2, 2]; write what the model was trained with under [data], `resize = [2, 2]` say",
        );
        refused(
            &picture,
            need(Dtype::F32, &[4, 1, 2]),
            &none,
            "the input `x` float32 [N, 4, 1, 2] is no image: it has no 1 or 3 channels behind the batch or at the end; use an .npz file",
        );
    }

    #[test]
    fn channels_layout_and_size_are_as_the_rules_say() {
        let picture = DynamicImage::from(RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 7, 255])));
        let rules = ImagePreprocessing {
            channels: ChannelOrder::Bgr,
            normalization: PixelNormalization { mean: vec![1.0, 0.0, 0.0], std: vec![] },
            ..ImagePreprocessing::default()
        };
        let Array::F32(found) = sample(&picture, &need(Dtype::F32, &[3, 1, 2]), &rules).unwrap()
        else {
            panic!()
        };
        // The mean belongs to the input's first channel, which is blue.
        assert_eq!(
            found.iter().map(|v| (v * 255.0).round()).collect::<Vec<_>>(),
            [0.0, 0.0, 7.0, 7.0, 0.0, 1.0]
        );
        let grey = sample(&picture, &need(Dtype::F32, &[1, 1, 2]), &rules).unwrap_err();
        assert!(grey.starts_with("`mean` under [data] has 3 numbers, but the input `x`"), "{grey}");
        assert!(grey.ends_with("takes 1 channel: give 1"), "{grey}");
        let wrong =
            ImagePreprocessing { layout: Some(ImageLayout::Nhwc), ..ImagePreprocessing::default() };
        let wrong = sample(&picture, &need(Dtype::F32, &[3, 1, 2]), &wrong).unwrap_err();
        assert!(wrong.starts_with("`layout` under [data] is \"nhwc\", but the input"), "{wrong}");
    }

    /// A JPEG of two pixels, dark and bright, that is to be turned by 180 degrees.
    #[test]
    fn an_image_is_turned_as_its_orientation_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let picture = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 20 } else { 220 }]));
        let mut jpeg = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        for (orientation, shape, bright) in
            [(1u8, (16, 8), (15, 0)), (3, (16, 8), (0, 0)), (6, (8, 16), (0, 15))]
        {
            // An APP1 segment behind the start marker: TIFF header, one entry, tag 0x0112.
            let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
            exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
            let mut file = jpeg[..2].to_vec();
            file.extend([0xff, 0xe1]);
            file.extend((exif.len() as u16 + 2).to_be_bytes());
            file.extend(&exif);
            file.extend(&jpeg[2..]);
            std::fs::write(&path, file).unwrap();
            let read = read(&path).unwrap();
            assert_eq!((read.width(), read.height()), shape, "orientation {orientation}");
            assert!(read.to_luma8().get_pixel(bright.0, bright.1).0[0] > 150);
        }
    }
}
