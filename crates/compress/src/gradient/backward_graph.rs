//! The backward pass of a graph, behind its forward pass.

use super::error::GradientError;
use super::gradient_flow::GradientFlow;
use super::loss::{EmittedLoss, LossEmission, LossInput, LossReduction, LossTerm};
use super::variables::turn_into_inputs;
use paring_agent::engine::onnx;
use paring_onnx::graph::{DimensionSize, Graph, Node, TensorFacts};
use paring_onnx::ops::{
    self, GradientEmitter, GradientObstacle, GradientRefusal, NodeGradient, ShapedTensor,
};
use std::collections::{BTreeMap, HashMap};

/// The operator set that brought the forms of operators which backward passes are made of.
const OPERATOR_SET: i64 = 13;

/// Something whose gradient is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GradientTarget {
    /// A tensor: an input, an initializer, or one between nodes.
    Tensor(String),
    /// An input of one node, by slot: the part of its tensor's gradient that comes back through it.
    Reading {
        /// The node's name.
        node: String,
        /// The input slot.
        slot: usize,
    },
}

/// The loss and the gradients of a backward pass.
#[derive(Clone, Debug)]
pub struct BackwardRequest {
    /// The loss is the sum of these.
    pub loss: Vec<LossTerm>,
    /// Reduction of the loss over the batch.
    pub reduction: LossReduction,
    /// The gradients.
    pub targets: Vec<GradientTarget>,
    /// Initializers of 32-bit floats that become inputs, so that a plan can be run with others.
    pub variables: Vec<String>,
}

/// The gradient of a target.
#[derive(Clone, Debug)]
pub struct TargetGradient {
    /// The target.
    pub target: GradientTarget,
    /// The output that holds it, in the shape of the target; or the node on the way to the loss that
    /// passes no gradient.
    pub output: Result<String, GradientRefusal>,
}

/// A model with a loss and gradients as further outputs, at concrete dimensions.
#[derive(Clone, Debug)]
pub struct BackwardGraph {
    /// The graph: outputs are the model's own, the loss, then the gradients of the targets.
    pub graph: Graph,
    /// The output that holds the loss, one number.
    pub loss: String,
    /// Inputs of the loss terms, in their order, behind the model's own.
    pub inputs: Vec<LossInput>,
    /// The gradients, in the order of the request.
    pub gradients: Vec<TargetGradient>,
    /// Nodes between the targets and the loss that pass no gradient.
    pub refusals: Vec<GradientRefusal>,
}

impl BackwardGraph {
    /// The graph where every target has its gradient.
    ///
    /// # Errors
    /// [`GradientError::Refused`] with the first refusal.
    pub fn complete(self) -> Result<BackwardGraph, GradientError> {
        let refused = self.gradients.iter().find_map(|own| own.output.as_ref().err());
        match refused {
            Some(refusal) => Err(GradientError::Refused(refusal.clone())),
            None => Ok(self),
        }
    }
}

/// Writes the backward pass of a graph behind its forward pass, whose nodes stay as they are. `facts`
/// are the graph's at the dimensions and the batch that the result is to have.
///
/// A target that the loss does not depend on has the gradient 0.
///
/// # Errors
/// [`GradientError`] where there is no such tensor or the loss does not fit. A node that passes no
/// gradient is no error but a refusal in the result.
pub fn backward_graph(
    graph: &Graph,
    facts: &TensorFacts,
    request: &BackwardRequest,
) -> Result<BackwardGraph, GradientError> {
    if graph.opset() < OPERATOR_SET {
        return Err(GradientError::OperatorSet(graph.opset()));
    }
    let mut emitter = GradientEmitter::new(graph, facts);
    let targets = target_tensors(graph, &emitter, &request.targets)?;
    let (losses, loss) = emitted_loss(graph, &mut emitter, request)?;
    let mut pass = ReversePass::new(graph, &request.targets, &targets);
    for EmittedLoss { seed: (tensor, gradient), .. } in &losses {
        pass.contributions.entry(tensor.clone()).or_default().push(gradient.clone());
    }
    for position in (0..graph.nodes().len()).rev() {
        pass.visit(&mut emitter, position)?;
    }
    let mut gradients = Vec::new();
    for (target, tensor) in request.targets.iter().zip(&targets) {
        gradients.push((target.clone(), pass.gradient_of(&mut emitter, target, tensor)));
    }
    let refusals = pass.refusals;
    let inputs = losses.into_iter().map(|loss| loss.input).collect();
    assembled(graph, facts, emitter, (loss, inputs, gradients, refusals), &request.variables)
}

/// The tensors of the targets, each of 32-bit floats.
fn target_tensors(
    graph: &Graph,
    emitter: &GradientEmitter,
    targets: &[GradientTarget],
) -> Result<Vec<ShapedTensor>, GradientError> {
    let tensor = |target: &GradientTarget| {
        let name = match target {
            GradientTarget::Tensor(tensor) => tensor.clone(),
            GradientTarget::Reading { node, slot } => {
                let reader = graph.nodes().iter().find(|own| own.name == *node);
                let read = reader.and_then(|reader| reader.input.get(*slot));
                let missing = || GradientError::NoTensor(format!("input {slot} of `{node}`"));
                read.ok_or_else(missing)?.clone()
            }
        };
        let Some(tensor) = emitter.tensor(&name) else { return Err(GradientError::NoTensor(name)) };
        if !emitter.holds_floats(&name) {
            return Err(GradientError::NotFloat(name));
        }
        Ok(tensor)
    };
    targets.iter().map(tensor).collect()
}

/// All terms of the loss, and their sum.
fn emitted_loss(
    graph: &Graph,
    emitter: &mut GradientEmitter,
    request: &BackwardRequest,
) -> Result<(Vec<EmittedLoss>, ShapedTensor), GradientError> {
    let named = |target: &'_ GradientTarget| match target {
        GradientTarget::Tensor(tensor) => Some(tensor.clone()),
        GradientTarget::Reading { .. } => None,
    };
    let targets: Vec<String> = request.targets.iter().filter_map(named).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let mut emission =
        LossEmission { graph, emitter, reduction: request.reduction, targets: &targets };
    let losses =
        request.loss.iter().map(|term| emission.emit(term)).collect::<Result<Vec<_>, _>>()?;
    let values: Vec<ShapedTensor> = losses.iter().map(|loss| loss.value.clone()).collect();
    if values.is_empty() {
        return Err(GradientError::NoLoss);
    }
    let sum = emitter.sum_of(&values);
    Ok((losses, sum))
}

/// The nodes of a graph in reverse, and what has come back so far.
struct ReversePass<'a> {
    graph: &'a Graph,
    flow: GradientFlow,
    /// Parts of the gradients of tensors, one for each node that read them.
    contributions: HashMap<String, Vec<ShapedTensor>>,
    /// Parts that are asked for by themselves.
    readings: BTreeMap<(String, usize), Option<ShapedTensor>>,
    /// Tensors on whose way to the loss a node passes no gradient, with the refusal's place.
    blocked: HashMap<String, usize>,
    refusals: Vec<GradientRefusal>,
}

impl<'a> ReversePass<'a> {
    fn new(graph: &'a Graph, targets: &[GradientTarget], tensors: &[ShapedTensor]) -> Self {
        let sources = tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let readings = targets.iter().filter_map(|target| match target {
            GradientTarget::Reading { node, slot } => Some(((node.clone(), *slot), None)),
            GradientTarget::Tensor(_) => None,
        });
        ReversePass {
            graph,
            flow: GradientFlow::new(graph, sources),
            contributions: HashMap::new(),
            readings: readings.collect(),
            blocked: HashMap::new(),
            refusals: Vec::new(),
        }
    }

    /// Hands the gradients of a node's outputs on to its inputs.
    fn visit(
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

    /// The gradient of a target, or the refusal on its way; `tensor` is the target's.
    fn gradient_of(
        &mut self,
        emitter: &mut GradientEmitter,
        target: &GradientTarget,
        tensor: &ShapedTensor,
    ) -> Result<ShapedTensor, GradientRefusal> {
        let blocked = match target {
            GradientTarget::Tensor(name) => self.blocked.get(name),
            GradientTarget::Reading { node, .. } => {
                let reader = self.graph.nodes().iter().find(|own| own.name == *node);
                let behind = reader.into_iter().flat_map(|reader| &reader.output);
                let own = self.refusals.iter().position(|refusal| refusal.node == *node);
                if let Some(own) = own {
                    self.blocked.insert(tensor.name.clone(), own);
                    self.blocked.get(&tensor.name)
                } else {
                    behind.into_iter().find_map(|output| self.blocked.get(output))
                }
            }
        };
        if let Some(refusal) = blocked.and_then(|place| self.refusals.get(*place)) {
            return Err(refusal.clone());
        }
        let gradient = match target {
            GradientTarget::Tensor(name) => self.sum(emitter, name),
            GradientTarget::Reading { node, slot } => {
                self.readings.get(&(node.clone(), *slot)).cloned().flatten()
            }
        };
        Ok(gradient.unwrap_or_else(|| emitter.zeros(&tensor.dims)))
    }
}

/// The loss, what it reads, the gradients and the refusals.
type EmittedPass = (
    ShapedTensor,
    Vec<LossInput>,
    Vec<(GradientTarget, Result<ShapedTensor, GradientRefusal>)>,
    Vec<GradientRefusal>,
);

/// The forward pass with the emitted nodes behind it.
fn assembled(
    graph: &Graph,
    facts: &TensorFacts,
    mut emitter: GradientEmitter,
    (loss, inputs, gradients, refusals): EmittedPass,
    variables: &[String],
) -> Result<BackwardGraph, GradientError> {
    let mut whole = graph.clone();
    if let Some(unknown) = graph.inputs().iter().find(|input| !facts.shapes.contains_key(**input)) {
        return Err(GradientError::NoTensor((*unknown).into()));
    }
    whole.fix_sizes(&facts.shapes);
    let sizes = |dims: &[usize]| -> Vec<DimensionSize> {
        dims.iter().map(|size| DimensionSize::Fixed(*size)).collect()
    };
    for input in &inputs {
        whole.add_input(&input.name, input.dtype, &sizes(&input.dims));
    }
    let loss = emitter.named("loss", &loss);
    whole.add_shaped_output(&loss.name, &[]);
    let mut outputs = Vec::new();
    for (target, gradient) in gradients {
        let output = gradient.map(|gradient| {
            let base = match &target {
                GradientTarget::Tensor(tensor) => tensor.clone(),
                GradientTarget::Reading { node, slot } => format!("{node}:{slot}"),
            };
            let output = emitter.named(&format!("{base}/gradient"), &gradient);
            whole.add_shaped_output(&output.name, &sizes(&output.dims));
            output.name
        });
        outputs.push(TargetGradient { target, output });
    }
    let (nodes, constants) = emitter.finish();
    whole.set_nodes(whole.nodes().iter().cloned().chain(nodes).collect());
    for (name, weights) in constants {
        whole.set_weights(&name, weights);
    }
    turn_into_inputs(&mut whole, facts, variables)?;
    Ok(BackwardGraph { graph: whole, loss: loss.name, inputs, gradients: outputs, refusals })
}
