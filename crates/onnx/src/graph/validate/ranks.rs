//! Shapes of initializers, as far as the operators fix them without inference.

use super::label::Count;
use super::nodes::NodeAt;
use super::operators::OperatorSchema;
use super::{Validator, Violation};
use crate::graph::attribute::{int, ints};

/// Ranks of parameters: operators, slot, formal name, least and most rank.
const RANKS: &[(&[&str], usize, &str, usize, usize)] = &[
    (&["Conv", "ConvTranspose"], 1, "W", 3, usize::MAX),
    (&["Conv", "ConvTranspose"], 2, "B", 1, 1),
    (&["ConvInteger"], 1, "w", 3, usize::MAX),
    (&["QLinearConv"], 3, "w", 3, usize::MAX),
    (&["QLinearConv"], 4, "w_scale", 0, 1),
    (&["QLinearConv"], 5, "w_zero_point", 0, 1),
    (&["QLinearConv"], 8, "B", 1, 1),
    (&["BatchNormalization", "InstanceNormalization"], 1, "scale", 1, 1),
    (&["BatchNormalization", "InstanceNormalization"], 2, "B", 1, 1),
    (&["BatchNormalization"], 3, "input_mean", 1, 1),
    (&["BatchNormalization"], 4, "input_var", 1, 1),
    (&["Gemm"], 0, "A", 2, 2),
    (&["Gemm"], 1, "B", 2, 2),
    (&["Gemm"], 2, "C", 0, 2),
    (&["LSTM", "GRU", "RNN"], 1, "W", 3, 3),
    (&["LSTM", "GRU", "RNN"], 2, "R", 3, 3),
    (&["LSTM", "GRU", "RNN"], 3, "B", 2, 2),
];

/// A requirement that the shape of an input does not meet.
struct Unmet<'a> {
    slot: usize,
    parameter: &'static str,
    dims: &'a [i64],
    expected: String,
}

impl<'a> Validator<'a> {
    /// Checks ranks of initializers, and sizes that belong together.
    pub(super) fn initializer_shapes(&mut self, at: &NodeAt<'a>, schema: &OperatorSchema) {
        if !at.is_standard() {
            return;
        }
        let mut unmet: Vec<Unmet> = Vec::new();
        let operator = at.node.op_type.as_str();
        let rules = RANKS.iter().filter(|(operators, ..)| operators.contains(&operator));
        for (_, slot, parameter, least, most) in rules {
            let Some(dims) = self.dims(at, *slot) else {
                self.computed_rank(at, *slot, Count { least: *least, most: *most });
                continue;
            };
            if !(*least..=*most).contains(&dims.len()) {
                let expected = match *most {
                    usize::MAX => format!("have at least {least} dimensions"),
                    most if most == *least => format!("have {least} dimensions"),
                    most => format!("have at most {most} dimensions"),
                };
                unmet.push(Unmet { slot: *slot, parameter, dims, expected });
            }
        }
        match operator {
            "Conv" | "ConvTranspose" => self.convolution(at, &mut unmet),
            "BatchNormalization" => self.normalization(at, &mut unmet),
            "QuantizeLinear" | "DequantizeLinear" => {
                self.quantization(at, schema.since, &mut unmet);
            }
            _ => {}
        }
        for Unmet { slot, parameter, dims, expected } in unmet {
            self.found.push(Violation::InitializerShape {
                node: at.label(),
                parameter,
                tensor: at.node.input.get(slot).cloned().unwrap_or_default(),
                found: dims.to_vec(),
                expected,
            });
        }
    }

    fn computed_rank(&mut self, at: &NodeAt<'a>, slot: usize, expected: Count) {
        let Some(found) = self.rank(at, slot) else { return };
        if !(expected.least..=expected.most).contains(&found) {
            let tensor = at.node.input.get(slot).cloned().unwrap_or_default();
            self.found.push(Violation::Rank { node: at.label(), tensor, found, expected });
        }
    }

    /// The shape of an input, where it is an initializer or constant.
    fn dims(&self, at: &NodeAt<'a>, slot: usize) -> Option<&'a [i64]> {
        self.scope.get(at.node.input.get(slot)?)?.dims
    }

    fn convolution(&mut self, at: &NodeAt<'a>, unmet: &mut Vec<Unmet<'a>>) {
        let Some(weights) = self.dims(at, 1) else { return };
        let [first, second, spatial @ ..] = weights else { return };
        let lengths = [("kernel_shape", 1), ("strides", 1), ("dilations", 1), ("pads", 2)];
        for (attribute, each) in lengths {
            let Some(found) = ints(at.node, attribute).map(|list| list.len()) else { continue };
            let expected = each * spatial.len();
            if found != expected && found > 0 {
                let node = at.label();
                self.found.push(Violation::AttributeLength { node, attribute, found, expected });
            }
        }
        let mut weights_must = |expected: String| {
            unmet.push(Unmet { slot: 1, parameter: "W", dims: weights, expected });
        };
        if let Some(kernel) = ints(at.node, "kernel_shape")
            && kernel.len() == spatial.len()
            && kernel != spatial
        {
            weights_must(format!("end with `kernel_shape` {kernel:?}"));
        }
        let group = int(at.node, "group").unwrap_or(1);
        if group < 1 || first % group != 0 {
            weights_must(format!("begin with a multiple of `group` {group}"));
        }
        let transposed = at.node.op_type == "ConvTranspose";
        let channels = if transposed { second.checked_mul(group) } else { Some(*first) };
        if let (Some(dims @ [bias]), Some(channels)) = (self.dims(at, 2), channels)
            && *bias != channels
        {
            let expected = format!("have one value for each of {channels} output channels");
            unmet.push(Unmet { slot: 2, parameter: "B", dims, expected });
        }
    }

    fn normalization(&self, at: &NodeAt<'a>, unmet: &mut Vec<Unmet<'a>>) {
        let Some(scale @ [channels]) = self.dims(at, 1) else { return };
        // Of a single axis there is one channel.
        let own = self.dims(at, 0).map(|values| values.get(1).copied().unwrap_or(1));
        if let Some(own) = own.filter(|own| own != channels) {
            let expected = format!("have one value for each of {own} channels");
            unmet.push(Unmet { slot: 1, parameter: "scale", dims: scale, expected });
        }
        for (slot, parameter) in [(2, "B"), (3, "input_mean"), (4, "input_var")] {
            if let Some(dims @ [size]) = self.dims(at, slot)
                && size != channels
            {
                let expected = format!("have the {channels} values of `scale`");
                unmet.push(Unmet { slot, parameter, dims, expected });
            }
        }
    }

    /// Scale and zero point: of one shape; a scalar, a vector along `axis`, or from version 21 blocks.
    fn quantization(&self, at: &NodeAt<'a>, since: i64, unmet: &mut Vec<Unmet<'a>>) {
        let scale = self.dims(at, 1);
        if let (Some(scale), Some(dims)) = (scale, self.dims(at, 2))
            && scale != dims
            && !(is_single(scale) && is_single(dims))
        {
            let expected = format!("have the shape {scale:?} of the scale");
            unmet.push(Unmet { slot: 2, parameter: "zero point", dims, expected });
        }
        let Some(scale) = scale else { return };
        let mut scale_must =
            |expected| unmet.push(Unmet { slot: 1, parameter: "scale", dims: scale, expected });
        let blocks = since >= 21 && int(at.node, "block_size").unwrap_or(0) != 0;
        match scale {
            [] => {}
            [_, _, ..] if since < 21 => scale_must("have at most 1 dimension".into()),
            [_] if is_single(scale) => {}
            [size] if since >= 13 && !blocks => {
                let Some(values) = self.dims(at, 0) else { return };
                let axis = int(at.node, "axis").unwrap_or(1);
                let rank = values.len() as i64;
                let place = usize::try_from(if axis < 0 { axis + rank } else { axis });
                match place.ok().and_then(|place| values.get(place)) {
                    Some(channels) if channels == size => {}
                    Some(channels) => scale_must(format!(
                        "have one value for each of the {channels} slices of axis {axis}"
                    )),
                    None => {
                        scale_must(format!("belong to an axis of its values, which have {rank}"));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a shape is that of one value.
fn is_single(dims: &[i64]) -> bool {
    dims.iter().all(|size| *size == 1)
}
