//! Scores: how important each component of a coupling is.

use super::Coupling;
use crate::graph::{Graph, GraphError};
use std::fmt;
use std::str::FromStr;

/// How importance is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Sum of the weights' magnitudes.
    L1,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("l1")
    }
}

impl FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "l1" => Ok(Criterion::L1),
            other => Err(format!("unknown criterion `{other}`; known is `l1`")),
        }
    }
}

/// The score of every component under a criterion, in the order of the components.
///
/// `l1`: the sum of |w| over the component's slice of every weight tensor (rank 2 and above) of the
/// coupling, each relative to the mean over all components, so that a large layer does not drown a
/// small one. Normalisation parameters and biases do not count.
///
/// Source: Li et al. 2017, arXiv 1608.08710, extended to all members as in arXiv 2301.12900.
///
/// # Errors
/// [`GraphError`] where a weight is not made of 32-bit floats.
pub fn scores(
    graph: &Graph,
    coupling: &Coupling,
    criterion: Criterion,
) -> Result<Vec<f64>, GraphError> {
    let Criterion::L1 = criterion;
    let mut scores = vec![0.0; coupling.components.len()];
    let axes = coupling.components.first().into_iter().flat_map(|c| c.slices.keys());
    for (initializer, axis) in axes {
        let weights = graph.weights(initializer)?;
        if weights.dims.len() < 2 {
            continue;
        }
        let values = weights.to_f32().ok_or_else(|| GraphError::Tensor {
            tensor: initializer.clone(),
            problem: format!("holds {}, scores need f32", weights.element.name()),
        })?;
        let inner: usize = weights.dims[axis + 1..].iter().product();
        let mut norms = vec![0.0; weights.dims[*axis]];
        for (position, value) in values.iter().enumerate() {
            norms[position / inner % weights.dims[*axis]] += f64::from(value.abs());
        }
        let parts: Vec<f64> = coupling
            .components
            .iter()
            .map(|c| c.slices[&(initializer.clone(), *axis)].iter().map(|i| norms[*i]).sum())
            .collect();
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        if mean > 0.0 {
            scores.iter_mut().zip(&parts).for_each(|(score, part)| *score += part / mean);
        }
    }
    Ok(scores)
}
