//! Comparison of two models' outputs on the same inputs, by the engine.

use crate::calibration_plan::calibration_plan;
use crate::catalog::Calibration;
use ndarray::ArrayD;
use paring_agent::arrays::Array;
use paring_agent::engine::{DimensionBindings, InferencePlan};
use paring_core::error_chain::error_chain;
use paring_core::schema::EngineOptions;
use paring_onnx::graph::Graph;
use serde::Serialize;
use std::collections::BTreeMap;

/// Outputs that are apart by no more than this share of the largest are the same.
pub const SAME_OUTPUTS: f64 = 1e-5;

/// The outputs of two models on the same inputs.
#[derive(Clone, Debug, Serialize)]
pub struct OutputComparison {
    /// `samples` of given data, or `probes`: seeded random inputs.
    pub inputs: String,
    /// The number of them that were run.
    pub count: usize,
    /// Largest difference relative to the largest output of that inference; `None` where outputs
    /// could not be compared.
    pub difference: Option<f64>,
    /// The reason that they could not.
    pub problem: Option<String>,
}

impl OutputComparison {
    /// True if outputs agree within [`SAME_OUTPUTS`].
    pub fn agree(&self) -> bool {
        self.difference.is_some_and(|d| d <= SAME_OUTPUTS)
    }
}

/// Runs both models on `data`, whose names are those of the baseline's inputs.
pub(in crate::diff) fn outputs(
    base: &Graph,
    variant: &Graph,
    data: Option<&Calibration>,
    what: &str,
) -> OutputComparison {
    let found = match data {
        None => Err("the size of an input is not known; give --dim NAME=SIZE".to_string()),
        Some(data) => run(base, variant, data),
    };
    let count = data.map_or(0, |d| d.batches() * d.batch);
    match found {
        Ok(difference) => OutputComparison {
            inputs: what.into(),
            count,
            difference: Some(difference),
            problem: None,
        },
        Err(problem) => OutputComparison {
            inputs: what.into(),
            count: 0,
            difference: None,
            problem: Some(problem),
        },
    }
}

fn plan(graph: &Graph, data: &Calibration) -> Result<InferencePlan, String> {
    calibration_plan(graph, data, &EngineOptions::default()).map_err(|error| error_chain(&error))
}

fn run(base: &Graph, variant: &Graph, data: &Calibration) -> Result<f64, String> {
    let (left, right) = (plan(base, data)?, plan(variant, data)?);
    let order = output_order(base, variant)?;
    let names = input_names(base, variant)?;
    let mut largest: f64 = 0.0;
    for batch in 0..data.batches() {
        let inputs = data.arrays(batch);
        let there = translated(&inputs, &names, variant, data)?;
        let run = |plan: &InferencePlan, inputs: &BTreeMap<String, Array>| {
            let inputs = plan.inputs(inputs).map_err(|e| error_chain(&e))?;
            plan.run(&inputs).map_err(|e| error_chain(&e))
        };
        let (a, b) = (run(&left, &inputs)?, run(&right, &there)?);
        for (a, position) in a.iter().zip(&order) {
            let b = b.get(*position).ok_or("an output is missing")?;
            largest = largest.max(apart(a, b)?);
        }
    }
    Ok(largest)
}

/// Position in the variant of each output of the baseline: by name where names are the same.
fn output_order(base: &Graph, variant: &Graph) -> Result<Vec<usize>, String> {
    let (ours, theirs) = (base.outputs(), variant.outputs());
    if ours.len() != theirs.len() {
        return Err(format!("{} outputs instead of {}", theirs.len(), ours.len()));
    }
    let named: Option<Vec<usize>> =
        ours.iter().map(|name| theirs.iter().position(|n| n == name)).collect();
    Ok(named.unwrap_or_else(|| (0..ours.len()).collect()))
}

/// Names of the variant's inputs by those of the baseline: the same, or in order.
fn input_names(base: &Graph, variant: &Graph) -> Result<BTreeMap<String, String>, String> {
    let (ours, theirs) = (base.inputs(), variant.inputs());
    if ours.len() != theirs.len() {
        return Err(format!("{} inputs instead of {}", theirs.len(), ours.len()));
    }
    let same = ours.iter().all(|name| theirs.contains(name));
    let pairs = ours.iter().zip(&theirs);
    Ok(pairs
        .map(|(own, other)| ((*own).to_string(), (*if same { own } else { other }).to_string()))
        .collect())
}

/// Inputs under the variant's names; axes of one entry may stand elsewhere.
fn translated(
    inputs: &BTreeMap<String, Array>,
    names: &BTreeMap<String, String>,
    variant: &Graph,
    data: &Calibration,
) -> Result<BTreeMap<String, Array>, String> {
    let bindings = DimensionBindings { batch: data.batch, dims: &data.dims };
    let declared = super::probes::declared_inputs(variant, bindings).unwrap_or_default();
    let mut found = BTreeMap::new();
    for (own, other) in names {
        let array = inputs.get(own).ok_or_else(|| format!("no data for input `{own}`"))?;
        let wide = |dims: &[usize]| dims.iter().copied().filter(|d| *d > 1).collect::<Vec<_>>();
        let target = declared.iter().find(|(name, ..)| name == other).map(|(.., dims)| dims);
        let array = match target.filter(|dims| dims.as_slice() != array.shape()) {
            None => array.clone(),
            Some(dims) if wide(dims) == wide(array.shape()) => {
                Array::from_bytes(array.dtype(), dims, &array.to_bytes())
                    .ok_or_else(|| format!("input `{other}` has another shape"))?
            }
            Some(dims) => {
                let shape = array.shape();
                return Err(format!("input `{other}` is {dims:?} instead of {shape:?}"));
            }
        };
        found.insert(other.clone(), array);
    }
    Ok(found)
}

/// Largest difference over the largest value of either; what is no number in both is the same.
fn apart(a: &ArrayD<f32>, b: &ArrayD<f32>) -> Result<f64, String> {
    if a.len() != b.len() {
        return Err(format!("an output is {:?} instead of {:?}", b.shape(), a.shape()));
    }
    let (mut difference, mut largest) = (0.0f64, f64::from(f32::MIN_POSITIVE));
    for (x, y) in a.iter().zip(b) {
        match (x.is_finite(), y.is_finite()) {
            (true, true) => {
                largest = largest.max(f64::from(x.abs())).max(f64::from(y.abs()));
                difference = difference.max(f64::from((x - y).abs()));
            }
            (false, false) if x.is_nan() == y.is_nan() => {}
            _ => return Ok(f64::INFINITY),
        }
    }
    Ok(difference / largest)
}
