//! Nodes and constants of a backward pass while rules emit them.

use crate::graph::{FreshNames, Graph, Node, TensorFacts, Weights, computation};
use paring_agent::arrays::Dtype;
use std::collections::{BTreeMap, HashMap};

/// A tensor of the forward or the backward pass, with its shape at concrete dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub dims: Vec<usize>,
}

impl ShapedTensor {
    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }
}

/// The backward pass of a graph while it is written: its nodes, each after those whose outputs it
/// reads, and its constants. `operations.rs` holds the operators that it can emit.
#[derive(Debug)]
pub struct GradientEmitter<'a> {
    graph: &'a Graph,
    facts: &'a TensorFacts,
    names: FreshNames,
    nodes: Vec<Node>,
    /// Constants by name, and their names by value.
    constants: BTreeMap<String, Weights>,
    constant_names: HashMap<(i32, Vec<usize>, Vec<u8>), String>,
    /// Outputs of nodes of both passes, by what they compute: nothing is computed twice. The engine,
    /// too, joins equal nodes, and in some orders of their readers leaves none of them.
    computed: HashMap<Vec<u8>, String>,
    /// The node of the forward pass whose rule emits.
    current: String,
}

impl<'a> GradientEmitter<'a> {
    /// A backward pass without nodes; `facts` are the graph's at concrete dimensions.
    pub fn new(graph: &'a Graph, facts: &'a TensorFacts) -> Self {
        let single = graph.nodes().iter().filter(|node| node.output.len() == 1);
        let computed = single.map(|node| (computation(node), node.output[0].clone()));
        GradientEmitter {
            graph,
            facts,
            names: FreshNames::new(graph),
            nodes: Vec::new(),
            constants: BTreeMap::new(),
            constant_names: HashMap::new(),
            computed: computed.collect(),
            current: "loss".into(),
        }
    }

    /// Names what is emitted from now on after a node of the forward pass.
    pub fn begin(&mut self, node: &str) {
        self.current = node.to_string();
    }

    /// A name that neither pass has.
    pub fn fresh_name(&mut self, wanted: &str) -> String {
        self.names.unique(wanted)
    }

    /// Nodes and constants that were emitted.
    pub fn finish(self) -> (Vec<Node>, BTreeMap<String, Weights>) {
        (self.nodes, self.constants)
    }

    /// A tensor of the forward pass; `None` where the engine's analysis gives no shape.
    pub fn tensor(&self, name: &str) -> Option<ShapedTensor> {
        let dims = self.facts.shapes.get(name)?.clone();
        Some(ShapedTensor { name: name.to_string(), dims })
    }

    /// True of a tensor of the forward pass that holds 32-bit floats, as far as the analysis tells.
    pub fn holds_floats(&self, name: &str) -> bool {
        match (self.facts.types.get(name), self.graph.element(name)) {
            (Some(dtype), _) => *dtype == Dtype::F32,
            (None, Some(element)) => element == crate::graph::ElementType::F32,
            // Types that an input cannot have are not listed: half floats, quantized integers.
            (None, None) => self.graph.inputs().contains(&name),
        }
    }

    /// The values of a tensor of integers that does not depend on the inputs.
    pub fn integers_of(&self, name: &str) -> Option<Vec<i64>> {
        self.facts.integers.get(name).cloned()
    }

    /// The values of a stored tensor.
    pub fn stored(&self, name: &str) -> Option<Weights> {
        self.graph.weights(name).ok()
    }

    /// The version of the operator set that the graph's nodes are read by.
    pub fn opset(&self) -> i64 {
        self.graph.opset()
    }

    /// Emits a node with one output of the given shape.
    pub fn emit(
        &mut self,
        op_type: &str,
        inputs: &[&ShapedTensor],
        dims: &[usize],
        set_attributes: impl FnOnce(&mut Node),
    ) -> ShapedTensor {
        let mut node = Node {
            op_type: op_type.into(),
            input: inputs.iter().map(|input| input.name.clone()).collect(),
            ..Node::default()
        };
        set_attributes(&mut node);
        let dims = dims.to_vec();
        let key = computation(&node);
        if let Some(name) = self.computed.get(&key) {
            return ShapedTensor { name: name.clone(), dims };
        }
        let name = self.names.unique(&format!("{}/gradient/{op_type}", self.current));
        self.computed.insert(key, name.clone());
        (node.name, node.output) = (name.clone(), vec![name.clone()]);
        self.nodes.push(node);
        ShapedTensor { name, dims }
    }

    /// The same tensor under a name of its own: `wanted`, with a number where that is taken.
    pub fn named(&mut self, wanted: &str, x: &ShapedTensor) -> ShapedTensor {
        let name = self.names.unique(wanted);
        self.nodes.push(Node {
            name: name.clone(),
            op_type: "Identity".into(),
            input: vec![x.name.clone()],
            output: vec![name.clone()],
            ..Node::default()
        });
        ShapedTensor { name, dims: x.dims.clone() }
    }

    /// A constant; equal ones are stored once.
    pub fn constant(&mut self, weights: Weights) -> ShapedTensor {
        let key = (weights.element.0, weights.dims.clone(), weights.bytes.clone());
        let dims = weights.dims.clone();
        if let Some(name) = self.constant_names.get(&key) {
            return ShapedTensor { name: name.clone(), dims };
        }
        let name = self.names.unique("gradient/constant");
        self.constant_names.insert(key, name.clone());
        self.constants.insert(name.clone(), weights);
        ShapedTensor { name, dims }
    }

    /// A constant of one float, without axes.
    pub fn scalar(&mut self, value: f32) -> ShapedTensor {
        self.constant(Weights::f32(&[], &[value]))
    }

    /// A constant list of integers.
    pub fn list(&mut self, values: &[i64]) -> ShapedTensor {
        self.constant(Weights::i64(&[values.len()], values))
    }
}
