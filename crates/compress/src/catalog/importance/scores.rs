//! Scores: the importance of each component of a coupling.

use super::coupling_readers::CouplingReader;
use super::criterion::Criterion;
use super::error::CatalogError;
use super::gradients::ComponentGradients;
use super::observed::{LinearLayer, per_output};
use super::optimal_brain_surgeon::{EliminationOrder, ReaderProblem, eliminate};
use crate::catalog::{ComponentSlices, Coupling};
use crate::gradient::GradientError;
use faer::Mat;
use paring_core::stats;
use paring_onnx::graph::{Graph, GraphError, Weights};
use rand::RngExt;
use std::collections::BTreeSet;

/// The score of every component under a criterion, in the order of the components; the least
/// important has the lowest. `seed` is for the one that draws.
///
/// `l1`, `l2`: over the component's slices of every weight tensor (rank 2 and above) of the coupling,
/// each relative to the mean over all components, so that a large layer does not drown a small one;
/// integers count as they are stored, normalisation parameters and biases do not count (Li et al. 2017, arXiv 1608.08710, extended to
/// all members as in arXiv 2301.12900). `activation`: mean |a| over the inputs of each reader,
/// relative to its mean. `wanda`: Σ |w|·‖a‖₂ over inputs and outputs of each reader, relative to its
/// mean (Sun et al. 2023, arXiv 2306.11695). `obs`: see [`EliminationOrder`]. `taylor`, `fisher`,
/// `movement`: see [`CouplingGradients::scores`](super::CouplingGradients::scores); `gradients` are for them.
///
/// # Errors
/// [`CatalogError`] where a weight is not made of 32-bit floats, a system is singular, or a gradient is
/// missing.
pub fn scores(
    graph: &Graph,
    coupling: &Coupling,
    criterion: Criterion,
    (readers, gradients): (&[CouplingReader], Option<&ComponentGradients>),
    seed: u64,
) -> Result<Vec<f64>, CatalogError> {
    let width = coupling.components.len();
    let mut scores = vec![0.0; width];
    match criterion {
        Criterion::Random => {
            let mut rng = stats::generator(seed, &format!("random {}", coupling.id));
            scores.iter_mut().for_each(|score| *score = rng.random());
        }
        Criterion::L1 | Criterion::L2 => {
            let axes = coupling.components.first().into_iter().flat_map(|c| c.slices.keys());
            for (initializer, axis) in axes {
                let weights = graph.weights(initializer)?;
                if weights.dims.len() >= 2 {
                    let parts = magnitudes(coupling, criterion, initializer, *axis, &weights)?;
                    add_relative(&mut scores, &parts);
                }
            }
        }
        Criterion::Activation | Criterion::Wanda => {
            for reader in readers {
                let parts = seen(graph, coupling, criterion, reader)?;
                add_relative(&mut scores, &parts);
            }
        }
        Criterion::Obs => {
            let every = (0..width).collect();
            let found = elimination(graph, coupling, readers, (every, 0), &BTreeSet::new())?;
            found.left.into_iter().for_each(|(component, error)| scores[component] = error);
        }
        Criterion::Taylor | Criterion::Fisher | Criterion::Movement => {
            let missing = || CatalogError::NoCalibration(format!("criterion `{criterion}`"));
            let own = gradients.and_then(|all| all.of(coupling)).ok_or_else(missing)?;
            scores = own.map_err(|refusal| GradientError::from(refusal.clone()))?.scores(criterion);
        }
    }
    Ok(scores)
}

/// Takes out `count` of a coupling's `candidates` one after the other; see [`EliminationOrder`]. All outputs of
/// a reader count alike, each relative to its variance, but those that stand in `unread` (weights,
/// index along their output axis): they are gone already, and nobody minds their errors.
///
/// # Errors
/// [`CatalogError`] where a weight is not made of 32-bit floats or a system is singular.
pub fn elimination(
    graph: &Graph,
    coupling: &Coupling,
    readers: &[CouplingReader],
    (candidates, count): (Vec<usize>, usize),
    unread: &BTreeSet<(String, usize)>,
) -> Result<EliminationOrder, CatalogError> {
    let mut problems = problems(graph, coupling, readers, unread)?;
    Ok(eliminate(&mut problems, candidates, count))
}

/// The error that leaving out each component alone adds, in the units of the readers' outputs squared:
/// the mean over rows of the sum over outputs, their weights making up for it.
///
/// # Errors
/// Those of [`elimination`].
pub fn output_errors(
    graph: &Graph,
    coupling: &Coupling,
    readers: &[CouplingReader],
) -> Result<Vec<f64>, CatalogError> {
    let mut errors = vec![0.0; coupling.components.len()];
    for CouplingReader { layer, rows } in readers {
        let blocks = coupling.components.iter().map(|c| features(layer, c)).collect();
        let (rows, weights) = (rows.matrix(layer.affine()), with_bias(graph, layer)?);
        let problem = ReaderProblem::new(&layer.layer, &rows, &weights, blocks)?;
        let each = errors.iter_mut().enumerate();
        each.for_each(|(component, sum)| *sum += problem.error(component) * problem.power());
    }
    Ok(errors)
}

/// The error that leaving out all of `gone` (positions) adds, summed over the readers: what
/// [`elimination`] would add up to if it took out these.
///
/// # Errors
/// Those of [`elimination`].
pub fn joint_error(
    graph: &Graph,
    coupling: &Coupling,
    readers: &[CouplingReader],
    gone: &[usize],
) -> Result<f64, CatalogError> {
    let mut error = 0.0;
    for mut problem in problems(graph, coupling, readers, &BTreeSet::new())? {
        for component in gone {
            error += problem.error(*component);
            problem.remove(*component);
        }
    }
    Ok(error)
}

fn problems(
    graph: &Graph,
    coupling: &Coupling,
    readers: &[CouplingReader],
    unread: &BTreeSet<(String, usize)>,
) -> Result<Vec<ReaderProblem>, CatalogError> {
    let mut problems = Vec::new();
    for CouplingReader { layer, rows } in readers {
        let weights = with_bias(graph, layer)?;
        let kept: Vec<usize> = (0..layer.columns())
            .filter(|c| !unread.contains(&(layer.weights.clone(), layer.output_of(*c))))
            .collect();
        let rows = rows.matrix(layer.affine());
        let weights = Mat::from_fn(weights.nrows(), kept.len(), |i, j| weights[(i, kept[j])]);
        let weights = of_unit_variance(&rows, weights);
        let blocks = coupling.components.iter().map(|c| features(layer, c)).collect();
        problems.push(ReaderProblem::new(&layer.layer, &rows, &weights, blocks)?);
    }
    Ok(problems)
}

/// Scales columns so that `rows · weights` has the same variance in each.
pub(super) fn of_unit_variance(rows: &Mat<f64>, mut weights: Mat<f64>) -> Mat<f64> {
    let outputs = rows * &weights;
    let count = outputs.nrows().max(1) as f64;
    for o in 0..weights.ncols() {
        let mean = outputs.col(o).iter().sum::<f64>() / count;
        let variance = outputs.col(o).iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        if variance > f64::MIN_POSITIVE {
            (0..weights.nrows()).for_each(|i| weights[(i, o)] /= variance.sqrt());
        }
    }
    weights
}

/// The weights of a layer as a matrix, its bias as a last row where it has or could have one.
///
/// # Errors
/// [`GraphError`] where they are not made of 32-bit floats.
pub fn with_bias(graph: &Graph, layer: &LinearLayer) -> Result<Mat<f64>, GraphError> {
    let weights = graph.weights(&layer.weights)?;
    let matrix = layer.matrix(&weights).ok_or_else(|| not_floats(&layer.weights, &weights))?;
    if !layer.affine() {
        return Ok(matrix);
    }
    let bias = match &layer.bias {
        Some(name) => {
            let weights = graph.weights(name)?;
            per_output(
                weights.to_f32().ok_or_else(|| not_floats(name, &weights))?,
                layer.outputs.end,
            )
        }
        None => vec![0.0; layer.outputs.end],
    };
    let features = matrix.nrows();
    Ok(Mat::from_fn(features + 1, matrix.ncols(), |i, j| match i {
        i if i == features => f64::from(bias[layer.outputs.start + j]) * layer.factors.1,
        i => matrix[(i, j)],
    }))
}

fn not_floats(name: &str, weights: &Weights) -> GraphError {
    GraphError::Tensor {
        tensor: name.to_string(),
        problem: format!("holds {}, scores need f32", weights.element.name()),
    }
}

/// The entries of a reader's rows that a component has.
pub(super) fn features(layer: &LinearLayer, component: &ComponentSlices) -> Vec<usize> {
    let own = component.slices.get(&(layer.weights.clone(), layer.input_axis));
    let block = layer.block();
    own.into_iter().flatten().flat_map(|i| i * block..(i + 1) * block).collect()
}

fn magnitudes(
    coupling: &Coupling,
    criterion: Criterion,
    initializer: &str,
    axis: usize,
    weights: &Weights,
) -> Result<Vec<f64>, GraphError> {
    let values = weights.numbers().ok_or_else(|| not_floats(initializer, weights))?;
    let inner: usize = weights.dims[axis + 1..].iter().product();
    let mut norms = vec![0.0; weights.dims[axis]];
    for (position, value) in values.iter().enumerate() {
        let value = f64::from(value.abs());
        norms[position / inner % weights.dims[axis]] +=
            if criterion == Criterion::L2 { value * value } else { value };
    }
    let key = (initializer.to_string(), axis);
    let total = |c: &ComponentSlices| c.slices[&key].iter().map(|i| norms[*i]).sum::<f64>();
    let totals = coupling.components.iter().map(total);
    Ok(if criterion == Criterion::L2 { totals.map(f64::sqrt).collect() } else { totals.collect() })
}

fn seen(
    graph: &Graph,
    coupling: &Coupling,
    criterion: Criterion,
    CouplingReader { layer, rows }: &CouplingReader,
) -> Result<Vec<f64>, GraphError> {
    let (mut sums, mut squares) = (vec![0.0; rows.features], vec![0.0; rows.features]);
    for row in rows.values.chunks(rows.features.max(1)) {
        for (feature, value) in row.iter().enumerate() {
            sums[feature] += f64::from(value.abs());
            squares[feature] += f64::from(*value).powi(2);
        }
    }
    let matrix = with_bias(graph, layer)?;
    let score = |feature: usize| match criterion {
        Criterion::Wanda => {
            let weights: f64 = matrix.row(feature).iter().map(|w| w.abs()).sum();
            weights * squares[feature].sqrt()
        }
        _ => sums[feature],
    };
    let of = |c| features(layer, c).into_iter().map(score).sum();
    Ok(coupling.components.iter().map(of).collect())
}

/// Adds parts to scores, relative to their mean; parts that are all zero say nothing.
fn add_relative(scores: &mut [f64], parts: &[f64]) {
    let mean = parts.iter().sum::<f64>() / parts.len().max(1) as f64;
    if mean > 0.0 {
        scores.iter_mut().zip(parts).for_each(|(score, part)| *score += part / mean);
    }
}
