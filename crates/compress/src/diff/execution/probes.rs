//! Seeded inputs for two models that take the same, where no data are given.

use crate::catalog::Calibration;
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, Dim, Dtype, InputNeed};
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use paring_core::error_chain::error_chain;
use paring_core::schema::Sha256Hex;
use paring_core::stats;
use paring_onnx::graph::{self, Graph, GraphIndex, Node};
use rand::RngExt;
use std::collections::BTreeMap;

/// Number of probes.
const PROBES: usize = 16;
/// Every second probe is so much larger, to reach bounds that small values do not.
const LARGE: f32 = 8.0;
/// Symbolic dimensions that nobody gave are taken as this.
const SIZE: usize = 8;

/// The inputs that a graph takes, whatever operators it has.
///
/// # Errors
/// The engine's, in words.
fn needs(graph: &Graph) -> Result<Vec<InputNeed>, String> {
    let input = graph.inputs().first().map(|name| (*name).to_string()).unwrap_or_default();
    let copy = |output: &str| Node {
        op_type: "Identity".into(),
        input: vec![input.clone()],
        output: vec![output.to_string()],
        ..Node::default()
    };
    let mut bare = graph.skeleton();
    let copies = bare.outputs().into_iter().map(copy).collect();
    bare.set_nodes(copies);
    bare.tidy();
    let bytes = bare.encode();
    let described = engine::describe(ModelSource::Bytes(graph.name(), &bytes));
    described.map(|signature| signature.inputs).map_err(|error| error_chain(&error))
}

/// Values for the symbolic dimensions of both graphs: those given, and a default for the others.
pub(in crate::diff) fn dimensions(
    graphs: [&Graph; 2],
    given: &BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    let mut dims = given.clone();
    for need in graphs.into_iter().filter_map(|graph| needs(graph).ok()).flatten() {
        for (axis, dim) in need.sample_dims() {
            if let Dim::Symbol(symbol) = dim
                && need.batch_axis != Some(axis)
            {
                dims.entry(symbol.clone()).or_insert(SIZE);
            }
        }
    }
    dims
}

/// Inputs with concrete shapes.
pub(in crate::diff) fn declared_inputs(
    graph: &Graph,
    bindings: DimensionBindings,
) -> Option<Vec<(String, Dtype, Vec<usize>)>> {
    let concrete = |need: InputNeed| {
        let size = |(axis, dim): (usize, &Dim)| size(&need, axis, dim, bindings);
        let dims: Option<Vec<usize>> = need.dims.iter().enumerate().map(size).collect();
        Some((need.name.clone(), need.dtype, dims?))
    };
    needs(graph).ok()?.into_iter().map(concrete).collect()
}

/// The size of one dimension of an input.
fn size(need: &InputNeed, axis: usize, dim: &Dim, bindings: DimensionBindings) -> Option<usize> {
    match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Symbol(_) if need.batch_axis == Some(axis) => Some(bindings.batch),
        Dim::Symbol(symbol) => bindings.dims.get(symbol).copied(),
    }
}

/// Inputs for a graph: floats between −1 and 1 or −8 and 8, valid indices of tables, other integers 0
/// or 1. `None` where a size is not known.
pub(in crate::diff) fn probes(graph: &Graph, bindings: DimensionBindings) -> Option<Calibration> {
    let mut arrays = BTreeMap::new();
    for need in needs(graph).ok()? {
        let of_sample = |(axis, dim): (usize, &Dim)| size(&need, axis, dim, bindings);
        let sample: Option<Vec<usize>> = need.sample_dims().map(of_sample).collect();
        let batch = match need.dims.first() {
            Some(Dim::Fixed(batch)) if need.batch_axis == Some(0) => *batch,
            _ => bindings.batch,
        };
        let shape = [vec![PROBES * batch], sample?].concat();
        let limit = rows_of_tables(graph, &need.name).unwrap_or(2);
        let values = array(&need.name, need.dtype, &shape, limit, batch);
        arrays.insert(need.name, values);
    }
    Some(Calibration {
        inputs: arrays,
        labels: Vec::new(),
        rule: None,
        batch: bindings.batch,
        dims: bindings.dims.clone(),
        sha256: Sha256Hex::of(b"probes"),
    })
}

fn array(name: &str, dtype: Dtype, shape: &[usize], limit: usize, batch: usize) -> Array {
    let mut rng = stats::generator(7, &format!("probe {name}"));
    let limit = limit.max(1) as i64;
    let each: usize = shape.iter().skip(1).product::<usize>() * batch;
    let mut at = 0;
    let mut float = || {
        let large = each > 0 && at / each % 2 == 1;
        at += 1;
        rng.random_range(-1.0f32..1.0) * if large { LARGE } else { 1.0 }
    };
    fn of<T>(shape: &[usize], draw: impl FnMut() -> T) -> ArrayD<T> {
        ArrayD::from_shape_simple_fn(IxDyn(shape), draw)
    }
    match dtype {
        Dtype::F32 => Array::F32(of(shape, float)),
        Dtype::F64 => Array::F64(of(shape, || f64::from(float()))),
        Dtype::I64 => Array::I64(of(shape, || rng.random_range(0..limit))),
        Dtype::I32 => Array::I32(of(shape, || rng.random_range(0..limit) as i32)),
        Dtype::I8 => Array::I8(of(shape, || rng.random())),
        Dtype::U8 => Array::U8(of(shape, || rng.random())),
        Dtype::Bool => Array::Bool(of(shape, || rng.random())),
    }
}

/// Rows of the smallest table that an input indexes.
fn rows_of_tables(graph: &Graph, input: &str) -> Option<usize> {
    let index = GraphIndex::new(graph);
    let (mut open, mut smallest) = (vec![input.to_string()], None);
    while let Some(tensor) = open.pop() {
        for (position, slot) in index.consumers(&tensor) {
            let Some(node) = graph.nodes().get(*position) else { continue };
            match node.op_type.as_str() {
                "Gather" if *slot == 1 => {
                    let axis = usize::try_from(graph::int(node, "axis").unwrap_or(0)).unwrap_or(0);
                    let rows = graph.dims(&node.input[0]).and_then(|d| d.get(axis).copied());
                    smallest = match (smallest, rows) {
                        (Some(a), Some(b)) => Some(usize::min(a, b)),
                        (a, b) => a.or(b),
                    };
                }
                "Cast" | "Identity" | "Reshape" | "Unsqueeze" | "Squeeze" => {
                    open.extend(node.output.iter().cloned());
                }
                _ => {}
            }
        }
    }
    smallest
}
