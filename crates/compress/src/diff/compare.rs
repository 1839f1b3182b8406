//! A variant held against its baseline.

use super::canonical::{CanonicalGraph, canonical};
use super::channels::{ComponentMatching, CouplingDifference, OperatorPair};
use super::execution::{ChannelActivations, dimensions, observed, outputs, probes};
use super::flow::{DataFlow, FlowSide, NodePairs, changes, node_pairs};
use super::operators::{WeightedOperator, operators};
use super::tensors::tensor;
use super::verdict::{DiffFindings, conclude};
use super::{ModelDifference, TensorDifference};
use crate::CompressError;
use crate::catalog::{self, Calibration, Catalog, Coupling, RefusedLayer, Slices};
use paring_agent::engine::DimensionBindings;
use paring_core::schema::OriginalIndices;
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// The least likeness of what is left of a coupling that came from it.
const RELATED: f64 = 0.15;

/// Compares two models. `data` are inputs that both take, if any; without them the functions are
/// compared on seeded probes.
///
/// # Errors
/// [`CompressError`] where the baseline's initializers cannot be read.
pub fn compare(
    base: &Graph,
    variant: &Graph,
    bindings: DimensionBindings,
    data: Option<&Calibration>,
) -> Result<ModelDifference, CompressError> {
    let dims = dimensions([base, variant], bindings.dims);
    let bindings = DimensionBindings { batch: bindings.batch, dims: &dims };
    let probe = |graph: &Graph| probes(graph, bindings);
    let both =
        |shapes: bool| [base, variant].map(|graph| canonical(graph, bindings, shapes, probe));
    let [mut ours, mut theirs] = both(true);
    if ours.facts.is_err() || theirs.facts.is_err() {
        // What only one of them could be brought into would be a difference.
        [ours, theirs] = both(false);
    }
    let comparison = match data {
        Some(data) => outputs(&ours.executable, &theirs.executable, Some(data), "samples"),
        None => {
            let probe = probe(&ours.executable);
            outputs(&ours.executable, &theirs.executable, probe.as_ref(), "probes")
        }
    };
    let (base_operators, variant_operators) = (operators(&ours.graph), operators(&theirs.graph));
    let base_flow = DataFlow::new(&ours.graph, &base_operators);
    let variant_flow = DataFlow::new(&theirs.graph, &variant_operators);
    let node_pairs = node_pairs(
        FlowSide { flow: &base_flow, operators: &base_operators },
        FlowSide { flow: &variant_flow, operators: &variant_operators },
    );
    let (seen, activations) =
        activations(&ours, &theirs, &base_operators, &variant_operators, data);
    let pairs = matched(
        &node_pairs,
        (&base_flow, base_operators.as_slice()),
        (&variant_flow, variant_operators.as_slice()),
        seen,
    );
    let mut unexplained = Vec::new();
    let catalog = catalog_of(&ours, &mut unexplained)?;
    let (couplings, gone) = couplings(&catalog, &pairs, &base_operators, &mut unexplained);
    unexplained.extend(narrowed(&catalog.refused, &pairs));
    let tensors = tensors(&pairs, &gone, [&ours, &theirs]);
    let unknown = tensors.iter().filter(|t| t.change.is_none());
    unexplained.extend(unknown.map(|t| format!("`{}`: {}", t.tensor, t.what)));
    let origins = origins(&pairs, &gone);
    let found = changes((&ours, &base_flow), (&theirs, &variant_flow), &node_pairs, &gone);
    Ok(conclude(DiffFindings {
        couplings,
        tensors,
        found,
        unexplained,
        origins,
        activations,
        outputs: comparison,
        rewrites: [ours.rewrites, theirs.rewrites],
        operators: [base_operators.len(), variant_operators.len()],
    }))
}

/// The baseline's couplings; none where the engine cannot analyse it.
fn catalog_of(
    ours: &CanonicalGraph,
    unexplained: &mut Vec<String>,
) -> Result<Catalog, CompressError> {
    match &ours.facts {
        Ok(facts) => Ok(catalog::catalog(&ours.executable, facts, &OriginalIndices::default())?),
        Err(why) => {
            unexplained.push(format!("channels are not followed: {why}"));
            Ok(Catalog { couplings: vec![], refused: vec![] })
        }
    }
}

fn tensors(
    pairs: &[OperatorPair],
    gone: &Slices,
    models: [&CanonicalGraph; 2],
) -> Vec<TensorDifference> {
    let each = pairs.iter().map(|pair| {
        let computed = models[0].computed.contains(&pair.base.weights)
            || models[1].computed.contains(&pair.variant.weights);
        tensor(pair, gone, computed)
    });
    each.collect()
}

/// Couplings that could be followed, and what went of the baseline's initializers. What is left of a
/// coupling and is not like it is not what was pruned.
fn couplings(
    catalog: &Catalog,
    pairs: &[OperatorPair],
    operators: &[WeightedOperator],
    unexplained: &mut Vec<String>,
) -> (Vec<CouplingDifference>, Slices) {
    let mut matching = ComponentMatching {
        couplings: &catalog.couplings,
        pairs,
        gone: Slices::new(),
        found: BTreeMap::new(),
    };
    matching.resolve();
    let ComponentMatching { gone, mut found, .. } = matching;
    unexplained.extend(unresolved(&catalog.couplings, &found, operators, pairs));
    found.retain(|_, coupling| {
        let related = coupling.removed.is_empty() || coupling.likeness >= RELATED;
        if !related {
            let (id, left, width) = (&coupling.coupling, coupling.kept.len(), coupling.width);
            unexplained.push(format!(
                "coupling `{id}`: {left} of {width} components are left and their weights are not like those of any ({:.2})",
                coupling.likeness
            ));
        }
        related
    });
    (found.into_values().collect(), gone)
}

type ModelActivations = (ChannelActivations, ChannelActivations);

fn activations(
    ours: &CanonicalGraph,
    theirs: &CanonicalGraph,
    base: &[WeightedOperator],
    variant: &[WeightedOperator],
    data: Option<&Calibration>,
) -> (Option<ModelActivations>, String) {
    let Some(data) = data else { return (None, "not compared: no data were given".to_string()) };
    match observed(&ours.executable, &theirs.executable, base, variant, data) {
        Ok(seen) => (Some(seen), format!("compared on {} samples", data.samples())),
        Err(error) => (None, format!("not compared: {error}")),
    }
}

/// Pairs of operators with weights, in the baseline's order.
fn matched<'a>(
    pairs: &NodePairs,
    base: (&DataFlow, &'a [WeightedOperator]),
    variant: (&DataFlow, &'a [WeightedOperator]),
    seen: Option<ModelActivations>,
) -> Vec<OperatorPair<'a>> {
    let each = pairs.there.iter().filter_map(|(a, b)| {
        let own = base.0.nodes.get(*a)?.operator?;
        let other = variant.0.nodes.get(*b)?.operator?;
        let activations = seen.as_ref().and_then(|(ours, theirs)| {
            Some((ours.get(&own)?.clone(), theirs.get(&other)?.clone()))
        });
        Some(OperatorPair { base: base.1.get(own)?, variant: variant.1.get(other)?, activations })
    });
    each.collect()
}

/// Couplings of which nothing is known. A layer that is gone as a whole takes its coupling with it.
fn unresolved(
    couplings: &[Coupling],
    found: &BTreeMap<usize, CouplingDifference>,
    ours: &[WeightedOperator],
    pairs: &[OperatorPair],
) -> Vec<String> {
    let with_layer = |id: &String| {
        ours.iter().any(|o| o.layer == *id) && !pairs.iter().any(|p| p.base.layer == *id)
    };
    let open = couplings.iter().enumerate().filter(|(c, _)| !found.contains_key(c));
    let ids = open.map(|(_, coupling)| &coupling.id).filter(|id| !with_layer(id));
    ids.map(|id| format!("what became of coupling `{id}`")).collect()
}

/// Of the variant's initializers: the baseline's indices that are left.
fn origins(pairs: &[OperatorPair], gone: &Slices) -> OriginalIndices {
    let mut origins = OriginalIndices::default();
    for OperatorPair { base, variant, .. } in pairs {
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
fn narrowed(refused: &[RefusedLayer], pairs: &[OperatorPair]) -> Vec<String> {
    let kept = |layer: &str| refused.iter().any(|r| r.layer == layer);
    let pairs = pairs.iter().filter(|p| kept(&p.base.layer) && p.base.dims[0] != p.variant.dims[0]);
    let say = |p: &OperatorPair| {
        let (from, to) = (p.base.dims[0], p.variant.dims[0]);
        format!("layer `{}` gives {to} outputs instead of {from}", p.base.layer)
    };
    pairs.map(say).collect()
}
