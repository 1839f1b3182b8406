//! Grouping a variant's decisions, so that what experiments do or leave undone stays affordable.

use crate::attribution::shapley::GroupCoalition;
use crate::pipeline::{PipelineError, RecordedStep};
use paring_compress::{CompressError, Step};
use paring_core::schema::{
    ComponentRef, Decision, DecisionGroup, Forecast, GroupPart, ReplayedDecision, Sha256Hex,
};
use std::collections::{BTreeMap, BTreeSet};

/// Granularity of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupLevel {
    /// One a step of the recipe.
    Step,
    /// One a step and coupling or layer.
    Layer,
    /// Several a coupling: its components by rank.
    Component,
}

/// Parts that the components of a coupling are divided into at the finest level.
const SHARES: usize = 4;

/// Groups of everything that the steps decided, at most `most`: the least expected of a step are put
/// together until there are no more.
pub fn groups(done: &[RecordedStep], level: GroupLevel, most: usize) -> Vec<DecisionGroup> {
    let most = most.clamp(1, GroupCoalition::MOST);
    let mut groups: Vec<DecisionGroup> =
        done.iter().enumerate().flat_map(|(step, d)| of_step(step, d, level, most)).collect();
    while groups.len() > most {
        let Some(at) = lightest(&groups) else { break };
        let second = groups.remove(at + 1);
        join(&mut groups[at], second);
    }
    groups
}

fn of_step(step: usize, done: &RecordedStep, level: GroupLevel, most: usize) -> Vec<DecisionGroup> {
    let bare = matches!(done.step, Step::Tune { .. }) && done.decisions.len() < 2;
    if bare || done.step.is_option() {
        // Engine options are a group of their own.
        return vec![];
    }
    let own: Vec<_> = done.decisions.iter().filter(|(_, d)| d.piece().is_some()).collect();
    if level == GroupLevel::Step || own.is_empty() {
        // A step that only accompanies, such as folding, is one decision as a whole.
        let all: Vec<_> = if own.is_empty() { done.decisions.iter().collect() } else { own };
        let whole = GroupPart { step, coupling: None, share: None };
        let joined = all.iter().map(|(id, d)| group(step, done, id, d, None)).reduce(|mut a, b| {
            join(&mut a, b);
            a
        });
        return joined
            .map(|group| DecisionGroup {
                id: format!("{step}"),
                label: done.step.to_string(),
                parts: vec![whole],
                ..group
            })
            .into_iter()
            .collect();
    }
    let shares = match level {
        GroupLevel::Component => (most / own.len().max(1)).clamp(1, SHARES),
        _ => 1,
    };
    let parts = own.iter().flat_map(|(id, decision)| {
        let shares = shares.min(decision.components.len().max(1));
        (0..shares).map(move |part| {
            let share = (shares > 1).then_some((part, shares));
            group(step, done, id, decision, share)
        })
    });
    parts.collect()
}

fn group(
    step: usize,
    done: &RecordedStep,
    id: &Sha256Hex,
    decision: &Decision,
    share: Option<(usize, usize)>,
) -> DecisionGroup {
    let part = GroupPart { step, coupling: Some(decision.coupling.clone()), share };
    let components = components(decision, share).into_iter().map(|c| c.id).collect();
    let which = share.map_or(String::new(), |(part, of)| format!("/{}of{of}", part + 1));
    let said = share.map_or(String::new(), |(part, of)| {
        format!(" (part {} of {of}, least important first)", part + 1)
    });
    // A forecast is of the whole decision.
    let expected: Vec<Forecast> =
        if share.is_none() { decision.expected.clone() } else { Vec::new() };
    DecisionGroup {
        id: format!("{step}:{}{which}", decision.coupling),
        label: format!("{} of {}{said}", decision.operation, decision.coupling),
        parts: vec![part],
        step: done.step.to_string(),
        operation: decision.operation.clone(),
        criterion: decision.criterion.clone(),
        decisions: vec![id.clone()],
        components,
        layers: layers(decision),
        expected,
    }
}

/// Layers whose weights a decision changed.
fn layers(decision: &Decision) -> Vec<String> {
    let nodes: BTreeSet<String> = decision.members.iter().map(|m| m.node.clone()).collect();
    match nodes.is_empty() {
        true => vec![decision.coupling.clone()],
        false => nodes.into_iter().collect(),
    }
}

/// A decision's components, or one share of them by rank.
fn components(decision: &Decision, share: Option<(usize, usize)>) -> Vec<ComponentRef> {
    let mut by_rank: Vec<_> = decision.components.iter().collect();
    by_rank.sort_by_key(|c| c.rank);
    let (part, of) = share.unwrap_or((0, 1));
    let (from, to) = (by_rank.len() * part / of, by_rank.len() * (part + 1) / of);
    let own = by_rank.get(from..to).unwrap_or_default();
    own.iter()
        .map(|c| ComponentRef { id: c.id.clone(), original_index: c.original_index })
        .collect()
}

/// The position of the first of two neighbours of one step whose expected weight is least.
fn lightest(groups: &[DecisionGroup]) -> Option<usize> {
    let weight = |group: &DecisionGroup| {
        let errors = group.expected.iter().filter(|f| f.metric == Forecast::OUTPUT_ERROR);
        errors.map(|f| f.delta.abs()).sum::<f64>()
    };
    let step = |group: &DecisionGroup| group.parts.first().map(|p| p.step);
    let neighbours = groups.windows(2).enumerate();
    let same = neighbours.filter(|(_, pair)| step(&pair[0]) == step(&pair[1]));
    let sizes = |pair: &[DecisionGroup]| {
        (weight(&pair[0]) + weight(&pair[1]), pair[0].parts.len() + pair[1].parts.len())
    };
    let least = same.min_by(|(_, a), (_, b)| {
        let ((a, na), (b, nb)) = (sizes(a), sizes(b));
        a.total_cmp(&b).then(na.cmp(&nb))
    });
    least.map(|(position, _)| position)
}

fn join(into: &mut DecisionGroup, other: DecisionGroup) {
    let name = |group: &DecisionGroup| {
        let couplings = group.parts.iter().filter_map(|p| p.coupling.clone());
        couplings.collect::<Vec<_>>().join(", ")
    };
    if into.operation == other.operation {
        into.label = format!("{} of {}, {}", into.operation, name(into), name(&other));
    } else {
        into.label = format!("{}; {}", into.label, other.label);
        into.operation = "several".into();
    }
    into.id = format!("{}+{}", into.id, other.id.split_once(':').map_or("", |(_, rest)| rest));
    into.parts.extend(other.parts);
    into.decisions.extend(other.decisions);
    into.components.extend(other.components);
    into.layers.extend(other.layers);
    into.layers.sort();
    into.layers.dedup();
    // The drops of several decisions do not add up; errors do.
    into.expected.retain(|f| f.metric == Forecast::OUTPUT_ERROR);
    into.expected.extend(other.expected.into_iter().filter(|f| f.metric == Forecast::OUTPUT_ERROR));
}

/// Decisions that the groups keep of every step on another draw, by the same names and ranks: for each group
/// the positions of its steps and the pieces.
pub fn pieces(
    groups: &[DecisionGroup],
    done: &[RecordedStep],
) -> Vec<Vec<(usize, ReplayedDecision)>> {
    let of = |part: &GroupPart| -> Vec<(usize, ReplayedDecision)> {
        let decisions = done.get(part.step).into_iter().flat_map(|d| &d.decisions);
        let own = decisions
            .filter(|(_, d)| part.coupling.as_ref().is_none_or(|coupling| *coupling == d.coupling));
        let found = own.filter_map(|(_, d)| {
            // A whole step is also what only accompanies.
            let piece = d.piece();
            let bare = || ReplayedDecision {
                coupling: d.coupling.clone(),
                components: vec![],
                precision: None,
            };
            let piece =
                if part.coupling.is_none() { Some(piece.unwrap_or_else(bare)) } else { piece };
            let components = components(d, part.share);
            piece.map(|piece| (part.step, ReplayedDecision { components, ..piece }))
        });
        found.collect()
    };
    groups.iter().map(|group| group.parts.iter().flat_map(of).collect()).collect()
}

/// The recipe in which only the groups of `set` are done, in the order of application.
///
/// # Errors
/// [`PipelineError::Step`] names a step that cannot be replayed.
pub fn recipe(
    done: &[RecordedStep],
    pieces: &[Vec<(usize, ReplayedDecision)>],
    set: GroupCoalition,
) -> Result<Vec<Step>, PipelineError> {
    let steps = done.iter().enumerate().map(|(position, d)| {
        let of = |groups: &dyn Fn(usize) -> bool| {
            let mut by_coupling: BTreeMap<String, ReplayedDecision> = BTreeMap::new();
            let own = pieces.iter().enumerate().filter(|(group, _)| groups(*group));
            for (_, piece) in own.flat_map(|(_, p)| p).filter(|(step, _)| *step == position) {
                match by_coupling.get_mut(&piece.coupling) {
                    Some(all) => all.components.extend(piece.components.iter().cloned()),
                    None => drop(by_coupling.insert(piece.coupling.clone(), piece.clone())),
                }
            }
            by_coupling.into_values().collect::<Vec<_>>()
        };
        let made = of(&|_| true);
        if made.is_empty() {
            // A step that decided nothing changes nothing that could be left out.
            return Ok(Some(d.step.clone()));
        }
        let only = d.step.with_only(&made, &of(&|group| set.contains(group)));
        only.map_err(|source| unreplayable(d, source))
    });
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    Ok(steps.into_iter().flatten().collect())
}

/// The error of a step that cannot be replayed.
pub(super) fn unreplayable(done: &RecordedStep, source: CompressError) -> PipelineError {
    let (variant, step) = ("an experiment".to_string(), done.step.to_string());
    PipelineError::Step { variant, step, source: Box::new(source) }
}
