//! Leaving out whole layers and residual blocks.

use super::recovery::RecoveryBaseline;
use super::settings::{LayerPruning, PruneAmount, RecoveryMethod};
use crate::catalog::{self, BypassCandidate, Calibration, ComponentKind};
use crate::layer_selection::{required_calibration, select_layers};
use crate::{CompressError, DecisionDraft, Paring, StepResult};
use paring_agent::engine::DimensionBindings;
use paring_core::schema::{OriginalIndices, RejectedAlternative, RemovedComponent};
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};

/// Leaves out the least important layers or blocks. `seed` is for what draws.
///
/// # Errors
/// [`CompressError`] where nothing matches or can be left out, or samples are needed and there are
/// none.
pub fn prune_layers(
    graph: Graph,
    bindings: DimensionBindings,
    origins: OriginalIndices,
    how: &LayerPruning,
    calibration: Option<&Calibration>,
    seed: u64,
) -> Result<StepResult, CompressError> {
    let facts = graph.facts(bindings.dims, bindings.batch)?;
    let calibration = required_calibration(how.needs_data(), calibration)?;
    let all: Vec<BypassCandidate> =
        catalog::bypasses(&graph, &facts).into_iter().filter(|b| b.kind == how.kind).collect();
    let ids: Vec<String> = all.iter().map(|b| b.id.clone()).collect();
    let kept = select_layers(&graph, &ids, how.layers.as_deref(), &how.protect)?;
    let refusals = ids.iter().zip(&kept).filter(|(_, kept)| !**kept);
    let refusals = refusals.map(|(id, _)| (id.clone(), "it is protected or not asked for".into()));
    let refusals: Vec<(String, String)> = refusals.collect();
    let candidates: Vec<BypassCandidate> =
        all.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(bypass, _)| bypass).collect();
    if candidates.is_empty() {
        let why = match how.kind {
            ComponentKind::Block => "no addition has a side that could be left out",
            _ => "no layer keeps the shape of what it reads",
        };
        return Err(CompressError::Nothing("prune", why.into()));
    }
    let scores = catalog::bypass_scores(&graph, &candidates, how.criterion, calibration, seed)?;
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
    let count = match &how.frozen {
        Some(frozen) => {
            order.sort_by_key(|p| !frozen.contains(&candidates[*p].id));
            order.iter().filter(|p| frozen.contains(&candidates[**p].id)).count()
        }
        None => count(&graph, &facts, how, &candidates, (&order, &scores))?,
    };
    let mut pruned = graph.clone();
    let gone = order[..count].iter().map(|p| &candidates[*p]);
    let swapped = leave_out(&mut pruned, gone);
    let choice = LayerSelection { candidates: &candidates, scores: &scores, order: &order, count };
    let mut decisions = choice.drafts(how, &graph, &pruned, calibration);
    if let Some(calibration) = calibration.filter(|_| how.recover != RecoveryMethod::None) {
        let after = pruned.facts(bindings.dims, bindings.batch)?;
        let layers = catalog::linears(&graph, &facts);
        let rows = catalog::observe_all(&graph, &layers, Some(calibration))?;
        let before = RecoveryBaseline::new(&graph, &layers, &rows).swapped(swapped);
        decisions.extend(before.recover(&mut pruned, &after, how.recover, calibration)?);
    }
    Ok(StepResult { graph: pruned, origins, decisions, refusals, unexplained: None })
}

/// The candidates, and those of them that go.
struct LayerSelection<'a> {
    candidates: &'a [BypassCandidate],
    scores: &'a [f64],
    /// Positions, those that go first.
    order: &'a [usize],
    count: usize,
}

impl LayerSelection<'_> {
    fn drafts(
        &self,
        how: &LayerPruning,
        before: &Graph,
        after: &Graph,
        calibration: Option<&Calibration>,
    ) -> Vec<DecisionDraft> {
        let (gone, stay) = self.order.split_at(self.count);
        let rejected = stay.iter().take(3).map(|p| RejectedAlternative {
            what: format!("leave out {}", self.candidates[*p].id),
            why: format!("its score {:.6} is above the threshold", self.scores[*p]),
        });
        let rejected: Vec<RejectedAlternative> = rejected.collect();
        let draft = |(rank, position): (usize, &usize)| {
            let BypassCandidate { id, layers, from, to, .. } = &self.candidates[*position];
            let score = self.scores[*position];
            DecisionDraft {
                operation: format!("prune {}s", how.kind),
                coupling: id.clone(),
                components: vec![RemovedComponent {
                    id: id.clone(),
                    original_index: *position,
                    score,
                    rank,
                }],
                criterion: Some(how.criterion.to_string()),
                threshold: gone.last().map(|p| self.scores[*p]),
                alternatives_rejected: rejected.clone(),
                calibration_sha256: calibration.map(|c| c.sha256.clone()),
                paring: dropped(before, after, &self.candidates[*position]),
                reason: format!(
                    "readers of `{to}` read `{from}` instead; layers left out: {}",
                    layers.join(", ")
                ),
                ..DecisionDraft::default()
            }
        };
        gone.iter().enumerate().map(draft).collect()
    }
}

/// The number of layers or blocks that go.
fn count(
    graph: &Graph,
    facts: &TensorFacts,
    how: &LayerPruning,
    candidates: &[BypassCandidate],
    (order, scores): (&[usize], &[f64]),
) -> Result<usize, CompressError> {
    let all = candidates.len();
    Ok(match how.amount {
        PruneAmount::Ratio(ratio) => (all as f64 * ratio).round() as usize,
        PruneAmount::Count(count) => count.min(all),
        PruneAmount::Score(limit) => scores.iter().filter(|score| **score <= limit).count(),
        PruneAmount::Latency(_) => return Err(CompressError::NoCosts("leaving out to a latency")),
        PruneAmount::Macs(share) => {
            let costs = graph.node_costs(&facts.shapes);
            let macs: BTreeMap<usize, u64> =
                costs.into_iter().flatten().map(|c| (c.position, c.macs)).collect();
            let whole: u64 = macs.values().sum();
            let left = |count: usize| -> u64 {
                let gone: BTreeSet<usize> =
                    order[..count].iter().flat_map(|p| candidates[*p].nodes.clone()).collect();
                macs.iter().filter(|(p, _)| !gone.contains(p)).map(|(_, m)| m).sum()
            };
            let meets = (0..=all).find(|count| left(*count) as f64 <= share * whole as f64);
            meets.ok_or(CompressError::Budget(share))?
        }
    })
}

/// Takes the nodes out and lets readers of what they gave read what they read; gives the names of the
/// nodes that read something else now.
fn leave_out<'a>(
    graph: &mut Graph,
    gone: impl Iterator<Item = &'a BypassCandidate>,
) -> BTreeSet<String> {
    let (mut positions, mut instead) = (BTreeSet::new(), BTreeMap::new());
    for bypass in gone {
        positions.extend(bypass.nodes.iter().copied());
        instead.insert(bypass.to.clone(), bypass.from.clone());
    }
    let nodes = graph.nodes().iter().enumerate().filter(|(p, _)| !positions.contains(p));
    let nodes = nodes.map(|(_, node)| node.clone()).collect();
    graph.set_nodes(nodes);
    // What is read instead may have been left out as well.
    let swapped = graph.rename_reads(&instead);
    graph.tidy();
    swapped
}

/// The initializers of a bypass that nothing reads any more.
fn dropped(before: &Graph, after: &Graph, bypass: &BypassCandidate) -> Paring {
    let left = after.initializer_names();
    let read = bypass.nodes.iter().flat_map(|p| &before.nodes()[*p].input);
    let gone = read.filter(|t| !left.contains(t.as_str()));
    let taken = gone.filter_map(|t| Some((t.clone(), before.weights(t).ok()?)));
    Paring(taken.collect())
}
