//! Layers whose activations are quantized as they come, and layers whose weights alone are narrow.

use super::affine::{BLOCK, OnGrid, rows};
use super::emit::Writer;
use super::emit_static::straight;
use super::layers::Layer;
use crate::compress::CompressError;
use crate::graph::{self, Node, Weights};

impl Writer<'_> {
    /// y = (xq · wq) · (x_scale · w_scale) + bias, with x_scale found for every input anew.
    pub(super) fn dynamically(&mut self, node: &Node, layer: &Layer) -> Result<(), CompressError> {
        self.need_float(&layer.input);
        let [x, x_scale, x_zero] =
            ["u8", "u8.scale", "u8.zero"].map(|part| format!("{}.{part}", layer.input));
        if self.dynamic.insert(layer.input.clone()) {
            self.nodes.push(Node {
                op_type: "DynamicQuantizeLinear".into(),
                name: format!("{}/DynamicQuantizeLinear", layer.input),
                input: vec![layer.input.clone()],
                output: vec![x.clone(), x_scale.clone(), x_zero.clone()],
                ..Node::default()
            });
        }
        let (w, _, _, scales) = self.bytes(layer)?;
        let base = &layer.output;
        let w_zero = self.constant(format!("{base}.weight.zero"), Weights::i8(&[], &[0]));
        let (sum, wide) = (format!("{base}.sum"), format!("{base}.wide"));
        let inputs = vec![x, w, x_zero, w_zero];
        match layer.convolves() {
            true => self.nodes.push(Node {
                op_type: "ConvInteger".into(),
                input: inputs,
                output: vec![sum.clone()],
                ..node.clone()
            }),
            false => self.nodes.push(Node {
                op_type: "MatMulInteger".into(),
                name: node.name.clone(),
                input: inputs,
                output: vec![sum.clone()],
                ..Node::default()
            }),
        }
        self.cast(format!("{}/cast", node.name), &sum, &wide);
        // One value an output stands on the axis of channels.
        let places = if layer.convolves() { layer.dims.len() - 2 } else { 0 };
        let dims = |count: usize| -> Vec<usize> {
            std::iter::once(count).chain(std::iter::repeat_n(1, places)).collect()
        };
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
