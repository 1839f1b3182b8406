//! Layers whose activations are quantized as they come, and layers whose weights alone are narrow.

use super::affine::{BLOCK, OnGrid, rows};
use super::convert::{MIDDLE, cast};
use super::emit::Writer;
use super::emit_static::{pads_itself, spread, straight, written_out};
use super::layers::Layer;
use crate::compress::CompressError;
use crate::graph::{self, ElementType, Node, Weights};

impl Writer<'_> {
    /// y = (xq · wq) · (x_scale · w_scale) + bias, with x_scale found for every input anew.
    pub(super) fn dynamically(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        let mut integer = match layer.convolves() {
            true => Node { op_type: "ConvInteger".into(), ..node.clone() },
            false => {
                Node { op_type: "MatMulInteger".into(), name: node.name.clone(), ..Node::default() }
            }
        };
        let input = self.padded_float(&mut integer, layer);
        let [x, x_scale, x_zero] = self.as_it_comes(input);
        let (w, _, _, scales) = self.bytes(layer)?;
        let base = &layer.output;
        // One value an output stands on the axis of channels.
        let places = if layer.convolves() { layer.dims.len() - 2 } else { 0 };
        let dims = |count: usize| -> Vec<usize> {
            std::iter::once(count).chain(std::iter::repeat_n(1, places)).collect()
        };
        let (sum, wide) = (format!("{base}.sum"), format!("{base}.wide"));
        let pads_itself = pads_itself(&integer);
        let told = match pads_itself {
            true => x_zero.clone(),
            false => self.constant("paring.middle".into(), Weights::u8(&[], &[MIDDLE])),
        };
        (integer.input, integer.output) = (vec![x, w, told], vec![sum.clone()]);
        spread(&mut integer, layer);
        let sums: Vec<i32> = self.sums(layer).into_iter().map(|sum| sum as i32).collect();
        let sums = Weights::i32(&dims(sums.len()), &sums);
        // Before the operator, so that what is fused into that is taken for its own.
        let moved = (!pads_itself).then(|| self.moved_by_zero(node, base, &x_zero, sums));
        self.nodes.push(integer);
        let sum = match moved {
            None => sum,
            Some(moved) => {
                let whole = format!("{base}.whole");
                self.node("Add", format!("{}/whole", node.name), &[&sum, &moved], &whole);
                whole
            }
        };
        self.nodes.push(cast(format!("{}/cast", node.name), &sum, &wide, ElementType::F32));
        let shape = if scales.len() == 1 { vec![] } else { dims(scales.len()) };
        let w_scale = self.constant(format!("{base}.weight.scale"), Weights::f32(&shape, &scales));
        let factor = format!("{base}.factor");
        self.node("Mul", format!("{}/factor", node.name), &[&x_scale, &w_scale], &factor);
        let scaled = if layer.bias.is_some() { format!("{base}.scaled") } else { base.clone() };
        self.node("Mul", format!("{}/scale", node.name), &[&wide, &factor], &scaled);
        if let Some(bias) = &layer.bias {
            let weights = Weights::f32(&dims(bias.len()), bias);
            let bias = self.constant(format!("{base}.bias"), weights);
            self.node("Add", format!("{}/bias", node.name), &[&scaled, &bias], base);
        }
        Ok(())
    }

    /// A tensor in bytes, their scale and their zero point, found for every input anew; made once.
    fn as_it_comes(&mut self, tensor: String) -> [String; 3] {
        let parts = ["u8", "u8.scale", "u8.zero"].map(|part| format!("{tensor}.{part}"));
        if self.dynamic.insert(tensor.clone()) {
            self.nodes.push(Node {
                op_type: "DynamicQuantizeLinear".into(),
                name: format!("{tensor}/DynamicQuantizeLinear"),
                input: vec![tensor],
                output: parts.to_vec(),
                ..Node::default()
            });
        }
        parts
    }

    /// What a zero point that is found with every input adds to the sums: (told − zero) · Σw. Told of
    /// it, the engine would add up the weights at every inference anew where these are many.
    fn moved_by_zero(&mut self, node: &Node, base: &str, zero: &str, sums: Weights) -> String {
        let name = |part: &str| format!("{}/{part}", node.name);
        let [wide, below, moved] =
            ["zero.wide", "zero.below", "zero.moved"].map(|part| format!("{base}.{part}"));
        let middle = Weights::i32(&[], &[i32::from(MIDDLE)]);
        let middle = self.constant("paring.middle.wide".into(), middle);
        let sums = self.constant(format!("{base}.weight.sums"), sums);
        self.nodes.push(cast(name("zero"), zero, &wide, ElementType::I32));
        self.node("Sub", name("below"), &[&middle, &wide], &below);
        self.node("Mul", name("moved"), &[&below, &sums], &moved);
        moved
    }

    /// The tensor that a layer reads, in float, with its padding written out: zeros, which are exact
    /// in any scale.
    fn padded_float(&mut self, node: &mut Node, layer: &Layer) -> String {
        self.need_float(&layer.input);
        let Some(pads) = written_out(node, self.graph.opset()) else { return layer.input.clone() };
        let none = self.constant("paring.low".into(), Weights::f32(&[], &[0.0]));
        self.pad(node, &layer.input, (&pads, &none))
    }

    /// The float operator on weights that are stored in int8.
    pub(super) fn stored_bytes(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        self.need_float(&layer.input);
        let (w, scale, zero, _) = self.bytes(layer)?;
        let weights = format!("{}.weight.dq", layer.output);
        let name = format!("{}/weights", node.name);
        self.node("DequantizeLinear", name, &[&w, &scale, &zero], &weights);
        if let Some(dequantize) = self.nodes.last_mut() {
            graph::set_int(dequantize, "axis", layer.axis() as i64);
        }
        let mut node = node.clone();
        node.input[1] = weights;
        straight(&mut node, layer);
        self.nodes.push(node);
        Ok(())
    }

    /// MatMulNBits of com.microsoft: `[outputs, blocks, 16]` bytes of two weights each.
    pub(super) fn stored_nibbles(
        &mut self,
        node: &Node,
        layer: &Layer,
    ) -> Result<(), CompressError> {
        self.need_float(&layer.input);
        let Some(OnGrid::Nibbles(nibbles)) = self.narrowing.grids.get(&layer.name) else {
            return Err(CompressError::Nothing("quantize", format!("layer `{}`", layer.name)));
        };
        let (inputs, outputs) = (layer.dims[0], layer.dims[1]);
        let turned = rows(&layer.dims, &layer.values, 1);
        let packed = nibbles.packed(&turned, inputs);
        let scales = Weights::f32(&[nibbles.scales.len()], &nibbles.scales);
        let base = &layer.output;
        let packed = self.constant(format!("{base}.weight.q4"), packed);
        let scales = self.constant(format!("{base}.weight.scale"), scales);
        let sum = if layer.bias.is_some() { format!("{base}.sum") } else { base.clone() };
        let mut product = Node {
            op_type: "MatMulNBits".into(),
            domain: "com.microsoft".into(),
            name: node.name.clone(),
            input: vec![layer.input.clone(), packed, scales],
            output: vec![sum.clone()],
            ..Node::default()
        };
        let sizes = [("K", inputs), ("N", outputs), ("bits", 4), ("block_size", BLOCK)];
        sizes.into_iter().for_each(|(key, value)| graph::set_int(&mut product, key, value as i64));
        self.nodes.push(product);
        if let Some(bias) = &layer.bias {
            let weights = Weights::f32(&[bias.len()], bias);
            let bias = self.constant(format!("{base}.bias"), weights);
            self.node("Add", format!("{}/bias", node.name), &[&sum, &bias], base);
        }
        Ok(())
    }
}
