//! Graphs made in code: from nothing, and as a stretch of another graph.

use super::{ElementType, Graph, Node};
use paring_agent::arrays::Dtype;
use paring_agent::engine::onnx;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use tract_onnx::pb::{
    ModelProto, OperatorSetIdProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// A dimension of an input of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionSize {
    /// A number of entries.
    Fixed(usize),
    /// A symbol, `N` say.
    Symbol(String),
}

impl Graph {
    /// A graph without nodes, of a version of the default operator set; `name` is for messages.
    pub fn empty(name: &str, opset: i64) -> Graph {
        let import = OperatorSetIdProto { domain: String::new(), version: opset };
        let model = ModelProto { ir_version: 8, opset_import: vec![import], ..Default::default() };
        let mut graph = Graph::of(name, model);
        graph.graph_mut().name = name.to_string();
        graph
    }

    /// Declares an input.
    pub fn add_input(&mut self, name: &str, dtype: Dtype, sizes: &[DimensionSize]) {
        let info = declared(name, dtype, sizes);
        self.graph_mut().input.push(info);
    }

    /// Declares the sizes of inputs and outputs that are there already, as far as they are known.
    pub fn fix_sizes(&mut self, shapes: &BTreeMap<String, Vec<usize>>) {
        let graph = self.graph_mut();
        for info in graph.input.iter_mut().chain(&mut graph.output) {
            let value = info.r#type.as_mut().and_then(|kind| kind.value.as_mut());
            if let (Some(dims), Some(type_proto::Value::TensorType(tensor))) =
                (shapes.get(&info.name), value)
            {
                let sizes: Vec<_> = dims.iter().map(|d| DimensionSize::Fixed(*d)).collect();
                tensor.shape = Some(declared_shape(&sizes));
            }
        }
    }

    /// Turns an initializer of 32-bit floats into an input of the same name; false where there is
    /// none.
    pub fn initializer_to_input(&mut self, name: &str) -> bool {
        let dims = self.dims(name).filter(|_| self.element(name) == Some(ElementType::F32));
        let Some(dims) = dims else { return false };
        let sizes: Vec<DimensionSize> = dims.iter().map(|d| DimensionSize::Fixed(*d)).collect();
        let graph = self.graph_mut();
        graph.initializer.retain(|tensor| tensor.name != name);
        graph.input.retain(|input| input.name != name);
        graph.input.push(declared(name, Dtype::F32, &sizes));
        true
    }

    /// Declares an output of 32-bit floats, of whatever shape it turns out to have.
    pub fn add_output(&mut self, name: &str) {
        let tensor =
            type_proto::Tensor { elem_type: ElementType::F32.0, ..type_proto::Tensor::default() };
        let value = Some(type_proto::Value::TensorType(tensor));
        let r#type = Some(TypeProto { value, ..TypeProto::default() });
        let info = ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() };
        self.graph_mut().output.push(info);
    }

    /// Declares an output of 32-bit floats of a shape, which the specification asks for.
    pub fn add_shaped_output(&mut self, name: &str, sizes: &[DimensionSize]) {
        let info = declared(name, Dtype::F32, sizes);
        self.graph_mut().output.push(info);
    }

    /// Appends a node; it must stand after those whose outputs it reads.
    pub fn add_node(&mut self, node: Node) {
        self.graph_mut().node.push(node);
    }

    /// The nodes at `positions` as a graph of its own, with the initializers that they read.
    pub fn stretch(
        &self,
        positions: Range<usize>,
        inputs: &[(String, Dtype, Vec<usize>)],
        outputs: &[String],
    ) -> Graph {
        let mut part = Graph::of(self.name(), self.model_without_graph());
        for (name, dtype, dims) in inputs {
            let sizes: Vec<DimensionSize> = dims.iter().map(|d| DimensionSize::Fixed(*d)).collect();
            part.add_input(name, *dtype, &sizes);
        }
        outputs.iter().for_each(|name| part.add_output(name));
        let nodes = self.nodes()[positions].to_vec();
        // What bodies of control flow read from outside counts too.
        let captured = nodes.iter().flat_map(onnx::captured);
        let inputs = nodes.iter().flat_map(|n| &n.input).map(String::as_str);
        let read: BTreeSet<&str> = inputs.chain(captured).collect();
        let own = self.graph().initializer.iter().filter(|t| read.contains(t.name.as_str()));
        let initializers = own.cloned().collect();
        part.graph_mut().initializer = initializers;
        part.set_nodes(nodes);
        part
    }
}

fn declared(name: &str, dtype: Dtype, sizes: &[DimensionSize]) -> ValueInfoProto {
    let shape = Some(declared_shape(sizes));
    let tensor = type_proto::Tensor { elem_type: ElementType::from(dtype).0, shape };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}

fn declared_shape(sizes: &[DimensionSize]) -> TensorShapeProto {
    let dim = |size: &DimensionSize| Dimension {
        value: Some(match size {
            DimensionSize::Fixed(n) => dimension::Value::DimValue(*n as i64),
            DimensionSize::Symbol(symbol) => dimension::Value::DimParam(symbol.clone()),
        }),
        ..Dimension::default()
    };
    TensorShapeProto { dim: sizes.iter().map(dim).collect() }
}
