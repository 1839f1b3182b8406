//! The backward pass of a graph, behind its forward pass.

use super::backward_request::{BackwardRequest, GradientForm, GradientPlace, GradientTarget};
use super::error::GradientError;
use super::loss::{EmittedLoss, LossEmission, LossInput};
use super::reverse_pass::ReversePass;
use super::variables::turn_into_inputs;
use paring_onnx::graph::{DimensionSize, Graph, TensorFacts};
use paring_onnx::ops::{GradientEmitter, GradientRefusal, ShapedTensor};

/// The operator set that brought the forms of operators which backward passes are made of.
const OPERATOR_SET: i64 = 13;

/// The gradient of a target.
#[derive(Clone, Debug)]
pub struct TargetGradient {
    /// The target.
    pub target: GradientTarget,
    /// The output that holds it, in the form that was asked for; or the node on the way to the loss that
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
    let places: Vec<&GradientPlace> = request.targets.iter().map(|target| &target.place).collect();
    let mut pass = ReversePass::new(graph, (&places, request.rounding), &targets);
    for EmittedLoss { seed: (tensor, gradient), .. } in &losses {
        pass.begin_at(tensor, gradient.clone());
    }
    for position in (0..graph.nodes().len()).rev() {
        pass.visit(&mut emitter, position)?;
    }
    let mut gradients = Vec::new();
    for (target, tensor) in request.targets.iter().zip(&targets) {
        let whole = pass.gradient_of(&mut emitter, &target.place, tensor);
        let formed = whole.map(|whole| formed(&mut emitter, target.form, tensor, &whole));
        gradients.push((target.clone(), formed));
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
        let name = match &target.place {
            GradientPlace::Tensor(tensor) => tensor.clone(),
            GradientPlace::Reading { node, slot } => {
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
        match target.form {
            GradientForm::SquaredNorms { axis } | GradientForm::FactorDerivatives { axis }
                if axis >= tensor.rank() =>
            {
                Err(GradientError::NoAxis { tensor: name, axis })
            }
            _ => Ok(tensor),
        }
    };
    targets.iter().map(tensor).collect()
}

/// All terms of the loss, and their sum.
fn emitted_loss(
    graph: &Graph,
    emitter: &mut GradientEmitter,
    request: &BackwardRequest,
) -> Result<(Vec<EmittedLoss>, ShapedTensor), GradientError> {
    let named = |target: &'_ GradientTarget| match &target.place {
        GradientPlace::Tensor(tensor) => Some(tensor.clone()),
        GradientPlace::Reading { .. } => None,
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

/// A gradient in the form that is asked for; `tensor` is what it is the gradient of.
fn formed(
    emitter: &mut GradientEmitter,
    form: GradientForm,
    tensor: &ShapedTensor,
    gradient: &ShapedTensor,
) -> ShapedTensor {
    let others = |kept: Option<usize>| -> Vec<usize> {
        (0..gradient.rank()).filter(|axis| Some(*axis) != kept).collect()
    };
    match form {
        GradientForm::Whole => gradient.clone(),
        GradientForm::SquaredNorm => {
            let squares = emitter.mul(gradient, gradient);
            emitter.reduce_sum(&squares, &others(None), false)
        }
        GradientForm::SquaredNorms { axis } => {
            let squares = emitter.mul(gradient, gradient);
            emitter.reduce_sum(&squares, &others(Some(axis)), false)
        }
        GradientForm::FactorDerivatives { axis } => {
            let products = emitter.mul(tensor, gradient);
            emitter.reduce_sum(&products, &others(Some(axis)), false)
        }
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
            let base = match &target.place {
                GradientPlace::Tensor(tensor) => tensor.clone(),
                GradientPlace::Reading { node, slot } => format!("{node}:{slot}"),
            };
            let form = match target.form {
                GradientForm::Whole => "gradient",
                GradientForm::SquaredNorm => "gradient_squared_norm",
                GradientForm::SquaredNorms { .. } => "gradient_squared_norms",
                GradientForm::FactorDerivatives { .. } => "factor_derivatives",
            };
            let output = emitter.named(&format!("{base}/{form}"), &gradient);
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
