//! A variant held against its baseline.

use super::channels::{CouplingDifference, Matched, Matching};
use super::operators::{Operator, operators};
use super::pairs::pairs;
use crate::catalog::{self, Calibration, Coupling, Refused, Slices};
use crate::compress::CompressError;
use crate::compress::fold::fold_batch_normalization;
use crate::engine::Bindings;
use crate::graph::Graph;
use crate::record::Origins;
use ndarray::{ArrayD, Axis};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many values of a channel are compared at most.
const VALUES: usize = 1_000;
/// Weights that differ by more than this share of their norm were changed, not rounded.
const CHANGED: f64 = 1e-5;

/// What was done to a baseline, as far as it can be told from the two models.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// Couplings of the baseline, and what is left of them.
    pub couplings: Vec<CouplingDifference>,
    /// Weights that both have.
    pub tensors: Vec<TensorDifference>,
    /// Layers of the baseline that the variant has not.
    pub layers_removed: Vec<String>,
    /// Layers of the variant that the baseline has not.
    pub layers_added: Vec<String>,
    /// What cannot be explained, for a person.
    pub unexplained: Vec<String>,
    /// Of the variant's own shortened initializers: the baseline's indices that are left.
    pub origins: Origins,
    /// Whether activations were compared beside weights, or why not.
    pub activations: String,
}

/// One weight tensor in both models.
#[derive(Clone, Debug, Serialize)]
pub struct TensorDifference {
    /// The layer in the baseline.
    pub layer: String,
    /// The layer in the variant.
    pub layer_there: String,
    /// The initializer in the baseline.
    pub tensor: String,
    /// The initializer in the variant.
    pub tensor_there: String,
    /// How the baseline stores it, `f32` say.
    pub precision: String,
    /// How the variant stores it, `int8 per channel` say.
    pub precision_there: String,
    /// Share of zeros in the baseline, 0 to 1.
    pub sparsity: f64,
    /// Share of zeros in the variant.
    pub sparsity_there: f64,
    /// Norm of the change over the norm of the baseline's, of what is left; `None` where the two
    /// cannot be put side by side.
    pub change: Option<f64>,
    /// `the same`, `rounded`, `external fine-tuning`, `other weights`, or why nothing can be said.
    pub what: String,
}

impl Difference {
    /// Whether the variant is the baseline.
    pub fn is_none(&self) -> bool {
        let whole = self.couplings.iter().all(|c| c.removed.is_empty());
        let same = |t: &TensorDifference| t.what == "the same" && t.precision == t.precision_there;
        let layers = self.layers_removed.is_empty() && self.layers_added.is_empty();
        whole && layers && self.unexplained.is_empty() && self.tensors.iter().all(same)
    }
}

/// Weights whose cosine is below this were not made from one another.
const UNLIKE: f64 = 0.5;

/// Compares two models. `data` are inputs that both take, if any.
///
/// # Errors
/// [`CompressError`] where the baseline cannot be analysed.
pub fn compare(
    base: &Graph,
    variant: &Graph,
    bindings: Bindings,
    data: Option<&Calibration>,
) -> Result<Difference, CompressError> {
    let (mut base, mut variant) = (base.clone(), variant.clone());
    fold_batch_normalization(&mut base)?;
    fold_batch_normalization(&mut variant)?;
    let facts = base.facts(bindings.dims, bindings.batch)?;
    let catalog = catalog::catalog(&base, &facts, &Origins::default())?;
    let (ours, theirs) = (operators(&base), operators(&variant));
    let matched = pairs(&ours, &theirs);
    let (seen, activations) = match data {
        None => (None, "not compared: no data were given".to_string()),
        Some(data) => match observed(&base, &variant, &ours, &theirs, data) {
            Ok(seen) => (Some(seen), format!("compared on {} samples", data.samples())),
            Err(error) => (None, format!("not compared: {error}")),
        },
    };
    let pairs: Vec<Matched> = matched
        .iter()
        .map(|(b, v)| Matched {
            base: &ours[*b],
            variant: &theirs[*v],
            activations: seen
                .as_ref()
                .and_then(|(base, variant)| Some((base.get(b)?.clone(), variant.get(v)?.clone()))),
        })
        .collect();
    let mut matching = Matching {
        couplings: &catalog.couplings,
        pairs: &pairs,
        gone: Slices::new(),
        found: BTreeMap::new(),
    };
    matching.resolve();
    let Matching { gone, found, .. } = matching;
    let mut unexplained = unresolved(&catalog.couplings, &found, &ours, &pairs);
    unexplained.extend(narrowed(&catalog.refused, &pairs));
    let tensors: Vec<TensorDifference> = pairs.iter().map(|pair| tensor(pair, &gone)).collect();
    let unknown = tensors.iter().filter(|t| t.change.is_none());
    unexplained.extend(unknown.map(|t| format!("`{}`: {}", t.tensor, t.what)));
    let without = |all: &[Operator], taken: BTreeSet<usize>| -> Vec<String> {
        let left = all.iter().enumerate().filter(|(p, _)| !taken.contains(p));
        left.map(|(_, operator)| operator.layer.clone()).collect()
    };
    Ok(Difference {
        couplings: found.into_values().collect(),
        tensors,
        layers_removed: without(&ours, matched.iter().map(|p| p.0).collect()),
        layers_added: without(&theirs, matched.iter().map(|p| p.1).collect()),
        unexplained,
        origins: origins(&pairs, &gone),
        activations,
    })
}

/// Couplings of which nothing is known. A layer that is gone as a whole takes its coupling with it.
fn unresolved(
    couplings: &[Coupling],
    found: &BTreeMap<usize, CouplingDifference>,
    ours: &[Operator],
    pairs: &[Matched],
) -> Vec<String> {
    let with_layer = |id: &String| {
        ours.iter().any(|o| o.layer == *id) && !pairs.iter().any(|p| p.base.layer == *id)
    };
    let open = couplings.iter().enumerate().filter(|(c, _)| !found.contains_key(c));
    let ids = open.map(|(_, coupling)| &coupling.id).filter(|id| !with_layer(id));
    ids.map(|id| format!("what became of coupling `{id}`")).collect()
}

/// Of the variant's initializers: the baseline's indices that are left.
fn origins(pairs: &[Matched], gone: &Slices) -> Origins {
    let mut origins = Origins::default();
    for Matched { base, variant, .. } in pairs {
        let axes = [(base.output_axis, variant.output_axis), (base.input_axis, variant.input_axis)];
        for (own, there) in axes {
            if let Some(gone) = gone.get(&(base.weights.clone(), own)) {
                origins.remove(&variant.weights, there, base.stored_length(own), gone);
            }
        }
    }
    origins
}

/// Layers that should have kept their width and have not.
fn narrowed(refused: &[Refused], pairs: &[Matched]) -> Vec<String> {
    let kept = |layer: &str| refused.iter().any(|r| r.layer == layer);
    let pairs = pairs.iter().filter(|p| kept(&p.base.layer) && p.base.dims[0] != p.variant.dims[0]);
    let say = |p: &Matched| {
        let (from, to) = (p.base.dims[0], p.variant.dims[0]);
        format!("layer `{}` gives {to} outputs instead of {from}", p.base.layer)
    };
    pairs.map(say).collect()
}

fn tensor(pair: &Matched, gone: &Slices) -> TensorDifference {
    let (base, variant) = (pair.base, pair.variant);
    let zeros = |o: &Operator| {
        o.values.iter().filter(|v| **v == 0.0).count() as f64 / o.values.len().max(1) as f64
    };
    let left = |axis: usize, length: usize| -> Vec<usize> {
        let gone = gone.get(&(base.weights.clone(), axis));
        (0..length).filter(|i| gone.is_none_or(|g| g.binary_search(i).is_err())).collect()
    };
    let outputs = left(base.output_axis, base.dims[0]);
    let inputs = match base.form.depthwise {
        true => (0..base.dims[1]).collect(),
        false => left(base.input_axis, base.dims[1]),
    };
    let fits = [outputs.len(), inputs.len(), base.dims[2]] == variant.dims;
    let (change, what) = match (fits, variant.scaled) {
        (false, _) => (None, "its shape is not what is left of the baseline's".to_string()),
        (_, false) => {
            (None, "its scale is applied behind the layer; only its form is known".into())
        }
        (true, true) => change(base, variant, &outputs, &inputs),
    };
    TensorDifference {
        layer: base.layer.clone(),
        layer_there: variant.layer.clone(),
        tensor: base.weights.clone(),
        tensor_there: variant.weights.clone(),
        precision: base.precision.clone(),
        precision_there: variant.precision.clone(),
        sparsity: zeros(base),
        sparsity_there: zeros(variant),
        change,
        what,
    }
}

fn change(
    base: &Operator,
    variant: &Operator,
    outputs: &[usize],
    inputs: &[usize],
) -> (Option<f64>, String) {
    let (mut difference, mut norm, mut product, mut power, mut rounded) =
        (0.0, 0.0, 0.0, 0.0, true);
    let [_, width, places] = base.dims;
    let mut there = variant.values.iter();
    for (row, o) in outputs.iter().enumerate() {
        let step = f64::from(variant.steps[row]);
        for at in inputs.iter().flat_map(|i| (0..places).map(move |k| (o * width + i) * places + k))
        {
            let (was, is) = (f64::from(base.values[at]), f64::from(*there.next().unwrap_or(&0.0)));
            difference += (is - was).powi(2);
            norm += was * was;
            product += was * is;
            power += is * is;
            // Half a step, and what computing the scale in single precision leaves; a clipped end
            // of the range may be off by a whole one.
            rounded &= (is - was).abs() <= step * 1.01;
        }
    }
    let change = (difference / f64::max(norm, f64::MIN_POSITIVE)).sqrt();
    let likeness = product / f64::max((norm * power).sqrt(), f64::MIN_POSITIVE);
    let narrower = variant.steps.iter().any(|s| *s > 0.0);
    let what = match () {
        () if change <= CHANGED => "the same".to_string(),
        () if narrower && rounded => "rounded".to_string(),
        () if likeness < UNLIKE => {
            "other weights: of another training, or channels in another order".to_string()
        }
        () if narrower => "rounded, after external fine-tuning".to_string(),
        () => "external fine-tuning".to_string(),
    };
    (Some(change), what)
}

type Channels = BTreeMap<usize, Vec<Vec<f32>>>;

/// What operators give on the same samples, channel by channel.
fn observed(
    base: &Graph,
    variant: &Graph,
    ours: &[Operator],
    theirs: &[Operator],
    data: &Calibration,
) -> Result<(Channels, Channels), CompressError> {
    let renamed = |graph: &Graph| -> Calibration {
        // Inputs that exporters called otherwise, in order.
        let names = graph.inputs().into_iter().map(str::to_string);
        let same = graph.inputs().iter().all(|name| data.inputs.contains_key(*name));
        let inputs = match same {
            true => data.inputs.clone(),
            false => {
                let order = base.inputs().into_iter().filter_map(|name| data.inputs.get(name));
                names.zip(order.cloned()).collect()
            }
        };
        Calibration { inputs, ..data.clone() }
    };
    Ok((seen(base, ours, &renamed(base))?, seen(variant, theirs, &renamed(variant))?))
}

fn seen(
    graph: &Graph,
    operators: &[Operator],
    data: &Calibration,
) -> Result<Channels, CompressError> {
    let tensors: Vec<String> = operators.iter().map(|o| o.output.clone()).collect();
    let mut channels: Channels = BTreeMap::new();
    let each = (VALUES / data.samples().max(1)).max(1);
    data.visit(graph, &tensors, &mut |_, outputs| {
        for (position, (operator, output)) in operators.iter().zip(outputs).enumerate() {
            let axis = if operator.channels_last { output.ndim() - 1 } else { 1 };
            let own = channels.entry(position).or_default();
            own.resize(output.len_of(Axis(axis)), Vec::new());
            for (channel, values) in own.iter_mut().enumerate() {
                append(&output.index_axis(Axis(axis), channel).to_owned(), each, values);
            }
        }
    })?;
    // Correlation is the cosine once means are taken off.
    for values in channels.values_mut().flatten() {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter_mut().for_each(|v| *v -= mean);
    }
    Ok(channels)
}

/// Appends values spread evenly over a channel.
fn append(channel: &ArrayD<f32>, most: usize, into: &mut Vec<f32>) {
    let stride = channel.len().div_ceil(most).max(1);
    into.extend(channel.iter().step_by(stride));
}
