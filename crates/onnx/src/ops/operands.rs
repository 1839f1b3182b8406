//! Operands of operators that multiply by weights.

/// Slots of the two factors of a product or convolution, and of what belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductOperands {
    /// The factor that is computed, as a rule.
    pub data: usize,
    /// The factor that is stored, as a rule.
    pub weights: usize,
    /// One value an output that is added to the sums.
    pub bias: Option<usize>,
    /// Zero point of the data, of integer operators.
    pub data_zero_point: Option<usize>,
    /// Zero point of the weights, of integer operators.
    pub weights_zero_point: Option<usize>,
}

impl ProductOperands {
    /// Operands of an operator on floats: data, weights, and perhaps a bias.
    pub(super) const fn float(bias: Option<usize>) -> Self {
        let (data_zero_point, weights_zero_point) = (None, None);
        ProductOperands { data: 0, weights: 1, bias, data_zero_point, weights_zero_point }
    }

    /// Operands of ConvInteger and MatMulInteger.
    pub(super) const INTEGER: ProductOperands = ProductOperands {
        data: 0,
        weights: 1,
        bias: None,
        data_zero_point: Some(2),
        weights_zero_point: Some(3),
    };

    /// Operands of QLinearConv and QLinearMatMul.
    pub(super) const fn requantized(bias: Option<usize>) -> Self {
        let (data_zero_point, weights_zero_point) = (Some(2), Some(5));
        ProductOperands { data: 0, weights: 3, bias, data_zero_point, weights_zero_point }
    }

    /// Slots of both factors, each with the slot of its zero point.
    pub(super) fn factors(self) -> Vec<(usize, Option<usize>)> {
        vec![(self.data, self.data_zero_point), (self.weights, self.weights_zero_point)]
    }
}

/// Rows of inputs that are multiplied by a matrix of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapForm {
    /// Patches around the positions of the output, channel by channel.
    Patches,
    /// Single positions; an output is one place of a channel of the kernel.
    Pixels,
    /// The last axis.
    LastAxis,
}

/// Stored weights as the matrix of a linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearMap {
    /// The form of a row of inputs.
    pub form: MapForm,
    /// Axis of the weights that counts inputs.
    pub input_axis: usize,
    /// Axis of the weights that counts outputs.
    pub output_axis: usize,
    /// Slot of the bias, where the operator has one that every row gets.
    pub bias_slot: Option<usize>,
}
