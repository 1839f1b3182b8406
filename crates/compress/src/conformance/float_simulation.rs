//! Integers simulated in float: the same rounding of weights and activations, computed by the
//! engine's float kernels. What then still differs is the engine's doing.

use paring_onnx::graph::{ElementType, FreshNames, Graph, GraphError, Node, Weights, set_int};

/// The graph in which every integer convolution and product is a float one between a dequantization
/// and a quantization with the same scales; `None` where there is none.
///
/// # Errors
/// [`GraphError`] where a weight or scale is not stored.
pub fn float_simulation(graph: &Graph) -> Result<Option<Graph>, GraphError> {
    let names = FreshNames::new(graph);
    let mut writer =
        FloatSimulationWriter { graph: graph.clone(), names, nodes: Vec::new(), changed: false };
    for node in graph.nodes() {
        match node.op_type.as_str() {
            "QLinearConv" => writer.convolution(node)?,
            "QLinearMatMul" => writer.product(node)?,
            "MatMulInteger" | "ConvInteger" => writer.integers(node)?,
            _ => writer.nodes.push(node.clone()),
        }
    }
    let FloatSimulationWriter { mut graph, nodes, changed, .. } = writer;
    graph.set_nodes(nodes);
    graph.tidy();
    Ok(changed.then_some(graph))
}

struct FloatSimulationWriter {
    graph: Graph,
    names: FreshNames,
    nodes: Vec<Node>,
    changed: bool,
}

impl FloatSimulationWriter {
    fn push(&mut self, op: &str, inputs: &[&str], output: &str) {
        self.changed = true;
        let name = self.names.get(output, "/simulated");
        self.nodes.push(Node {
            op_type: op.into(),
            name,
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        });
    }

    /// Stored numbers as floats: (q − zero) · scale, with a scale for each entry of axis `axis`.
    fn floats(
        &mut self,
        name: &str,
        [scale, zero]: [&str; 2],
        axis: usize,
        into: String,
    ) -> Result<String, GraphError> {
        let weights = self.graph.weights(name)?;
        let scales = self.graph.weights(scale)?.to_f32();
        let zeros = if zero.is_empty() { None } else { self.graph.weights(zero)?.numbers() };
        let values = weights.numbers();
        let (Some(values), Some(scales)) = (values, scales) else {
            let problem = "cannot be dequantized".into();
            return Err(GraphError::Tensor { tensor: name.into(), problem });
        };
        let inner: usize = weights.dims.iter().skip(axis + 1).product();
        let width = weights.dims.get(axis).copied().unwrap_or(1).max(1);
        let at = |list: &[f32], i: usize| match list {
            [one] => *one,
            many => many.get(i / inner.max(1) % width).copied().unwrap_or(0.0),
        };
        let zeros = zeros.unwrap_or_else(|| vec![0.0]);
        let floats: Vec<f32> = values
            .iter()
            .enumerate()
            .map(|(i, value)| (value - at(&zeros, i)) * at(&scales, i))
            .collect();
        self.graph.set_weights(&into, Weights::f32(&weights.dims, &floats));
        Ok(into)
    }

    fn convolution(&mut self, node: &Node) -> Result<(), GraphError> {
        let [x, xs, xz, w, ws, wz, ys, yz] = slots(node)?;
        let y = &node.output[0];
        let input = self.names.get(y, "/input");
        self.push("DequantizeLinear", &[x, xs, xz], &input);
        let into = self.names.get(y, "/weights");
        let weights = self.floats(w, [ws, wz], 0, into)?;
        let mut inputs = vec![input, weights];
        if let Some(bias) = node.input.get(8).filter(|b| !b.is_empty()) {
            let into = self.names.get(y, "/bias");
            inputs.push(self.bias(bias, xs, ws, into)?);
        }
        let wide = self.names.get(y, "/wide");
        let (op_type, output) = ("Conv".to_string(), vec![wide.clone()]);
        self.nodes.push(Node { op_type, input: inputs, output, ..node.clone() });
        self.push("QuantizeLinear", &[&wide, ys, yz], y);
        Ok(())
    }

    fn bias(&mut self, bias: &str, xs: &str, ws: &str, into: String) -> Result<String, GraphError> {
        let stored = self.graph.weights(bias)?;
        let scale = |name: &str| self.graph.weights(name).map(|w| w.to_f32().unwrap_or_default());
        let (x, w) = (scale(xs)?, scale(ws)?);
        let x = x.first().copied().unwrap_or(1.0);
        let at = |i: usize| if w.len() == 1 { w[0] } else { w.get(i).copied().unwrap_or(1.0) };
        let values = stored.numbers().unwrap_or_default();
        let floats: Vec<f32> =
            values.iter().enumerate().map(|(i, value)| value * x * at(i)).collect();
        self.graph.set_weights(&into, Weights::f32(&stored.dims, &floats));
        Ok(into)
    }

    fn product(&mut self, node: &Node) -> Result<(), GraphError> {
        let [a, sa, za, b, sb, zb, ys, yz] = slots(node)?;
        let y = &node.output[0];
        let [left, right, wide] = ["/a", "/b", "/wide"].map(|part| self.names.get(y, part));
        self.push("DequantizeLinear", &[a, sa, za], &left);
        match self.graph.weights(b) {
            Ok(stored) => {
                let axis = stored.dims.len().saturating_sub(1);
                self.floats(b, [sb, zb], axis, right.clone())?;
            }
            Err(_) => self.push("DequantizeLinear", &[b, sb, zb], &right),
        }
        self.push("MatMul", &[&left, &right], &wide);
        self.push("QuantizeLinear", &[&wide, ys, yz], y);
        Ok(())
    }

    /// Sums of integers as sums of floats that hold the same numbers.
    fn integers(&mut self, node: &Node) -> Result<(), GraphError> {
        let y = &node.output[0];
        let mut sides = Vec::new();
        for (slot, side) in ["a", "b"].into_iter().enumerate() {
            let name = node.input.get(slot).cloned().unwrap_or_default();
            let zero = node.input.get(slot + 2).filter(|z| !z.is_empty());
            let wide = self.names.get(y, &format!("/{side}"));
            self.cast(&name, &wide, ElementType::F32);
            let mut own = wide;
            if let Some(zero) = zero {
                let [as_float, less] =
                    [".zero", ".less"].map(|part| self.names.get(y, &format!("/{side}{part}")));
                self.cast(zero, &as_float, ElementType::F32);
                self.push("Sub", &[&own, &as_float], &less);
                own = less;
            }
            sides.push(own);
        }
        let sum = self.names.get(y, "/sum");
        let op = if node.op_type == "ConvInteger" { "Conv" } else { "MatMul" };
        self.nodes.push(Node {
            op_type: op.into(),
            input: sides,
            output: vec![sum.clone()],
            ..node.clone()
        });
        self.cast(&sum, y, ElementType::I32);
        Ok(())
    }

    fn cast(&mut self, from: &str, to: &str, element: ElementType) {
        self.push("Cast", &[from], to);
        if let Some(node) = self.nodes.last_mut() {
            set_int(node, "to", i64::from(element.0));
        }
    }
}

/// The first eight inputs of a node.
fn slots(node: &Node) -> Result<[&str; 8], GraphError> {
    let all: Vec<&str> = node.input.iter().take(8).map(String::as_str).collect();
    all.try_into().map_err(|_| GraphError::Tensor {
        tensor: node.output.first().cloned().unwrap_or_default(),
        problem: format!("is given by `{}`, which has not eight inputs", node.name),
    })
}
