//! Scales and zero points of activations.

use crate::catalog::ActivationRange;

/// Scale and zero point of an activation in int8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AffineQuantizer {
    pub(super) scale: f32,
    pub(super) zero: i8,
}

impl AffineQuantizer {
    /// Covers the range and zero: q = round(x / scale) + zero.
    pub(super) fn covering(range: ActivationRange) -> AffineQuantizer {
        let (low, high) = (f64::from(range.low.min(0.0)), f64::from(range.high.max(0.0)));
        // A tensor that is always 0 has no scale of its own: one in which biases are still fine.
        let scale = if high > low { (high - low) / 255.0 } else { 1.0 / 256.0 };
        let zero = (-128.0 - low / scale).round().clamp(-128.0, 127.0);
        AffineQuantizer { scale: scale as f32, zero: zero as i8 }
    }

    /// The zero point of the same scale in unsigned bytes.
    pub(super) fn byte(self) -> u8 {
        (i16::from(self.zero) + 128) as u8
    }

    /// A number as int8 has it.
    pub(super) fn fake_quantize(self, value: f32) -> f32 {
        let zero = f32::from(self.zero);
        let code = ((value / self.scale).round_ties_even() + zero).clamp(-128.0, 127.0);
        (code - zero) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_a_relu_saturates_at_it() {
        let relu = AffineQuantizer::covering(ActivationRange { low: 0.0, high: 6.0 });
        assert_eq!(relu.zero, -128);
        let both = AffineQuantizer::covering(ActivationRange { low: -1.0, high: 3.0 });
        assert_eq!(both.zero, -64);
        let positive = AffineQuantizer::covering(ActivationRange { low: 2.0, high: 4.0 });
        assert_eq!((positive.zero, positive.scale), (-128, 4.0 / 255.0));
        assert_eq!(
            AffineQuantizer::covering(ActivationRange { low: 0.0, high: 0.0 }).scale,
            1.0 / 256.0
        );
        assert_eq!(relu.fake_quantize(-5.0), 0.0);
        assert_eq!(relu.fake_quantize(9.0), 6.0);
    }
}
