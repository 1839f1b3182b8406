//! Ranks of computed tensors, as far as they follow from those of inputs and initializers, and nodes
//! whose inputs or axes contradict them.
//!
//! Sizes are the engine's to infer; an axis beyond the rank is what engines index with unchecked.

use super::label::Count;
use super::nodes::NodeAt;
use super::{Validator, Violation};
use crate::graph::attribute::{int, ints};

/// Operators whose first output has the rank of their first input.
const SAME: &str = " Abs AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Conv ConvInteger \
    ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Dropout DynamicQuantizeLinear Elu Erf Exp \
    Floor Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid HardSwish \
    Identity InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LpPool \
    LRN MaxPool Mish Neg Not Pad PRelu QLinearConv QuantizeLinear Reciprocal Relu Resize \
    RMSNormalization Round Selu Sigmoid Sign Sin Slice Softmax Softplus Softsign SpaceToDepth Split \
    Sqrt Swish Tanh ThresholdedRelu Transpose Trilu Upsample ";

/// Operators whose output has the largest rank of their inputs.
const BROADCAST: &str = " Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul \
    Or Pow Sub Sum Where Xor ";

/// Operators that compute with the values of every input; besides those above.
const COMPUTING: &str = " BatchNormalization Clip Conv ConvInteger ConvTranspose DequantizeLinear Einsum \
    GRU Gemm GroupNormalization If InstanceNormalization LSTM LayerNormalization MatMul MatMulInteger \
    PRelu QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range ";

/// Operators that read one number, and where.
const NUMBERS: &[(&str, &[usize])] = &[
    ("CumSum", &[1]),
    ("Loop", &[0, 1]),
    ("OneHot", &[1]),
    ("Pad", &[2]),
    ("TopK", &[1]),
    ("Trilu", &[1]),
];

/// Operators that name one axis: which input has it, what no attribute means, and how many positions
/// there are beyond the last axis.
const AXES: &[(&str, usize, i64, i64)] = &[
    ("Concat", 0, 1, 0),
    ("Gather", 0, 0, 0),
    ("GatherElements", 0, 0, 0),
    ("ScatterElements", 0, 0, 0),
    ("Softmax", 0, -1, 1),
    ("LogSoftmax", 0, -1, 1),
    ("Split", 0, 0, 0),
    ("Flatten", 0, 1, 1),
    ("ArgMax", 0, 0, 0),
    ("ArgMin", 0, 0, 0),
    ("TopK", 0, -1, 0),
    ("LayerNormalization", 0, -1, 0),
    ("RMSNormalization", 0, -1, 0),
    ("Compress", 0, 0, 0),
    ("Hardmax", 0, -1, 1),
    ("LpNormalization", 0, -1, 0),
];

fn listed(list: &str, operator: &str) -> bool {
    list.contains(&format!(" {operator} "))
}

impl<'a> Validator<'a> {
    /// Rank of an input, as far as it is known.
    pub(super) fn rank(&self, at: &NodeAt<'a>, slot: usize) -> Option<usize> {
        self.scope.get(at.node.input.get(slot)?)?.rank
    }

    /// Number of values in an input that is an initializer or constant of one axis.
    fn length(&self, at: &NodeAt<'a>, slot: usize) -> Option<usize> {
        match self.scope.get(at.node.input.get(slot)?)?.dims? {
            [length] => usize::try_from(*length).ok(),
            _ => None,
        }
    }

    /// Rank of an output of a standard operator.
    pub(super) fn output_rank(&self, at: &NodeAt<'a>, slot: usize) -> Option<usize> {
        let operator = at.node.op_type.as_str();
        if !at.is_standard() || (slot > 0 && operator != "Split") {
            return None;
        }
        let rank = |slot: usize| self.rank(at, slot);
        match operator {
            _ if listed(SAME, operator) => rank(0),
            _ if listed(BROADCAST, operator) => {
                (0..at.node.input.len()).map(rank).try_fold(0, |most, rank| Some(most.max(rank?)))
            }
            "Concat" => rank(0),
            "Gemm" | "Flatten" => Some(2),
            "Shape" | "NonZero" => Some(if operator == "Shape" { 1 } else { 2 }),
            "MatMul" | "MatMulInteger" => match (rank(0)?, rank(1)?) {
                (1, other) | (other, 1) => other.checked_sub(1),
                (first, second) => Some(first.max(second)),
            },
            "Gather" => rank(0)?.checked_sub(1)?.checked_add(rank(1)?),
            "Reshape" | "ConstantOfShape" => self.length(at, usize::from(operator == "Reshape")),
            "Expand" => Some(rank(0)?.max(self.length(at, 1)?)),
            "Unsqueeze" => rank(0)?.checked_add(self.axes(at)?),
            "Squeeze" => rank(0)?.checked_sub(self.axes(at)?),
            name if name.starts_with("Reduce") || name.starts_with("Arg") => {
                (int(at.node, "keepdims").unwrap_or(1) != 0).then(|| rank(0)).flatten()
            }
            _ => None,
        }
    }

    /// How many axes a node names, by its attribute or its second input.
    fn axes(&self, at: &NodeAt<'a>) -> Option<usize> {
        ints(at.node, "axes").map(|axes| axes.len()).or_else(|| self.length(at, 1))
    }

    /// Checks axes and ranks of a node of a standard operator.
    pub(super) fn tensor_ranks(&mut self, at: &NodeAt<'a>) {
        let operator = at.node.op_type.as_str();
        if !at.is_standard() {
            return;
        }
        for (_, slot, absent, beyond) in AXES.iter().filter(|(name, ..)| *name == operator) {
            let Some(rank) = self.rank(at, *slot) else { continue };
            let axis = int(at.node, "axis").unwrap_or(*absent);
            // Scalars have no axis that the usual absent attribute could name.
            let stated = at.node.attribute.iter().any(|attribute| attribute.name == "axis");
            self.axis(at, (axis, stated), rank, *beyond);
        }
        self.listed_axes(at);
        self.operands(at);
        let windowed = ["Conv", "ConvTranspose", "ConvInteger"].contains(&operator);
        if windowed && let (Some(found), Some(weights)) = (self.rank(at, 0), self.rank(at, 1)) {
            self.must_have_rank(at, 0, found, weights);
        }
        if let (true, Some(found), Some(kernel)) =
            (operator.ends_with("Pool"), self.rank(at, 0), ints(at.node, "kernel_shape"))
        {
            self.must_have_rank(at, 0, found, kernel.len().saturating_add(2));
        }
        if let ("Transpose", Some(found), Some(perm)) =
            (operator, self.rank(at, 0), ints(at.node, "perm"))
            && !perm.is_empty()
        {
            self.must_have_rank(at, 0, found, perm.len());
        }
        if operator == "Concat" {
            let ranks: Vec<(usize, usize)> = (0..at.node.input.len())
                .filter_map(|slot| Some((slot, self.rank(at, slot)?)))
                .collect();
            let other = ranks.first().and_then(|(_, first)| {
                let other = ranks.iter().find(|(_, rank)| rank != first)?;
                Some((other.0, other.1, *first))
            });
            if let Some((slot, found, first)) = other {
                self.must_have_rank(at, slot, found, first);
            }
        }
    }

    /// Checks that no operand is an initializer of no values.
    fn operands(&mut self, at: &NodeAt<'a>) {
        let operator = at.node.op_type.as_str();
        let numbers = NUMBERS.iter().find(|(name, _)| *name == operator);
        let all = listed(BROADCAST, operator) || listed(COMPUTING, operator);
        let read = |slot: usize| all || numbers.is_some_and(|(_, slots)| slots.contains(&slot));
        let empty = |name: &&String| {
            let value = self.scope.get(name);
            value.and_then(|value| value.dims).is_some_and(|dims| dims.contains(&0))
        };
        let inputs = at.node.input.iter().enumerate().filter(|(slot, _)| read(*slot));
        if let Some(tensor) = inputs.map(|(_, name)| name).find(empty).cloned() {
            self.found.push(Violation::EmptyOperand { node: at.label(), tensor });
        }
    }

    /// Checks a list of axes in an attribute.
    fn listed_axes(&mut self, at: &NodeAt<'a>) {
        let operator = at.node.op_type.as_str();
        let (Some(rank), Some(axes)) = (self.rank(at, 0), ints(at.node, "axes")) else { return };
        let rank = match operator {
            "Unsqueeze" => rank.saturating_add(axes.len()),
            _ if operator.starts_with("Reduce") || operator == "Squeeze" => rank,
            _ => return,
        };
        for axis in axes {
            self.axis(at, (axis, true), rank, 0);
        }
    }

    fn axis(&mut self, at: &NodeAt<'a>, (axis, stated): (i64, bool), rank: usize, beyond: i64) {
        let axes = i64::try_from(rank).unwrap_or(i64::MAX);
        let inside = (-axes..axes.saturating_add(beyond)).contains(&axis);
        if !inside && (stated || rank > 0) {
            self.found.push(Violation::AxisOutside { node: at.label(), axis, rank });
        }
    }

    fn must_have_rank(&mut self, at: &NodeAt<'a>, slot: usize, found: usize, expected: usize) {
        if found != expected {
            let tensor = at.node.input.get(slot).cloned().unwrap_or_default();
            let expected = Count { least: expected, most: expected };
            self.found.push(Violation::Rank { node: at.label(), tensor, found, expected });
        }
    }
}
