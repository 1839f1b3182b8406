//! One pattern: made narrow, run by a machine, and held against ONNX's definitions.

use crate::pipeline::PipelineError;
use crate::pipeline::measurement::{NetworkAnswer, NodeRun, TrialFailure, TrialMachine};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use paring_compress::catalog::Calibration;
use paring_compress::{
    self, ExactTensor, LayerPattern, LayerPrecision, PostTrainingQuantization, QuantizationFormat,
    QuantizationGranularity, quantize_unchecked,
};
use paring_core::schema::{OriginalIndices, PatternConformance, PatternExecution, Sha256Hex};
use paring_core::stats;
use paring_onnx::graph::{Graph, Node};
use rand::RngExt;
use std::collections::BTreeMap;

/// Float outputs may differ by so much of the largest: the order of sums.
const ROUNDING: f64 = 1e-5;
/// Samples that ranges are taken from.
const SAMPLES: usize = 4;

/// A pattern with its inputs.
pub(super) struct PatternTrial<'a> {
    pattern: &'a LayerPattern,
    calibration: Calibration,
}

impl<'a> PatternTrial<'a> {
    pub(super) fn new(pattern: &'a LayerPattern) -> Result<PatternTrial<'a>, PipelineError> {
        let mut draw = stats::generator(7, "conformance");
        let mut dims = pattern.dims.clone();
        dims[0] *= SAMPLES;
        let x = ArrayD::from_shape_simple_fn(IxDyn(&dims), || draw.random::<f32>() * 4.0 - 2.0);
        let calibration = Calibration {
            inputs: BTreeMap::from([("x".to_string(), Array::F32(x))]),
            labels: Vec::new(),
            rule: None,
            batch: pattern.dims[0],
            dims: BTreeMap::new(),
            sha256: Sha256Hex::of(b"patterns"),
        };
        Ok(PatternTrial { pattern, calibration })
    }

    /// Result of the pattern in a precision; `None` where it cannot have it.
    pub(super) fn tried(
        &self,
        scheme: LayerPrecision,
        machine: &mut TrialMachine,
    ) -> Result<Option<PatternConformance>, PipelineError> {
        let LayerPattern { operator, size, graph, dims, node } = self.pattern;
        let all = ["layer", "other", "next"].map(|name| (name.to_string(), scheme));
        let how = PostTrainingQuantization {
            assigned: Some(BTreeMap::from(all)),
            ..PostTrainingQuantization::new(
                QuantizationFormat::Int8,
                QuantizationGranularity::Tensor,
            )
        };
        let made = quantize_unchecked(
            graph.clone(),
            OriginalIndices::default(),
            &how,
            Some(&self.calibration),
            None,
        );
        let Some(made) = made.ok().filter(|m| m.refusals.iter().all(|(layer, _)| layer != node))
        else {
            return Ok(None);
        };
        let mut one = PatternConformance {
            operator: (*operator).into(),
            precision: scheme.name().into(),
            size: (*size).into(),
            shape: dims.clone(),
            ran: PatternExecution::Float,
            kernels: Vec::new(),
            differing: 0,
            outputs: 0,
            largest: 0.0,
            in_steps: false,
            speed: None,
            speed_converted: None,
        };
        match machine.answer(graph, &made.graph, &self.calibration) {
            Ok(answer) => {
                if let Err(reason) = self.compare(&made.graph, &answer, &mut one) {
                    one.ran = PatternExecution::Rejected { reason };
                }
            }
            Err(TrialFailure::Rejected(reason)) => one.ran = PatternExecution::Rejected { reason },
            Err(TrialFailure::Step(error)) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                one.ran = PatternExecution::Rejected { reason: format!("{error}{cause}") };
            }
            Err(TrialFailure::Gone(source)) => {
                return Err(PipelineError::Target { target: one.operator, source });
            }
        }
        Ok(Some(one))
    }

    fn compare(
        &self,
        narrow: &Graph,
        answer: &NetworkAnswer,
        one: &mut PatternConformance,
    ) -> Result<(), String> {
        let expected = exactly(narrow, &self.calibration.first())?;
        let unit = step(narrow);
        let largest = expected.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
        let scale = unit.unwrap_or(largest);
        let limit = match unit {
            Some(_) => 1.001,
            // Bytes inside, floats outside.
            None if narrow.dims("x.inverse").is_some() => ROUNDING + self.one_step()? / largest,
            None => ROUNDING,
        };
        one.outputs = expected.len();
        one.in_steps = unit.is_some();
        for (found, expected) in answer.outputs.iter().zip(&expected) {
            let off = ((found - expected) / scale).abs();
            one.differing += usize::from(off > if unit.is_some() { 0.5 } else { ROUNDING });
            one.largest = if off.is_nan() { f64::INFINITY } else { one.largest.max(off) };
        }
        let integers = describe(answer, one);
        one.ran = match integers {
            _ if answer.outputs.len() != expected.len() => PatternExecution::Wrong {
                reason: format!("{} outputs instead of {}", answer.outputs.len(), expected.len()),
            },
            _ if one.largest > limit => PatternExecution::Wrong {
                reason: match unit {
                    Some(_) => format!("off by up to {:.1} steps of int8", one.largest),
                    None => format!("off by up to {:.1e} of the largest output", one.largest),
                },
            },
            true => PatternExecution::Integer,
            false => PatternExecution::Float,
        };
        Ok(())
    }

    /// Change of a float output by one step more or less of what each layer reads, where a number
    /// lies between two steps.
    fn one_step(&self) -> Result<f64, String> {
        let float = &self.pattern.graph;
        let values = values(float, &self.calibration.first())?;
        let each = |node: &Node| -> Option<f64> {
            let weights = float.weights(node.input.get(1)?).ok()?.to_f32()?;
            let read = &values.get(node.input.first()?)?.data;
            let most = read.iter().copied().fold(0.0, f64::max);
            let least = read.iter().copied().fold(0.0, f64::min);
            let largest = weights.iter().fold(0.0f32, |most, w| most.max(w.abs()));
            // Ranges are of other samples too.
            Some(1.25 * (most - least) / 255.0 * f64::from(largest))
        };
        Ok(float.nodes().iter().filter_map(each).sum())
    }
}

/// Puts speeds and kernels into the record; says whether the layer's own kernels are integer ones.
fn describe(answer: &NetworkAnswer, one: &mut PatternConformance) -> bool {
    let converts = |name: &str| {
        name.ends_with("QuantizeLinear")
            || name.contains("/QuantizeLinear")
            || name.contains("/DequantizeLinear")
    };
    let total = |nodes: &[NodeRun], counts: &dyn Fn(&str) -> bool| -> f64 {
        nodes.iter().filter(|node| counts(&node.name)).map(|node| node.time_ns).sum()
    };
    let (whole, so) = (total(&answer.float, &|_| true), total(&answer.own, &|_| true));
    let alone = total(&answer.own, &|name| !converts(name));
    one.speed = (alone > 0.0).then(|| whole / alone);
    one.speed_converted = (so > 0.0).then(|| whole / so);
    let multiplies = || answer.own.iter().filter(|node| node.multiplies());
    one.kernels = multiplies().flat_map(|node| node.kernels.clone()).collect();
    one.kernels.sort();
    one.kernels.dedup();
    multiplies().next().is_some()
        && multiplies().all(|node| node.kernels.iter().any(|kernel| kernel.contains("i32")))
}

/// The outputs by ONNX's definitions.
fn exactly(graph: &Graph, arrays: &BTreeMap<String, Array>) -> Result<Vec<f64>, String> {
    let values = values(graph, arrays)?;
    let outputs = graph.outputs().into_iter().filter_map(|name| values.get(name));
    Ok(outputs.flat_map(|value| value.data.clone()).collect())
}

/// All tensors by ONNX's definitions.
fn values(
    graph: &Graph,
    arrays: &BTreeMap<String, Array>,
) -> Result<BTreeMap<String, ExactTensor>, String> {
    let value = |array: &Array| match array {
        Array::F32(a) => {
            Some(ExactTensor::floats(a.shape(), a.iter().map(|v| f64::from(*v)).collect()))
        }
        _ => None,
    };
    let inputs =
        arrays.iter().filter_map(|(name, array)| Some((name.clone(), value(array)?))).collect();
    paring_compress::evaluate_exactly(graph, &inputs).map_err(|e| e.to_string())
}

/// The step of the output where it comes out of int8.
fn step(graph: &Graph) -> Option<f64> {
    let last = graph.nodes().last().filter(|node| node.op_type == "DequantizeLinear")?;
    let scale = graph.weights(last.input.get(1)?).ok()?.to_f32()?;
    scale.first().map(|s| f64::from(*s))
}
