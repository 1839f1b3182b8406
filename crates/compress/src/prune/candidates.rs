//! The couplings and components that a prune step may remove, by its patterns.

use super::settings::{ChannelPruning, PruneStructure};
use crate::CompressError;
use crate::catalog::{Catalog, ComponentKind, Coupling};
use crate::layer_selection::protects_something;
use paring_onnx::graph::Graph;
use std::collections::BTreeSet;
use wildmatch::WildMatch;

/// A coupling, and which of its components stay whatever their scores.
#[derive(Clone, Debug)]
pub(super) struct PrunableCoupling {
    pub(super) coupling: Coupling,
    /// Positions.
    pub(super) protected: BTreeSet<usize>,
}

impl PrunableCoupling {
    /// Positions of the components that may go.
    pub(super) fn candidates(&self) -> Vec<usize> {
        let all = 0..self.coupling.components.len();
        all.filter(|position| !self.protected.contains(position)).collect()
    }

    pub(super) fn width(&self) -> usize {
        self.coupling.components.len()
    }
}

/// Layers or couplings that stay whole, each with its reason.
pub(super) type Refusals = Vec<(String, String)>;

/// The couplings that the settings mean, and why others that they could mean stay whole.
pub(super) fn couplings(
    graph: &Graph,
    catalog: Catalog,
    pruning: &ChannelPruning,
) -> Result<(Vec<PrunableCoupling>, Refusals), CompressError> {
    let Catalog { couplings, refused } = catalog;
    let mut refusals: Refusals = refused.into_iter().map(|r| (r.layer, r.reason)).collect();
    let protects: Vec<WildMatch> = pruning.protect.iter().map(|p| WildMatch::new(p)).collect();
    let wanted = pruning.layers.as_deref().map(WildMatch::new);
    let ids: Vec<String> = couplings.iter().map(|c| c.id.clone()).collect();
    if pruning.frozen.is_none() {
        let components = couplings.iter().flat_map(|coupling| {
            coupling.components.iter().map(|component| coupling.component_id(component))
        });
        let all: Vec<String> = ids.iter().cloned().chain(components).collect();
        protects_something(graph, &all, &pruning.protect)?;
    }
    if let Some(wanted) = wanted.as_ref().filter(|w| !ids.iter().any(|id| w.matches(id))) {
        refusals.retain(|(layer, _)| wanted.matches(layer));
        if !refusals.is_empty() {
            return Err(CompressError::AllRefused { doing: "prune", refusals });
        }
        let pattern = pruning.layers.clone().unwrap_or_default();
        return Err(CompressError::NoMatch { pattern, known: ids.join("`, `") });
    }
    if pruning.what == PruneStructure::Heads
        && !couplings.iter().any(|c| c.kind == ComponentKind::Head)
    {
        let why = "no attention heads are recognised in the model; `prune = \"channels\"` is for other layers";
        return Err(CompressError::Nothing("prune", why.into()));
    }
    let mut kept = Vec::new();
    for coupling in couplings {
        if !pruning.what.includes(coupling.kind)
            || wanted.as_ref().is_some_and(|w| !w.matches(&coupling.id))
        {
            continue;
        }
        if let Some(reason) = coupling.lossy.clone().filter(|_| !pruning.lossy) {
            refusals
                .push((coupling.id, format!("{reason}; `lossy = true` removes it all the same")));
            continue;
        }
        if protects.iter().any(|p| p.matches(&coupling.id)) {
            refusals.push((coupling.id, "it is protected".into()));
            continue;
        }
        let ids = coupling.components.iter().map(|c| coupling.component_id(c));
        let ids: Vec<(usize, String)> =
            ids.enumerate().filter(|(_, id)| protects.iter().any(|p| p.matches(id))).collect();
        let protected = ids.iter().map(|(position, _)| *position).collect();
        refusals.extend(ids.into_iter().map(|(_, id)| (id, "it is protected".into())));
        kept.push(PrunableCoupling { coupling, protected });
    }
    if kept.iter().all(|prunable| prunable.candidates().is_empty()) {
        return Err(CompressError::AllRefused { doing: "prune", refusals });
    }
    Ok((kept, refusals))
}
