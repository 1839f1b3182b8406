//! Fake quantization of a weight tensor whose scales are learned: its values, and its gradients with
//! respect to the weights and the scales.

use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::weight_grid::{BLOCK, WeightGrid, half};
use paring_core::schema::LayerPrecision;

/// Fake quantizer of the stored weights of a layer. Scales are given as the logarithms of their ratios to
/// those of the start: they keep their signs, and a step is a share of the scale.
///
/// Sources: S. Esser et al. 2020, arXiv 1902.08153 (the gradient of a scale); S. Jain et al. 2020, arXiv
/// 1903.08066 (logarithms).
#[derive(Clone, Debug)]
pub(crate) struct WeightQuantizer {
    /// Scales at the start.
    scales: Vec<f32>,
    /// Position of the scale of each stored weight.
    parts: Vec<usize>,
    /// The lowest and the highest code.
    codes: [f32; 2],
    /// A Gemm's factor of its stored weights.
    factor: f32,
    /// Set where scales are kept in half precision.
    halves: bool,
}

/// Gradients of a loss with respect to what a fake quantizer is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuantizerGradients {
    /// One a stored weight.
    pub(crate) weights: Vec<f32>,
    /// One a scale: with respect to the logarithm of its ratio.
    pub(crate) log_ratios: Vec<f32>,
}

impl WeightQuantizer {
    /// The quantizer of a layer's weights with the scales that the quantization would choose for them.
    pub(in crate::quantize) fn new(layer: &QuantizableLayer) -> WeightQuantizer {
        let (dims, axis) = (&layer.dims, layer.axis());
        let grid = WeightGrid::new(layer.scheme, dims, &layer.values, axis);
        let blocks = layer.scheme == LayerPrecision::Weights4;
        let scales = grid.into_scales();
        let inner: usize = dims[axis + 1..].iter().product();
        let outputs = dims[axis].max(1);
        let inputs = layer.values.len() / outputs;
        let part = |stored: usize| {
            let i = match (layer.turned, dims.as_slice()) {
                (true, [rows, width]) => (stored % rows) * width + stored / rows,
                _ => stored,
            };
            let output = i / inner.max(1) % outputs;
            let input = if axis == 1 { i / outputs } else { i % inputs.max(1) };
            match (blocks, scales.len()) {
                (true, _) => (output * inputs + input) / BLOCK,
                (false, 1) => 0,
                (false, _) => output,
            }
        };
        WeightQuantizer {
            parts: (0..layer.values.len()).map(part).collect(),
            codes: if blocks { [-8.0, 7.0] } else { [-127.0, 127.0] },
            factor: layer.factors.0,
            halves: blocks,
            scales,
        }
    }

    /// Number of scales.
    pub(crate) fn scale_count(&self) -> usize {
        self.scales.len()
    }

    /// The scales at these logarithms of ratios.
    pub(crate) fn scales(&self, log_ratios: &[f32]) -> Vec<f32> {
        let each = self.scales.iter().zip(log_ratios);
        let scale = |(start, log_ratio): (&f32, &f32)| start * log_ratio.exp();
        let kept = |scale: f32| if self.halves { half(scale) } else { scale };
        each.map(scale).map(kept).collect()
    }

    /// Stored weights as the codes give them back.
    pub(crate) fn fake_quantize(&self, values: &[f32], log_ratios: &[f32]) -> Vec<f32> {
        let scales = self.scales(log_ratios);
        let [low, high] = self.codes;
        let rounded = |(value, part): (&f32, &usize)| {
            let scale = scales[*part];
            let code = (value * self.factor / scale).round().clamp(low, high);
            code * scale / self.factor
        };
        values.iter().zip(&self.parts).map(rounded).collect()
    }

    /// Gradients from `upstream`, that with respect to the fake-quantized weights: rounding counts as the
    /// identity, so that a weight within the range has its gradient and one beyond it none, and a scale s
    /// moves the value s·round(w/s) by round(w/s) − w/s within the range and by the code at its end beyond.
    pub(crate) fn gradients(
        &self,
        values: &[f32],
        log_ratios: &[f32],
        upstream: &[f32],
    ) -> QuantizerGradients {
        let scales = self.scales(log_ratios);
        let [low, high] = self.codes;
        let mut sums = vec![0.0f64; scales.len()];
        let mut weights = Vec::with_capacity(values.len());
        for ((value, part), upstream) in values.iter().zip(&self.parts).zip(upstream) {
            let ratio = value * self.factor / scales[*part];
            let code = ratio.round();
            let inside = (low..=high).contains(&code);
            let slope = if inside { code - ratio } else { code.clamp(low, high) };
            sums[*part] += f64::from(upstream / self.factor) * f64::from(slope);
            weights.push(if inside { *upstream } else { 0.0 });
        }
        let each = sums.iter().zip(&scales);
        let log_ratios = each.map(|(sum, scale)| (sum * f64::from(*scale)) as f32).collect();
        QuantizerGradients { weights, log_ratios }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows with a scale each, three weights a row, stored as they are.
    fn quantizer() -> WeightQuantizer {
        WeightQuantizer {
            scales: vec![0.1, 0.02],
            parts: vec![0, 0, 0, 1, 1, 1],
            codes: [-8.0, 7.0],
            factor: 2.0,
            halves: false,
        }
    }

    /// The value of a fake-quantized weight where codes within the range move with the scale as the
    /// straight-through rule has it: s·(w/s + δ), δ being the rounding at the start.
    fn soft(quantizer: &WeightQuantizer, values: &[f64], start: &[f64], logs: &[f64]) -> Vec<f64> {
        let [low, high] = quantizer.codes.map(f64::from);
        let value = |i: usize| {
            let part = quantizer.parts[i];
            let (at, factor) = (f64::from(quantizer.scales[part]), f64::from(quantizer.factor));
            let begun = start[i] * factor / at;
            let delta = begun.round() - begun;
            let scale = at * logs[part].exp();
            // The factor of δ is the scale: its slope is what rounding leaves.
            let soft = values[i] * factor / scale + delta;
            soft.clamp(low, high) * scale / factor
        };
        (0..values.len()).map(value).collect()
    }

    #[test]
    fn gradients_are_the_differences_of_the_soft_formula() {
        let quantizer = quantizer();
        let values = [0.13f32, -0.31, 0.9, 0.013, -0.07, -0.2];
        let upstream = [0.7f32, -1.1, 0.4, 2.0, -0.3, 0.9];
        let start = values.map(f64::from);
        let loss = |values: &[f64], logs: &[f64]| -> f64 {
            let soft = soft(&quantizer, values, &start, logs);
            soft.iter().zip(&upstream).map(|(value, weight)| value * f64::from(*weight)).sum()
        };
        let found = quantizer.gradients(&values, &[0.0, 0.0], &upstream);
        let step = 1e-6;
        for part in 0..2 {
            let moved = |by: f64| {
                let mut logs = [0.0; 2];
                logs[part] = by;
                loss(&start, &logs)
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            let own = f64::from(found.log_ratios[part]);
            assert!((own - slope).abs() < 1e-5, "scale {part}: {own} {slope}");
        }
        for i in 0..values.len() {
            let moved = |by: f64| {
                let mut values = start;
                values[i] += by;
                loss(&values, &[0.0, 0.0])
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            let own = f64::from(found.weights[i]);
            assert!((own - slope).abs() < 1e-5, "weight {i}: {own} {slope}");
        }
        // 0.9·2/0.1 = 18 and −0.2·2/0.02 = −20 are beyond the range.
        assert_eq!((found.weights[2], found.weights[5]), (0.0, 0.0));
    }

    #[test]
    fn values_are_codes_times_scales() {
        let quantizer = quantizer();
        let values = [0.13f32, -0.31, 0.9, 0.013, -0.07, -0.2];
        let rounded = quantizer.fake_quantize(&values, &[0.0, 2.0f32.ln()]);
        // Codes 3, −6, 7 of 0.1 and 1, −4, −8 of 0.04, over the factor 2.
        let expected = [0.15f32, -0.3, 0.35, 0.02, -0.08, -0.16];
        for (found, expected) in rounded.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{rounded:?}");
        }
        assert_eq!(quantizer.scale_count(), 2);
    }

    #[test]
    fn a_descent_finds_the_scale_with_the_least_error() {
        // A row with one outlier in four bits: clipping it is better than stretching the grid.
        let values: Vec<f32> = (0..63).map(|i| (i as f32 * 0.7).sin() * 0.1).chain([0.4]).collect();
        let quantizer = WeightQuantizer {
            scales: vec![0.4 / 7.0],
            parts: vec![0; 64],
            codes: [-8.0, 7.0],
            factor: 1.0,
            halves: false,
        };
        let error = |log: f32| -> f64 {
            let rounded = quantizer.fake_quantize(&values, &[log]);
            let off = rounded.iter().zip(&values).map(|(a, b)| f64::from(a - b).powi(2));
            off.sum()
        };
        let mut log = [0.0f32];
        let mut best = error(0.0);
        for _ in 0..400 {
            let rounded = quantizer.fake_quantize(&values, &log);
            let upstream: Vec<f32> =
                rounded.iter().zip(&values).map(|(a, b)| 2.0 * (a - b)).collect();
            log[0] -= 0.005 * quantizer.gradients(&values, &log, &upstream).log_ratios[0].signum();
            best = best.min(error(log[0]));
        }
        let grid = (0..400).map(|i| error(-2.0 + i as f32 * 0.01));
        let least = grid.fold(f64::INFINITY, f64::min);
        assert!(best < 0.75 * error(0.0), "{best} {}", error(0.0));
        assert!(best < 1.5 * least, "{best} {least}");
    }
}
