//! Weights as integers of eight or four bits: scales, codes, and the nearest point of the grid.

use crate::QuantizationGranularity;
use half::f16;
use paring_core::schema::LayerPrecision;
use paring_onnx::graph::{ElementType, Weights};

/// Inputs that share a scale in four-bit weights.
pub(super) const BLOCK: usize = 32;

/// The weights of one layer with their scales: `values` are `dims`, one scale a tensor or an output,
/// which is axis `axis`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SymmetricGrid {
    pub(super) axis: usize,
    pub(super) scales: Vec<f32>,
}

impl SymmetricGrid {
    /// Symmetric: q = round(w / scale), |q| ≤ 127.
    pub(super) fn symmetric(
        dims: &[usize],
        values: &[f32],
        axis: usize,
        granularity: QuantizationGranularity,
    ) -> SymmetricGrid {
        let parts = if granularity == QuantizationGranularity::Channel { dims[axis] } else { 1 };
        let mut grid = SymmetricGrid { axis, scales: vec![0.0; parts.max(1)] };
        let inner: usize = dims[axis + 1..].iter().product();
        for (i, v) in values.iter().enumerate() {
            let part = grid.part(i, inner, dims);
            grid.scales[part] = grid.scales[part].max(v.abs());
        }
        for largest in &mut grid.scales {
            *largest = if *largest > 0.0 { *largest / 127.0 } else { 1.0 };
        }
        grid
    }

    fn part(&self, i: usize, inner: usize, dims: &[usize]) -> usize {
        if self.scales.len() == 1 { 0 } else { (i / inner.max(1)) % dims[self.axis] }
    }

    /// The integers.
    pub(super) fn codes(&self, dims: &[usize], values: &[f32]) -> Vec<i8> {
        let inner: usize = dims[self.axis + 1..].iter().product();
        let code = |(i, v): (usize, &f32)| {
            let scale = self.scales[self.part(i, inner, dims)];
            (v / scale).round().clamp(-127.0, 127.0) as i8
        };
        values.iter().enumerate().map(code).collect()
    }

    /// The scale of one output.
    pub(super) fn of(&self, output: usize) -> f32 {
        self.scales[if self.scales.len() == 1 { 0 } else { output }]
    }
}

/// Four-bit weights of a product, `[outputs, inputs]` in blocks: MatMulNBits of com.microsoft.
#[derive(Clone, Debug)]
pub(super) struct Int4Blocks {
    pub(super) scales: Vec<f32>,
}

impl Int4Blocks {
    /// Scales of blocks along each row: of a few around the largest magnitude the one with the least
    /// squared error, as the engine keeps it in half precision.
    pub(super) fn fitted(rows: &[f32], inputs: usize) -> Int4Blocks {
        let blocks = rows.chunks(inputs.max(1)).flat_map(|row| row.chunks(BLOCK));
        Int4Blocks { scales: blocks.map(block_scale).collect() }
    }

    fn scale(&self, i: usize) -> f32 {
        self.scales[i / BLOCK]
    }

    /// Codes from 0 to 15, value = (code − 8) · scale; `inputs` must be a multiple of [`BLOCK`].
    pub(super) fn codes(&self, rows: &[f32]) -> Vec<u8> {
        rows.iter().enumerate().map(|(i, v)| nibble(*v, self.scale(i))).collect()
    }

    /// Two codes a byte, the earlier in the lower half: `[outputs, blocks, 16]`.
    pub(super) fn packed(&self, rows: &[f32], inputs: usize) -> Weights {
        let bytes = self.codes(rows).chunks(2).map(|pair| pair[0] | (pair[1] << 4)).collect();
        let outputs = rows.len() / inputs.max(1);
        let dims = vec![outputs, inputs / BLOCK, BLOCK / 2];
        Weights { dims, element: ElementType::U8, bytes }
    }

    /// A weight as four bits have it.
    pub(super) fn fake_quantize(&self, i: usize, value: f32) -> f32 {
        (f32::from(nibble(value, self.scale(i))) - 8.0) * self.scale(i)
    }
}

fn nibble(value: f32, scale: f32) -> u8 {
    ((value / scale).round() + 8.0).clamp(0.0, 15.0) as u8
}

fn block_scale(block: &[f32]) -> f32 {
    let extreme = block.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if extreme == 0.0 {
        return 1.0;
    }
    let error = |scale: f32| -> f64 {
        let off = |v: &f32| f64::from((f32::from(nibble(*v, scale)) - 8.0) * scale - v).powi(2);
        block.iter().map(off).sum()
    };
    // The grid reaches from −8 to 7: with the extreme at −8 it is finer than with the extreme at 7.
    let levels = (0..=16).map(|step| 6.0 + 0.25 * step as f32);
    let scales = levels.flat_map(|level| [extreme / -level, extreme.abs() / level]);
    let scales = scales.map(half).filter(|scale| *scale != 0.0);
    scales.min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(1.0)
}

/// The nearest finite number of half precision.
pub(super) fn half(value: f32) -> f32 {
    let most = f16::MAX.to_f32();
    f16::from_f32(value.clamp(-most, most)).to_f32()
}

/// Weights as a scheme has them, still written as floats, for layers that are solved on.
pub(super) enum WeightGrid {
    Int8(SymmetricGrid),
    Int4(Int4Blocks),
}

impl WeightGrid {
    /// `dims` of the weights, the axis of their outputs; four-bit grids count `[outputs, inputs]`.
    pub(super) fn new(
        scheme: LayerPrecision,
        dims: &[usize],
        values: &[f32],
        axis: usize,
    ) -> WeightGrid {
        match scheme {
            LayerPrecision::Weights4 => {
                let rows = rows(dims, values, axis);
                WeightGrid::Int4(Int4Blocks::fitted(&rows, rows.len() / dims[axis].max(1)))
            }
            _ => {
                WeightGrid::Int8(SymmetricGrid::symmetric(dims, values, axis, scheme.granularity()))
            }
        }
    }

    /// Its scales.
    pub(super) fn into_scales(self) -> Vec<f32> {
        match self {
            WeightGrid::Int8(grid) => grid.scales,
            WeightGrid::Int4(blocks) => blocks.scales,
        }
    }

    /// Takes other scales where they are as many.
    pub(super) fn replace_scales(&mut self, scales: &[f32]) {
        let own = match self {
            WeightGrid::Int8(grid) => &mut grid.scales,
            WeightGrid::Int4(blocks) => &mut blocks.scales,
        };
        if own.len() == scales.len() {
            own.copy_from_slice(scales);
        }
    }

    /// The nearest point of the grid for each weight; outputs are axis `axis` of `dims`.
    pub(super) fn rounded(&self, dims: &[usize], values: &[f32], axis: usize) -> Vec<f32> {
        let inner: usize = dims[axis + 1..].iter().product();
        let outputs = dims[axis].max(1);
        let inputs = values.len() / outputs;
        let nearest = |(i, value): (usize, &f32)| {
            let output = i / inner.max(1) % outputs;
            // Of a matrix `[inputs, outputs]` a row is an input.
            let input = if axis == 1 { i / outputs } else { i % inputs.max(1) };
            self.nearest(f64::from(*value), (input, inputs), output) as f32
        };
        values.iter().enumerate().map(nearest).collect()
    }

    /// The nearest point of the grid for the weight of an input and an output.
    pub(super) fn nearest(
        &self,
        value: f64,
        (input, inputs): (usize, usize),
        output: usize,
    ) -> f64 {
        match self {
            WeightGrid::Int8(grid) => {
                let scale = f64::from(grid.of(output));
                (value / scale).round().clamp(-127.0, 127.0) * scale
            }
            WeightGrid::Int4(nibbles) => {
                f64::from(nibbles.fake_quantize(output * inputs + input, value as f32))
            }
        }
    }
}

/// A matrix of weights as `[outputs, inputs]`, whichever axis counts its outputs.
pub(super) fn rows(dims: &[usize], values: &[f32], axis: usize) -> Vec<f32> {
    if axis == 0 || dims.len() != 2 {
        return values.to_vec();
    }
    transposed([dims[0], dims[1]], values)
}

/// A matrix of this shape, transposed.
pub(super) fn transposed([height, width]: [usize; 2], values: &[f32]) -> Vec<f32> {
    (0..values.len()).map(|i| values[(i % height) * width + i / height]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_rows_of_the_transposed() {
        let values = [1.0, -20.0, 3.0, 4.0, 5.0, -300.0];
        let by_column =
            SymmetricGrid::symmetric(&[2, 3], &values, 1, QuantizationGranularity::Channel);
        let turned = rows(&[2, 3], &values, 1);
        assert_eq!(turned, [1.0, 4.0, -20.0, 5.0, 3.0, -300.0]);
        let by_row =
            SymmetricGrid::symmetric(&[3, 2], &turned, 0, QuantizationGranularity::Channel);
        assert_eq!(by_column.scales, by_row.scales);
        assert_eq!(by_column.codes(&[2, 3], &values)[1], by_row.codes(&[3, 2], &turned)[2]);
    }

    #[test]
    fn half_precision_is_the_nearest() {
        assert_eq!(half(1.0), 1.0);
        assert_eq!(half(0.1), 0.099_975_586);
        assert_eq!(half(-1.000_488_3), -1.0);
        assert_eq!(half(3.0e-8), 5.960_464_5e-8);
    }

    #[test]
    fn nibbles_reach_their_extreme_and_pack_in_pairs() {
        let mut row = vec![0.0f32; 32];
        (row[0], row[1], row[31]) = (-0.8, 0.4, 0.7);
        let nibbles = Int4Blocks::fitted(&row, 32);
        for (i, v) in row.iter().enumerate() {
            assert!(
                (nibbles.fake_quantize(i, *v) - v).abs() < 0.51 * nibbles.scales[0].abs(),
                "{i}"
            );
        }
        let packed = nibbles.packed(&row, 32);
        let codes = nibbles.codes(&row);
        assert_eq!(
            (packed.dims.as_slice(), packed.bytes[0]),
            (&[1, 1, 16][..], codes[0] | codes[1] << 4)
        );
    }
}
