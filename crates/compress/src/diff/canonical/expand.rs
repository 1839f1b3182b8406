//! Standard operators in place of ONNX Runtime's fused ones.
//!
//! Source: ONNX Runtime's contrib operator specifications.

use super::attention::{attention, embedding};
use super::quantized;
use super::rewriter::{Rewrites, set_float};
use crate::diff::execution::declared_inputs;
use paring_agent::engine::DimensionBindings;
use paring_onnx::graph::{self, Graph, Node, Weights, layer_name};

/// Replaces every fused operator that is known, and says which.
pub(super) fn expand(graph: &mut Graph, bindings: DimensionBindings) -> Rewrites {
    let mut rewrites = Rewrites::new();
    let mut done: Vec<Node> = Vec::new();
    let nodes = graph.nodes().to_vec();
    for (position, node) in nodes.iter().enumerate() {
        let mut parts =
            Parts { fused: node, graph: &mut *graph, nodes: Vec::new(), before: &done, bindings };
        let complete = parts.build().is_some();
        let made = std::mem::take(&mut parts.nodes);
        if complete && !made.is_empty() {
            let kind = format!("{} written in standard operators at", node.op_type);
            rewrites.entry(kind).or_default().push(layer_name(node, position));
            done.extend(made);
        } else {
            done.push(node.clone());
        }
    }
    graph.set_nodes(done);
    rewrites
}

/// Standard nodes in place of one fused node.
pub(super) struct Parts<'a> {
    pub(super) fused: &'a Node,
    pub(super) graph: &'a mut Graph,
    pub(super) nodes: Vec<Node>,
    before: &'a [Node],
    bindings: DimensionBindings<'a>,
}

impl Parts<'_> {
    /// `None` of what is not known; without nodes of what is standard.
    fn build(&mut self) -> Option<()> {
        match self.fused.op_type.as_str() {
            "FusedConv" => self.fused_convolution(),
            "FusedGemm" => {
                let product = self.product(None)?;
                self.activate(product)
            }
            "FusedMatMul" => self.fused_product(),
            "BiasGelu" => self.gelu(Some(1), false),
            "FastGelu" => self.gelu(Some(1), true),
            "Gelu" if !self.fused.domain.is_empty() => self.gelu(None, false),
            "QuickGelu" => self.quick_gelu(),
            "SkipLayerNormalization" => self.skip_normalization("LayerNormalization"),
            "SkipSimplifiedLayerNormalization" => {
                self.skip_normalization("SimplifiedLayerNormalization")
            }
            "HardSwish" => self.hard_swish(),
            "Attention" if !self.fused.domain.is_empty() => attention(self),
            "EmbedLayerNormalization" => embedding(self),
            _ => quantized::expand(self),
        }
    }

    pub(super) fn input(&self, slot: usize) -> Option<String> {
        self.fused.input.get(slot).filter(|i| !i.is_empty()).cloned()
    }

    pub(super) fn output(&self) -> Option<String> {
        self.fused.output.first().cloned()
    }

    /// Appends a node; gives the tensor that it gives, `into` or a new one.
    pub(super) fn push(&mut self, op: &str, inputs: &[&String], into: Option<String>) -> String {
        let number = self.nodes.len();
        let first = self.fused.output.first().map_or("", String::as_str);
        let tensor = into.unwrap_or_else(|| format!("{first}#{number}"));
        let name = match number {
            0 => self.fused.name.clone(),
            _ => format!("{}/{op}_{number}", layer_name(self.fused, 0)),
        };
        self.nodes.push(Node {
            name,
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).clone()).collect(),
            output: vec![tensor.clone()],
            ..Node::default()
        });
        tensor
    }

    /// The node that was appended last, for its attributes.
    pub(super) fn last(&mut self) -> Option<&mut Node> {
        self.nodes.last_mut()
    }

    /// Hands attributes of the fused node on to the last node.
    pub(super) fn keep_attributes(&mut self, keep: impl Fn(&str) -> bool) {
        let kept: Vec<_> = self.fused.attribute.iter().filter(|a| keep(&a.name)).cloned().collect();
        if let Some(node) = self.nodes.last_mut() {
            node.attribute = kept;
        }
    }

    pub(super) fn constant(&mut self, suffix: &str, weights: Weights) -> String {
        let first = self.fused.output.first().map_or("", String::as_str);
        let name = format!("{first}#{suffix}");
        self.graph.set_weights(&name, weights);
        name
    }

    pub(super) fn scalar(&mut self, suffix: &str, value: f32) -> String {
        self.constant(suffix, Weights::f32(&[], &[value]))
    }

    fn fused_convolution(&mut self) -> Option<()> {
        let (x, w) = (self.input(0)?, self.input(1)?);
        let bias = self.input(2);
        let inputs: Vec<&String> =
            [Some(&x), Some(&w), bias.as_ref()].into_iter().flatten().collect();
        let last =
            self.fused.attribute.iter().all(|a| a.name != "activation") && self.input(3).is_none();
        let mut y = self.push("Conv", &inputs, last.then(|| self.output()).flatten());
        self.keep_attributes(|name| !name.starts_with("activation"));
        if let Some(sum) = self.input(3) {
            let last = self.fused.attribute.iter().all(|a| a.name != "activation");
            y = self.push("Add", &[&y, &sum], last.then(|| self.output()).flatten());
        }
        if last { Some(()) } else { self.activate(y) }
    }

    /// The product of FusedGemm, without its activation.
    fn product(&mut self, into: Option<String>) -> Option<String> {
        let inputs: Vec<String> = (0..3).filter_map(|slot| self.input(slot)).collect();
        let product = self.push("Gemm", &inputs.iter().collect::<Vec<_>>(), into);
        self.keep_attributes(|name| !name.starts_with("activation"));
        Some(product)
    }

    /// The activation that a fused node names, into the node's output.
    fn activate(&mut self, x: String) -> Option<()> {
        let Some(activation) = graph::text(self.fused, "activation") else {
            let output = self.output()?;
            self.nodes.last_mut()?.output = vec![output];
            return Some(());
        };
        let given = self.fused.attribute.iter().find(|a| a.name == "activation_params");
        let own = |name: &str| graph::float(self.fused, name);
        let parameters: Vec<f32> = match given {
            Some(list) => list.floats.clone(),
            None => ["activation_alpha", "activation_beta"].iter().filter_map(|n| own(n)).collect(),
        };
        let output = self.output();
        match (activation.as_str(), parameters.as_slice()) {
            ("Relu" | "Tanh" | "Sigmoid", _) => {
                self.push(&activation, &[&x], output);
            }
            ("Clip", [low, high]) => {
                let (low, high) = (self.scalar("low", *low), self.scalar("high", *high));
                self.push("Clip", &[&x, &low, &high], output);
            }
            ("LeakyRelu" | "Elu" | "HardSigmoid", parameters) => {
                self.push(&activation, &[&x], output);
                let named = ["alpha", "beta"].iter().zip(parameters);
                named.for_each(|(name, value)| {
                    if let Some(node) = self.nodes.last_mut() {
                        set_float(node, name, *value);
                    }
                });
            }
            _ => return None,
        }
        Some(())
    }

    /// Rank of a tensor that the nodes before give.
    fn rank(&self, tensor: &str) -> Option<usize> {
        if let Some(dims) = self.graph.dims(tensor) {
            return Some(dims.len());
        }
        let mut before = self.graph.clone();
        let inputs = declared_inputs(&before, self.bindings)?;
        before.set_nodes(self.before.to_vec());
        let part = before.stretch(0..self.before.len(), &inputs, &[tensor.to_string()]);
        let facts = part.facts(self.bindings.dims, self.bindings.batch).ok()?;
        facts.shapes.get(tensor).map(Vec::len)
    }

    fn fused_product(&mut self) -> Option<()> {
        let flag = |name: &str| graph::int(self.fused, name).unwrap_or(0) == 1;
        if flag("transBatchA") || flag("transBatchB") {
            return None;
        }
        let turned = [flag("transA"), flag("transB")];
        let alpha = graph::float(self.fused, "alpha").unwrap_or(1.0);
        let mut sides = [self.input(0)?, self.input(1)?];
        for (side, _) in sides.iter_mut().zip(turned).filter(|(_, turned)| *turned) {
            let rank = self.rank(side)? as i64;
            let mut order: Vec<i64> = (0..rank).collect();
            order.swap(usize::try_from(rank - 2).ok()?, usize::try_from(rank - 1).ok()?);
            *side = self.push("Transpose", &[&*side], None);
            graph::set_ints(self.nodes.last_mut()?, "perm", order);
        }
        let output = self.output();
        if alpha == 1.0 {
            self.push("MatMul", &[&sides[0], &sides[1]], output);
            return Some(());
        }
        let product = self.push("MatMul", &[&sides[0], &sides[1]], None);
        let alpha = self.scalar("alpha", alpha);
        self.push("Mul", &[&product, &alpha], output);
        Some(())
    }

    fn gelu(&mut self, bias: Option<usize>, tanh: bool) -> Option<()> {
        let mut x = self.input(0)?;
        if let Some(bias) = bias.and_then(|slot| self.input(slot)) {
            x = self.push("Add", &[&x, &bias], None);
        }
        let output = self.output();
        self.push("Gelu", &[&x], output);
        if tanh {
            // ONNX's number for attributes of text.
            const TEXT: i32 = 3;
            let node = self.nodes.last_mut()?;
            graph::set_int(node, "approximate", 0);
            let attribute = node.attribute.last_mut()?;
            attribute.r#type = TEXT;
            attribute.s = b"tanh".to_vec();
        }
        Some(())
    }

    fn quick_gelu(&mut self) -> Option<()> {
        let x = self.input(0)?;
        let alpha = graph::float(self.fused, "alpha").unwrap_or(1.702);
        let scaled = match alpha == 1.0 {
            true => x.clone(),
            false => {
                let alpha = self.scalar("alpha", alpha);
                self.push("Mul", &[&x, &alpha], None)
            }
        };
        let gate = self.push("Sigmoid", &[&scaled], None);
        let output = self.output();
        self.push("Mul", &[&x, &gate], output);
        Some(())
    }

    fn hard_swish(&mut self) -> Option<()> {
        let x = self.input(0)?;
        let gate = self.push("HardSigmoid", &[&x], None);
        let node = self.nodes.last_mut()?;
        set_float(node, "alpha", 1.0 / 6.0);
        set_float(node, "beta", 0.5);
        let output = self.output();
        self.push("Mul", &[&x, &gate], output);
        Some(())
    }

    fn skip_normalization(&mut self, norm: &str) -> Option<()> {
        let (x, skip, scale) = (self.input(0)?, self.input(1)?, self.input(2)?);
        let plain = norm == "LayerNormalization";
        let shift = if plain { self.input(3) } else { None };
        let bias = self.input(if plain { 4 } else { 3 });
        let sum = self.fused.output.get(3).filter(|o| !o.is_empty()).cloned();
        let product = |tensor: &String| {
            let node = self.before.iter().find(|n| n.output.contains(tensor));
            node.is_some_and(|n| ["MatMul", "Gemm"].contains(&n.op_type.as_str()))
        };
        // The bias belongs to the product, which may be either side.
        let (x, skip) = if product(&skip) { (skip, x) } else { (x, skip) };
        let x = match bias {
            None => x,
            Some(bias) => self.push("Add", &[&x, &bias], None),
        };
        let x = self.push("Add", &[&x, &skip], sum);
        let inputs: Vec<&String> =
            [Some(&x), Some(&scale), shift.as_ref()].into_iter().flatten().collect();
        let output = self.output();
        self.push(norm, &inputs, output);
        self.keep_attributes(|name| name == "epsilon");
        Some(())
    }
}
