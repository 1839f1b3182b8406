//! Operators with weights in order, and how alike weights are.

use super::super::operators::WeightedOperator;

/// The best alignment in order of operators at `ours` and at `theirs`, by form and likeness of weights.
pub(in crate::diff) fn aligned(
    base: &[WeightedOperator],
    variant: &[WeightedOperator],
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
pub(in crate::diff) fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}
