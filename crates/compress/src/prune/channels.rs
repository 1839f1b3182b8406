//! Structured pruning: removing components of couplings from every tensor that they reach.

use super::candidates::{PrunableCoupling, Refusals, couplings};
use super::evidence::PruneEvidence;
use super::masking::masked_graph;
use super::recovery::RecoveryBaseline;
use super::selection::{PruneSelection, choose};
use super::settings::{BudgetAllocation, ChannelPruning, RecoveryMethod};
use crate::catalog::{
    self, Calibration, ComponentGradients, Coupling, Criterion, InputRows, LinearLayer,
};
use crate::cut::{adapt, cut, union};
use crate::layer_selection::required_calibration;
use crate::rewrite::{
    equivalent, first_outputs, fold_batch_normalization, outputs_differ, relative_difference,
    runnable_outputs,
};
use crate::{CompressError, DecisionDraft, Paring, RemovalSavings, StepResult};
use paring_agent::engine::DimensionBindings;
use paring_core::schema::{
    CostTable, Forecast, OriginalIndices, RejectedAlternative, RemovedComponent,
};
use paring_onnx::graph::{Graph, TensorFacts};

/// Removes the least important components of the couplings that the settings name. `costs` are for an
/// amount that is a latency, `seed` is for what draws.
///
/// # Errors
/// [`CompressError`] where a coupling would be emptied, nothing matches or can be removed, samples are
/// needed and there are none, or a weight is not made of 32-bit floats.
pub fn prune_channels(
    mut graph: Graph,
    bindings: DimensionBindings,
    mut origins: OriginalIndices,
    pruning: &ChannelPruning,
    calibration: Option<&Calibration>,
    costs: Option<&CostTable>,
    seed: u64,
) -> Result<StepResult, CompressError> {
    // Behind a folded normalisation a layer is linear up to its Relu.
    let folds = pruning.recover != RecoveryMethod::None || pruning.criterion == Criterion::Obs;
    let mut decisions = Vec::new();
    if folds {
        let given = graph.clone();
        decisions = fold_batch_normalization(&mut graph)?;
        if let Some(calibration) = calibration {
            equivalent("folding normalisations", &given, &graph, calibration)?;
        }
    }
    let facts = graph.facts(bindings.dims, bindings.batch)?;
    let (couplings, mut refusals) =
        couplings(&graph, catalog::catalog(&graph, &facts, &origins)?, pruning)?;
    let layers = catalog::linears(&graph, &facts);
    let samples = calibration;
    let calibration = required_calibration(pruning.needs_data(), calibration)?;
    let rows = rows((&graph, &layers), calibration, samples.filter(|_| pruning.frozen.is_none()))?;
    let gradients = gradients((&graph, &facts), &couplings, pruning, calibration)?;
    let evidence = PruneEvidence {
        graph: &graph,
        facts: &facts,
        layers: &layers,
        rows: &rows,
        gradients: gradients.as_ref(),
        costs,
    };
    let couplings = judged(couplings, pruning, &evidence, &mut refusals)?;
    let choices = choose(&evidence, &couplings, pruning, seed)?;
    let (mut pruned, mut here, mut removed) =
        (graph.clone(), OriginalIndices::default(), Vec::new());
    for choice in &choices {
        let paring = cut(&mut pruned, &mut origins, &mut here, &choice.slices())?;
        let hash = calibration.filter(|_| pruning.criterion.needs_data()).map(|c| c.sha256.clone());
        let saves = saves(&graph, &facts, choice);
        let draft = draft(choice, pruning, paring);
        decisions.push(DecisionDraft { calibration_sha256: hash, saves, ..draft });
        removed.extend([choice.slices(), choice.activations()]);
    }
    let removed = union(&removed);
    let whole = facts;
    let facts = adapt(&mut pruned, &whole, &removed, bindings)?;
    if let Some(samples) = samples {
        let masked = masked_graph(&graph, &whole, &removed);
        verify_on_samples(&choices, &mut decisions, (&masked, &pruned), samples)?;
    }
    if let Some(calibration) = calibration.filter(|_| pruning.recover != RecoveryMethod::None) {
        let before = RecoveryBaseline::new(&graph, &layers, &rows).without(removed);
        decisions.extend(before.recover(&mut pruned, &facts, pruning.recover, calibration)?);
    }
    Ok(StepResult { graph: pruned, origins, decisions, refusals, unexplained: None })
}

/// Gradients at the components, for a criterion that looks at them.
fn gradients(
    (graph, facts): (&Graph, &TensorFacts),
    couplings: &[PrunableCoupling],
    pruning: &ChannelPruning,
    calibration: Option<&Calibration>,
) -> Result<Option<ComponentGradients>, CompressError> {
    let looks = pruning.criterion.needs_gradients() && pruning.frozen.is_none();
    let Some(calibration) = calibration.filter(|_| looks) else { return Ok(None) };
    let couplings: Vec<&Coupling> = couplings.iter().map(|own| &own.coupling).collect();
    let purpose = format!("criterion `{}`", pruning.criterion);
    let found = catalog::component_gradients(graph, facts, &couplings, calibration, &purpose)?;
    Ok(Some(found))
}

/// The layers' inputs on the samples that a step looks at; of one that looks at none on those there are,
/// for its forecast, and empty where that cannot be told.
fn rows(
    (graph, layers): (&Graph, &[LinearLayer]),
    calibration: Option<&Calibration>,
    samples: Option<&Calibration>,
) -> Result<Vec<InputRows>, CompressError> {
    if calibration.is_some() {
        return Ok(catalog::observe_all(graph, layers, calibration)?);
    }
    let found = catalog::observe_all(graph, layers, samples);
    Ok(found.unwrap_or_else(|_| vec![InputRows::default(); layers.len()]))
}

/// Holds the cut graph against the masked one on the first samples, and enters into decisions how far they
/// are apart; nothing can be told where the engine cannot run the masked one.
fn verify_on_samples(
    choices: &[PruneSelection],
    drafts: &mut [DecisionDraft],
    (masked, cut): (&Graph, &Graph),
    samples: &Calibration,
) -> Result<(), CompressError> {
    match runnable_outputs(masked, samples) {
        None => unverified(drafts),
        Some(zeros) => verify(choices, drafts, (&zeros, &first_outputs(cut, samples)?))?,
    }
    Ok(())
}

/// Enters into decisions how far the cut model is from one with zeros where something went.
fn verify(
    choices: &[PruneSelection],
    drafts: &mut [DecisionDraft],
    (zeros, cut): (&[f32], &[f32]),
) -> Result<(), CompressError> {
    let lossy = choices.iter().any(|choice| choice.coupling.lossy.is_some());
    let apart = relative_difference(zeros, cut);
    if !lossy && outputs_differ(zeros, cut) {
        let ids: Vec<&str> = choices.iter().map(|c| c.coupling.id.as_str()).collect();
        return Err(CompressError::Inexact(ids.join("`, `"), apart));
    }
    for draft in drafts.iter_mut().filter(|d| !d.components.is_empty()) {
        let own = choices.iter().find(|choice| choice.coupling.id == draft.coupling);
        let why = own.and_then(|choice| choice.coupling.lossy.as_ref());
        let said = why.map_or_else(String::new, |why| format!("; lossy, because {why}"));
        draft.reason += &format!(
            "{said}; the step's cuts together give what zeros in their place give, within {apart:.1e} of the largest output"
        );
    }
    Ok(())
}

/// Enters into decisions that a cut was not held against zeros.
fn unverified(drafts: &mut [DecisionDraft]) {
    for draft in drafts.iter_mut().filter(|d| !d.components.is_empty()) {
        draft.reason +=
            "; not held against zeros in their place, because the engine cannot run the model";
    }
}

/// The couplings that the step's criterion can judge; the others are refused, with the reader that
/// stands in its way. A replay judges nothing.
///
/// # Errors
/// [`CompressError::AllRefused`] where none is left.
fn judged(
    couplings: Vec<PrunableCoupling>,
    pruning: &ChannelPruning,
    evidence: &PruneEvidence,
    refusals: &mut Refusals,
) -> Result<Vec<PrunableCoupling>, CompressError> {
    let by_rows = pruning.criterion.needs_data() && !pruning.criterion.needs_gradients();
    let looks = by_rows || pruning.allocate == BudgetAllocation::Sensitivity;
    let mut kept = Vec::new();
    for prunable in couplings {
        let coupling = &prunable.coupling;
        if let Some(Err(refusal)) = evidence.gradients.and_then(|all| all.of(coupling)) {
            let reason = format!(
                "criterion `{}` cannot judge it: {refusal}, because {}",
                pruning.criterion, refusal.obstacle
            );
            refusals.push((coupling.id.clone(), reason));
            continue;
        }
        let opaque = evidence.opaque_readers(coupling);
        if opaque.is_empty() || pruning.frozen.is_some() {
            kept.push(prunable);
            continue;
        }
        let readers = opaque.join(", ");
        if looks {
            let by = match by_rows {
                true => format!("criterion `{}`", pruning.criterion),
                false => "allocation by sensitivity".into(),
            };
            let reason = format!(
                "{by} cannot judge it: its reader {readers} does not weigh each channel by stored 32-bit floats of its own; use `l1`, `l2` or `random` with uniform allocation"
            );
            refusals.push((coupling.id.clone(), reason));
            continue;
        }
        if pruning.recover != RecoveryMethod::None {
            let reason = format!(
                "recovery cannot solve its reader {readers}, which does not weigh each channel by stored 32-bit floats of its own"
            );
            refusals.push((coupling.id.clone(), reason));
        }
        kept.push(prunable);
    }
    if kept.is_empty() {
        return Err(CompressError::AllRefused { doing: "prune", refusals: refusals.clone() });
    }
    Ok(kept)
}

/// The savings of a choice alone.
fn saves(graph: &Graph, facts: &TensorFacts, choice: &PruneSelection) -> RemovalSavings {
    let slices = choice.slices();
    let shares = catalog::shares_removed(graph, facts, &slices).into_iter();
    let named = |(position, share): (usize, f64)| (graph.nodes()[position].name.clone(), share);
    RemovalSavings {
        macs: shares.map(named).collect(),
        bytes: catalog::bytes_removed(graph, facts, &slices),
    }
}

fn draft(choice: &PruneSelection, pruning: &ChannelPruning, paring: Paring) -> DecisionDraft {
    let coupling = choice.coupling;
    let describe = |(rank, position): (usize, &usize)| {
        let component = &coupling.components[*position];
        RemovedComponent {
            id: coupling.component_id(component),
            original_index: component.original_index,
            score: choice.scores[*position],
            rank,
        }
    };
    let all: Vec<RemovedComponent> = choice.order.iter().enumerate().map(describe).collect();
    let (removed, kept) = all.split_at(choice.count);
    let threshold = removed.last().map(|c| c.score);
    // The next few are what a reader asks about; all scores follow from the kept file.
    let rejected = kept.iter().take(3).map(|c| RejectedAlternative {
        what: format!("remove {}", c.id),
        why: format!("its score {:.6} is above the threshold", c.score),
    });
    let width = coupling.components.len();
    let spared = match width - all.len() {
        0 => String::new(),
        protected => format!(" that are not protected ({protected} are)"),
    };
    let reason = match pruning.frozen {
        Some(_) => format!("replayed: {} of {width} components", choice.count),
        None => format!(
            "the {} of {width} components{spared} with the lowest {} score",
            choice.count, pruning.criterion
        ),
    };
    DecisionDraft {
        operation: format!("prune {}s", coupling.kind),
        coupling: coupling.id.clone(),
        components: removed.to_vec(),
        members: coupling.members.clone(),
        criterion: Some(pruning.criterion.to_string()),
        threshold,
        alternatives_rejected: rejected.collect(),
        by_cost: pruning.needs_costs(),
        expected: choice.error.and_then(Forecast::output_error).into_iter().collect(),
        paring,
        reason,
        ..DecisionDraft::default()
    }
}
