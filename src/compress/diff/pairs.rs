//! Which operator of one graph is which of the other.

use super::operators::Operator;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// How far around an operator its place in the graph is looked at.
const ROUNDS: usize = 6;

/// Pairs of positions, in the order of the first graph: operators that do the same in the same place.
///
/// Each operator is labelled by what it does and, round by round, by the labels around it, first far
/// around, then less so; labels that are as frequent in both graphs are matched in order (the method
/// of Weisfeiler & Leman 1968 for telling graphs apart). What is left, where layers were taken out or
/// put in, is aligned in order by what operators do and how alike their weights are.
pub(super) fn pairs(base: &[Operator], variant: &[Operator]) -> Vec<(usize, usize)> {
    let labels = (labels(base), labels(variant));
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for round in (0..=ROUNDS).rev() {
        let taken: BTreeSet<usize> = found.values().copied().collect();
        let free = |labels: &[Vec<u64>], taken: &dyn Fn(usize) -> bool| {
            let mut by_label: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            for (position, rounds) in labels.iter().enumerate().filter(|(p, _)| !taken(*p)) {
                by_label.entry(rounds[round]).or_default().push(position);
            }
            by_label
        };
        let left = free(&labels.0, &|p| found.contains_key(&p));
        let right = free(&labels.1, &|p| taken.contains(&p));
        for (label, ours) in left {
            let Some(theirs) = right.get(&label).filter(|t| t.len() == ours.len()) else {
                continue;
            };
            found.extend(ours.into_iter().zip(theirs.iter().copied()));
        }
    }
    let taken: BTreeSet<usize> = found.values().copied().collect();
    let ours: Vec<usize> = (0..base.len()).filter(|p| !found.contains_key(p)).collect();
    let theirs: Vec<usize> = (0..variant.len()).filter(|p| !taken.contains(p)).collect();
    found.extend(aligned(base, variant, &ours, &theirs));
    found.into_iter().collect()
}

/// Of each operator, its label in every round.
fn labels(operators: &[Operator]) -> Vec<Vec<u64>> {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let mut all: Vec<Vec<u64>> =
        operators.iter().map(|o| vec![hash(&|h| o.form.hash(h))]).collect();
    for round in 0..ROUNDS {
        let now: Vec<u64> = all.iter().map(|labels| labels[round]).collect();
        for (position, operator) in operators.iter().enumerate() {
            let mut before: Vec<u64> = operator.before.iter().map(|p| now[*p]).collect();
            let after = operators.iter().zip(&now).filter(|(o, _)| o.before.contains(&position));
            let mut after: Vec<u64> = after.map(|(_, label)| *label).collect();
            before.sort_unstable();
            after.sort_unstable();
            all[position].push(hash(&|h| (now[position], &before, &after).hash(h)));
        }
    }
    all
}

/// The best alignment in order of what is left.
fn aligned(
    base: &[Operator],
    variant: &[Operator],
    ours: &[usize],
    theirs: &[usize],
) -> Vec<(usize, usize)> {
    let worth = |a: usize, b: usize| -> f64 {
        let (x, y) = (&base[ours[a]], &variant[theirs[b]]);
        match x.form == y.form {
            // Something for the form alone: widths may differ.
            true if x.dims == y.dims => 0.1 + likeness(&x.values, &y.values).max(0.0),
            true => 0.1,
            false => f64::NEG_INFINITY,
        }
    };
    let mut best = vec![vec![0.0f64; theirs.len() + 1]; ours.len() + 1];
    for a in (0..ours.len()).rev() {
        for b in (0..theirs.len()).rev() {
            best[a][b] = best[a + 1][b].max(best[a][b + 1]).max(worth(a, b) + best[a + 1][b + 1]);
        }
    }
    let (mut a, mut b, mut found) = (0, 0, Vec::new());
    while a < ours.len() && b < theirs.len() {
        if best[a][b] == best[a + 1][b] {
            a += 1;
        } else if best[a][b] == best[a][b + 1] {
            b += 1;
        } else {
            found.push((ours[a], theirs[b]));
            (a, b) = (a + 1, b + 1);
        }
    }
    found
}

/// Cosine of the angle between two vectors; 0 where one of them is zero.
pub(super) fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}
