//! The components that go: by score, by elimination, or as a replay names them.

use super::budget::counts;
use super::candidates::PrunableCoupling;
use super::evidence::PruneEvidence;
use super::settings::{ChannelPruning, RecoveryMethod};
use crate::CompressError;
use crate::catalog::{self, Coupling, Criterion, EliminationOrder, Slices};
use crate::cut::union;
use std::collections::{BTreeMap, BTreeSet};

/// The components of a coupling that go.
#[derive(Clone, Debug)]
pub(super) struct PruneSelection<'a> {
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

impl<'a> PruneSelection<'a> {
    fn by_scores(prunable: &'a PrunableCoupling, scores: Vec<f64>, count: usize) -> Self {
        let mut order = prunable.candidates();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
        PruneSelection { coupling: &prunable.coupling, scores, order, count, error: None }
    }

    fn by_elimination(coupling: &'a Coupling, found: EliminationOrder) -> Self {
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
        PruneSelection { coupling, scores, order, count, error: None }
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

/// One choice a coupling, in the couplings' order; couplings of which nothing goes are left out.
///
/// With `obs` the last couplings choose first: the layers that read the earlier ones then know
/// which of their outputs nobody needs any more.
pub(super) fn choose<'c>(
    evidence: &PruneEvidence,
    couplings: &'c [PrunableCoupling],
    pruning: &ChannelPruning,
    seed: u64,
) -> Result<Vec<PruneSelection<'c>>, CompressError> {
    if let Some(frozen) = &pruning.frozen {
        let choices = couplings.iter().filter_map(|c| replayed(c, frozen));
        return choices.map(|choice| foreseen(evidence, choice, pruning)).collect();
    }
    let counts = counts(evidence, couplings, pruning, seed)?;
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
        let readers = evidence.readers(coupling);
        let choice = match pruning.criterion {
            Criterion::Obs => PruneSelection::by_elimination(
                coupling,
                catalog::elimination(
                    evidence.graph,
                    coupling,
                    &readers,
                    (candidates, count),
                    &unread,
                )?,
            ),
            criterion => {
                let found = evidence.scores(coupling, criterion, seed)?;
                PruneSelection::by_scores(prunable, found, count)
            }
        };
        for ((weights, axis), indices) in choice.slices() {
            if evidence.layers.iter().any(|l| l.weights == weights && l.output_axis == axis) {
                unread.extend(indices.into_iter().map(|i| (weights.clone(), i)));
            }
        }
        choices.push(foreseen(evidence, choice, pruning)?);
    }
    choices.reverse();
    Ok(choices)
}

/// A choice with the error that it alone will make, where there is data to tell: with the weights of
/// the reading layers as the step's recovery leaves them.
fn foreseen<'c>(
    evidence: &PruneEvidence,
    choice: PruneSelection<'c>,
    pruning: &ChannelPruning,
) -> Result<PruneSelection<'c>, CompressError> {
    let readers = evidence.readers(choice.coupling);
    let blind = readers.iter().any(|r| r.rows.count() == 0) || readers.is_empty();
    // Of part of the readers the error of all is not known.
    let opaque = !blind && !evidence.opaque_readers(choice.coupling).is_empty();
    if blind || opaque {
        return Ok(choice);
    }
    let gone = &choice.order[..choice.count];
    let (graph, coupling) = (evidence.graph, choice.coupling);
    let error = match pruning.recover {
        RecoveryMethod::LeastSquares => catalog::joint_error(graph, coupling, &readers, gone),
        RecoveryMethod::None => catalog::deletion_error(graph, coupling, &readers, gone, false),
        RecoveryMethod::Mean | RecoveryMethod::Statistics => {
            catalog::deletion_error(graph, coupling, &readers, gone, true)
        }
    };
    match error {
        Ok(error) => Ok(PruneSelection { error: Some(error), ..choice }),
        // A step that needs no data does not fail of what they would say.
        Err(_) if !pruning.needs_data() => Ok(choice),
        Err(error) => Err(error.into()),
    }
}

/// The components of a coupling that a replay removes.
fn replayed<'c>(
    prunable: &'c PrunableCoupling,
    frozen: &BTreeMap<String, Vec<usize>>,
) -> Option<PruneSelection<'c>> {
    let coupling = &prunable.coupling;
    let gone = frozen.get(&coupling.id)?;
    let score = |c: &catalog::ComponentSlices| {
        if gone.contains(&c.original_index) { 0.0 } else { 1.0 }
    };
    let scores: Vec<f64> = coupling.components.iter().map(score).collect();
    let count = scores.iter().filter(|score| **score == 0.0).count();
    (count > 0).then(|| PruneSelection::by_scores(prunable, scores, count))
}
