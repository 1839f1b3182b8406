//! Images as samples of an input: upright, in the input's layout, grey by ITU-R BT.601. Never resized:
//! what a network was trained on is not for this tool to guess.

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, ImageResult};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, Dim, Dtype, InputNeed};
use std::path::Path;

/// Normalization of an image's pixels, 0 to 255, to floats: `(pixel / 255 − mean) / std` per channel.
/// Empty lists stand for 0 and 1; one entry serves all channels.
#[derive(Clone, Debug, Default)]
pub struct PixelNormalization {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
}

impl PixelNormalization {
    fn apply(&self, byte: u8, channel: usize) -> f32 {
        let of = |list: &[f32], default| match list {
            [] => default,
            [one] => *one,
            many => many.get(channel).copied().unwrap_or(default),
        };
        (f32::from(byte) / 255.0 - of(&self.mean, 0.0)) / of(&self.std, 1.0)
    }

    fn none(&self) -> bool {
        self.mean.is_empty() && self.std.is_empty()
    }
}

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

/// Lays an image out as the input wants it: channels first or last, floats or bytes.
pub(crate) fn sample(
    picture: &DynamicImage,
    need: &InputNeed,
    pixels: &PixelNormalization,
) -> Result<Array, String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let input = format!("input `{}` {} {}", need.name, need.dtype, need.shape());
    match need.dtype {
        Dtype::F32 => {}
        Dtype::U8 if pixels.none() => {}
        Dtype::U8 => {
            return Err(format!(
                "`mean` and `std` need float32, but the {input} takes pixels as bytes"
            ));
        }
        _ => {
            return Err(format!(
                "images feed inputs of float32 or uint8, not the {input}; use an .npz file"
            ));
        }
    }
    let channel = |dim: &Dim| match dim {
        Dim::Fixed(n @ (1 | 3)) => Some(*n),
        _ => None,
    };
    // Of an input that could be either, the one that the image fits.
    let layouts: Vec<(usize, bool, &Dim, &Dim)> = match need.dims.as_slice() {
        [_, a, b, c] => {
            let channels_first = channel(a).map(|channels| (channels, true, b, c));
            let channels_last = channel(c).map(|channels| (channels, false, a, b));
            channels_first.into_iter().chain(channels_last).collect()
        }
        _ => vec![],
    };
    if layouts.is_empty() {
        return Err(format!(
            "the {input} is no image: it has no 1 or 3 channels behind the batch or at the end; use an .npz file"
        ));
    }
    let fits = |dim: &Dim, size: usize| !matches!(dim, Dim::Fixed(n) if *n != size);
    let fitting = layouts.into_iter().find(|(_, _, h, w)| fits(h, height) && fits(w, width));
    let Some((channels, first, _, _)) = fitting else {
        return Err(format!(
            "an image of {width}x{height} does not fit the {input}; resize the images beforehand"
        ));
    };
    let bytes = if channels == 1 { grey(picture) } else { picture.to_rgb8().into_raw() };
    let shape = if first { [channels, height, width] } else { [height, width, channels] };
    let at = |i: &ndarray::IxDyn| {
        let (c, y, x) = if first { (i[0], i[1], i[2]) } else { (i[2], i[0], i[1]) };
        (bytes[(y * width + x) * channels + c], c)
    };
    Ok(match need.dtype {
        Dtype::U8 => Array::U8(ArrayD::from_shape_fn(IxDyn(&shape), |i| at(&i).0)),
        _ => Array::F32(ArrayD::from_shape_fn(IxDyn(&shape), |i| {
            let (byte, channel) = at(&i);
            pixels.apply(byte, channel)
        })),
    })
}

/// Luma of each pixel by ITU-R BT.601, in the rounding that training pipelines on Pillow have seen.
fn grey(picture: &DynamicImage) -> Vec<u8> {
    if !picture.color().has_color() {
        return picture.to_luma8().into_raw();
    }
    let luma = |[r, g, b]: [u32; 3]| (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    let rgb = picture.to_rgb8();
    rgb.pixels().map(|pixel| luma(pixel.0.map(u32::from)) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

    fn need(dtype: Dtype, dims: &[usize]) -> InputNeed {
        let batch = std::iter::once(Dim::Symbol("N".into()));
        let dims = batch.chain(dims.iter().map(|n| Dim::Fixed(*n))).collect();
        InputNeed::batched("x", dtype, dims)
    }

    #[test]
    fn grey_is_luma_of_bt_601() {
        // What Pillow's convert("L") gives of these colours.
        let colours =
            [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([12, 200, 77], 130)];
        for (colour, luma) in colours {
            let flat = DynamicImage::from(RgbImage::from_pixel(1, 1, Rgb(colour)));
            assert_eq!(grey(&flat), [luma], "{colour:?}");
            let [r, g, b] = colour;
            let clear = DynamicImage::from(RgbaImage::from_pixel(1, 1, Rgba([r, g, b, 9])));
            assert_eq!(grey(&clear), [luma], "transparency is dropped");
        }
        assert_eq!(grey(&DynamicImage::from(GrayImage::from_pixel(1, 1, Luma([93])))), [93]);
    }

    #[test]
    fn bytes_stay_bytes_and_other_inputs_are_refused_for_what_they_are() {
        let picture = DynamicImage::from(RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 7, 255])));
        let found =
            sample(&picture, &need(Dtype::U8, &[1, 2, 3]), &PixelNormalization::default()).unwrap();
        assert_eq!(found.to_bytes(), [0, 7, 255, 1, 7, 255]);
        assert_eq!((found.dtype(), found.shape()), (Dtype::U8, &[1, 2, 3][..]));
        #[track_caller]
        fn refused(
            picture: &DynamicImage,
            need: InputNeed,
            pixels: &PixelNormalization,
            said: &str,
        ) {
            assert_eq!(sample(picture, &need, pixels).unwrap_err(), said);
        }
        let none = PixelNormalization::default();
        let mean = PixelNormalization { mean: vec![0.5], std: vec![] };
        refused(
            &picture,
            need(Dtype::U8, &[1, 2, 3]),
            &mean,
            "`mean` and `std` need float32, but the input `x` uint8 [N, 1, 2, 3] takes pixels as bytes",
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
            "an image of 2x1 does not fit the input `x` float32 [N, 3, 2, 2]; resize the images beforehand",
        );
        refused(
            &picture,
            need(Dtype::F32, &[4, 1, 2]),
            &none,
            "the input `x` float32 [N, 4, 1, 2] is no image: it has no 1 or 3 channels behind the batch or at the end; use an .npz file",
        );
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
