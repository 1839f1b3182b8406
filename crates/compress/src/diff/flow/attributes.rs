//! Attributes of nodes, without those that say what is the default anyway.
//!
//! Source of the defaults: the ONNX operator specification.

use super::data_flow::FlowNode;
use std::collections::BTreeMap;

/// Attributes that differ from their defaults, as text. `rank` is that of the first input, and `moved`
/// leaves out what follows from removed components.
pub(in crate::diff) fn attributes(
    flow: &FlowNode,
    rank: Option<usize>,
    moved: bool,
) -> BTreeMap<String, String> {
    let op = flow.node.op_type.as_str();
    let mut found = BTreeMap::new();
    for attribute in &flow.node.attribute {
        let name = attribute.name.as_str();
        let follows =
            moved && matches!((op, name), (_, "shape" | "start" | "end" | "group" | "split"));
        if ignored(op, name, flow.operator.is_some()) || follows {
            continue;
        }
        // ONNX's numbers: 1 float, 2 integer, 3 text, 4 tensor, 6 floats, 7 integers, 8 texts.
        let text = match attribute.r#type {
            1 => shortest(attribute.f),
            2 => axis(name, attribute.i, rank).to_string(),
            3 => String::from_utf8_lossy(&attribute.s).into_owned(),
            6 => attribute.floats.iter().map(|f| shortest(*f)).collect::<Vec<_>>().join(" "),
            7 => {
                let axes = attribute.ints.iter().map(|i| axis(name, *i, rank).to_string());
                axes.collect::<Vec<_>>().join(" ")
            }
            8 => {
                let texts = attribute.strings.iter().map(|text| String::from_utf8_lossy(text));
                texts.collect::<Vec<_>>().join(" ")
            }
            _ => format!("{:?}", (&attribute.t, &attribute.g, &attribute.strings)),
        };
        if !is_default(op, name, &text, rank) {
            found.insert(name.to_string(), text);
        }
    }
    found
}

/// Six digits: how a file was made does not matter.
pub(in crate::diff) fn shortest(value: f32) -> String {
    format!("{value:.5e}").parse::<f64>().map_or_else(|_| value.to_string(), |v| v.to_string())
}

fn axis(name: &str, value: i64, rank: Option<usize>) -> i64 {
    match (name, rank) {
        ("axis" | "axes", Some(rank)) if value < 0 => value + rank as i64,
        _ => value,
    }
}

/// True of an attribute that does not change the function, or is compared with the weights.
fn ignored(op: &str, name: &str, weighted: bool) -> bool {
    match name {
        "momentum" | "spatial" | "stash_type" | "training_mode" | "consumed_inputs" => true,
        "kernel_shape" => weighted,
        "transA" | "transB" => weighted,
        "K" | "N" | "bits" | "block_size" | "accuracy_level" => op == "MatMulNBits",
        "axis" => op == "DequantizeLinear",
        "high" => op == "QuantizedRange",
        _ => false,
    }
}

fn is_default(op: &str, name: &str, text: &str, rank: Option<usize>) -> bool {
    let all = |wanted: &str| text.split(' ').all(|t| t == wanted);
    let last = rank.is_some_and(|rank| text == (rank as i64 - 1).to_string());
    match name {
        "pads" | "output_padding" => all("0"),
        "strides" | "dilations" => all("1"),
        "group" | "alpha" | "beta" if ["Conv", "ConvTranspose", "Gemm"].contains(&op) => {
            text == "1"
        }
        "auto_pad" => text == "NOTSET",
        "ceil_mode"
        | "count_include_pad"
        | "storage_order"
        | "allowzero"
        | "exclusive"
        | "reverse"
        | "noop_with_empty_axes"
        | "select_last_index"
        | "transA"
        | "transB"
        | "input_forget"
        | "layout"
        | "linear_before_reset"
        | "batch_dims"
        | "align_corners"
        | "exclude_outside"
        | "antialias"
        | "fmod" => text == "0",
        "keepdims" | "saturate" | "largest" | "sorted" | "detect_negative" | "detect_positive" => {
            text == "1"
        }
        "direction" => text == "forward",
        "reduction" => text == "none",
        "activations" => are_default_activations(op, text),
        "epsilon" => text == "0.00001",
        "approximate" => text == "none",
        "mode" if op == "DepthToSpace" => text == "DCR",
        "mode" => text == "constant" || text == "nearest",
        "alpha" if op == "LeakyRelu" => text == "0.01",
        "alpha" if op == "HardSigmoid" => text == "0.2",
        "beta" if op == "HardSigmoid" => text == "0.5",
        "alpha" if op == "Elu" => text == "1",
        "axis" => match op {
            "LayerNormalization" | "Softmax" | "LogSoftmax" | "RMSNormalization" => last,
            "Gather" | "Split" | "GatherElements" | "ScatterElements" | "ArgMax" | "ArgMin" => {
                text == "0"
            }
            "Flatten" => text == "1",
            "TopK" | "OneHot" => last || text == "-1",
            _ => false,
        },
        _ => false,
    }
}

/// True of recurrent cells with their usual activations, in one direction or both.
fn are_default_activations(op: &str, text: &str) -> bool {
    let one = match op {
        "LSTM" => "Sigmoid Tanh Tanh",
        "GRU" => "Sigmoid Tanh",
        "RNN" => "Tanh",
        _ => return false,
    };
    text == one || text == format!("{one} {one}")
}
