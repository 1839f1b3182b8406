//! Quantized graphs in floats throughout, for gradients that go straight through rounding: tensors of
//! integers become floats that hold the same numbers, and what rounds is Round and nothing else.
//!
//! Source: Bengio et al. 2013, arXiv 1308.3432 (straight-through estimator).

use paring_onnx::graph::{
    ElementType, FreshNames, Graph, GraphError, Node, TensorFacts, Weights, int,
};
use std::collections::BTreeSet;

/// Just below one half: the engine's casts cut fractions off, and ⌊x⌋ is x less this, rounded.
const HALF: f32 = 0.499_9;

/// The graph with floats in place of every computed tensor of 8-bit or 32-bit integers that casts and
/// quantizations make; weights stay as they are stored. `facts` are the graph's.
///
/// # Errors
/// [`GraphError`] where a scale, a zero point or a constant is not stored.
pub(super) fn straight_through(graph: &Graph, facts: &TensorFacts) -> Result<Graph, GraphError> {
    let mut writer = FloatWriter {
        graph: graph.clone(),
        facts,
        names: FreshNames::new(graph),
        nodes: Vec::new(),
        floated: BTreeSet::new(),
    };
    for node in graph.nodes() {
        writer.write(node)?;
    }
    let FloatWriter { mut graph, nodes, .. } = writer;
    graph.set_nodes(nodes);
    graph.tidy();
    Ok(graph)
}

struct FloatWriter<'a> {
    graph: Graph,
    facts: &'a TensorFacts,
    names: FreshNames,
    nodes: Vec<Node>,
    /// Tensors that were integers.
    floated: BTreeSet<String>,
}

impl FloatWriter<'_> {
    fn write(&mut self, node: &Node) -> Result<(), GraphError> {
        let read = node.input.first().cloned().unwrap_or_default();
        let output = node.output.first().cloned().unwrap_or_default();
        let floated = self.floated.contains(&read);
        match node.op_type.as_str() {
            "Cast" if floated => {
                self.push("Identity", &[&read], &output);
                if int(node, "to") != Some(i64::from(ElementType::F32.0)) {
                    self.floated.insert(output);
                }
            }
            "Cast" if self.cuts_off(node) => {
                let half = self.constant(&output, HALF);
                let less = self.names.get(&output, "/less");
                self.push("Sub", &[&read, &half], &less);
                self.push("Round", &[&less], &output);
                self.floated.insert(output);
            }
            "QuantizeLinear" if self.graph.dims(&read).is_none() => {
                self.quantize(node, &read, &output)?;
            }
            "DequantizeLinear" if floated => self.dequantize(node, &read, &output)?,
            _ => self.keep(node)?,
        }
        Ok(())
    }

    /// True of a cast of computed floats to integers.
    fn cuts_off(&self, node: &Node) -> bool {
        let integers = [ElementType::U8, ElementType::I8, ElementType::I32];
        let to = int(node, "to");
        let read = node.input.first().and_then(|read| self.facts.types.get(read));
        let float = read.is_some_and(|own| *own == paring_agent::arrays::Dtype::F32);
        float && integers.iter().any(|own| to == Some(i64::from(own.0)))
    }

    /// ⌊x / scale⌉ + zero, kept within the integers' ends.
    fn quantize(&mut self, node: &Node, read: &str, output: &str) -> Result<(), GraphError> {
        let (scale, zero) = (self.operand(node, 1)?, self.operand(node, 2)?);
        let signed = node.input.get(2).and_then(|zero| self.graph.element(zero));
        let ends = if signed == Some(ElementType::I8) { [-128.0, 127.0] } else { [0.0, 255.0] };
        let [divided, rounded, shifted, above] =
            ["/divided", "/rounded", "/shifted", "/above"].map(|part| self.names.get(output, part));
        self.push("Div", &[read, &scale], &divided);
        self.push("Round", &[&divided], &rounded);
        self.push("Add", &[&rounded, &zero], &shifted);
        let [low, high] = ends.map(|end| self.constant(output, end));
        self.push("Max", &[&shifted, &low], &above);
        self.push("Min", &[&above, &high], output);
        self.floated.insert(output.to_string());
        Ok(())
    }

    /// (q − zero) · scale.
    fn dequantize(&mut self, node: &Node, read: &str, output: &str) -> Result<(), GraphError> {
        let (scale, zero) = (self.operand(node, 1)?, self.operand(node, 2)?);
        let less = self.names.get(output, "/less");
        self.push("Sub", &[read, &zero], &less);
        self.push("Mul", &[&less, &scale], output);
        Ok(())
    }

    /// A node as it is; where it reads what were integers, its own constants of them become floats too.
    fn keep(&mut self, node: &Node) -> Result<(), GraphError> {
        let mut node = node.clone();
        if node.input.iter().any(|read| self.floated.contains(read)) {
            for read in node.input.iter_mut() {
                let element = self.graph.element(read);
                let small = [ElementType::U8, ElementType::I8, ElementType::I32];
                if element.is_some_and(|own| small.contains(&own)) {
                    *read = self.stored_as_floats(read)?;
                }
            }
            self.floated.extend(node.output.iter().cloned());
        }
        self.nodes.push(node);
        Ok(())
    }

    /// A scale or zero point of a QuantizeLinear or DequantizeLinear, as a float.
    fn operand(&mut self, node: &Node, slot: usize) -> Result<String, GraphError> {
        match node.input.get(slot).filter(|name| !name.is_empty()).cloned() {
            Some(name) if self.graph.element(&name) == Some(ElementType::F32) => Ok(name),
            Some(name) => self.stored_as_floats(&name),
            None => Ok(self.constant(&node.name, 0.0)),
        }
    }

    fn stored_as_floats(&mut self, name: &str) -> Result<String, GraphError> {
        let stored = self.graph.weights(name)?;
        let values = stored.numbers().ok_or_else(|| GraphError::Tensor {
            tensor: name.to_string(),
            problem: "holds no numbers".into(),
        })?;
        let wide = self.names.get(name, "/float");
        self.graph.set_weights(&wide, Weights::f32(&stored.dims, &values));
        Ok(wide)
    }

    fn constant(&mut self, base: &str, value: f32) -> String {
        let name = self.names.unique(&format!("{base}/constant"));
        self.graph.set_weights(&name, Weights::f32(&[], &[value]));
        name
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: &str) {
        let name = self.names.get(output, &format!("/{op}"));
        self.nodes.push(Node {
            op_type: op.into(),
            name,
            input: inputs.iter().map(|input| (*input).to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        });
    }
}
