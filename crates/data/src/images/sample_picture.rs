//! A sample's input as a picture, where its shape is that of an image or a signal.

use image::{ExtendedColorType, ImageEncoder};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Ix3};
use paring_agent::arrays::Array;

/// Longest side of a picture; larger ones are averaged down.
const MOST_SIDE: usize = 96;
/// Shortest side of what may be an image.
const LEAST_SIDE: usize = 4;
/// Shortest row of numbers that may be a signal; a shorter one is rather a list of features.
const LEAST_SIGNAL: usize = 32;
/// Longest signal that is kept whole; of a longer one every so-manieth number.
const MOST_SIGNAL: usize = 4_096;

/// An input, drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum SamplePicture {
    /// A PNG file, its colours spread from the least to the most of the input's numbers.
    Image {
        /// The file.
        png: Vec<u8>,
        /// Width and height in pixels.
        size: (u32, u32),
    },
    /// Numbers along one axis.
    Signal(Vec<f64>),
}

impl SamplePicture {
    /// Draws one sample, without its sample axis. An image is `[h, w]`, `[c, h, w]` or `[h, w, c]` with one
    /// or three channels and sides of 4 or more, a signal one axis of 32 or more; whole numbers of more
    /// than 8 bits are identifiers, not brightness. `None` for anything else.
    pub fn of(sample: &Array) -> Option<SamplePicture> {
        let numbers: ArrayD<f64> = match sample {
            Array::F32(own) => own.mapv(f64::from),
            Array::F64(own) => own.clone(),
            Array::U8(own) => own.mapv(f64::from),
            Array::I8(own) => own.mapv(f64::from),
            Array::I64(_) | Array::I32(_) | Array::Bool(_) => return None,
        };
        let mut view = numbers.view();
        while let Some(axis) = view.shape().iter().position(|size| *size == 1) {
            view = view.index_axis_move(Axis(axis), 0);
        }
        match *view.shape() {
            [length] if length >= LEAST_SIGNAL => Some(signal(&view)),
            [height, width] if height.min(width) >= LEAST_SIDE => image(view.insert_axis(Axis(2))),
            [3, height, width] if height.min(width) >= LEAST_SIDE => {
                image(view.permuted_axes([1, 2, 0].as_slice()))
            }
            [height, width, 3] if height.min(width) >= LEAST_SIDE => image(view),
            _ => None,
        }
    }
}

fn signal(numbers: &ArrayViewD<f64>) -> SamplePicture {
    let step = numbers.len().div_ceil(MOST_SIGNAL).max(1);
    SamplePicture::Signal(numbers.iter().copied().step_by(step).collect())
}

/// A picture of `[height, width, channels]`.
fn image(numbers: ArrayViewD<f64>) -> Option<SamplePicture> {
    let numbers = numbers.into_dimensionality::<Ix3>().ok()?;
    let finite = numbers.iter().copied().filter(|v| v.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let span = if high > low { high - low } else { 1.0 };
    let planes: Vec<Array2<f64>> =
        numbers.axis_iter(Axis(2)).map(|plane| averaged(&plane.to_owned())).collect();
    let (height, width) = planes.first()?.dim();
    let mut pixels = Vec::with_capacity(height * width * planes.len());
    for y in 0..height {
        for x in 0..width {
            for plane in &planes {
                let value = plane.get((y, x)).copied().unwrap_or(low);
                pixels.push((255.0 * (value - low) / span).clamp(0.0, 255.0).round() as u8);
            }
        }
    }
    let colours = if planes.len() == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    let size = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(&pixels, size.0, size.1, colours).ok()?;
    Some(SamplePicture::Image { png, size })
}

/// A plane averaged down to [`MOST_SIDE`]; what is no number counts for nothing.
fn averaged(plane: &Array2<f64>) -> Array2<f64> {
    let (height, width) = plane.dim();
    let factor = height.max(width).div_ceil(MOST_SIDE).max(1);
    let size = (height.div_ceil(factor), width.div_ceil(factor));
    Array2::from_shape_fn(size, |(y, x)| {
        let rows = y * factor..((y + 1) * factor).min(height);
        let cells =
            rows.flat_map(|r| (x * factor..((x + 1) * factor).min(width)).map(move |c| (r, c)));
        let (sum, count) = cells
            .filter_map(|at| plane.get(at).copied().filter(|v| v.is_finite()))
            .fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
        sum / f64::max(count, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn sample(shape: &[usize]) -> Array {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| i as f32).collect();
        Array::F32(ArrayD::from_shape_vec(IxDyn(shape), values).unwrap())
    }

    #[track_caller]
    fn drawn(shape: &[usize], expected: Option<(u32, u32)>) {
        let found = SamplePicture::of(&sample(shape)).map(|picture| match picture {
            SamplePicture::Image { size, .. } => size,
            SamplePicture::Signal(values) => (values.len() as u32, 1),
        });
        assert_eq!(found, expected, "{shape:?}");
    }

    #[test]
    fn shapes_tell_images_from_signals_and_features() {
        drawn(&[1, 8, 6], Some((6, 8)));
        drawn(&[3, 8, 6], Some((6, 8)));
        drawn(&[8, 6, 3], Some((6, 8)));
        drawn(&[200, 300], Some((75, 50)));
        drawn(&[1, 16_000], Some((4_000, 1)));
        drawn(&[64, 1], Some((64, 1)));
        drawn(&[13], None);
        drawn(&[64, 8, 8], None);
        drawn(&[], None);
        let words = Array::I64(ArrayD::from_shape_fn(IxDyn(&[128]), |i| i[0] as i64));
        assert_eq!(SamplePicture::of(&words), None);
    }

    #[test]
    fn pixels_read_back_from_the_least_to_the_most() {
        let Some(SamplePicture::Image { png, .. }) = SamplePicture::of(&sample(&[1, 4, 4])) else {
            panic!("no image")
        };
        let read = image::load_from_memory(&png).unwrap().into_luma8();
        let expected: Vec<u8> =
            (0..16).map(|i| (255.0 * f64::from(i) / 15.0).round() as u8).collect();
        assert_eq!(read.into_raw(), expected);
        let colours = ArrayD::from_shape_fn(IxDyn(&[3, 4, 4]), |i| i[0] as f32);
        let Some(SamplePicture::Image { png, .. }) = SamplePicture::of(&Array::F32(colours)) else {
            panic!("no image")
        };
        assert_eq!(
            image::load_from_memory(&png).unwrap().into_rgb8().into_raw()[..3],
            [0, 128, 255]
        );
    }
}
