//! The walk of a backward pass: gradients of outputs handed on to inputs, node by node from the last.

use super::backward_request::GradientPlace;
use super::error::GradientError;
use super::gradient_flow::GradientFlow;
use paring_agent::engine::onnx;
use paring_onnx::graph::{Graph, Node};
use paring_onnx::ops::{
    self, GradientEmitter, GradientObstacle, GradientRefusal, NodeGradient, RoundingGradient,
    ShapedTensor,
};
use std::collections::{BTreeMap, HashMap};

/// The nodes of a graph in reverse, and what has come back so far.
pub(super) struct ReversePass<'a> {
    graph: &'a Graph,
    flow: GradientFlow,
    /// Parts of the gradients of tensors, one for each node that read them.
    contributions: HashMap<String, Vec<ShapedTensor>>,
    /// Parts that are asked for by themselves.
    readings: BTreeMap<(String, usize), Option<ShapedTensor>>,
    /// Tensors on whose way to the loss a node passes no gradient, with the refusal's place.
    blocked: HashMap<String, usize>,
    pub(super) refusals: Vec<GradientRefusal>,
}

impl<'a> ReversePass<'a> {
    /// A pass that has not begun; `tensors` are those of the places.
    pub(super) fn new(
        graph: &'a Graph,
        (places, rounding): (&[&GradientPlace], RoundingGradient),
        tensors: &[ShapedTensor],
    ) -> Self {
        let sources = tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let readings = places.iter().filter_map(|place| match place {
            GradientPlace::Reading { node, slot } => Some(((node.clone(), *slot), None)),
            GradientPlace::Tensor(_) => None,
        });
        ReversePass {
            graph,
            flow: GradientFlow::new(graph, sources, rounding),
            contributions: HashMap::new(),
            readings: readings.collect(),
            blocked: HashMap::new(),
            refusals: Vec::new(),
        }
    }

    /// Enters a gradient with which the pass begins.
    pub(super) fn begin_at(&mut self, tensor: &str, gradient: ShapedTensor) {
        self.contributions.entry(tensor.to_string()).or_default().push(gradient);
    }

    /// Hands the gradients of a node's outputs on to its inputs.
    pub(super) fn visit(
        &mut self,
        emitter: &mut GradientEmitter,
        position: usize,
    ) -> Result<(), GradientError> {
        let Some(node) = self.graph.nodes().get(position) else { return Ok(()) };
        let wanted: Vec<bool> =
            (0..node.input.len()).map(|slot| self.flow.passes(node, slot)).collect();
        let blocked = node.output.iter().find_map(|output| self.blocked.get(output)).copied();
        if let Some(refusal) = blocked {
            self.block(node, &wanted, refusal);
        }
        let mut outputs = Vec::new();
        for output in &node.output {
            outputs.push(self.sum(emitter, output));
        }
        let captures = onnx::captured(node).iter().any(|tensor| self.flow.reaches(tensor));
        let passes = wanted.contains(&true) || captures;
        if !passes || outputs.iter().all(Option::is_none) {
            return Ok(());
        }
        let asked = NodeGradient { node, outputs: &outputs, wanted: &wanted };
        match ops::vector_jacobian_product(emitter, &asked) {
            Ok(gradients) => self.hand_on(emitter, node, &wanted, gradients),
            Err(refusal) => {
                self.refusals.push(refusal);
                self.block(node, &wanted, self.refusals.len() - 1);
                Ok(())
            }
        }
    }

    fn hand_on(
        &mut self,
        emitter: &GradientEmitter,
        node: &Node,
        wanted: &[bool],
        gradients: Vec<Option<ShapedTensor>>,
    ) -> Result<(), GradientError> {
        let each = node.input.iter().zip(wanted).zip(gradients).enumerate();
        for (slot, ((tensor, _), gradient)) in each.filter(|(_, ((_, wanted), _))| **wanted) {
            let Some(gradient) = gradient else { continue };
            // A gradient of another shape than its tensor would be a rule's fault.
            let fits = emitter.tensor(tensor).is_some_and(|own| own.dims == gradient.dims);
            if !fits {
                let obstacle = GradientObstacle::UnknownShape(tensor.clone());
                let (name, op_type) = (node.name.clone(), node.op_type.clone());
                let refusal = GradientRefusal { node: name, op_type, obstacle };
                return Err(GradientError::Refused(refusal));
            }
            if let Some(reading) = self.readings.get_mut(&(node.name.clone(), slot)) {
                *reading = Some(gradient.clone());
            }
            self.contributions.entry(tensor.clone()).or_default().push(gradient);
        }
        Ok(())
    }

    /// Marks what a node reads as without a gradient.
    fn block(&mut self, node: &Node, wanted: &[bool], refusal: usize) {
        let read = node.input.iter().zip(wanted).filter(|(_, wanted)| **wanted);
        let read = read.map(|(tensor, _)| tensor.as_str());
        for tensor in read.chain(onnx::captured(node)) {
            self.blocked.entry(tensor.to_string()).or_insert(refusal);
        }
    }

    /// The gradient of a tensor, once all nodes that read it have been visited.
    fn sum(&mut self, emitter: &mut GradientEmitter, tensor: &str) -> Option<ShapedTensor> {
        let parts = self.contributions.get(tensor)?.clone();
        emitter.begin(tensor);
        let sum = emitter.sum_of(&parts);
        self.contributions.insert(tensor.to_string(), vec![sum.clone()]);
        Some(sum)
    }

    /// The gradient at a place, or the refusal on its way; `tensor` is the place's.
    pub(super) fn gradient_of(
        &mut self,
        emitter: &mut GradientEmitter,
        place: &GradientPlace,
        tensor: &ShapedTensor,
    ) -> Result<ShapedTensor, GradientRefusal> {
        let blocked = match place {
            GradientPlace::Tensor(name) => self.blocked.get(name).copied(),
            GradientPlace::Reading { node, .. } => {
                let own = self.refusals.iter().position(|refusal| refusal.node == *node);
                let reader = self.graph.nodes().iter().find(|own| own.name == *node);
                let mut behind = reader.into_iter().flat_map(|reader| &reader.output);
                own.or_else(|| behind.find_map(|output| self.blocked.get(output)).copied())
            }
        };
        if let Some(refusal) = blocked.and_then(|place| self.refusals.get(place)) {
            return Err(refusal.clone());
        }
        let gradient = match place {
            GradientPlace::Tensor(name) => self.sum(emitter, name),
            GradientPlace::Reading { node, slot } => {
                self.readings.get(&(node.clone(), *slot)).cloned().flatten()
            }
        };
        Ok(gradient.unwrap_or_else(|| emitter.zeros(&tensor.dims)))
    }
}
