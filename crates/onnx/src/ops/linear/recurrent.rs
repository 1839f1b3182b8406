//! Recurrent operators: LSTM, GRU, RNN. Inputs may become fewer, the state may not.

use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{AttributeRange, OperatorLimits, ParameterRank};
use crate::ops::operands::ProductOperands;

/// Input and input weights; the state's weights are not told apart from it.
pub(in crate::ops) const OPERANDS: ProductOperands = ProductOperands::float(Some(3));

/// The axis of the tensor in `slot` that is summed over.
pub(in crate::ops) fn summed_axis(slot: usize) -> Option<usize> {
    (slot == 0).then_some(2)
}

/// Slot of the weights, and their axis that counts gates.
pub(in crate::ops) const OUTPUT_AXIS: (usize, usize) = (1, 1);

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    let node = rules.node;
    let [x, w, others @ ..] = node.input.as_slice() else { return };
    let reason = format!("{} (node `{}`) keeps a state", node.op_type, node.name);
    others.iter().chain(&node.output).for_each(|tensor| rules.pin(tensor, &reason));
    [x, w].into_iter().for_each(|tensor| rules.pin_axes(tensor, 0..2, &reason));
    rules.tie((x, 2), (w, 2));
}

pub(in crate::ops) fn limits() -> OperatorLimits {
    OperatorLimits {
        parameter_ranks: const {
            &[
                ParameterRank::new(1, "W", 3, 3),
                ParameterRank::new(2, "R", 3, 3),
                ParameterRank::new(3, "B", 2, 2),
            ]
        },
        attribute_ranges: const { &[AttributeRange::positive("hidden_size")] },
        ..OperatorLimits::NONE.computing()
    }
}
