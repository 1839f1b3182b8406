//! The step as a whole: (graph, settings, samples) → (graph, decisions).

use super::activation_ranges::{self as ranges, CalibratedRange};
use super::affine::AffineQuantizer;
use super::decisions::DecisionWriter;
use super::equalization::equalize;
use super::int8::{
    AXIS_OPSET, QuantizedLayers, fit_biases, int8_only_tensors, int8_paths, write_quantized_layers,
};
use super::quantizable_layers::{self as layers, QuantizableLayer};
use super::rounding::SequentialRounding;
use super::settings::{Int8Form, PostTrainingQuantization, WeightRounding};
use super::simulation::{LearnedScales, QuantizationSimulation, fake_quantization_mismatch};
use super::weight_grid::WeightGrid;
use crate::catalog::{ActivationRange, Calibration};
use crate::rewrite::{equivalent, fold_batch_normalization};
use crate::{CompressError, DecisionDraft, QuantizationGranularity, StepResult};
use paring_core::schema::{LayerPrecision, OriginalIndices};
use paring_onnx::graph::Graph;
use std::collections::{BTreeMap, BTreeSet};

/// Ranges of all tensors that could be in int8, found once for many steps on the same graph.
#[derive(Clone, Debug)]
pub struct ActivationRanges(BTreeMap<String, CalibratedRange>);

/// Normalisations folded, and ranges of channels evened out where the step says so.
///
/// # Errors
/// [`CompressError`] where weights cannot be read.
pub fn prepare_for_quantization(
    mut graph: Graph,
    how: &PostTrainingQuantization,
) -> Result<(Graph, Vec<DecisionDraft>), CompressError> {
    let mut decisions = fold_batch_normalization(&mut graph)?;
    if how.equalize {
        decisions.extend(equalize(&mut graph)?);
    }
    Ok((graph, decisions))
}

/// The precisions that each layer of a prepared graph could have, plain float first.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer.
pub fn precision_choices(
    graph: &Graph,
    how: &PostTrainingQuantization,
) -> Result<BTreeMap<String, Vec<LayerPrecision>>, CompressError> {
    layers::choices(graph, how)
}

/// Ranges by the step's rule of everything in a prepared graph that could be in int8.
///
/// # Errors
/// [`CompressError`] where a tensor is not finite.
pub fn activation_ranges(
    graph: &Graph,
    how: &PostTrainingQuantization,
    calibration: &Calibration,
) -> Result<ActivationRanges, CompressError> {
    let integers = |(name, schemes): (String, Vec<LayerPrecision>)| {
        schemes.into_iter().find(|s| s.is_static()).map(|scheme| (name, scheme))
    };
    let all = layers::choices(graph, how)?.into_iter().filter_map(integers).collect();
    let (layers, _) =
        layers::find(graph, &PostTrainingQuantization { assigned: Some(all), ..how.clone() })?;
    let (_, shared) = int8_paths(graph, &layers);
    let tensors: Vec<String> = int8_tensors(&layers, &shared).into_iter().collect();
    if tensors.is_empty() {
        return Ok(ActivationRanges(BTreeMap::new()));
    }
    Ok(ActivationRanges(ranges::find(graph, &tensors, calibration, how.ranges)?))
}

/// Quantizes layers, and holds the result against fake quantization on the calibration samples: see
/// [`StepResult::unexplained`].
///
/// # Errors
/// [`CompressError`] where no layer can be quantized, samples are needed and there are none, a tensor is
/// not finite, or preparing the graph changed its outputs.
pub fn quantize(
    graph: Graph,
    origins: OriginalIndices,
    how: &PostTrainingQuantization,
    calibration: Option<&Calibration>,
) -> Result<StepResult, CompressError> {
    quantize_layers(graph, origins, how, (calibration, None), true)
}

/// The same without that check, for many variants of one graph: with ranges that are known, or that are
/// found anew.
///
/// # Errors
/// Those of [`quantize`].
pub fn quantize_unchecked(
    graph: Graph,
    origins: OriginalIndices,
    how: &PostTrainingQuantization,
    calibration: Option<&Calibration>,
    known: Option<&ActivationRanges>,
) -> Result<StepResult, CompressError> {
    quantize_layers(graph, origins, how, (calibration, known), false)
}

fn quantize_layers(
    graph: Graph,
    origins: OriginalIndices,
    how: &PostTrainingQuantization,
    (calibration, known): (Option<&Calibration>, Option<&ActivationRanges>),
    checks: bool,
) -> Result<StepResult, CompressError> {
    let calibration = calibration.filter(|c| c.samples() > 0);
    let (mut graph, given) = (graph.clone(), graph);
    let learned = LearnedScales::take(&mut graph);
    // Training found its scales for ranges that were evened out before it.
    let equalize = how.equalize && learned.is_none();
    let prepared = PostTrainingQuantization { equalize, ..how.clone() };
    let (mut graph, mut decisions) = prepare_for_quantization(graph, &prepared)?;
    if let Some(calibration) = calibration.filter(|_| checks) {
        equivalent("folding normalisations and equalizing", &given, &graph, calibration)?;
    }
    let (mut layers, mut refusals) = layers::find(&graph, how)?;
    require_layers(&layers, &refusals, how)?;
    require_opsets(&mut graph, &mut layers, &mut refusals, how.form)?;
    let all = (&mut layers, &mut refusals);
    let (planned, grids) = fitted_grids(&graph, all, how, (calibration, known), learned.as_ref())?;
    let QuantizationPlan { moves, chosen, affines } = planned;
    if how.correct || how.rounding == WeightRounding::Gptq {
        let calibration = calibration.ok_or(CompressError::NoCalibration(
            "correcting biases, and rounding weights by what they do,",
        ))?;
        let rounding = SequentialRounding { how, affines: &affines, grids: &grids, calibration };
        decisions.extend(rounding.round_weights(&mut graph, &mut layers)?);
    }
    let (form, inner) = (how.form, int8_only_tensors(&graph, &layers));
    let narrowing =
        QuantizedLayers { layers: &layers, affines: &affines, grids: &grids, form, moves, inner };
    let record = DecisionWriter {
        graph: &graph,
        how,
        chosen: &chosen,
        narrowing: &narrowing,
        calibration,
        learned: learned.as_ref(),
    };
    decisions.extend(layers.iter().map(|layer| record.draft(layer)));
    let float = graph.clone();
    write_quantized_layers(&mut graph, &narrowing)?;
    let unexplained = match calibration.filter(|_| checks) {
        Some(calibration) => {
            fake_quantization_mismatch((&given, &float, &graph), &narrowing, calibration)?
        }
        None => None,
    };
    Ok(StepResult { graph, origins, decisions, refusals, unexplained })
}

/// Ranges, and the grids of all layers, with scales that training found where it did; layers whose biases
/// do not fit are refused.
fn fitted_grids(
    graph: &Graph,
    (layers, refusals): (&mut Vec<QuantizableLayer>, &mut Vec<(String, String)>),
    how: &PostTrainingQuantization,
    given: (Option<&Calibration>, Option<&ActivationRanges>),
    learned: Option<&LearnedScales>,
) -> Result<(QuantizationPlan, BTreeMap<String, WeightGrid>), CompressError> {
    loop {
        let mut planned = QuantizationPlan::new(graph, layers, how, given)?;
        let mut grids: BTreeMap<String, WeightGrid> = layers
            .iter()
            .map(|l| (l.name.clone(), WeightGrid::new(l.scheme, &l.dims, &l.values, l.axis())))
            .collect();
        if let Some(learned) = learned {
            learned.replace_affines(&mut planned.affines);
            learned.replace_grids(layers, &mut grids);
        }
        let overflowing = match how.form {
            Int8Form::Operators => fit_biases(layers, &planned.affines, &mut grids),
            // Biases stay float.
            Int8Form::Qdq => Vec::new(),
        };
        if overflowing.is_empty() {
            return Ok((planned, grids));
        }
        layers.retain(|layer| overflowing.iter().all(|(name, _)| *name != layer.name));
        refusals.extend(overflowing);
        require_layers(layers, refusals, how)?;
    }
}

/// A prepared graph as training simulates its quantization; ranges are found on the calibration samples.
///
/// # Errors
/// [`CompressError`] where no layer can be quantized, or a tensor is not finite.
pub(crate) fn simulated_quantization(
    graph: &Graph,
    how: &PostTrainingQuantization,
    calibration: &Calibration,
) -> Result<QuantizationSimulation, CompressError> {
    let (layers, refusals) = layers::find(graph, how)?;
    require_layers(&layers, &refusals, how)?;
    let QuantizationPlan { moves, affines, .. } =
        QuantizationPlan::new(graph, &layers, how, (Some(calibration), None))?;
    let (form, inner, grids) = (how.form, int8_only_tensors(graph, &layers), BTreeMap::new());
    let narrowing =
        QuantizedLayers { layers: &layers, affines: &affines, grids: &grids, form, moves, inner };
    let (_, shared) = int8_paths(graph, &layers);
    Ok(QuantizationSimulation::new(graph, &narrowing, &shared))
}

/// Refuses a step that no layer is left for.
fn require_layers(
    layers: &[QuantizableLayer],
    refusals: &[(String, String)],
    how: &PostTrainingQuantization,
) -> Result<(), CompressError> {
    if !layers.is_empty() || how.assigned.is_some() {
        return Ok(());
    }
    Err(CompressError::AllRefused { doing: "quantize", refusals: refusals.to_vec() })
}

/// Ranges and scales of everything that will be in int8, and the nodes that int8 goes through.
struct QuantizationPlan {
    moves: BTreeSet<usize>,
    chosen: BTreeMap<String, CalibratedRange>,
    affines: BTreeMap<String, AffineQuantizer>,
}

impl QuantizationPlan {
    fn new(
        graph: &Graph,
        layers: &[QuantizableLayer],
        how: &PostTrainingQuantization,
        given: (Option<&Calibration>, Option<&ActivationRanges>),
    ) -> Result<QuantizationPlan, CompressError> {
        let (moves, shared) = int8_paths(graph, layers);
        let chosen = calibrated_ranges(graph, layers, &shared, how, given)?;
        let affine = |(t, chosen): (&String, &CalibratedRange)| {
            (t.clone(), AffineQuantizer::covering(chosen.range))
        };
        let affines = chosen.iter().map(affine).collect();
        Ok(QuantizationPlan { moves, chosen, affines })
    }
}

/// The operator sets that what will be written needs. Pairs of an older one than has scales a channel
/// get one scale a tensor, which a refusal says.
fn require_opsets(
    graph: &mut Graph,
    layers: &mut [QuantizableLayer],
    refusals: &mut Vec<(String, String)>,
    form: Int8Form,
) -> Result<(), CompressError> {
    for layer in layers {
        let channels = layer.scheme == LayerPrecision::Static(QuantizationGranularity::Channel);
        if form == Int8Form::Qdq && channels && graph.opset() < AXIS_OPSET {
            layer.scheme = LayerPrecision::Static(QuantizationGranularity::Tensor);
            let reason = format!(
                "it has one scale a tensor: DequantizeLinear with a scale a channel needs operator set {AXIS_OPSET}, the model has {}",
                graph.opset()
            );
            refusals.push((layer.name.clone(), reason));
        }
        match layer.scheme {
            LayerPrecision::Static(_) => graph.require_opset(10, "QLinearConv")?,
            LayerPrecision::Dynamic(_) => graph.require_opset(11, "DynamicQuantizeLinear")?,
            // Older sets have a cast and a product instead.
            LayerPrecision::Weights8(_) => {}
            LayerPrecision::Weights4 => graph.import_domain("com.microsoft", 1),
            LayerPrecision::F32 => {}
        }
    }
    Ok(())
}

/// Tensors that static layers read, those that their convolutions give, and those on ways between.
fn int8_tensors(
    layers: &[QuantizableLayer],
    shared: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let statics = || layers.iter().filter(|layer| layer.scheme.is_static());
    let given = statics().filter(|layer| layer.convolves()).map(|layer| &layer.output);
    statics().map(|layer| &layer.input).chain(given).chain(shared.keys()).cloned().collect()
}

/// Ranges of every tensor that will be in int8; those on one way share theirs.
fn calibrated_ranges(
    graph: &Graph,
    layers: &[QuantizableLayer],
    shared: &BTreeMap<String, String>,
    how: &PostTrainingQuantization,
    (calibration, known): (Option<&Calibration>, Option<&ActivationRanges>),
) -> Result<BTreeMap<String, CalibratedRange>, CompressError> {
    let tensors = int8_tensors(layers, shared);
    if tensors.is_empty() {
        return Ok(BTreeMap::new());
    }
    let calibration = calibration.ok_or(CompressError::NoCalibration(
        "static int8 (int8-dynamic and int8-weights do without)",
    ))?;
    let tensors: Vec<String> = tensors.into_iter().collect();
    let there = known.filter(|known| tensors.iter().all(|t| known.0.contains_key(t)));
    let mut chosen = match there {
        Some(known) => tensors.iter().map(|t| (t.clone(), known.0[t].clone())).collect(),
        None => ranges::find(graph, &tensors, calibration, how.ranges)?,
    };
    let mut hulls: BTreeMap<&String, ActivationRange> = BTreeMap::new();
    for (tensor, root) in shared {
        let Some(own) = chosen.get(tensor).map(|c| c.range) else { continue };
        let hull = hulls.entry(root).or_insert(own);
        *hull = ActivationRange { low: hull.low.min(own.low), high: hull.high.max(own.high) };
    }
    for (tensor, root) in shared {
        if let (Some(chosen), Some(hull)) = (chosen.get_mut(tensor), hulls.get(root)) {
            chosen.range = *hull;
        }
    }
    Ok(chosen)
}
