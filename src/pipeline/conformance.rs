//! What the engine does on this machine with everything that quantization writes: held against an
//! exact reference, timed beside float in the same run.

use super::{PipelineError, read_json, replace_json};
use crate::catalog::Calibration;
use crate::compress::{self, Format, Granularity, Pattern, Quantization, Scheme, Value, patterns};
use crate::data::Array;
use crate::engine::{Bindings, ENGINE, Model, Plan, Profile, Source};
use crate::graph::{Graph, Node};
use crate::probe;
use crate::record::{Conformance, Conforming, EngineOptions, Origins, Ran, SCHEMA, Sha256Hex};
use crate::stats;
use ndarray::{ArrayD, IxDyn};
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Float outputs may differ by so much of the largest: the order of sums.
const ROUNDING: f64 = 1e-5;
/// Runs that times are medians of.
const RUNS: usize = 31;
/// Samples that ranges are taken from.
const SAMPLES: usize = 4;

/// Tries every pattern in every precision on this machine; `heard` is told of each.
///
/// # Errors
/// [`PipelineError`] where a pattern cannot even be run in float.
pub fn conformance(heard: &mut dyn FnMut(&Conforming)) -> Result<Conformance, PipelineError> {
    let mut found = Vec::new();
    for pattern in patterns() {
        let trial = Trial::new(&pattern)?;
        for scheme in Scheme::ALL.into_iter().filter(|s| *s != Scheme::F32) {
            if let Some(one) = trial.tried(scheme) {
                heard(&one);
                found.push(one);
            }
        }
    }
    let cpu = probe::environment(probe::root(), ENGINE).cpu;
    let (engine, target) = (ENGINE.to_string(), "host".to_string());
    Ok(Conformance { schema: SCHEMA, target, engine, cpu, patterns: found })
}

/// Where a target's table is kept between runs: under `PARING_DATA`, or where the user's data are.
pub fn conformance_path(target: &str) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || set("HOME").unwrap_or_default().join(".local/share");
    let folder = set("PARING_DATA")
        .unwrap_or_else(|| set("XDG_DATA_HOME").unwrap_or_else(home).join("paring"));
    folder.join("targets").join(format!("{target}.conformance.json"))
}

/// The kept table of a target, if it is of this engine and, on this machine, of this processor.
pub fn known_conformance(target: &str) -> Option<Conformance> {
    let found: Conformance = read_json(&conformance_path(target))?;
    let here = target != "host" || found.cpu == probe::environment(probe::root(), ENGINE).cpu;
    (found.engine == ENGINE && here).then_some(found)
}

/// Keeps a target's table for later runs.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn keep_conformance(path: &Path, table: &Conformance) -> Result<(), PipelineError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(PipelineError::file("create", folder))?;
    }
    replace_json(path, table)
}

impl Conformance {
    /// Why a model must not be deployed on the target, if so: it has a node of a kind that the engine
    /// there rejects or gets wrong.
    pub fn refuses(&self, graph: &Graph) -> Option<String> {
        let bad = |one: &&Conforming| matches!(one.ran, Ran::Rejected { .. } | Ran::Wrong { .. });
        for node in graph.nodes() {
            let Some((operator, precision)) = kind(graph, node) else { continue };
            let same = |one: &&Conforming| {
                one.operator.starts_with(operator) && one.precision == precision.name()
            };
            if let Some(one) = self.patterns.iter().filter(bad).find(same) {
                let why = match &one.ran {
                    Ran::Rejected { reason } => format!("is rejected ({reason})"),
                    Ran::Wrong { reason } => format!("is computed wrongly ({reason})"),
                    _ => continue,
                };
                return Some(format!(
                    "node `{}` ({}, {}): this pattern {why} by {} on `{}`, as `paring probe` found",
                    node.name, one.operator, one.precision, self.engine, self.target
                ));
            }
        }
        None
    }
}

/// The kind of pattern that a narrow node is.
fn kind(graph: &Graph, node: &Node) -> Option<(&'static str, Scheme)> {
    let dims = |slot: usize| node.input.get(slot).and_then(|name| graph.dims(name));
    let per = |dims: Option<Vec<usize>>| match dims.map(|d| d.iter().product::<usize>()) {
        Some(many) if many > 1 => Granularity::Channel,
        _ => Granularity::Tensor,
    };
    let conv = |w: &[usize]| match (w.get(1), w.get(2)) {
        (Some(1), _) if crate::graph::int(node, "group").unwrap_or(1) > 1 => "depthwise",
        (_, Some(1)) => "conv 1x1",
        _ => "conv 3x3",
    };
    match node.op_type.as_str() {
        "QLinearConv" => Some((conv(&dims(3)?), Scheme::Static(per(dims(4))))),
        "ConvInteger" => Some((conv(&dims(1)?), Scheme::Dynamic(Granularity::Tensor))),
        "MatMulNBits" => Some(("product", Scheme::Weights4)),
        "MatMulInteger" => {
            let dynamic = node.input[0].ends_with(".u8");
            let scheme = if dynamic { Scheme::Dynamic } else { Scheme::Static };
            Some(("product", scheme(Granularity::Tensor)))
        }
        _ => None,
    }
}

/// A pattern with its inputs and what it is in float.
struct Trial<'a> {
    pattern: &'a Pattern,
    calibration: Calibration,
    plan: Plan,
}

impl<'a> Trial<'a> {
    fn new(pattern: &'a Pattern) -> Result<Trial<'a>, PipelineError> {
        let mut draw = stats::generator(7, "conformance");
        let mut dims = pattern.dims.clone();
        dims[0] *= SAMPLES;
        let x = ArrayD::from_shape_simple_fn(IxDyn(&dims), || draw.random::<f32>() * 4.0 - 2.0);
        let calibration = Calibration {
            inputs: BTreeMap::from([("x".to_string(), Array::F32(x))]),
            batch: pattern.dims[0],
            dims: BTreeMap::new(),
            sha256: Sha256Hex::of(b"patterns"),
        };
        let engine = |source| PipelineError::Engine { variant: pattern.operator.into(), source };
        let plan = loaded(&pattern.graph, &calibration).map_err(engine)?;
        Ok(Trial { pattern, calibration, plan })
    }

    /// What became of the pattern in a precision; `None` where it cannot have it.
    fn tried(&self, scheme: Scheme) -> Option<Conforming> {
        let Pattern { operator, size, graph, dims, node } = self.pattern;
        let all = ["layer", "other", "next"].map(|name| (name.to_string(), scheme));
        let how = Quantization {
            assigned: Some(BTreeMap::from(all)),
            ..Quantization::new(Format::Int8, Granularity::Tensor)
        };
        let made =
            compress::quantize(graph.clone(), Origins::default(), &how, Some(&self.calibration))
                .ok()?;
        if made.refusals.iter().any(|(layer, _)| layer == node) {
            return None;
        }
        let mut one = Conforming {
            operator: (*operator).into(),
            precision: scheme.name().into(),
            size: (*size).into(),
            shape: dims.clone(),
            ran: Ran::Float,
            kernels: Vec::new(),
            differing: 0,
            outputs: 0,
            largest: 0.0,
            in_steps: false,
            speed: None,
            speed_converted: None,
        };
        if let Err(reason) = self.compared(&made.graph, &mut one) {
            one.ran = Ran::Rejected { reason };
        }
        Some(one)
    }

    fn compared(&self, narrow: &Graph, one: &mut Conforming) -> Result<(), String> {
        let words = |e: &dyn std::error::Error| {
            let cause = e.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{e}{cause}")
        };
        let plan = loaded(narrow, &self.calibration).map_err(|e| words(&e))?;
        let arrays = self.calibration.first();
        let inputs = plan.inputs(&arrays).map_err(|e| words(&e))?;
        let found = plan.run(&inputs).map_err(|e| words(&e))?;
        let found: Vec<f64> = found.iter().flatten().map(|v| f64::from(*v)).collect();
        let expected = exactly(narrow, &arrays)?;
        let unit = step(narrow);
        let largest = expected.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
        let scale = unit.unwrap_or(largest);
        let limit = match unit {
            Some(_) => 1.001,
            None => ROUNDING + self.one_step(narrow) / largest,
        };
        one.outputs = expected.len();
        one.in_steps = unit.is_some();
        for (found, expected) in found.iter().zip(&expected) {
            let off = ((found - expected) / scale).abs();
            one.differing += usize::from(off > if unit.is_some() { 0.5 } else { ROUNDING });
            one.largest = if off.is_nan() { f64::INFINITY } else { one.largest.max(off) };
        }
        let own = self.timed(&plan, one).map_err(|e| words(&e))?;
        one.ran = match own {
            _ if found.len() != expected.len() => Ran::Wrong {
                reason: format!("{} outputs instead of {}", found.len(), expected.len()),
            },
            _ if one.largest > limit => Ran::Wrong {
                reason: match unit {
                    Some(_) => format!("off by up to {:.1} steps of int8", one.largest),
                    None => format!("off by up to {:.1e} of the largest output", one.largest),
                },
            },
            true => Ran::Integer,
            false => Ran::Float,
        };
        Ok(())
    }

    /// What one step more or less of an input can do to a float output: where a number lies between two
    /// steps, the engine, which multiplies by the inverse of the scale, may take the other.
    fn one_step(&self, narrow: &Graph) -> f64 {
        let first = narrow.nodes().iter().find(|node| node.op_type == "QuantizeLinear");
        let scale = first.and_then(|node| narrow.weights(node.input.get(1)?).ok()?.to_f32());
        let weights = self.pattern.graph.weights("w").ok().and_then(|w| w.to_f32());
        let steps = scale.unwrap_or_default().first().copied().unwrap_or(0.0);
        let largest = weights.unwrap_or_default().iter().fold(0.0f32, |most, w| most.max(w.abs()));
        f64::from(steps * largest)
    }

    /// Times both plans in turn; says whether the layer's own kernels are integer ones.
    fn timed(&self, plan: &Plan, one: &mut Conforming) -> Result<bool, crate::engine::EngineError> {
        let arrays = self.calibration.first();
        let (float_inputs, inputs) = (self.plan.inputs(&arrays)?, plan.inputs(&arrays)?);
        let (mut float, mut own) = (Times::default(), Times::default());
        for _ in 0..RUNS.div_ceil(4) {
            float.add(&self.plan.profile(&float_inputs, 4)?);
            own.add(&plan.profile(&inputs, 4)?);
        }
        let converts = |name: &str| {
            name.ends_with("QuantizeLinear")
                || name.contains("/QuantizeLinear")
                || name.contains("/DequantizeLinear")
        };
        let (whole, so) = (float.total(&|_| true), own.total(&|_| true));
        let alone = own.total(&|name| !converts(name));
        one.speed = (alone > 0.0).then(|| whole / alone);
        one.speed_converted = (so > 0.0).then(|| whole / so);
        let multiplies: Vec<_> =
            plan.nodes().into_iter().filter(|n| !n.kernels.is_empty()).collect();
        one.kernels = multiplies.iter().flat_map(|n| n.kernels.clone()).collect();
        one.kernels.sort();
        one.kernels.dedup();
        Ok(!multiplies.is_empty()
            && multiplies.iter().all(|n| n.kernels.iter().any(|k| k.contains("i32"))))
    }
}

/// Times by node, over several profiles.
#[derive(Default)]
struct Times(BTreeMap<String, Vec<f64>>);

impl Times {
    fn add(&mut self, profile: &Profile) {
        for node in &profile.nodes {
            let times = node.times_ns.iter().map(|t| t.as_f64());
            self.0.entry(node.node.name.clone()).or_default().extend(times);
        }
    }

    fn total(&self, counts: &dyn Fn(&str) -> bool) -> f64 {
        let nodes = self.0.iter().filter(|(name, _)| counts(name));
        nodes.filter_map(|(_, times)| stats::median(times)).sum()
    }
}

fn loaded(graph: &Graph, calibration: &Calibration) -> Result<Plan, crate::engine::EngineError> {
    let bytes = graph.encode();
    let bindings = Bindings { batch: calibration.batch, dims: &calibration.dims };
    Model::load(Source::Bytes("a pattern", &bytes), bindings)?.optimise(&EngineOptions::default())
}

/// The outputs by ONNX's definitions.
fn exactly(graph: &Graph, arrays: &BTreeMap<String, Array>) -> Result<Vec<f64>, String> {
    let value = |array: &Array| match array {
        Array::F32(a) => Some(Value::floats(a.shape(), a.iter().map(|v| f64::from(*v)).collect())),
        _ => None,
    };
    let inputs =
        arrays.iter().filter_map(|(name, array)| Some((name.clone(), value(array)?))).collect();
    let values = compress::evaluate(graph, &inputs).map_err(|e| e.to_string())?;
    let outputs = graph.outputs().into_iter().filter_map(|name| values.get(name));
    Ok(outputs.flat_map(|value| value.data.clone()).collect())
}

/// The step of the output where it comes out of int8.
fn step(graph: &Graph) -> Option<f64> {
    let last = graph.nodes().last().filter(|node| node.op_type == "DequantizeLinear")?;
    let scale = graph.weights(last.input.get(1)?).ok()?.to_f32()?;
    scale.first().map(|s| f64::from(*s))
}
