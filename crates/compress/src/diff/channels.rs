//! The components of each coupling of the baseline that are still in the variant.

use super::alignment::{ComponentAlignment, align};
use super::flow::likeness;
use super::operators::WeightedOperator;
use crate::catalog::{ComponentKind, Coupling, Slices};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The removed and the kept components of one coupling of the baseline.
#[derive(Clone, Debug, Serialize)]
pub struct CouplingDifference {
    /// Its id in the baseline.
    pub coupling: String,
    /// The kind of its components: `channel`, `neuron`, `head` …
    pub kind: ComponentKind,
    /// Its width in the baseline.
    pub width: usize,
    /// Original indices of components that are gone.
    pub removed: Vec<usize>,
    /// Probability that each of them is gone, 0 to 1.
    pub confidence: Vec<f64>,
    /// Original index of each component that is left.
    pub kept: Vec<usize>,
    /// Probability of each of those, 0 to 1.
    pub kept_confidence: Vec<f64>,
    /// Mean likeness of the weights of what was matched, −1 to 1.
    pub likeness: f64,
}

/// Something of each original, and of each that is left.
pub(super) type OriginalsAndRemaining<T> = (Vec<Vec<T>>, Vec<Vec<T>>);

/// A matched pair of operators.
pub(super) struct OperatorPair<'a> {
    pub(super) base: &'a WeightedOperator,
    pub(super) variant: &'a WeightedOperator,
    /// Their outputs on the same samples, `[channel][value]`, where both could be run.
    pub(super) activations: Option<OriginalsAndRemaining<f32>>,
}

/// The state of matching: couplings are resolved one after the other.
pub(super) struct ComponentMatching<'a> {
    pub(super) couplings: &'a [Coupling],
    pub(super) pairs: &'a [OperatorPair<'a>],
    /// The removed indices so far, by initializer of the baseline and axis.
    pub(super) gone: Slices,
    pub(super) found: BTreeMap<usize, CouplingDifference>,
}

impl ComponentMatching<'_> {
    /// Resolves what can be resolved, from the inputs on, until nothing more follows.
    pub(super) fn resolve(&mut self) {
        loop {
            let open = (0..self.couplings.len()).filter(|c| !self.found.contains_key(c));
            // In the graph's order what producers read is mostly known: they are compared as a whole.
            let mut ready = open.filter_map(|c| {
                let left = self.left(c)?;
                let evidence = self.evidence(c, left);
                (!evidence.is_empty()).then_some((evidence, c, left))
            });
            let Some((evidence, c, left)) = ready.next() else { return };
            drop(ready);
            let coupling = &self.couplings[c];
            let width = coupling.components.len();
            let alignment = align(&evidence, left, width);
            self.enter(c, &alignment, &evidence[0]);
        }
    }

    fn enter(&mut self, c: usize, alignment: &ComponentAlignment, likeness: &[Vec<f64>]) {
        let coupling = &self.couplings[c];
        let kept: Vec<usize> = alignment.kept.iter().map(|(b, _)| *b).collect();
        let there: BTreeSet<usize> = kept.iter().copied().collect();
        let left = kept.len();
        let mut order: Vec<usize> = (0..coupling.components.len()).collect();
        order.sort_by(|a, b| alignment.gone[*b].total_cmp(&alignment.gone[*a]));
        // As many as are missing: the likeliest, and where two matches claim one, what is left over.
        let mut removed: Vec<usize> = order.into_iter().filter(|b| !there.contains(b)).collect();
        removed.truncate(coupling.components.len() - left);
        removed.sort_unstable();
        for component in removed.iter().map(|b| &coupling.components[*b]) {
            for (axis, indices) in &component.slices {
                let gone = self.gone.entry(axis.clone()).or_default();
                gone.extend(indices);
                gone.sort_unstable();
            }
        }
        let original = |b: &usize| coupling.components[*b].original_index;
        let alike: f64 = kept.iter().enumerate().map(|(v, b)| likeness[v][*b]).sum();
        let difference = CouplingDifference {
            coupling: coupling.id.clone(),
            kind: coupling.kind,
            width: coupling.components.len(),
            removed: removed.iter().map(original).collect(),
            confidence: removed.iter().map(|b| alignment.gone[*b]).collect(),
            kept: kept.iter().map(original).collect(),
            kept_confidence: alignment.kept.iter().map(|(_, p)| *p).collect(),
            likeness: alike / left.max(1) as f64,
        };
        self.found.insert(c, difference);
    }

    /// The number of components of a coupling that are left, if all that shares one of its axes is known.
    fn left(&self, c: usize) -> Option<usize> {
        let coupling = &self.couplings[c];
        let width = coupling.components.len();
        let mut answers = BTreeSet::new();
        for pair in self.pairs {
            for (axis, base, variant) in axes(pair) {
                let Some(own) = coupling.components[0].slices.get(&axis) else { continue };
                let others = self.couplings.iter().enumerate().filter(|(o, _)| *o != c);
                let mut open = others.filter(|(o, _)| !self.found.contains_key(o));
                if open.any(|(_, o)| o.components[0].slices.contains_key(&axis)) {
                    continue;
                }
                let gone = self.gone.get(&axis).map_or(0, Vec::len);
                let missing = (base - gone).checked_sub(variant)?;
                if missing % own.len() != 0 || missing / own.len() >= width {
                    return None;
                }
                answers.insert(width - missing / own.len());
            }
        }
        // Axes that disagree mean that something else happened.
        (answers.len() == 1).then(|| answers.first().copied()).flatten()
    }

    /// Matrices of likeness, `[still there][original]`: of weights first, then of activations.
    fn evidence(&self, c: usize, left: usize) -> Vec<Vec<Vec<f64>>> {
        let mut sums: Option<(Vec<Vec<f64>>, usize)> = None;
        let mut evidence = Vec::new();
        for pair in self.pairs {
            if let Some(vectors) = self.vectors(c, left, pair) {
                let matrix = matrix(&vectors.0, &vectors.1);
                match &mut sums {
                    None => sums = Some((matrix, 1)),
                    Some((sum, count)) => {
                        *count += 1;
                        let both = sum.iter_mut().flatten().zip(matrix.iter().flatten());
                        both.for_each(|(sum, value)| *sum += value);
                    }
                }
            }
            if let Some((base, variant)) = self.observed(c, left, pair) {
                evidence.push(matrix(&base, &variant));
            }
        }
        // All weights together are one witness: they were trained together.
        if let Some((mut sum, count)) = sums {
            sum.iter_mut().flatten().for_each(|value| *value /= count as f64);
            evidence.insert(0, sum);
        } else {
            evidence.clear();
        }
        evidence.truncate(2);
        evidence
    }

    /// Weights of every component: of originals and of those that are left.
    fn vectors(
        &self,
        c: usize,
        left: usize,
        pair: &OperatorPair,
    ) -> Option<OriginalsAndRemaining<f32>> {
        let (base, variant) = (pair.base, pair.variant);
        let output = (base.weights.clone(), base.output_axis);
        let input = (base.weights.clone(), base.input_axis);
        let (along, across, by_output) =
            match (self.places(c, left, &output), self.places(c, left, &input)) {
                (Some(places), _) => (places, &input, true),
                (None, Some(places)) => (places, &output, false),
                (None, None) => return None,
            };
        let across_base = if by_output { base.dims[1] } else { base.dims[0] };
        let across_variant = if by_output { variant.dims[1] } else { variant.dims[0] };
        let there = self.there(across, across_base);
        let (along_base, along_variant) = match by_output {
            true => (base.dims[0], variant.dims[0]),
            false => (base.dims[1], variant.dims[1]),
        };
        // Otherwise something else on one of the axes is not known yet.
        let own = if by_output { &output } else { &input };
        let known = self.there(own, along_base).len();
        let taken: usize = along.0[left..].iter().map(Vec::len).sum();
        if there.len() != across_variant || known != along_variant + taken {
            return None;
        }
        let of = |operator: &WeightedOperator, entries: &[usize], others: &[usize]| -> Vec<f32> {
            let [_, inputs, places] = operator.dims;
            let pick = |e: usize, other: usize| match by_output {
                true => (e * inputs + other) * places,
                false => (other * inputs + e) * places,
            };
            let starts = entries.iter().flat_map(|e| others.iter().map(move |o| pick(*e, *o)));
            starts.flat_map(|at| &operator.values[at..at + places]).copied().collect()
        };
        let all: Vec<usize> = (0..across_variant).collect();
        let originals = along.0.iter().map(|entries| of(base, entries, &there)).collect();
        let remaining = along.1.iter().map(|entries| of(variant, entries, &all)).collect();
        Some((originals, remaining))
    }

    /// Activations of every component, where the operator makes it.
    fn observed(
        &self,
        c: usize,
        left: usize,
        pair: &OperatorPair,
    ) -> Option<OriginalsAndRemaining<f32>> {
        let (base, variant) = pair.activations.as_ref()?;
        let axis = (pair.base.weights.clone(), pair.base.output_axis);
        let (originals, remaining) = self.places(c, left, &axis)?;
        let taken: usize = originals[left..].iter().map(Vec::len).sum();
        if self.there(&axis, pair.base.dims[0]).len() != pair.variant.dims[0] + taken {
            return None;
        }
        let gather = |from: &Vec<Vec<f32>>, entries: &Vec<usize>| -> Option<Vec<f32>> {
            let values: Option<Vec<&Vec<f32>>> = entries.iter().map(|e| from.get(*e)).collect();
            Some(values?.into_iter().flatten().copied().collect())
        };
        let originals: Option<_> = originals.iter().map(|e| gather(base, e)).collect();
        let remaining: Option<_> = remaining.iter().map(|e| gather(variant, e)).collect();
        Some((originals?, remaining?))
    }

    /// The places of each component along an axis: originals in the baseline, the remaining in the
    /// variant. `None` where the coupling has no part of the axis.
    fn places(
        &self,
        c: usize,
        left: usize,
        axis: &(String, usize),
    ) -> Option<OriginalsAndRemaining<usize>> {
        let components = &self.couplings[c].components;
        let originals: Option<Vec<Vec<usize>>> =
            components.iter().map(|k| k.slices.get(axis).cloned()).collect();
        let originals = originals?;
        // Whichever went, those that are left stand as the first so many would.
        let dropped: BTreeSet<usize> = originals[left..].iter().flatten().copied().collect();
        let others: BTreeSet<usize> = self.gone.get(axis).into_iter().flatten().copied().collect();
        let moved = |e: &usize| e - dropped.iter().chain(&others).filter(|g| *g < e).count();
        let remaining = originals[..left].iter().map(|entries| entries.iter().map(moved).collect());
        let remaining = remaining.collect();
        Some((originals, remaining))
    }

    /// Indices of an axis of the baseline that are left, as far as is known.
    fn there(&self, axis: &(String, usize), length: usize) -> Vec<usize> {
        let gone = self.gone.get(axis);
        (0..length).filter(|i| gone.is_none_or(|g| g.binary_search(i).is_err())).collect()
    }
}

/// The axes of a pair: name in the baseline, length there and in the variant.
fn axes(pair: &OperatorPair) -> Vec<((String, usize), usize, usize)> {
    let (base, variant) = (pair.base, pair.variant);
    let name = |axis: usize| (base.weights.clone(), axis);
    let mut all = vec![(name(base.output_axis), base.dims[0], variant.dims[0])];
    if !base.form.depthwise {
        all.push((name(base.input_axis), base.dims[1], variant.dims[1]));
    }
    all
}

/// Likeness of each of `remaining` to each of `originals`.
fn matrix(originals: &[Vec<f32>], remaining: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let row = |r: &Vec<f32>| originals.iter().map(|o| likeness(r, o)).collect();
    remaining.par_iter().map(row).collect()
}
