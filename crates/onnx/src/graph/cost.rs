//! Cost of a graph: parameters, multiply-adds, zeros, and in which precision.

use super::{ElementType, Graph, Node};
use crate::ops::{self, ProductOperands};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Multiply-adds of one node for a batch of 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCost {
    /// Position of the node.
    pub position: usize,
    /// Multiply-adds.
    pub macs: u64,
    /// Precision of its weights.
    pub precision: &'static str,
    /// The initializer with its weights, also where it is dequantized first; the factor itself where
    /// there is none.
    pub weights: String,
}

/// Totals of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphCost {
    /// Elements of all weights and biases: initializers of floats or of quantized numbers.
    pub params: u64,
    /// Elements of weights alone, tensors of rank 2 and above: folding a normalisation does not
    /// change it, removing a component does.
    pub weights: u64,
    /// Multiply-adds of convolutions and matrix products for a batch of 1; `None` where a shape is
    /// unknown.
    pub macs: Option<u64>,
    /// Share of float and int8 weights that are zero, 0 to 1.
    pub sparsity: f64,
    /// Share of multiply-adds by precision.
    pub precision_mix: BTreeMap<String, f64>,
}

impl Graph {
    /// Totals, given the shapes of all tensors.
    pub fn cost(&self, shapes: &BTreeMap<String, Vec<usize>>) -> GraphCost {
        let (mut params, mut matrices, mut zeros) = (0u64, 0u64, 0u64);
        let blocks = self.nodes().iter().filter(|node| node.op_type == "MatMulNBits");
        let packed: BTreeSet<&str> =
            blocks.filter_map(|n| n.input.get(1)).map(String::as_str).collect();
        for name in self.initializer_names() {
            let Ok(weights) = self.weights(name) else { continue };
            let counts = [ElementType::F32, ElementType::I8, ElementType::U8, ElementType::I32];
            // Scales, zero points and other scalars belong to the format, not to what was learnt.
            if weights.dims.is_empty() || weights.len() == 1 || !counts.contains(&weights.element) {
                continue;
            }
            let size = weights.element.size().unwrap_or(1);
            params += weights.len() as u64;
            if weights.dims.len() >= 2 {
                matrices += weights.len() as u64;
            }
            if packed.contains(&name) {
                // Two weights a byte.
                params += weights.len() as u64;
                matrices += weights.len() as u64;
                continue;
            }
            zeros +=
                weights.bytes.chunks(size).filter(|e| e.iter().all(|b| *b == 0)).count() as u64;
        }
        let nodes = self.node_costs(shapes);
        let all = nodes.iter().map(|cost| cost.as_ref().map(|cost| cost.macs));
        let total = all.into_iter().try_fold(0u64, |sum, macs| sum.checked_add(macs?));
        let mut mix: BTreeMap<String, f64> = BTreeMap::new();
        for cost in nodes.iter().flatten() {
            *mix.entry(cost.precision.to_string()).or_default() += cost.macs as f64;
        }
        let sum: f64 = mix.values().sum();
        mix.values_mut().for_each(|macs| *macs /= sum.max(1.0));
        GraphCost {
            params,
            weights: matrices,
            macs: total,
            sparsity: zeros as f64 / params.max(1) as f64,
            precision_mix: mix,
        }
    }

    /// Multiply-adds of every convolution and matrix product; an entry is `None` where a shape is
    /// unknown.
    pub fn node_costs(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Vec<Option<NodeCost>> {
        let shape = |tensor: Option<&String>| {
            let tensor = tensor?;
            shapes.get(tensor).cloned().or_else(|| self.dims(tensor))
        };
        let makers = self.makers();
        let nodes = self.nodes().iter().enumerate();
        nodes
            .filter_map(|(position, node)| {
                let ProductOperands { data, weights: w, .. } = ops::product_operands(node)?;
                let macs = (|| {
                    let output = shape(node.output.first())?;
                    let (data, weights) = (shape(node.input.get(data))?, shape(node.input.get(w))?);
                    ops::multiply_accumulates(node, &data, &weights, &output)
                })();
                let precision = self.precision_of(&node.input[w], node, &makers);
                let weights = self.stored_behind(&node.input[w], &makers);
                Some(macs.map(|macs| NodeCost { position, macs, precision, weights }))
            })
            .collect()
    }

    fn precision_of(&self, weight: &str, node: &Node, makers: &Makers) -> &'static str {
        match self.initializer(weight) {
            Some(_) if node.op_type == "MatMulNBits" => "int4",
            Some(tensor) => ElementType(tensor.data_type).name(),
            None if self.widened(weight, makers) => "int8",
            None if node.op_type.contains("QLinear") || node.op_type.contains("Integer") => "int8",
            None => "f32",
        }
    }
}

/// Nodes by their first output.
type Makers<'a> = HashMap<&'a str, &'a Node>;

/// Most nodes between stored weights and the product that reads them.
const MOST_FORMS: usize = 16;

impl Graph {
    fn makers(&self) -> Makers<'_> {
        let nodes = self.nodes().iter().rev();
        nodes.filter_map(|node| Some((node.output.first()?.as_str(), node))).collect()
    }

    /// The initializer that a tensor is made of by nodes that change its form alone; the tensor itself
    /// where it is made of none.
    fn stored_behind(&self, tensor: &str, makers: &Makers) -> String {
        const FORMS: [&str; 6] =
            ["DequantizeLinear", "Cast", "Mul", "Transpose", "Reshape", "Identity"];
        let mut name = tensor;
        for _ in 0..MOST_FORMS {
            if self.initializer(name).is_some() {
                return name.to_string();
            }
            let maker = makers.get(name);
            let Some(first) = maker
                .filter(|node| FORMS.contains(&node.op_type.as_str()))
                .and_then(|node| node.input.first())
            else {
                break;
            };
            name = first;
        }
        tensor.to_string()
    }

    /// True of a tensor that is stored in int8 and becomes float when the model is loaded.
    fn widened(&self, tensor: &str, makers: &Makers) -> bool {
        let maker = |tensor: &str| makers.get(tensor).copied();
        let stored = |node: &Node| node.input.first().and_then(|input| self.weights(input).ok());
        let Some(node) = maker(tensor) else { return false };
        match node.op_type.as_str() {
            "DequantizeLinear" => stored(node).is_some(),
            // What operator sets without a scale a channel have in its place.
            "Mul" => node.input.first().and_then(|input| maker(input)).is_some_and(|cast| {
                let narrow = stored(cast).is_some_and(|w| w.element == ElementType::I8);
                cast.op_type == "Cast" && narrow
            }),
            _ => false,
        }
    }
}
