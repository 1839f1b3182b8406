//! ONNX Runtime's fused convolutions, products, activations and normalisations in standard operators.
//!
//! Source: ONNX Runtime's contrib operator specifications.

use super::expansion::FusedExpansion;
use crate::diff::canonical::rewriter::set_float;
use crate::diff::execution::declared_inputs;
use paring_onnx::graph;

impl FusedExpansion<'_> {
    pub(super) fn fused_convolution(&mut self) -> Option<()> {
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
    pub(super) fn product(&mut self, into: Option<String>) -> Option<String> {
        let inputs: Vec<String> = (0..3).filter_map(|slot| self.input(slot)).collect();
        let product = self.push("Gemm", &inputs.iter().collect::<Vec<_>>(), into);
        self.keep_attributes(|name| !name.starts_with("activation"));
        Some(product)
    }

    /// The activation that a fused node names, into the node's output.
    pub(super) fn activate(&mut self, x: String) -> Option<()> {
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
    pub(super) fn rank(&self, tensor: &str) -> Option<usize> {
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

    pub(super) fn fused_product(&mut self) -> Option<()> {
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

    pub(super) fn gelu(&mut self, bias: Option<usize>, tanh: bool) -> Option<()> {
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

    pub(super) fn quick_gelu(&mut self) -> Option<()> {
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

    pub(super) fn hard_swish(&mut self) -> Option<()> {
        let x = self.input(0)?;
        let gate = self.push("HardSigmoid", &[&x], None);
        let node = self.nodes.last_mut()?;
        set_float(node, "alpha", 1.0 / 6.0);
        set_float(node, "beta", 0.5);
        let output = self.output();
        self.push("Mul", &[&x, &gate], output);
        Some(())
    }

    pub(super) fn skip_normalization(&mut self, norm: &str) -> Option<()> {
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
