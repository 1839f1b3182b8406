//! Changes to models such as a stranger could send: in their structure, and in their bytes.

use paring::stats::SeededGenerator;
use prost::Message;
use rand::RngExt;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, type_proto};

/// Numbers at which sizes, counts and products go wrong.
const NUMBERS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    3,
    -2,
    7,
    64,
    255,
    65_536,
    1 << 24,
    (1 << 31) - 1,
    1 << 31,
    1 << 40,
    i64::MAX,
    i64::MIN,
];

/// So many of them are small.
const SMALL: usize = 8;

/// Operators that take each other's places.
const OPERATORS: [&str; 40] = [
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "CumSum",
    "DepthToSpace",
    "DequantizeLinear",
    "Einsum",
    "Expand",
    "Flatten",
    "GRU",
    "Gather",
    "GatherND",
    "Gemm",
    "GlobalAveragePool",
    "LSTM",
    "LayerNormalization",
    "MatMul",
    "MaxPool",
    "NonZero",
    "OneHot",
    "Pad",
    "QuantizeLinear",
    "Range",
    "ReduceMean",
    "Reshape",
    "Resize",
    "ScatterND",
    "Slice",
    "Softmax",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Transpose",
];

/// Attributes that nodes are given although they have none of the name.
const ATTRIBUTES: [&str; 14] = [
    "auto_pad",
    "axes",
    "axis",
    "block_size",
    "blocksize",
    "dilations",
    "group",
    "kernel_shape",
    "keepdims",
    "pads",
    "perm",
    "strides",
    "split",
    "to",
];

/// Where the changes come from.
pub struct Mutator<'a> {
    pub draw: &'a mut SeededGenerator,
    /// Whether numbers stay so small that no size becomes one that fills the memory.
    pub small: bool,
}

impl Mutator<'_> {
    /// One that changes numbers to any.
    pub fn new(draw: &mut SeededGenerator) -> Mutator<'_> {
        Mutator { draw, small: false }
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.draw.random_range(0..count.max(1))
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.draw.random_bool(share)
    }

    pub fn number(&mut self) -> i64 {
        let count = if self.small { SMALL } else { NUMBERS.len() };
        NUMBERS[self.below(count)]
    }

    /// A model with one to four changes; gives what they are.
    pub fn model(&mut self, bytes: &[u8]) -> (Vec<u8>, String) {
        let Ok(mut model) = ModelProto::decode(bytes) else { return self.bytes(bytes) };
        if self.chance(0.1) {
            return self.bytes(bytes);
        }
        let count = 1 + self.below(4);
        let mut said = Vec::new();
        for _ in 0..count {
            said.push(self.change(&mut model));
        }
        let encoded = model.encode_to_vec();
        if self.chance(0.05) {
            let (spoilt, what) = self.bytes(&encoded);
            return (spoilt, format!("{} {what}", said.join("+")));
        }
        (encoded, said.join("+"))
    }

    fn change(&mut self, model: &mut ModelProto) -> String {
        match self.below(24) {
            0 => {
                let version = self.number();
                model.opset_import.iter_mut().for_each(|import| import.version = version);
                return format!("opset {version}");
            }
            1 => {
                model.ir_version = self.number();
                return format!("ir {}", model.ir_version);
            }
            _ => {}
        }
        let Some(graph) = &mut model.graph else { return "nothing".into() };
        match self.below(16) {
            0..=2 => self.input(graph),
            3..=5 => self.initializer(graph),
            6 => self.nodes(graph),
            _ => {
                let names = tensors(graph);
                let position = self.below(graph.node.len());
                match graph.node.get_mut(position) {
                    Some(node) => self.node(node, &names),
                    None => "nothing".into(),
                }
            }
        }
    }

    /// Another shape of an input of the model.
    fn input(&mut self, graph: &mut GraphProto) -> String {
        let position = self.below(graph.input.len());
        let Some(input) = graph.input.get_mut(position) else { return "no input".into() };
        let value = input.r#type.as_mut().and_then(|kind| kind.value.as_mut());
        let Some(type_proto::Value::TensorType(tensor)) = value else { return "no type".into() };
        if self.chance(0.15) {
            tensor.elem_type = self.below(30) as i32;
            return format!("input type {}", tensor.elem_type);
        }
        let Some(shape) = &mut tensor.shape else { return "no shape".into() };
        let number = self.number();
        match self.below(4) {
            0 => {
                shape.dim.pop();
                "input rank-".into()
            }
            1 => {
                let value = Some(dimension::Value::DimValue(1));
                shape.dim.push(Dimension { value, ..Dimension::default() });
                "input rank+".into()
            }
            2 => {
                let axis = self.below(shape.dim.len());
                let value = Some(dimension::Value::DimParam("sym".into()));
                if let Some(dim) = shape.dim.get_mut(axis) {
                    dim.value = value;
                }
                "input sym".into()
            }
            _ => {
                let axis = self.below(shape.dim.len());
                let value = Some(dimension::Value::DimValue(number));
                if let Some(dim) = shape.dim.get_mut(axis) {
                    dim.value = value;
                }
                format!("input {number}")
            }
        }
    }

    fn initializer(&mut self, graph: &mut GraphProto) -> String {
        let position = self.below(graph.initializer.len());
        match graph.initializer.get_mut(position) {
            Some(tensor) => self.tensor(tensor),
            None => "no initializer".into(),
        }
    }

    fn tensor(&mut self, tensor: &mut TensorProto) -> String {
        let number = self.number();
        match self.below(7) {
            0 => {
                let axis = self.below(tensor.dims.len());
                if let Some(size) = tensor.dims.get_mut(axis) {
                    *size = number;
                }
                format!("dims {number}")
            }
            1 => {
                tensor.dims.push(number);
                format!("dims+{number}")
            }
            2 => {
                tensor.dims.reverse();
                "dims reversed".into()
            }
            3 => {
                tensor.data_type = self.below(30) as i32;
                format!("type {}", tensor.data_type)
            }
            4 => {
                let kept = self.below(tensor.raw_data.len());
                tensor.raw_data.truncate(kept);
                "data cut".into()
            }
            5 => {
                // Small integers are shapes, axes and sizes.
                tensor.raw_data.chunks_exact_mut(8).for_each(|chunk| {
                    chunk.copy_from_slice(&number.to_le_bytes());
                });
                format!("data {number}")
            }
            _ => {
                tensor.raw_data.clear();
                tensor.dims = vec![0];
                "no data".into()
            }
        }
    }

    fn nodes(&mut self, graph: &mut GraphProto) -> String {
        let (one, other) = (self.below(graph.node.len()), self.below(graph.node.len()));
        if graph.node.is_empty() {
            return "no nodes".into();
        }
        match self.below(5) {
            0 => {
                graph.node.remove(one);
                "node gone".into()
            }
            1 => {
                let copy = graph.node[one].clone();
                graph.node.insert(other, copy);
                "node twice".into()
            }
            2 => {
                graph.node.swap(one, other);
                "nodes swapped".into()
            }
            3 => {
                graph.node.iter_mut().for_each(|node| node.name = "same".into());
                "names same".into()
            }
            _ => {
                let own = graph.node[one].output.clone();
                graph.node[other].output = own;
                "outputs same".into()
            }
        }
    }

    fn node(&mut self, node: &mut NodeProto, names: &[String]) -> String {
        let operator = node.op_type.clone();
        let slot = self.below(node.input.len());
        let what = match self.below(10) {
            0 => {
                if !node.input.is_empty() {
                    node.input.remove(slot);
                }
                "strip in".into()
            }
            1 => {
                node.input.get_mut(slot).map(String::clear);
                "empty in".into()
            }
            2 | 3 => {
                let name = names.get(self.below(names.len())).cloned().unwrap_or_default();
                if let Some(input) = node.input.get_mut(slot) {
                    *input = name;
                }
                "rewire".into()
            }
            4 => {
                let name = names.get(self.below(names.len())).cloned().unwrap_or_default();
                node.input.push(name);
                "+input".into()
            }
            5 => {
                node.op_type = OPERATORS[self.below(OPERATORS.len())].into();
                format!("op->{}", node.op_type)
            }
            6 => {
                let name = ATTRIBUTES[self.below(ATTRIBUTES.len())];
                let (number, longer) = (self.number(), self.below(5));
                node.attribute.push(AttributeProto {
                    name: name.into(),
                    r#type: if longer == 0 { 2 } else { 7 },
                    i: if longer == 0 { number } else { 0 },
                    ints: vec![number; longer],
                    ..AttributeProto::default()
                });
                format!("addattr {name}")
            }
            _ => self.attribute(node),
        };
        format!("{operator} {what}")
    }

    fn attribute(&mut self, node: &mut NodeProto) -> String {
        let position = self.below(node.attribute.len());
        let Some(attribute) = node.attribute.get_mut(position) else { return "no attr".into() };
        let (name, number) = (attribute.name.clone(), self.number());
        let what = match self.below(5) {
            0 => {
                let kept = self.below(attribute.ints.len());
                attribute.ints.truncate(kept);
                "shorter"
            }
            1 => {
                attribute.ints.push(number);
                "longer"
            }
            2 => {
                node.attribute.remove(position);
                return format!("attr {name} gone");
            }
            3 if attribute.t.is_some() => {
                let tensor = attribute.t.as_mut().map(|tensor| self.tensor(tensor));
                return format!("attr {name} {}", tensor.unwrap_or_default());
            }
            _ => {
                attribute.i = if attribute.ints.is_empty() { number } else { attribute.i };
                let place = self.below(attribute.ints.len());
                if let Some(value) = attribute.ints.get_mut(place) {
                    *value = number;
                }
                attribute.f = -attribute.f;
                "value"
            }
        };
        format!("attr {name} {what} {number}")
    }
}

/// Names of all tensors of a graph.
fn tensors(graph: &GraphProto) -> Vec<String> {
    let given = graph.node.iter().flat_map(|node| node.output.iter().cloned());
    let stored = graph.initializer.iter().map(|tensor| tensor.name.clone());
    given.chain(stored).chain(graph.input.iter().map(|input| input.name.clone())).collect()
}
