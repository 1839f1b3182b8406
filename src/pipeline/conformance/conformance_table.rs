//! Conformance of the engine on a machine in everything that quantization writes: held against an
//! exact reference, timed beside float in the same run.

use super::pattern_trial::PatternTrial;
use crate::pipeline::measurement::TrialMachine;
use crate::pipeline::{PipelineError, replace_json};
use paring_agent::engine::ENGINE;
use paring_agent::sensors;
use paring_boards::{Target, TargetError, TargetSession};
use paring_compress::{LayerPrecision, QuantizationGranularity, layer_patterns};
use paring_core::files::ConfinedPath;
use paring_core::schema::{EngineConformance, PatternConformance, PatternExecution, SCHEMA};
use paring_onnx::graph::{Graph, Node};
use std::path::{Path, PathBuf};

/// Tries every pattern in every precision on a target; `heard` is told of each. In an emulator the
/// large ones are left out: each would take minutes.
///
/// # Errors
/// [`PipelineError`] where the target cannot be reached, or a pattern cannot even be run in float.
pub fn conformance(
    target: &Target,
    site: &mut TargetSession,
    heard: &mut dyn FnMut(&PatternConformance),
) -> Result<EngineConformance, PipelineError> {
    let failed =
        |source: TargetError| PipelineError::Target { target: target.name.clone(), source };
    let environment = match site {
        // Patterns run in this process, so no other one is asked.
        TargetSession::Local(_) => sensors::environment(sensors::root(), ENGINE),
        _ => site.probe(None).map_err(failed)?,
    };
    let mut machine = TrialMachine::of(site);
    let mut found = Vec::new();
    let all = layer_patterns();
    for pattern in all.iter().filter(|p| !environment.emulated || p.size != "large") {
        let trial = PatternTrial::new(pattern)?;
        for scheme in LayerPrecision::ALL.into_iter().filter(|s| *s != LayerPrecision::F32) {
            if let Some(mut one) = trial.tried(scheme, &mut machine)? {
                if environment.emulated {
                    (one.speed, one.speed_converted) = (None, None);
                }
                heard(&one);
                found.push(one);
            }
        }
    }
    let (engine, name) = (environment.engine, target.name.clone());
    let cpu = environment.cpu;
    Ok(EngineConformance { schema: SCHEMA, target: name, engine, cpu, patterns: found })
}

/// The file that keeps a target's table between runs: under `PARING_DATA`, or where the user's data are.
pub fn conformance_path(target: &str) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || set("HOME").unwrap_or_default().join(".local/share");
    let folder = set("PARING_DATA")
        .unwrap_or_else(|| set("XDG_DATA_HOME").unwrap_or_else(home).join("paring"));
    folder.join("targets").join(format!("{target}.conformance.json"))
}

/// The kept table of a target, if it is of this engine and, on this machine, of this processor.
pub fn known_conformance(target: &str) -> Option<EngineConformance> {
    let kept = std::fs::read(conformance_path(target)).ok()?;
    let found: EngineConformance = serde_json::from_slice(&kept).ok()?;
    let here = target != "host" || found.cpu == sensors::environment(sensors::root(), ENGINE).cpu;
    (found.engine == ENGINE && here).then_some(found)
}

/// Keeps a target's table for later runs.
///
/// # Errors
/// [`PipelineError::File`] names the file.
pub fn keep_conformance(path: &Path, table: &EngineConformance) -> Result<(), PipelineError> {
    replace_json(&ConfinedPath::file(path), table)
}

/// The reason not to deploy a model on the target, if there is one: a node of a kind that the engine
/// there rejects or gets wrong.
pub fn refusal(known: &EngineConformance, graph: &Graph) -> Option<String> {
    let bad = |one: &&PatternConformance| {
        matches!(one.ran, PatternExecution::Rejected { .. } | PatternExecution::Wrong { .. })
    };
    for node in graph.nodes() {
        let Some((operator, precision)) = kind(graph, node) else { continue };
        let same = |one: &&PatternConformance| {
            // Products are told apart by what they are written as; a convolution has the same node
            // whatever comes behind it.
            let alike = match operator.starts_with("product") {
                true => one.operator == operator,
                false => one.operator.starts_with(operator),
            };
            alike && one.precision == precision.name()
        };
        if let Some(one) = known.patterns.iter().filter(bad).find(same) {
            let why = match &one.ran {
                PatternExecution::Rejected { reason } => format!("is rejected ({reason})"),
                PatternExecution::Wrong { reason } => format!("is computed wrongly ({reason})"),
                _ => continue,
            };
            return Some(format!(
                "node `{}` ({}, {}): this pattern {why} by {} on `{}`, as `paring probe` found",
                node.name, one.operator, one.precision, known.engine, known.target
            ));
        }
    }
    None
}

/// The kind of pattern that a narrow node is.
fn kind(graph: &Graph, node: &Node) -> Option<(&'static str, LayerPrecision)> {
    let dims = |slot: usize| node.input.get(slot).and_then(|name| graph.dims(name));
    let per = |dims: Option<Vec<usize>>| match dims.map(|d| d.iter().product::<usize>()) {
        Some(many) if many > 1 => QuantizationGranularity::Channel,
        _ => QuantizationGranularity::Tensor,
    };
    let conv = |w: &[usize]| match (w.get(1), w.get(2)) {
        (Some(1), _) if paring_onnx::graph::int(node, "group").unwrap_or(1) > 1 => "depthwise",
        (_, Some(1)) => "conv 1x1",
        _ => "conv 3x3",
    };
    // Padding may stand between what quantizes and what reads it.
    let maker = |tensor: &String| graph.nodes().iter().find(|n| n.output.contains(tensor));
    let dynamic = || {
        let padded = node.input.first().and_then(maker).filter(|n| n.op_type == "Pad");
        let read = padded.unwrap_or(node).input.first();
        read.and_then(maker).is_some_and(|n| n.op_type == "DynamicQuantizeLinear")
    };
    match node.op_type.as_str() {
        "QLinearConv" => Some((conv(&dims(3)?), LayerPrecision::Static(per(dims(4))))),
        "ConvInteger" if dynamic() => {
            Some((conv(&dims(1)?), LayerPrecision::Dynamic(QuantizationGranularity::Tensor)))
        }
        "ConvInteger" => {
            Some((conv(&dims(1)?), LayerPrecision::Static(QuantizationGranularity::Channel)))
        }
        "QLinearMatMul" => {
            Some(("product, twice, plain", LayerPrecision::Static(QuantizationGranularity::Tensor)))
        }
        "MatMulNBits" => Some(("product", LayerPrecision::Weights4)),
        "MatMulInteger" => {
            let scheme = if dynamic() { LayerPrecision::Dynamic } else { LayerPrecision::Static };
            Some(("product", scheme(QuantizationGranularity::Tensor)))
        }
        _ => None,
    }
}
