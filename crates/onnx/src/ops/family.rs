//! The family of every operator that is treated.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Operators that are treated alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorFamily {
    /// `linear/convolution.rs`
    Convolution,
    /// `linear/product.rs`
    Product,
    /// `linear/recurrent.rs`
    Recurrent,
    /// `linear/attention.rs`
    Attention,
    /// `aggregate/normalization.rs`
    Normalization,
    /// `aggregate/softmax.rs`
    Softmax,
    /// `aggregate/pooling.rs`
    Pooling,
    /// `aggregate/reduction.rs`
    Reduction,
    /// `pointwise/activation.rs`
    Activation,
    /// `pointwise/arithmetic.rs`
    Arithmetic,
    /// `pointwise/quantization.rs`
    Quantization,
    /// `layout/reshape.rs`
    Reshape,
    /// `layout/transpose.rs`
    Transpose,
    /// `layout/concatenation.rs`
    Concatenation,
    /// `layout/indexing.rs`
    Indexing,
    /// `layout/resampling.rs`
    Resampling,
    /// `shape_value.rs`
    ShapeValue,
    /// `control_flow.rs`
    ControlFlow,
}

/// Operators of the standard and of com.microsoft by family. One that is missing has no rule: all axes
/// that it touches are kept, it counts no multiply-accumulates and is not quantized.
pub const FAMILIES: &[(OperatorFamily, &[&str])] = &[
    (
        OperatorFamily::Convolution,
        &["Conv", "ConvInteger", "ConvTranspose", "FusedConv", "QLinearConv"],
    ),
    (
        OperatorFamily::Product,
        &["Einsum", "Gemm", "MatMul", "MatMulInteger", "MatMulNBits", "QLinearMatMul"],
    ),
    (OperatorFamily::Recurrent, &["GRU", "LSTM", "RNN"]),
    (OperatorFamily::Attention, &["Attention", "GroupQueryAttention", "MultiHeadAttention"]),
    (
        OperatorFamily::Normalization,
        &[
            "BatchNormalization",
            "EmbedLayerNormalization",
            "GroupNormalization",
            "InstanceNormalization",
            "LRN",
            "LayerNormalization",
            "LpNormalization",
            "RMSNormalization",
            "SimplifiedLayerNormalization",
            "SkipLayerNormalization",
            "SkipSimplifiedLayerNormalization",
        ],
    ),
    (OperatorFamily::Softmax, &["Hardmax", "LogSoftmax", "Softmax"]),
    (
        OperatorFamily::Pooling,
        &[
            "AveragePool",
            "GlobalAveragePool",
            "GlobalLpPool",
            "GlobalMaxPool",
            "LpPool",
            "MaxPool",
            "MaxRoiPool",
            "MaxUnpool",
            "QLinearAveragePool",
        ],
    ),
    (
        OperatorFamily::Reduction,
        &[
            "ArgMax",
            "ArgMin",
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSum",
            "ReduceSumInteger",
            "ReduceSumSquare",
        ],
    ),
    (
        OperatorFamily::Activation,
        &[
            "Abs",
            "Atan",
            "BitwiseNot",
            "Cast",
            "CastLike",
            "Ceil",
            "Celu",
            "Clip",
            "Cos",
            "CumSum",
            "Dropout",
            "Elu",
            "Erf",
            "Exp",
            "FastGelu",
            "Floor",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "IsInf",
            "IsNaN",
            "LeakyRelu",
            "Log",
            "Mish",
            "Neg",
            "Not",
            "QuickGelu",
            "Reciprocal",
            "Relu",
            "Round",
            "Selu",
            "Shrink",
            "Sigmoid",
            "Sign",
            "Sin",
            "Softplus",
            "Softsign",
            "Sqrt",
            "Swish",
            "Tan",
            "Tanh",
            "ThresholdedRelu",
            "Trilu",
        ],
    ),
    (
        OperatorFamily::Arithmetic,
        &[
            "Add",
            "And",
            "BiasGelu",
            "Div",
            "Equal",
            "Greater",
            "GreaterOrEqual",
            "Less",
            "LessOrEqual",
            "Max",
            "Mean",
            "Min",
            "Mod",
            "Mul",
            "Or",
            "PRelu",
            "Pow",
            "Sub",
            "Sum",
            "Where",
            "Xor",
        ],
    ),
    (
        OperatorFamily::Quantization,
        &["DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"],
    ),
    (OperatorFamily::Reshape, &["Expand", "Flatten", "Reshape", "Squeeze", "Unsqueeze"]),
    (OperatorFamily::Transpose, &["DepthToSpace", "SpaceToDepth", "Transpose"]),
    (OperatorFamily::Concatenation, &["Concat", "Split", "SplitToSequence"]),
    (
        OperatorFamily::Indexing,
        &[
            "Compress",
            "Gather",
            "GatherElements",
            "NonZero",
            "OneHot",
            "ScatterElements",
            "Slice",
            "TopK",
        ],
    ),
    (OperatorFamily::Resampling, &["Pad", "Resize", "Upsample"]),
    (OperatorFamily::ShapeValue, &["ConstantOfShape", "Range", "Shape", "Size"]),
    (OperatorFamily::ControlFlow, &["If", "Loop", "Scan"]),
];

/// The family of an operator; `None` of one that has no rule.
pub fn family_of(op_type: &str) -> Option<OperatorFamily> {
    static BY_OPERATOR: OnceLock<HashMap<&str, OperatorFamily>> = OnceLock::new();
    let table = BY_OPERATOR.get_or_init(|| {
        let pairs = |(family, operators): &(OperatorFamily, &'static [&'static str])| {
            let family = *family;
            operators.iter().map(move |operator| (*operator, family))
        };
        FAMILIES.iter().flat_map(pairs).collect()
    });
    let reduces = ["Reduce", "Arg"].iter().any(|prefix| op_type.starts_with(prefix));
    table.get(op_type).copied().or(reduces.then_some(OperatorFamily::Reduction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_operator_has_one_family() {
        let all: Vec<&str> =
            FAMILIES.iter().flat_map(|(_, operators)| *operators).copied().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|operator| family_of(operator).is_some()));
        assert_eq!(family_of("NoSuchOperator"), None);
    }
}
