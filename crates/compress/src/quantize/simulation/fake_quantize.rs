//! Fake quantization: the float graph with weights and activations rounded as the decisions say,
//! written without the code that emits integers, so that what was emitted can be held against it.

use crate::CompressError;
use crate::calibration_plan::calibration_plan;
use crate::catalog::Calibration;
use crate::quantize::affine::AffineQuantizer;
use crate::quantize::int8::QuantizedLayers;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::settings::Int8Form;
use crate::quantize::weight_grid::transposed;
use paring_agent::engine::{EngineError, InferencePlan};
use paring_core::schema::{EngineOptions, LayerPrecision};
use paring_onnx::graph::{ElementType, FreshNames, Graph, Node, Weights, set_int};
use std::collections::{BTreeMap, BTreeSet};

/// Calibration batches that are compared.
const BATCHES: usize = 4;
/// The emitted graph may be so much of the fake-quantized one's own noise power away from it: integers
/// round some numbers to the other side.
const NOISE_SHARE: f64 = 4.0;
/// The share of the outputs' power that is always allowed:
/// biases are rounded in the emitted graph alone.
const FLOOR: f64 = 1e-5;

/// The difference between the emitted graph and the fake-quantized one, where it is larger than
/// quantization itself moves the outputs: then a scale, a bias or a connection is not what the decisions say. `given` is the
/// graph as the step found it, `float` the one with weights on their grids, `emitted` that with integers.
///
/// # Errors
/// The engine's.
pub(in crate::quantize) fn fake_quantization_mismatch(
    (given, float, emitted): (&Graph, &Graph, &Graph),
    narrowing: &QuantizedLayers,
    calibration: &Calibration,
) -> Result<Option<String>, CompressError> {
    let fake = fake_quantized(float, narrowing);
    // What cannot be run as it was cannot be held against anything.
    let Ok(given) = loaded(given, calibration) else { return Ok(None) };
    let (fake, emitted) = (loaded(&fake, calibration)?, loaded(emitted, calibration)?);
    let (mut power, mut noise, mut apart) = (0.0f64, 0.0f64, 0.0f64);
    for batch in 0..calibration.batches().min(BATCHES) {
        let arrays = calibration.arrays(batch);
        let run = |plan: &InferencePlan| -> Result<Vec<f64>, CompressError> {
            let outputs = plan.run_numbers(&plan.inputs(&arrays)?)?;
            Ok(outputs.iter().flatten().map(|v| f64::from(*v)).collect())
        };
        let (float, rounded, found) = (run(&given)?, run(&fake)?, run(&emitted)?);
        if rounded.len() != found.len() {
            return Ok(Some("it gives another number of outputs than its float model".into()));
        }
        for ((float, rounded), found) in float.iter().zip(&rounded).zip(&found) {
            power += float * float;
            noise += (rounded - float).powi(2);
            apart += (found - rounded).powi(2);
        }
    }
    let bound = NOISE_SHARE * noise + FLOOR * power;
    if apart <= bound || !power.is_finite() {
        return Ok(None);
    }
    let decibel = |error: f64| 10.0 * (power / error.max(f64::MIN_POSITIVE)).log10();
    Ok(Some(format!(
        "outputs are {:.1} dB SQNR away from the same rounding computed in float, which itself is {:.1} dB from the float model",
        decibel(apart),
        decibel(noise)
    )))
}

fn loaded(graph: &Graph, calibration: &Calibration) -> Result<InferencePlan, EngineError> {
    calibration_plan(graph, calibration, &EngineOptions::default())
}

/// The float graph whose layers read and give rounded numbers: weights from their grids, activations
/// through QuantizeLinear and DequantizeLinear.
fn fake_quantized(float: &Graph, narrowing: &QuantizedLayers) -> Graph {
    written(float, narrowing, None)
}

/// The same with weights as they are, for training, which rounds them itself, and with the scale of an
/// activation multiplied by the initializer that `ratios` names for it. Ranges that are found as
/// activations come pass no gradient: such layers read floats.
pub(super) fn quantized_activations(
    float: &Graph,
    narrowing: &QuantizedLayers,
    ratios: &BTreeMap<String, String>,
) -> Graph {
    written(float, narrowing, Some(ratios))
}

fn written(
    float: &Graph,
    narrowing: &QuantizedLayers,
    ratios: Option<&BTreeMap<String, String>>,
) -> Graph {
    let mut graph = float.clone();
    let mut writer = FakeQuantizeWriter {
        graph: &mut graph,
        names: FreshNames::new(float),
        narrowing,
        ratios,
        inverted: BTreeSet::new(),
        rounded: BTreeMap::new(),
        nodes: Vec::new(),
    };
    for (position, node) in float.nodes().iter().enumerate() {
        let layer = narrowing.layers.iter().find(|layer| layer.position == position);
        writer.node(node, layer);
    }
    let nodes = writer.nodes;
    graph.set_nodes(nodes);
    graph.tidy();
    graph
}

struct FakeQuantizeWriter<'a> {
    graph: &'a mut Graph,
    names: FreshNames,
    narrowing: &'a QuantizedLayers<'a>,
    /// Initializers by activation that multiply its scale, for training: weights then stay as they are,
    /// and so do activations whose ranges are not fixed.
    ratios: Option<&'a BTreeMap<String, String>>,
    /// Those of which the reciprocal is computed already.
    inverted: BTreeSet<String>,
    /// Tensors for training by those that they round: each is rounded once, because the engine joins
    /// equal nodes and then leaves none of some.
    rounded: BTreeMap<String, String>,
    nodes: Vec<Node>,
}

impl FakeQuantizeWriter<'_> {
    /// A node on rounded weights and inputs; where its output is kept in int8, that is rounded behind
    /// it.
    fn node(&mut self, node: &Node, layer: Option<&QuantizableLayer>) {
        let mut node = node.clone();
        if let Some(layer) = layer {
            if self.ratios.is_none() {
                self.weights(&mut node, layer);
            }
            match layer.scheme {
                LayerPrecision::Static(_) => {
                    if let Some(affine) = self.narrowing.affines.get(&layer.input) {
                        node.input[0] = self.rounded_input(&layer.input, *affine, &node.name);
                    }
                }
                LayerPrecision::Dynamic(_) if self.ratios.is_none() => {
                    node.input[0] = self.as_it_comes(&layer.input, &node.name)
                }
                _ => {}
            }
        }
        let kept = |layer: &&QuantizableLayer| {
            let narrow = layer.convolves() || self.narrowing.inner.contains(&layer.output);
            layer.scheme.is_static() && narrow && node.output.first() == Some(&layer.output)
        };
        let operators = self.narrowing.form == Int8Form::Operators;
        let given = self.narrowing.layers.iter().find(kept).filter(|_| operators);
        let affine = given.and_then(|layer| self.narrowing.affines.get(&layer.output)).copied();
        let (Some(layer), Some(affine)) = (given, affine) else {
            self.nodes.push(node);
            return;
        };
        // The node gives another tensor, and what everybody reads is that one rounded.
        let raw = self.names.get(&layer.output, "/raw");
        let name = node.name.clone();
        node.output[0].clone_from(&raw);
        self.nodes.push(node);
        let base = format!("{name}/out");
        self.rounded.insert(layer.output.clone(), layer.output.clone());
        self.pair((&raw, &layer.output), affine, &base, Some(layer.output.clone()));
    }

    /// Stored weights as their grid has them.
    fn weights(&mut self, node: &mut Node, layer: &QuantizableLayer) {
        let values: Vec<f32> = match self.narrowing.grids.get(&layer.name) {
            Some(grid) => grid.rounded(&layer.dims, &layer.values, layer.axis()),
            None => return,
        };
        let factor = layer.factors.0;
        let values: Vec<f32> = values.into_iter().map(|v| v / factor).collect();
        let (dims, values) = match layer.turned {
            true => {
                let [rows, width] = [layer.dims[0], layer.dims[1]];
                (vec![width, rows], transposed([rows, width], &values))
            }
            false => (layer.dims.clone(), values),
        };
        let name = self.names.get(&node.name, "/rounded");
        self.graph.set_weights(&name, Weights::f32(&dims, &values));
        node.input[1] = name;
    }

    /// A tensor through int8; gives what comes out.
    fn rounded_input(&mut self, tensor: &str, affine: AffineQuantizer, user: &str) -> String {
        let known = self.rounded.get(tensor).filter(|_| self.ratios.is_some());
        if let Some(known) = known {
            return known.clone();
        }
        let wide = self.pair((tensor, tensor), affine, &format!("{user}/in"), None);
        self.rounded.insert(tensor.to_string(), wide.clone());
        wide
    }

    /// The numbers `x` of a tensor through int8 and back.
    fn pair(
        &mut self,
        (x, tensor): (&str, &str),
        affine: AffineQuantizer,
        base: &str,
        into: Option<String>,
    ) -> String {
        let [scale, zero, narrow, wide] =
            [".scale", ".zero", ".q", ".dq"].map(|part| self.names.get(base, part));
        let wide = into.unwrap_or(wide);
        self.graph.set_weights(&scale, Weights::f32(&[], &[affine.scale]));
        self.graph.set_weights(&zero, Weights::i8(&[], &[affine.zero]));
        let Some(ratio) = self.ratios.and_then(|ratios| ratios.get(tensor)) else {
            self.push("QuantizeLinear", &[x, &scale, &zero], &[&narrow]);
            self.push("DequantizeLinear", &[&narrow, &scale, &zero], &[&wide]);
            return wide;
        };
        // The engine takes stored scales alone: r·s rounds x as s rounds x / r.
        let inverse = self.names.get(ratio, ".inverse");
        if self.inverted.insert(ratio.clone()) {
            self.push("Reciprocal", &[ratio], &[&inverse]);
        }
        let [scaled, back] = [".scaled", ".back"].map(|part| self.names.get(base, part));
        self.push("Mul", &[x, &inverse], &[&scaled]);
        self.push("QuantizeLinear", &[&scaled, &scale, &zero], &[&narrow]);
        self.push("DequantizeLinear", &[&narrow, &scale, &zero], &[&back]);
        self.push("Mul", &[&back, ratio], &[&wide]);
        wide
    }

    fn as_it_comes(&mut self, tensor: &str, user: &str) -> String {
        let [narrow, scale, zero, wide] =
            [".u8", ".u8.scale", ".u8.zero", ".dq"].map(|part| self.names.get(user, part));
        self.push("DynamicQuantizeLinear", &[tensor], &[&narrow, &scale, &zero]);
        // The engine dequantizes by stored scales alone.
        let [code, offset, above] =
            [".code", ".offset", ".above"].map(|part| self.names.get(user, part));
        for (from, to) in [(&narrow, &code), (&zero, &offset)] {
            self.push("Cast", &[from], &[to]);
            if let Some(cast) = self.nodes.last_mut() {
                set_int(cast, "to", i64::from(ElementType::F32.0));
            }
        }
        self.push("Sub", &[&code, &offset], &[&above]);
        self.push("Mul", &[&above, &scale], &[&wide]);
        wide
    }

    fn push(&mut self, op: &str, inputs: &[&str], outputs: &[&str]) {
        let name = self.names.get(outputs[0], "/fake");
        self.nodes.push(Node {
            op_type: op.into(),
            name,
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: outputs.iter().map(|o| (*o).to_string()).collect(),
            ..Node::default()
        });
    }
}
