//! Decoded pixels in the depth of the file, 8 or 16 bits: turned grey, resized and cropped as Pillow and
//! torchvision do it.

use super::image_preprocessing::{ImageInterpolation, ImageSize};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, Luma, Rgb};

/// Pixels of one channel or three.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PixelGrid {
    /// One channel, 8 bits.
    Grey8(ImageBuffer<Luma<u8>, Vec<u8>>),
    /// One channel, 16 bits.
    Grey16(ImageBuffer<Luma<u16>, Vec<u16>>),
    /// Three channels, 8 bits.
    Colour8(ImageBuffer<Rgb<u8>, Vec<u8>>),
    /// Three channels, 16 bits.
    Colour16(ImageBuffer<Rgb<u16>, Vec<u16>>),
}

macro_rules! each_kind {
    ($grid:expr, $own:ident => $body:expr) => {
        match $grid {
            PixelGrid::Grey8($own) => PixelGrid::Grey8($body),
            PixelGrid::Grey16($own) => PixelGrid::Grey16($body),
            PixelGrid::Colour8($own) => PixelGrid::Colour8($body),
            PixelGrid::Colour16($own) => PixelGrid::Colour16($body),
        }
    };
}

impl PixelGrid {
    /// The pixels of an image in one channel or three; transparency is dropped.
    pub(super) fn of(picture: &DynamicImage, channels: usize) -> PixelGrid {
        let deep = picture.color().bytes_per_pixel() / picture.color().channel_count() > 1;
        match (channels, deep) {
            (1, false) => PixelGrid::Grey8(grey8(picture)),
            (1, true) => PixelGrid::Grey16(grey16(picture)),
            (_, false) => PixelGrid::Colour8(picture.to_rgb8()),
            (_, true) => PixelGrid::Colour16(picture.to_rgb16()),
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            PixelGrid::Grey8(own) => own.dimensions(),
            PixelGrid::Grey16(own) => own.dimensions(),
            PixelGrid::Colour8(own) => own.dimensions(),
            PixelGrid::Colour16(own) => own.dimensions(),
        }
    }

    /// The pixels in another size.
    pub(super) fn resized(self, size: ImageSize, how: ImageInterpolation) -> PixelGrid {
        let (width, height) = self.size();
        let (to_width, to_height) = match size {
            ImageSize::Exact { height, width } => (width, height),
            // torchvision cuts the fraction off the longer side.
            ImageSize::ShorterSide(side) => {
                let longer = |long: u32, short: u32| {
                    u32::try_from(u64::from(side) * u64::from(long) / u64::from(short.max(1)))
                        .unwrap_or(u32::MAX)
                };
                match width <= height {
                    true => (side, longer(height, width)),
                    false => (longer(width, height), side),
                }
            }
        };
        if (to_width, to_height) == (width, height) {
            return self;
        }
        let filter = match how {
            ImageInterpolation::Nearest => return self.nearest(to_width, to_height),
            ImageInterpolation::Bilinear => FilterType::Triangle,
            ImageInterpolation::Bicubic => FilterType::CatmullRom,
            ImageInterpolation::Lanczos => FilterType::Lanczos3,
        };
        // Rows, then columns, rounded between: as Pillow does it, and who was trained on that.
        let wide = each_kind!(&self, own => imageops::resize(own, to_width, height, filter));
        each_kind!(&wide, own => imageops::resize(own, to_width, to_height, filter))
    }

    /// The pixel under the middle of each new one.
    fn nearest(&self, to_width: u32, to_height: u32) -> PixelGrid {
        let (width, height) = self.size();
        // Added up step by step, as Pillow does: where a middle falls between two pixels, its error decides.
        let under = |from: u32, to: u32| -> Vec<u32> {
            let step = f64::from(from) / f64::from(to);
            let middles = std::iter::successors(Some(0.5 * step), |middle| Some(middle + step));
            let most = from.saturating_sub(1);
            middles.take(to as usize).map(|middle| (middle as u32).min(most)).collect()
        };
        let (columns, rows) = (under(width, to_width), under(height, to_height));
        each_kind!(self, own => ImageBuffer::from_fn(to_width, to_height, |x, y| {
            *own.get_pixel(columns[x as usize], rows[y as usize])
        }))
    }

    /// The part in the middle.
    ///
    /// # Errors
    /// A sentence with both sizes where the image is smaller.
    pub(super) fn cropped(self, size: ImageSize) -> Result<PixelGrid, String> {
        let (width, height) = self.size();
        let (to_width, to_height) = match size {
            ImageSize::Exact { height, width } => (width, height),
            ImageSize::ShorterSide(side) => (side, side),
        };
        if to_width > width || to_height > height {
            return Err(format!(
                "an image of {width}x{height} is smaller than `crop` = {to_width}x{to_height} under [data]; resize it first: `resize = {}`",
                to_width.max(to_height)
            ));
        }
        // Python's round, which torchvision uses, goes to the even neighbour of a half.
        let start = |whole: u32, part: u32| {
            let half = (whole - part) / 2;
            half + u32::from((whole - part) % 2 == 1 && half % 2 == 1)
        };
        let (x, y) = (start(width, to_width), start(height, to_height));
        Ok(each_kind!(&self, own => imageops::crop_imm(own, x, y, to_width, to_height).to_image()))
    }

    /// Pixels row by row, channels together: bytes (of 16 bits the upper ones).
    pub(super) fn bytes(&self) -> Vec<u8> {
        let upper = |deep: &[u16]| deep.iter().map(|value| (value >> 8) as u8).collect();
        match self {
            PixelGrid::Grey8(own) => own.as_raw().clone(),
            PixelGrid::Colour8(own) => own.as_raw().clone(),
            PixelGrid::Grey16(own) => upper(own.as_raw()),
            PixelGrid::Colour16(own) => upper(own.as_raw()),
        }
    }

    /// Pixels row by row, channels together, from 0 to 1.
    pub(super) fn shares(&self) -> Vec<f32> {
        let shares8 = |bytes: &[u8]| bytes.iter().map(|v| f32::from(*v) / 255.0).collect();
        let shares16 = |deep: &[u16]| deep.iter().map(|v| f32::from(*v) / 65_535.0).collect();
        match self {
            PixelGrid::Grey8(own) => shares8(own.as_raw()),
            PixelGrid::Colour8(own) => shares8(own.as_raw()),
            PixelGrid::Grey16(own) => shares16(own.as_raw()),
            PixelGrid::Colour16(own) => shares16(own.as_raw()),
        }
    }
}

/// Luma of each pixel by ITU-R BT.601, in the rounding that training pipelines on Pillow have seen.
fn grey8(picture: &DynamicImage) -> ImageBuffer<Luma<u8>, Vec<u8>> {
    if !picture.color().has_color() {
        return picture.to_luma8();
    }
    let rgb = picture.to_rgb8();
    ImageBuffer::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [r, g, b] = rgb.get_pixel(x, y).0.map(u32::from);
        Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8])
    })
}

/// The same of 16 bits.
fn grey16(picture: &DynamicImage) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    if !picture.color().has_color() {
        return picture.to_luma16();
    }
    let rgb = picture.to_rgb16();
    ImageBuffer::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [r, g, b] = rgb.get_pixel(x, y).0.map(u64::from);
        Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u16])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, RgbImage, Rgba, RgbaImage};

    #[test]
    fn grey_is_luma_of_bt_601() {
        // What Pillow's convert("L") gives of these colours.
        let colours =
            [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([12, 200, 77], 130)];
        let grey = |picture: &DynamicImage| PixelGrid::of(picture, 1).bytes();
        for (colour, luma) in colours {
            let flat = DynamicImage::from(RgbImage::from_pixel(1, 1, Rgb(colour)));
            assert_eq!(grey(&flat), [luma], "{colour:?}");
            let [r, g, b] = colour;
            let clear = DynamicImage::from(RgbaImage::from_pixel(1, 1, Rgba([r, g, b, 9])));
            assert_eq!(grey(&clear), [luma], "transparency is dropped");
        }
        assert_eq!(grey(&DynamicImage::from(GrayImage::from_pixel(1, 1, Luma([93])))), [93]);
    }

    #[track_caller]
    fn becomes(from: (u32, u32), size: ImageSize, expected: (u32, u32)) {
        let grid = PixelGrid::Grey8(GrayImage::new(from.0, from.1));
        assert_eq!(grid.resized(size, ImageInterpolation::Bilinear).size(), expected, "{from:?}");
    }

    #[test]
    fn sizes_are_torchvision_s() {
        becomes((640, 480), ImageSize::ShorterSide(256), (341, 256));
        becomes((480, 641), ImageSize::ShorterSide(256), (256, 341));
        becomes((7, 7), ImageSize::ShorterSide(3), (3, 3));
        becomes((9, 4), ImageSize::Exact { height: 5, width: 6 }, (6, 5));
    }

    #[test]
    fn the_middle_is_torchvision_s() {
        let grid = |width| PixelGrid::Grey8(GrayImage::from_fn(width, 8, |x, _| Luma([x as u8])));
        let first = |width, side| {
            let cropped = grid(width).cropped(ImageSize::ShorterSide(side)).unwrap();
            cropped.bytes()[0]
        };
        // int(round((w − c) / 2.0)): 0.5 → 0, 1.5 → 2, 2.5 → 2.
        assert_eq!([first(9, 8), first(11, 8), first(13, 8)], [0, 2, 2]);
        let small = grid(9).cropped(ImageSize::ShorterSide(10)).unwrap_err();
        assert_eq!(
            small,
            "an image of 9x8 is smaller than `crop` = 10x10 under [data]; resize it first: `resize = 10`"
        );
    }

    #[test]
    fn sixteen_bits_stay_sixteen_bits() {
        let deep = DynamicImage::from(ImageBuffer::from_pixel(2, 1, Luma([0x1234u16])));
        let grid = PixelGrid::of(&deep, 1);
        assert_eq!(grid.bytes(), [0x12, 0x12]);
        assert!((grid.shares()[0] - 4660.0 / 65_535.0).abs() < 1e-7);
        let wide =
            grid.resized(ImageSize::Exact { height: 2, width: 4 }, ImageInterpolation::Bicubic);
        assert!(wide.shares().iter().all(|v| (v - 4660.0 / 65_535.0).abs() < 2e-5));
    }
}
