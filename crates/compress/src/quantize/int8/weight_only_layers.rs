//! Layers whose activations are quantized as they come, and layers whose weights alone are narrow.

use super::conversions::{MIDDLE, cast};
use super::emission::Int8Writer;
use super::static_layers::{pads_itself, spread, straight, written_out};
use crate::CompressError;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::weight_grid::{BLOCK, WeightGrid, rows};
use paring_onnx::graph::{self, ElementType, Node, Weights};

/// From here on there is DequantizeLinear.
const DEQUANTIZE_OPSET: i64 = 10;
/// From here on it has an axis, and a scale for each of its entries.
pub(in crate::quantize) const AXIS_OPSET: i64 = 13;

impl Int8Writer<'_> {
    /// y = (xq · wq) · (x_scale · w_scale) + bias, with x_scale found for every input anew.
    pub(super) fn dynamically(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
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
        let (sum, wide) = (self.name(base, ".sum"), self.name(base, ".wide"));
        let pads_itself = pads_itself(&integer);
        let told = match pads_itself {
            true => x_zero.clone(),
            false => self.shared("paring.middle", Weights::u8(&[], &[MIDDLE])),
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
                let whole = self.name(base, ".whole");
                let add = self.name(&node.name, "/whole");
                self.node("Add", add, &[&sum, &moved], &whole);
                whole
            }
        };
        let widens = self.name(&node.name, "/cast");
        self.nodes.push(cast(widens, &sum, &wide, ElementType::F32));
        let shape = if scales.len() == 1 { vec![] } else { dims(scales.len()) };
        let w_scale = self.constant(base, ".weight.scale", Weights::f32(&shape, &scales));
        let (factor, name) = (self.name(base, ".factor"), self.name(&node.name, "/factor"));
        self.node("Mul", name, &[&x_scale, &w_scale], &factor);
        let scaled = if layer.bias.is_some() { self.name(base, ".scaled") } else { base.clone() };
        let name = self.name(&node.name, "/scale");
        self.node("Mul", name, &[&wide, &factor], &scaled);
        if let Some(bias) = &layer.bias {
            let weights = Weights::f32(&dims(bias.len()), bias);
            let bias = self.constant(base, ".bias", weights);
            let name = self.name(&node.name, "/bias");
            self.node("Add", name, &[&scaled, &bias], base);
        }
        Ok(())
    }

    /// A tensor in bytes, their scale and their zero point, found for every input anew; made once.
    fn as_it_comes(&mut self, tensor: String) -> [String; 3] {
        let parts = [".u8", ".u8.scale", ".u8.zero"].map(|part| self.name(&tensor, part));
        if self.dynamic.insert(tensor.clone()) {
            let name = self.name(&tensor, "/DynamicQuantizeLinear");
            self.nodes.push(Node {
                op_type: "DynamicQuantizeLinear".into(),
                name,
                input: vec![tensor],
                output: parts.to_vec(),
                ..Node::default()
            });
        }
        parts
    }

    /// The contribution to the sums of a zero point that is found with every input: (told − zero) · Σw. Told of
    /// it, the engine would add up the weights at every inference anew where these are many.
    fn moved_by_zero(&mut self, node: &Node, base: &str, zero: &str, sums: Weights) -> String {
        let [wide, below, moved] =
            [".zero.wide", ".zero.below", ".zero.moved"].map(|part| self.name(base, part));
        let middle = Weights::i32(&[], &[i32::from(MIDDLE)]);
        let middle = self.shared("paring.middle.wide", middle);
        let sums = self.constant(base, ".weight.sums", sums);
        let [widens, subtracts, multiplies] =
            ["/zero", "/below", "/moved"].map(|part| self.name(&node.name, part));
        self.nodes.push(cast(widens, zero, &wide, ElementType::I32));
        self.node("Sub", subtracts, &[&middle, &wide], &below);
        self.node("Mul", multiplies, &[&below, &sums], &moved);
        moved
    }

    /// The tensor that a layer reads, in float, with its padding written out: zeros, which are exact
    /// in any scale.
    fn padded_float(&mut self, node: &mut Node, layer: &QuantizableLayer) -> String {
        self.need_float(&layer.input);
        let Some(pads) = written_out(node, self.graph.opset()) else { return layer.input.clone() };
        let none = self.shared("paring.low", Weights::f32(&[], &[0.0]));
        self.pad(node, &layer.input, (&pads, &none))
    }

    /// The float operator on weights that are stored in int8.
    pub(super) fn stored_bytes(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        self.need_float(&layer.input);
        let weights = self.floats_of_bytes(node, layer)?;
        let mut node = node.clone();
        node.input[1] = weights;
        straight(&mut node, layer);
        self.nodes.push(node);
        Ok(())
    }

    /// Weights that are stored in int8, as floats: by DequantizeLinear where the operator set has it for
    /// so many scales, else by a cast and a product.
    pub(super) fn floats_of_bytes(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<String, CompressError> {
        let (w, scale, zero, scales) = self.bytes(layer)?;
        let weights = self.name(&layer.output, ".weight.dq");
        let name = self.name(&node.name, "/weights");
        let many = scales.len() > 1;
        if self.graph.opset() >= if many { AXIS_OPSET } else { DEQUANTIZE_OPSET } {
            self.node("DequantizeLinear", name, &[&w, &scale, &zero], &weights);
            if let Some(dequantize) = self.nodes.last_mut().filter(|_| many) {
                graph::set_int(dequantize, "axis", layer.axis() as i64);
            }
            return Ok(weights);
        }
        let wide = self.name(&layer.output, ".weight.wide");
        let widens = self.name(&node.name, "/weights.cast");
        self.nodes.push(cast(widens, &w, &wide, ElementType::F32));
        let mut dims = vec![1; layer.dims.len()];
        if many {
            dims[layer.axis()] = scales.len();
        }
        let scale = self.constant(&layer.output, ".weight.scale", Weights::f32(&dims, &scales));
        self.node("Mul", name, &[&wide, &scale], &weights);
        Ok(weights)
    }

    /// MatMulNBits of com.microsoft: `[outputs, blocks, 16]` bytes of two weights each.
    pub(super) fn stored_nibbles(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        self.need_float(&layer.input);
        let Some(WeightGrid::Int4(nibbles)) = self.narrowing.grids.get(&layer.name) else {
            return Err(CompressError::Nothing("quantize", format!("layer `{}`", layer.name)));
        };
        let (inputs, outputs) = (layer.dims[0], layer.dims[1]);
        let turned = rows(&layer.dims, &layer.values, 1);
        let packed = nibbles.packed(&turned, inputs);
        let scales = Weights::f32(&[nibbles.scales.len()], &nibbles.scales);
        let base = &layer.output;
        let packed = self.constant(base, ".weight.q4", packed);
        let scales = self.constant(base, ".weight.scale", scales);
        let sum = if layer.bias.is_some() { self.name(base, ".sum") } else { base.clone() };
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
            let bias = self.constant(base, ".bias", weights);
            let name = self.name(&node.name, "/bias");
            self.node("Add", name, &[&sum, &bias], base);
        }
        Ok(())
    }
}
