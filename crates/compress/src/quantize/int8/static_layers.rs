//! Static layers: operators that the engine runs in integers, or pairs around float ones.

use super::conversions::{MIDDLE, cast, quantizing_nodes};
use super::emission::Int8Writer;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::weight_grid::WeightGrid;
use crate::{CompressError, QuantizationGranularity};
use paring_onnx::graph::{self, ElementType, Node, Weights};

/// The engine sums up so many weights once, for a zero point that is not its own.
const MOST_SUMMED: usize = 1 << 20;
/// From here on Pad takes bytes.
const PAD_OPSET: i64 = 11;

/// The input of an integer kernel: the tensor, the zero point that it is told, and by how much the true
/// one is above that.
struct IntegerInput {
    tensor: String,
    told: String,
    shift: i64,
}

impl Int8Writer<'_> {
    /// One scale: QLinearConv, which the engine requantizes within the product. A scale a channel it
    /// requantizes in seven passes: ConvInteger, and a product and a cast of floats, take less; so is
    /// a Relu written whose zero is not the lowest byte, because others share its scale.
    pub(super) fn convolution(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        let mut node = node.clone();
        let read = self.read(&mut node, layer)?;
        spread(&mut node, layer);
        let (x_scale, _, _) = self.affine(&layer.input)?;
        let (y_scale, y_zero, y) = self.affine(&layer.output)?;
        let saturates = layer.relu.is_none() || y.byte() == 0;
        if layer.scheme.granularity() == QuantizationGranularity::Channel || !saturates {
            return self.by_channel(node, layer, &read);
        }
        let (w, w_scale, w_zero, scales) = self.bytes(layer)?;
        let base = &layer.output;
        let mut inputs = vec![read.tensor, x_scale, read.told, w, w_scale, w_zero, y_scale, y_zero];
        if let Some(bias) = self.bias(layer, &scales, read.shift)? {
            let bias = Weights::i32(&[bias.len()], &bias);
            inputs.push(self.constant(base, ".bias.q", bias));
        }
        node.op_type = "QLinearConv".into();
        (node.input, node.output) = (inputs, vec![self.name(base, ".q")]);
        self.nodes.push(node);
        self.is_narrow(base);
        Ok(())
    }

    /// y = (xq · wq + bias) · factor, a factor a channel, in bytes where those are read and in floats
    /// where not.
    fn by_channel(
        &mut self,
        mut node: Node,
        layer: &QuantizableLayer,
        read: &IntegerInput,
    ) -> Result<(), CompressError> {
        let (_, _, x) = self.affine(&layer.input)?;
        let (w, _, _, scales) = self.bytes(layer)?;
        let (base, name) = (layer.output.clone(), node.name.clone());
        let places = vec![1; layer.dims.len() - 2];
        let channels = |many: usize| [vec![many], places.clone()].concat();
        let bias = self.bias(layer, &scales, read.shift)?;
        let bias = bias.map(|values| Weights::i32(&channels(values.len()), &values));
        let dims = channels(scales.len());
        node.op_type = "ConvInteger".into();
        node.input = vec![read.tensor.clone(), w, read.told.clone()];
        let wide = self.summed(node, (&base, bias))?;
        let factors: Vec<f32> = scales.iter().map(|s| s * x.scale).collect();
        let narrow = self.narrowing.reads(self.graph, &base);
        self.scaled((layer, &name), &wide, (&dims, factors), narrow)
    }

    /// Sums times a factor: bytes where `narrow`, else floats.
    fn scaled(
        &mut self,
        (layer, name): (&QuantizableLayer, &str),
        wide: &str,
        (dims, mut factors): (&[usize], Vec<f32>),
        narrow: bool,
    ) -> Result<(), CompressError> {
        let base = &layer.output;
        if narrow {
            let (_, _, y) = self.affine(base)?;
            factors.iter_mut().for_each(|factor| *factor /= y.scale);
            let factor = self.constant(base, ".factor", Weights::f32(dims, &factors));
            let bytes = self.name(base, ".q");
            let with = (y, layer.relu.is_some());
            let graph = (&mut *self.graph, &mut self.names);
            let chain = quantizing_nodes(graph, (wide, &factor, &bytes), with, name);
            self.nodes.extend(chain);
            self.is_narrow(base);
            return Ok(());
        }
        let factor = self.constant(base, ".factor", Weights::f32(dims, &factors));
        let scale = self.name(name, "/scale");
        match layer.relu {
            Some(relu) => {
                let scaled = self.name(base, ".scaled");
                self.node("Mul", scale, &[wide, &factor], &scaled);
                let relu = self.graph.nodes()[relu].name.clone();
                self.node("Relu", relu, &[&scaled], base);
            }
            None => self.node("Mul", scale, &[wide, &factor], base),
        }
        Ok(())
    }

    /// Notes that a tensor exists in int8 alone.
    fn is_narrow(&mut self, tensor: &str) {
        self.narrow.insert(tensor.to_string());
        self.only_narrow.insert(tensor.to_string());
    }

    /// y = (xq · wq + bias) · (x_scale · w_scale): integers up to the one product at the end. Where
    /// products alone read it and it has no bias and one scale, QLinearMatMul gives the bytes.
    pub(super) fn product(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        let mut integer = Node { attribute: Vec::new(), ..node.clone() };
        let narrow = self.narrowing.inner.contains(&layer.output);
        let plain =
            layer.scheme.granularity() == QuantizationGranularity::Tensor && layer.bias.is_none();
        let (_, _, affine) = self.affine(&layer.input)?;
        // The sums of more weights the engine would make at every inference.
        let told_of = affine.byte() == MIDDLE || layer.values.len() <= MOST_SUMMED;
        if narrow && plain && told_of {
            return self.requantized(integer, layer);
        }
        let read = self.read(&mut integer, layer)?;
        let (_, _, x) = self.affine(&layer.input)?;
        let (w, _, _, scales) = self.bytes(layer)?;
        let base = &layer.output;
        let bias = self.bias(layer, &scales, read.shift)?;
        let bias = bias.map(|values| Weights::i32(&[values.len()], &values));
        integer.op_type = "MatMulInteger".into();
        integer.input = vec![read.tensor, w, read.told];
        let wide = self.summed(integer, (base, bias))?;
        let dims: &[usize] = if scales.len() == 1 { &[] } else { &[scales.len()] };
        let factors: Vec<f32> = scales.iter().map(|s| s * x.scale).collect();
        self.scaled((layer, &node.name), &wide, (dims, factors), narrow)
    }

    /// A product that gives bytes by itself.
    fn requantized(
        &mut self,
        mut node: Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        let x = self.need_narrow(&layer.input)?;
        let (x_scale, x_zero, _) = self.affine(&layer.input)?;
        let (y_scale, y_zero, _) = self.affine(&layer.output)?;
        let (w, w_scale, w_zero, _) = self.bytes(layer)?;
        node.op_type = "QLinearMatMul".into();
        node.input = vec![x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero];
        node.output = vec![self.name(&layer.output, ".q")];
        self.nodes.push(node);
        self.is_narrow(&layer.output);
        Ok(())
    }

    /// An operator that sums integers, a bias where there is one, and the sums as floats.
    fn summed(
        &mut self,
        mut node: Node,
        (base, bias): (&str, Option<Weights>),
    ) -> Result<String, CompressError> {
        let (name, mut sum) = (node.name.clone(), self.name(base, ".sum"));
        node.output = vec![sum.clone()];
        self.nodes.push(node);
        if let Some(bias) = bias {
            let bias = self.constant(base, ".bias.q", bias);
            let biased = self.name(base, ".biased");
            let add = self.name(&name, "/bias");
            self.node("Add", add, &[&sum, &bias], &biased);
            sum = biased;
        }
        let wide = self.name(base, ".wide");
        let widens = self.name(&name, "/cast");
        self.nodes.push(cast(widens, &sum, &wide, ElementType::F32));
        Ok(wide)
    }

    /// The bytes that a layer reads, with padding written out where the zero point that is told is
    /// not the true one: a kernel pads with the one it is told.
    fn read(
        &mut self,
        node: &mut Node,
        layer: &QuantizableLayer,
    ) -> Result<IntegerInput, CompressError> {
        let x = self.need_narrow(&layer.input)?;
        let (_, zero, affine) = self.affine(&layer.input)?;
        let shift = i64::from(affine.byte()) - i64::from(MIDDLE);
        let pads = written_out(node, self.graph.opset());
        // Padding with bytes of 0 the engine takes back into the operator, which pads with what it is
        // told.
        let taken_back = pads.is_some() && affine.byte() == 0;
        if shift == 0 || taken_back || (pads.is_none() && pads_itself(node)) {
            return Ok(IntegerInput { tensor: x, told: zero, shift: 0 });
        }
        let told = self.shared("paring.middle", Weights::u8(&[], &[MIDDLE]));
        let tensor = match pads {
            Some(pads) => self.pad(node, &x, (&pads, &zero)),
            None => x,
        };
        Ok(IntegerInput { tensor, told, shift })
    }

    /// A tensor with so much of a value around it, made once; the node pads no more.
    pub(super) fn pad(
        &mut self,
        node: &mut Node,
        x: &str,
        (pads, value): (&[i64], &str),
    ) -> String {
        let words: Vec<String> = pads.iter().map(i64::to_string).collect();
        let tensor = self.name(x, &format!(".padded.{}", words.join(".")));
        if self.padded.insert(tensor.clone()) {
            let (before, after) = pads.split_at(pads.len() / 2);
            let all = [&[0, 0], before, &[0, 0], after].concat();
            let sizes = self.constant(&tensor, ".pads", Weights::i64(&[all.len()], &all));
            let name = self.name(&node.name, "/pad");
            self.node("Pad", name, &[x, &sizes, value], &tensor);
        }
        graph::set_ints(node, "pads", vec![0; pads.len()]);
        tensor
    }

    /// Bias in units of the product of the input's and the weights' scales, less what `shift` adds to
    /// every sum; nothing where that is nothing.
    fn bias(
        &mut self,
        layer: &QuantizableLayer,
        scales: &[f32],
        shift: i64,
    ) -> Result<Option<Vec<i32>>, CompressError> {
        if layer.bias.is_none() && shift == 0 {
            return Ok(None);
        }
        let (_, _, x) = self.affine(&layer.input)?;
        let unit = |o: usize| {
            f64::from(scales[if scales.len() == 1 { 0 } else { o }]) * f64::from(x.scale)
        };
        let sums = self.sums(layer);
        let value = |(o, sum): (usize, &i64)| {
            let bias = layer.bias.as_ref().and_then(|b| b.get(o)).copied().unwrap_or(0.0);
            let own = (f64::from(bias) / unit(o)).round() as i64;
            // Scales are chosen so that it does; see `overflow`.
            i32::try_from(own.saturating_sub(shift * sum))
                .map_err(|_| CompressError::BiasRange { layer: layer.name.clone(), bias })
        };
        sums.iter().enumerate().map(value).collect::<Result<_, _>>().map(Some)
    }

    /// Sums of a layer's integer weights, one an output.
    pub(super) fn sums(&self, layer: &QuantizableLayer) -> Vec<i64> {
        let outputs = layer.dims[layer.axis()];
        let mut sums = vec![0i64; outputs];
        let Some(WeightGrid::Int8(grid)) = self.narrowing.grids.get(&layer.name) else {
            return sums;
        };
        let inner: usize = layer.dims[layer.axis() + 1..].iter().product();
        for (i, code) in grid.codes(&layer.dims, &layer.values).iter().enumerate() {
            sums[i / inner.max(1) % outputs.max(1)] += i64::from(*code);
        }
        sums
    }

    /// The float operator between pairs that quantize and dequantize what it reads.
    pub(super) fn pairs(
        &mut self,
        node: &Node,
        layer: &QuantizableLayer,
    ) -> Result<(), CompressError> {
        let x = self.need_paired(&layer.input)?;
        let weights = self.floats_of_bytes(node, layer)?;
        let mut node = node.clone();
        node.input[0] = x;
        node.input[1] = weights;
        straight(&mut node, layer);
        self.nodes.push(node);
        Ok(())
    }

    /// Makes sure that a tensor exists as int8 has it, in float, and gives that one's name.
    fn need_paired(&mut self, tensor: &str) -> Result<String, CompressError> {
        let paired = self.name(tensor, ".dq");
        if self.paired.insert(tensor.to_string()) {
            let narrow = self.need_narrow(tensor)?;
            let (scale, zero, _) = self.affine(tensor)?;
            let name = self.name(tensor, "/DequantizeLinear");
            self.node("DequantizeLinear", name, &[&narrow, &scale, &zero], &paired);
        }
        Ok(paired)
    }
}

/// Weights of products are written as `[inputs, outputs]`, however they were stored, and multiplied by
/// what the node would multiply them by.
pub(super) fn straight(node: &mut Node, layer: &QuantizableLayer) {
    if layer.turned {
        graph::set_int(node, "transB", 0);
    }
    node.attribute.retain(|attribute| attribute.name != "alpha");
}

/// Takes the places of a kernel of one place apart, which changes nothing: one whose places are
/// together the engine multiplies row by row of the image, and a row is short.
pub(super) fn spread(node: &mut Node, layer: &QuantizableLayer) {
    let places = layer.dims.len() - 2;
    let one = layer.dims[2..].iter().all(|d| *d == 1);
    let grouped = graph::int(node, "group").unwrap_or(1) > 1;
    if places < 2
        || !one
        || grouped
        || graph::ints(node, "dilations").is_some_and(|d| d.iter().any(|d| *d > 1))
    {
        return;
    }
    // One place needs no padding, and where padding goes by size ONNX Runtime takes no dilations.
    node.attribute.retain(|attribute| attribute.name != "auto_pad");
    // The engine divides by the stride.
    let strides = graph::ints(node, "strides").unwrap_or_else(|| vec![1; places]);
    graph::set_ints(node, "dilations", strides.iter().map(|stride| 2 * stride).collect());
}

/// Padding that a node could be relieved of; nothing where there is none, or where it goes by the size
/// of the input.
pub(super) fn written_out(node: &Node, opset: i64) -> Option<Vec<i64>> {
    let pads = graph::ints(node, "pads").filter(|pads| pads.iter().any(|p| *p != 0));
    pads.filter(|_| !by_size(node) && opset >= PAD_OPSET)
}

/// True of a node that pads what it reads.
pub(super) fn pads_itself(node: &Node) -> bool {
    by_size(node) || graph::ints(node, "pads").is_some_and(|pads| pads.iter().any(|p| *p != 0))
}

fn by_size(node: &Node) -> bool {
    graph::text(node, "auto_pad").is_some_and(|how| how.starts_with("SAME"))
}
