//! The number of components of each coupling that go: by share, count, score, or a budget of
//! multiply-adds or measured time.

use super::candidates::PrunableCoupling;
use super::evidence::PruneEvidence;
use super::settings::{BudgetAllocation, ChannelPruning, PruneAmount};
use crate::CompressError;
use crate::catalog;
use paring_core::schema::CostTable;
use paring_onnx::graph::NodeCost;
use std::collections::{BTreeMap, BTreeSet};

/// The number of components of each coupling that go.
pub(super) fn counts(
    evidence: &PruneEvidence,
    couplings: &[PrunableCoupling],
    pruning: &ChannelPruning,
    seed: u64,
) -> Result<Vec<usize>, CompressError> {
    let timed = evidence.costs.filter(|_| pruning.needs_costs());
    let costs = PruneCosts::new(evidence, couplings, timed);
    let uniform = |ratio: f64| -> Vec<usize> {
        couplings.iter().map(|c| rounded(c, ratio, pruning.multiple)).collect()
    };
    let counts: Vec<usize> = match pruning.amount {
        PruneAmount::Ratio(ratio) => uniform(ratio),
        PruneAmount::Count(count) => {
            let clipped = |c: &PrunableCoupling| match c.protected.len() {
                0 => count,
                _ => count.min(c.candidates().len()),
            };
            couplings.iter().map(clipped).collect()
        }
        PruneAmount::Latency(_) if evidence.costs.is_none() => {
            return Err(CompressError::NoCosts("pruning to a latency"));
        }
        PruneAmount::Macs(share) | PruneAmount::Latency(share) => {
            let budget = share * costs.whole;
            // The cost falls with the ratio, in steps: the smallest ratio that meets it.
            let steps = (0..1000).map(|step| uniform(f64::from(step) / 1000.0));
            let meets = steps.into_iter().find(|counts| costs.of(counts) <= budget);
            meets.ok_or(CompressError::Budget(share))?
        }
        PruneAmount::Score(limit) => {
            let each = couplings.iter().map(|p| {
                let found = evidence.scores(&p.coupling, pruning.criterion, seed)?;
                let below = |position: &usize| found[*position] <= limit;
                Ok(p.candidates().into_iter().filter(below).count())
            });
            each.collect::<Result<_, CompressError>>()?
        }
    };
    match pruning.allocate {
        BudgetAllocation::Uniform => Ok(counts),
        BudgetAllocation::Sensitivity => {
            allocated(evidence, couplings, &costs, &counts, pruning.multiple)
        }
    }
}

/// Spreads what `uniform` counts save over the couplings where it adds the least error.
fn allocated(
    evidence: &PruneEvidence,
    couplings: &[PrunableCoupling],
    costs: &PruneCosts,
    uniform: &[usize],
    unit: usize,
) -> Result<Vec<usize>, CompressError> {
    let budget = costs.of(uniform);
    let nothing = BTreeSet::new();
    let curves: Vec<Vec<f64>> = couplings
        .iter()
        .map(|p| {
            // Beyond seven eighths nothing of a layer is left to speak of.
            let candidates = p.candidates();
            let most = candidates.len().min(p.width() * 7 / 8);
            let (c, readers) = (&p.coupling, evidence.readers(&p.coupling));
            let found =
                catalog::elimination(evidence.graph, c, &readers, (candidates, most), &nothing)?;
            Ok(found.added)
        })
        .collect::<Result<_, CompressError>>()?;
    let mut counts = vec![0; couplings.len()];
    loop {
        let now = costs.of(&counts);
        if now <= budget {
            return Ok(counts);
        }
        let price = |c: usize| -> Option<(f64, usize)> {
            let error: f64 = curves[c].get(counts[c]..counts[c] + unit)?.iter().sum();
            let mut next = counts.clone();
            next[c] += unit;
            let saved = now - costs.of(&next);
            (saved > 0.0).then_some((error / saved, c))
        };
        let cheapest = (0..counts.len()).filter_map(price).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, cheapest)) = cheapest else {
            return Err(CompressError::Budget(budget / costs.of(&vec![0; counts.len()])));
        };
        counts[cheapest] += unit;
    }
}

/// The number that goes so that what stays is a multiple, the nearest to the ratio.
fn rounded(prunable: &PrunableCoupling, ratio: f64, multiple: usize) -> usize {
    let width = prunable.width();
    let kept = width as f64 * (1.0 - ratio) / multiple as f64;
    // Halves go: a quarter of 2 is 1 of 2, as the ratio asks for at least something.
    let kept = (kept - 1e-9).round().max(0.0) as usize * multiple;
    // What is protected stays, and what stays beside it makes up a multiple.
    let least = prunable.protected.len().next_multiple_of(multiple.max(1)).min(width);
    let kept = kept.max(least);
    width - kept.clamp(usize::from(ratio < 1.0 && multiple > 1) * multiple.min(width), width)
}

/// Multiply-adds, or measured time, as a function of what goes from each coupling.
struct PruneCosts {
    /// The cost of a node, and the couplings that its weights, or else its outputs, belong to.
    nodes: Vec<(f64, Vec<usize>)>,
    widths: Vec<usize>,
    /// The whole that shares are of: the graph's cost, or the time that the baseline was measured to take.
    whole: f64,
}

impl PruneCosts {
    fn new(
        evidence: &PruneEvidence,
        couplings: &[PrunableCoupling],
        timed: Option<&CostTable>,
    ) -> PruneCosts {
        let mut owner: BTreeMap<(String, usize), usize> = BTreeMap::new();
        for (c, prunable) in couplings.iter().enumerate() {
            for component in &prunable.coupling.components {
                let axes = component.slices.keys().chain(component.activations.keys());
                owner.extend(axes.map(|axis| (axis.clone(), c)));
            }
        }
        let axes = |tensor: &String| -> Vec<usize> {
            (0..4).filter_map(|axis| owner.get(&(tensor.clone(), axis)).copied()).collect()
        };
        let graph = evidence.graph;
        let costs: Vec<NodeCost> =
            graph.node_costs(&evidence.facts.shapes).into_iter().flatten().collect();
        let weights: BTreeMap<usize, &String> =
            costs.iter().map(|cost| (cost.position, &cost.weights)).collect();
        let by_weights = |position: usize| {
            weights.get(&position).map(|name| axes(name)).filter(|axes| !axes.is_empty())
        };
        let nodes: Vec<(f64, Vec<usize>)> = match timed {
            None => {
                let cost =
                    |c: &NodeCost| (c.macs as f64, by_weights(c.position).unwrap_or_default());
                costs.iter().map(cost).collect()
            }
            // Nodes that were folded away since are not there to take time.
            Some(table) => (0..graph.nodes().len())
                .filter_map(|position| {
                    let node = &graph.nodes()[position];
                    let output = || node.output.first().map(&axes).unwrap_or_default();
                    let cost = *table.nodes_ns.get(&node.name)?;
                    Some((cost, by_weights(position).unwrap_or_else(output)))
                })
                .collect(),
        };
        let widths = couplings.iter().map(PrunableCoupling::width).collect();
        let all = nodes.iter().map(|(cost, _)| cost).sum();
        PruneCosts { nodes, widths, whole: timed.map_or(all, CostTable::total_ns) }
    }

    fn of(&self, counts: &[usize]) -> f64 {
        let kept = |c: &usize| 1.0 - counts[*c] as f64 / self.widths[*c] as f64;
        let each = self.nodes.iter();
        each.map(|(cost, axes)| cost * axes.iter().map(kept).product::<f64>()).sum()
    }
}
