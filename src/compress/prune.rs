//! Structured pruning: removing components of couplings from every tensor that they reach.

use super::cut::{adapt, cut, union};
use super::{CompressError, Draft, Made, Paring};
use crate::catalog::{self, Catalog, Coupling, Criterion, Slices};
use crate::engine::Bindings;
use crate::graph::{Graph, GraphError};
use crate::record::{Component, Origins, RejectedAlternative};

/// Removes the least important `ratio` of the components of every coupling, rounded to whole
/// components. Couplings that cannot be shortened exactly are left alone.
///
/// # Errors
/// [`CompressError`] where a coupling would be emptied, nothing can be removed, or a weight is not
/// made of 32-bit floats.
pub fn prune_channels(
    mut graph: Graph,
    bindings: Bindings,
    mut origins: Origins,
    ratio: f64,
    criterion: Criterion,
) -> Result<Made, CompressError> {
    let facts = graph.facts(bindings.dims, bindings.batch)?;
    let Catalog { couplings, refused } = catalog::catalog(&graph, &facts, &origins)?;
    let (lossy, couplings): (Vec<Coupling>, Vec<Coupling>) =
        couplings.into_iter().partition(|c| c.lossy.is_some());
    let mut refusals: Vec<(String, String)> =
        refused.into_iter().map(|r| (r.layer, r.reason)).collect();
    refusals.extend(lossy.into_iter().map(|c| (c.id, c.lossy.unwrap_or_default())));
    if couplings.is_empty() {
        let reasons: Vec<String> = refusals.iter().map(|(l, r)| format!("`{l}`: {r}")).collect();
        return Err(CompressError::Nothing("prune", reasons.join("; ")));
    }
    let scored = couplings
        .iter()
        .map(|coupling| Ok((coupling, catalog::scores(&graph, coupling, criterion)?)))
        .collect::<Result<Vec<_>, GraphError>>()?;
    let (mut decisions, mut here, mut removed) = (Vec::new(), Origins::default(), Vec::new());
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
            removed.extend([choice.slices(), choice.activations()]);
        }
    }
    adapt(&mut graph, &facts, &union(&removed), bindings)?;
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

    /// Entries of initializers that go.
    fn slices(&self) -> Slices {
        union(self.order[..self.count].iter().map(|p| &self.coupling.components[*p].slices))
    }

    /// Entries of computed tensors that go.
    fn activations(&self) -> Slices {
        union(self.order[..self.count].iter().map(|p| &self.coupling.components[*p].activations))
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
