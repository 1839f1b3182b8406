//! Structured pruning: removing components of couplings from every tensor that they reach.

use super::{CompressError, Draft, Made, Paring};
use crate::catalog::{self, Catalog, Coupling, Criterion, Slices};
use crate::graph::{self, Graph, GraphError, Weights};
use crate::record::{Component, Origins, RejectedAlternative};
use std::collections::BTreeMap;

/// Removes the least important `ratio` of the components of every coupling, rounded to whole
/// components. `shapes` are those of all tensors for a batch of 1.
///
/// # Errors
/// [`CompressError`] where a coupling would be emptied, nothing can be removed, or a weight is not
/// made of 32-bit floats.
pub fn prune_channels(
    mut graph: Graph,
    shapes: &BTreeMap<String, Vec<usize>>,
    mut origins: Origins,
    ratio: f64,
    criterion: Criterion,
) -> Result<Made, CompressError> {
    let Catalog { couplings, refused } = catalog::catalog(&graph, shapes, &origins)?;
    if couplings.is_empty() {
        let reasons: Vec<String> =
            refused.iter().map(|r| format!("`{}`: {}", r.layer, r.reason)).collect();
        return Err(CompressError::Nothing("prune", reasons.join("; ")));
    }
    let scored = couplings
        .iter()
        .map(|coupling| Ok((coupling, catalog::scores(&graph, coupling, criterion)?)))
        .collect::<Result<Vec<_>, GraphError>>()?;
    let depthwise = depthwise(&graph);
    let (mut decisions, mut here) = (Vec::new(), Origins::default());
    for (coupling, scores) in scored {
        let count = (ratio * coupling.components.len() as f64).round() as usize;
        if count >= coupling.components.len() {
            let (coupling, width) = (coupling.id.clone(), coupling.components.len());
            return Err(CompressError::Empties { ratio, coupling, width });
        }
        if count > 0 {
            let choice = Choice::new(coupling, &scores, count);
            let paring = cut(&mut graph, &mut origins, &mut here, &choice.slices())?;
            decisions.push(choice.draft(criterion, paring));
        }
    }
    lower_groups(&mut graph, &depthwise);
    graph.forget_initializer_inputs();
    graph.tidy();
    let refusals = refused.into_iter().map(|r| (r.layer, r.reason)).collect();
    Ok(Made { graph, origins, decisions, refusals })
}

/// Which components of a coupling go.
struct Choice<'a> {
    coupling: &'a Coupling,
    scores: &'a [f64],
    /// Positions of all components, the least important first.
    order: Vec<usize>,
    count: usize,
}

impl<'a> Choice<'a> {
    fn new(coupling: &'a Coupling, scores: &'a [f64], count: usize) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
        Choice { coupling, scores, order, count }
    }

    /// Everything that goes, by initializer and axis.
    fn slices(&self) -> Slices {
        let mut all = Slices::new();
        for position in &self.order[..self.count] {
            for (axis, indices) in &self.coupling.components[*position].slices {
                all.entry(axis.clone()).or_default().extend(indices);
            }
        }
        all.values_mut().for_each(|indices| indices.sort_unstable());
        all
    }

    fn draft(&self, criterion: Criterion, paring: Paring) -> Draft {
        let describe = |(rank, position): (usize, &usize)| {
            let component = &self.coupling.components[*position];
            Component {
                id: self.coupling.component_id(component),
                original_index: component.original_index,
                score: self.scores[*position],
                rank,
            }
        };
        let all: Vec<Component> = self.order.iter().enumerate().map(describe).collect();
        let (removed, kept) = all.split_at(self.count);
        let threshold = removed.last().map(|c| c.score);
        // The next few are what a reader asks about; all scores follow from the kept file.
        let rejected = kept.iter().take(3).map(|c| RejectedAlternative {
            what: format!("remove {}", c.id),
            why: format!("its score {:.6} is above the threshold", c.score),
        });
        Draft {
            operation: "prune channels".into(),
            coupling: self.coupling.id.clone(),
            components: removed.to_vec(),
            members: self.coupling.members.clone(),
            criterion: Some(criterion.to_string()),
            threshold,
            alternatives_rejected: rejected.collect(),
            paring,
            reason: format!(
                "the {} of {} components with the lowest {criterion} score",
                self.count,
                all.len()
            ),
            ..Draft::default()
        }
    }
}

/// Cuts slices out of the graph's initializers and keeps them. `slices` count as the step found the
/// graph; `here` knows what the step's earlier cuts took from the same axes.
fn cut(
    graph: &mut Graph,
    origins: &mut Origins,
    here: &mut Origins,
    slices: &Slices,
) -> Result<Paring, GraphError> {
    let mut paring = Paring::default();
    for ((initializer, axis), found) in slices {
        let weights = graph.weights(initializer)?;
        let width = weights.dims[*axis];
        let indices: Vec<usize> =
            (0..width).filter(|i| found.contains(&here.original(initializer, *axis, *i))).collect();
        let (kept, removed) = graph::remove(&weights, *axis, &indices)?;
        graph.set_weights(initializer, kept);
        let original: Vec<i64> =
            indices.iter().map(|i| origins.original(initializer, *axis, *i) as i64).collect();
        [&mut *origins, &mut *here]
            .into_iter()
            .for_each(|o| o.remove(initializer, *axis, width, &indices));
        paring.0.insert(format!("{initializer}@{axis}"), removed);
        let positions = Weights::i64(&[original.len()], &original);
        paring.0.insert(format!("{initializer}@{axis}#indices"), positions);
    }
    Ok(paring)
}

/// Positions of depthwise convolutions, with the outputs that each input channel has.
fn depthwise(graph: &Graph) -> Vec<(usize, usize)> {
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .filter_map(|(position, node)| {
            let group = graph::int(node, "group").filter(|g| *g > 1)? as usize;
            let dims = graph.dims(node.input.get(1)?)?;
            let is = node.op_type == "Conv" && dims.get(1) == Some(&1);
            is.then(|| (position, dims[0] / group))
        })
        .collect()
}

/// Sets the group counts of depthwise convolutions to the channels that remain.
fn lower_groups(graph: &mut Graph, depthwise: &[(usize, usize)]) {
    for (position, multiplier) in depthwise {
        let outputs = graph.dims(&graph.nodes()[*position].input[1]).unwrap_or_default();
        if let (Some(outputs), Some(node)) = (outputs.first(), graph.node_mut(*position)) {
            graph::set_int(node, "group", (outputs / multiplier) as i64);
        }
    }
}
