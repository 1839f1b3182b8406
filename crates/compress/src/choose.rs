//! Which components go: how many of each coupling, and which.

use super::cut::union;
use super::{Allocation, Amount, CompressError, Pruning, Recovery};
use crate::catalog::{self, Coupling, Criterion, Elimination, Linear, Reader, Rows, Slices};
use paring_core::schema::CostTable;
use paring_onnx::graph::{Facts, Graph, NodeCost};
use std::collections::{BTreeMap, BTreeSet};

/// What a choice stands on.
pub(super) struct Evidence<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a Facts,
    pub(super) layers: &'a [Linear],
    /// Of each layer; empty where the step looks at no data.
    pub(super) rows: &'a [Rows],
    /// Measured times of nodes, where an amount or an allocation goes by them.
    pub(super) costs: Option<&'a CostTable>,
}

/// A coupling, and which of its components stay whatever their scores.
#[derive(Clone, Debug)]
pub(super) struct Prunable {
    pub(super) coupling: Coupling,
    /// Positions.
    pub(super) protected: BTreeSet<usize>,
}

impl Prunable {
    /// Positions of the components that may go.
    pub(super) fn candidates(&self) -> Vec<usize> {
        let all = 0..self.coupling.components.len();
        all.filter(|position| !self.protected.contains(position)).collect()
    }

    fn width(&self) -> usize {
        self.coupling.components.len()
    }
}

/// Which components of a coupling go.
#[derive(Clone, Debug)]
pub(super) struct Choice<'a> {
    pub(super) coupling: &'a Coupling,
    /// By position.
    pub(super) scores: Vec<f64>,
    /// Positions of all components that may go, those that do first.
    pub(super) order: Vec<usize>,
    pub(super) count: usize,
    /// By how much of their variance the outputs of the reading layers will be off if it alone goes,
    /// where that is known.
    pub(super) error: Option<f64>,
}

impl<'a> Choice<'a> {
    fn by_scores(prunable: &'a Prunable, scores: Vec<f64>, count: usize) -> Self {
        let mut order = prunable.candidates();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
        Choice { coupling: &prunable.coupling, scores, order, count, error: None }
    }

    fn by_elimination(coupling: &'a Coupling, found: Elimination) -> Self {
        let mut scores = vec![0.0; coupling.components.len()];
        let count = found.order.len();
        let mut left = found.left;
        left.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let gone = found.order.into_iter().zip(found.added);
        let order: Vec<usize> = gone
            .chain(left)
            .map(|(component, error)| {
                scores[component] = error;
                component
            })
            .collect();
        Choice { coupling, scores, order, count, error: None }
    }

    /// Entries of initializers that go.
    pub(super) fn slices(&self) -> Slices {
        union(self.order[..self.count].iter().map(|p| &self.coupling.components[*p].slices))
    }

    /// Entries of computed tensors that go.
    pub(super) fn activations(&self) -> Slices {
        union(self.order[..self.count].iter().map(|p| &self.coupling.components[*p].activations))
    }
}

impl Evidence<'_> {
    fn readers(&self, coupling: &Coupling) -> Vec<Reader<'_>> {
        catalog::readers(coupling, self.layers, self.rows)
    }

    /// Layers that read a coupling and cannot be looked into.
    pub(super) fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(self.graph, self.facts, coupling, self.layers)
    }

    /// One choice a coupling, in the couplings' order; couplings of which nothing goes are left out.
    ///
    /// With `obs` the last couplings choose first: the layers that read the earlier ones then know
    /// which of their outputs nobody needs any more.
    pub(super) fn choose<'c>(
        &self,
        couplings: &'c [Prunable],
        pruning: &Pruning,
        seed: u64,
    ) -> Result<Vec<Choice<'c>>, CompressError> {
        if let Some(frozen) = &pruning.frozen {
            let choices = couplings.iter().filter_map(|c| replayed(c, frozen));
            return choices.map(|choice| self.foreseen(choice, pruning)).collect();
        }
        let counts = self.counts(couplings, pruning, seed)?;
        let mut choices = Vec::new();
        let mut unread: BTreeSet<(String, usize)> = BTreeSet::new();
        for (prunable, count) in couplings.iter().zip(counts).rev() {
            let (coupling, width) = (&prunable.coupling, prunable.width());
            if count >= width {
                let coupling = coupling.id.clone();
                return Err(CompressError::Empties { amount: pruning.amount, coupling, width });
            }
            let candidates = prunable.candidates();
            let count = count.min(candidates.len());
            if count == 0 {
                continue;
            }
            let readers = self.readers(coupling);
            let choice = match pruning.criterion {
                Criterion::Obs => Choice::by_elimination(
                    coupling,
                    catalog::elimination(
                        self.graph,
                        coupling,
                        &readers,
                        (candidates, count),
                        &unread,
                    )?,
                ),
                criterion => {
                    let found = catalog::scores(self.graph, coupling, criterion, &readers, seed)?;
                    Choice::by_scores(prunable, found, count)
                }
            };
            for ((weights, axis), indices) in choice.slices() {
                if self.layers.iter().any(|l| l.weights == weights && l.output_axis == axis) {
                    unread.extend(indices.into_iter().map(|i| (weights.clone(), i)));
                }
            }
            choices.push(self.foreseen(choice, pruning)?);
        }
        choices.reverse();
        Ok(choices)
    }

    /// A choice with the error that it alone will make, where there is data to tell: with the weights of
    /// the reading layers as the step's recovery leaves them.
    fn foreseen<'c>(
        &self,
        choice: Choice<'c>,
        pruning: &Pruning,
    ) -> Result<Choice<'c>, CompressError> {
        let readers = self.readers(choice.coupling);
        let blind = readers.iter().any(|r| r.rows.count() == 0) || readers.is_empty();
        // Of part of the readers the error of all is not known.
        let opaque = !blind && !self.opaque_readers(choice.coupling).is_empty();
        if blind || opaque {
            return Ok(choice);
        }
        let gone = &choice.order[..choice.count];
        let (graph, coupling) = (self.graph, choice.coupling);
        let error = match pruning.recover {
            Recovery::LeastSquares => catalog::joint_error(graph, coupling, &readers, gone),
            Recovery::None => catalog::deletion_error(graph, coupling, &readers, gone, false),
            Recovery::Mean | Recovery::Statistics => {
                catalog::deletion_error(graph, coupling, &readers, gone, true)
            }
        };
        match error {
            Ok(error) => Ok(Choice { error: Some(error), ..choice }),
            // A step that needs no data does not fail of what they would say.
            Err(_) if !pruning.needs_data() => Ok(choice),
            Err(error) => Err(error.into()),
        }
    }

    fn counts(
        &self,
        couplings: &[Prunable],
        pruning: &Pruning,
        seed: u64,
    ) -> Result<Vec<usize>, CompressError> {
        let timed = self.costs.filter(|_| pruning.needs_costs());
        let costs = Costs::new(self, couplings, timed);
        let uniform = |ratio: f64| -> Vec<usize> {
            couplings.iter().map(|c| rounded(c, ratio, pruning.multiple)).collect()
        };
        let counts: Vec<usize> = match pruning.amount {
            Amount::Ratio(ratio) => uniform(ratio),
            Amount::Count(count) => {
                let clipped = |c: &Prunable| match c.protected.len() {
                    0 => count,
                    _ => count.min(c.candidates().len()),
                };
                couplings.iter().map(clipped).collect()
            }
            Amount::Latency(_) if self.costs.is_none() => {
                return Err(CompressError::NoCosts("pruning to a latency"));
            }
            Amount::Macs(share) | Amount::Latency(share) => {
                let budget = share * costs.whole;
                // The cost falls with the ratio, in steps: the smallest ratio that meets it.
                let steps = (0..1000).map(|step| uniform(f64::from(step) / 1000.0));
                let meets = steps.into_iter().find(|counts| costs.of(counts) <= budget);
                meets.ok_or(CompressError::Budget(share))?
            }
            Amount::Score(limit) => {
                let each = couplings.iter().map(|p| {
                    let (c, readers) = (&p.coupling, self.readers(&p.coupling));
                    let found = catalog::scores(self.graph, c, pruning.criterion, &readers, seed)?;
                    let below = |position: &usize| found[*position] <= limit;
                    Ok(p.candidates().into_iter().filter(below).count())
                });
                each.collect::<Result<_, CompressError>>()?
            }
        };
        match pruning.allocate {
            Allocation::Uniform => Ok(counts),
            Allocation::Sensitivity => self.allocated(couplings, &costs, &counts, pruning.multiple),
        }
    }

    /// Spreads what `uniform` counts save over the couplings where it adds the least error.
    fn allocated(
        &self,
        couplings: &[Prunable],
        costs: &Costs,
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
                let (c, readers) = (&p.coupling, self.readers(&p.coupling));
                let found =
                    catalog::elimination(self.graph, c, &readers, (candidates, most), &nothing)?;
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
}

/// The components of a coupling that a replay removes.
fn replayed<'c>(
    prunable: &'c Prunable,
    frozen: &BTreeMap<String, Vec<usize>>,
) -> Option<Choice<'c>> {
    let coupling = &prunable.coupling;
    let gone = frozen.get(&coupling.id)?;
    let score = |c: &catalog::ComponentSlices| {
        if gone.contains(&c.original_index) { 0.0 } else { 1.0 }
    };
    let scores: Vec<f64> = coupling.components.iter().map(score).collect();
    let count = scores.iter().filter(|score| **score == 0.0).count();
    (count > 0).then(|| Choice::by_scores(prunable, scores, count))
}

/// How many go so that what stays is a multiple, the nearest to the ratio.
fn rounded(prunable: &Prunable, ratio: f64, multiple: usize) -> usize {
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
struct Costs {
    /// The cost of a node, and the couplings that its weights, or else its outputs, belong to.
    nodes: Vec<(f64, Vec<usize>)>,
    widths: Vec<usize>,
    /// What shares are of: the graph's cost, or the time that the baseline was measured to take.
    whole: f64,
}

impl Costs {
    fn new(evidence: &Evidence, couplings: &[Prunable], timed: Option<&CostTable>) -> Costs {
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
        let widths = couplings.iter().map(Prunable::width).collect();
        let all = nodes.iter().map(|(cost, _)| cost).sum();
        Costs { nodes, widths, whole: timed.map_or(all, CostTable::total_ns) }
    }

    fn of(&self, counts: &[usize]) -> f64 {
        let kept = |c: &usize| 1.0 - counts[*c] as f64 / self.widths[*c] as f64;
        let each = self.nodes.iter();
        each.map(|(cost, axes)| cost * axes.iter().map(kept).product::<f64>()).sum()
    }
}
