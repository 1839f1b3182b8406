//! Names of a graph: given once, before they are read, and visible in bodies.

use super::initializers;
use super::node::NodeAt;
use super::scope::TensorKnowledge;
use super::validator::ModelValidator;
use super::violations::Violation;
use crate::graph::element_type::ElementType;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{
    FunctionProto, GraphProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// The element type of a declaration, where it is of a tensor.
pub(super) fn declared_element(r#type: Option<&TypeProto>) -> Option<ElementType> {
    match r#type?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => {
            Some(ElementType(tensor.elem_type)).filter(|element| element.0 != 0)
        }
    }
}

fn shape(info: &ValueInfoProto) -> Option<&TensorShapeProto> {
    let type_proto::Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    tensor.shape.as_ref()
}

fn declared_rank(info: &ValueInfoProto) -> Option<usize> {
    shape(info).map(|shape| shape.dim.len())
}

/// Element types by tensor, as `value_info` and outputs declare them.
fn declarations(graph: &GraphProto) -> HashMap<&str, ElementType> {
    let all = graph.value_info.iter().chain(&graph.output);
    all.filter_map(|info| Some((info.name.as_str(), declared_element(info.r#type.as_ref())?)))
        .collect()
}

impl<'a> ModelValidator<'a> {
    /// Walks a graph; gives the element types of its outputs. `feeds` are those of a body's inputs,
    /// `None` for the main graph.
    pub(super) fn graph(
        &mut self,
        graph: &'a GraphProto,
        feeds: Option<&[Option<ElementType>]>,
    ) -> Vec<Option<ElementType>> {
        let mark = self.scope.enter();
        self.inputs(&graph.input, feeds);
        self.initializers(graph);
        self.nodes(&graph.node, &declarations(graph));
        let elements = graph.output.iter().map(|output| self.output(output, feeds.is_none()));
        let elements = elements.collect();
        self.scope.leave(mark);
        elements
    }

    /// Walks the body of a local function, whose inputs may be of any type.
    pub(super) fn function(&mut self, function: &'a FunctionProto) {
        let mark = self.scope.enter();
        for input in &function.input {
            self.give(input, TensorKnowledge::default(), || "an input of a function".into());
        }
        self.nodes(&function.node, &HashMap::new());
        for output in &function.output {
            if self.scope.get(output).is_none() {
                self.found.push(Violation::OutputUndefined { tensor: output.clone() });
            }
        }
        self.scope.leave(mark);
    }

    fn inputs(&mut self, inputs: &'a [ValueInfoProto], feeds: Option<&[Option<ElementType>]>) {
        for (slot, input) in inputs.iter().enumerate() {
            if feeds.is_none() {
                self.typed(input, "input");
                self.size(input);
            }
            if input.name.is_empty() {
                self.found.push(Violation::TensorUnnamed { role: "input" });
                continue;
            }
            let fed = feeds.and_then(|feeds| feeds.get(slot).copied().flatten());
            let declared = declared_element(input.r#type.as_ref());
            self.agree(&input.name, declared, fed);
            // An input of a body may bear the name of a tensor around it; the outputs of nodes may not.
            if self.scope.given_here(&input.name) {
                let giver = "an input of the graph".into();
                self.found.push(Violation::DuplicateTensor { tensor: input.name.clone(), giver });
            }
            // What a body is fed may have another shape than it declares.
            let rank = feeds.is_none().then(|| declared_rank(input)).flatten();
            self.scope.insert(
                &input.name,
                TensorKnowledge { element: fed.or(declared), dims: None, rank },
            );
        }
    }

    fn typed(&mut self, info: &ValueInfoProto, role: &'static str) {
        let tensor = info.name.clone();
        match info.r#type.as_ref().map(|r#type| &r#type.value) {
            None => self.found.push(Violation::TypeMissing { tensor, role }),
            Some(Some(type_proto::Value::TensorType(dense))) if dense.shape.is_none() => {
                self.found.push(Violation::ShapeMissing { tensor, role });
            }
            Some(_) => {}
        }
    }

    /// Checks that an input holds values, and not more than can be addressed, as far as its sizes are
    /// numbers.
    fn size(&mut self, input: &ValueInfoProto) {
        let Some(shape) = shape(input) else { return };
        let sizes = shape.dim.iter().filter_map(|dim| match dim.value {
            Some(dimension::Value::DimValue(size)) => Some(size),
            _ => None,
        });
        let dims: Vec<i64> = sizes.collect();
        let known = dims.iter().filter(|size| **size > 0);
        let bytes = known.map(|size| size.unsigned_abs()).try_fold(8u64, u64::checked_mul);
        if dims.contains(&0) || bytes.is_none_or(|bytes| bytes > i64::MAX as u64) {
            self.found.push(Violation::InputSize { tensor: input.name.clone(), dims });
        }
    }

    fn agree(&mut self, tensor: &str, declared: Option<ElementType>, actual: Option<ElementType>) {
        if let (Some(declared), Some(actual)) = (declared, actual)
            && declared != actual
        {
            let tensor = tensor.to_string();
            self.found.push(Violation::DeclaredType { tensor, declared, actual });
        }
    }

    fn initializers(&mut self, graph: &'a GraphProto) {
        let mut names = HashSet::new();
        for tensor in &graph.initializer {
            if let Some(problem) = initializers::problem(tensor) {
                let initializer = tensor.name.clone();
                self.found.push(Violation::InitializerData { initializer, problem });
            }
            let element = Some(ElementType(tensor.data_type)).filter(|element| element.0 != 0);
            self.initializer(&tensor.name, element, &tensor.dims, &mut names);
        }
        for tensor in &graph.sparse_initializer {
            let values = tensor.values.as_ref();
            let name = values.map_or("", |values| values.name.as_str());
            let element = values.map(|values| ElementType(values.data_type));
            self.initializer(name, element, &tensor.dims, &mut names);
        }
    }

    fn initializer(
        &mut self,
        name: &'a str,
        element: Option<ElementType>,
        dims: &'a [i64],
        names: &mut HashSet<&'a str>,
    ) {
        if name.is_empty() {
            return self.found.push(Violation::TensorUnnamed { role: "initializer" });
        }
        if !names.insert(name) {
            self.found.push(Violation::DuplicateInitializer { initializer: name.into() });
        }
        if self.scope.given_here(name) {
            self.agree(name, self.scope.get(name).and_then(|value| value.element), element);
        } else if self.ir_version < 4 {
            let ir_version = self.ir_version;
            self.found
                .push(Violation::InitializerNotInput { initializer: name.into(), ir_version });
        }
        self.scope
            .insert(name, TensorKnowledge { element, dims: Some(dims), rank: Some(dims.len()) });
    }

    fn nodes(&mut self, nodes: &'a [NodeProto], declared: &HashMap<&'a str, ElementType>) {
        let mut names = HashSet::with_capacity(nodes.len());
        // Needed for messages alone.
        let mut later: Option<HashSet<&str>> = None;
        for (position, node) in nodes.iter().enumerate() {
            let at = NodeAt::new(node, position, &self.imports);
            if !node.name.is_empty() && !names.insert(node.name.as_str()) {
                self.found.push(Violation::DuplicateNodeName { node: at.label() });
            }
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                if self.scope.get(input).is_some() {
                    continue;
                }
                let all = || nodes.iter().flat_map(|node| &node.output).map(String::as_str);
                let given = later.get_or_insert_with(|| all().collect()).contains(input.as_str());
                let (node, tensor) = (at.label(), input.clone());
                self.found.push(match given {
                    true => Violation::NodesUnsorted { node, tensor },
                    false => Violation::TensorUndefined { node, tensor },
                });
            }
            for (output, value) in self.node(&at, declared) {
                self.agree(output, declared.get(output).copied(), value.element);
                self.give(output, value, || at.label().to_string());
            }
        }
    }

    fn give(&mut self, tensor: &'a str, value: TensorKnowledge<'a>, giver: impl Fn() -> String) {
        if self.scope.get(tensor).is_some() {
            let (tensor, giver) = (tensor.to_string(), giver());
            self.found.push(Violation::DuplicateTensor { tensor, giver });
        }
        self.scope.insert(tensor, value);
    }

    fn output(&mut self, output: &ValueInfoProto, main: bool) -> Option<ElementType> {
        if main {
            self.typed(output, "output");
        }
        if output.name.is_empty() {
            self.found.push(Violation::TensorUnnamed { role: "output" });
            return None;
        }
        let value = self.scope.get(&output.name);
        if value.is_none() {
            self.found.push(Violation::OutputUndefined { tensor: output.name.clone() });
        }
        value?.element
    }
}
