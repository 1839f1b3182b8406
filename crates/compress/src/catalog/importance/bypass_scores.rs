//! Scores of whole layers and residual blocks.

use super::criterion::Criterion;
use super::error::CatalogError;
use super::observed::Calibration;
use crate::catalog::BypassCandidate;
use paring_core::stats;
use paring_onnx::graph::Graph;
use rand::RngExt;
use std::collections::BTreeSet;

/// Importance of each of `bypasses`: `activation` is E‖to − from‖² / E‖to‖², by how much of its
/// power the output changes; `l1` and `l2` the mean magnitude and the root mean square of the weights.
///
/// # Errors
/// [`CatalogError::Criterion`] for the others, which judge parts of a layer.
pub fn bypass_scores(
    graph: &Graph,
    bypasses: &[BypassCandidate],
    criterion: Criterion,
    calibration: Option<&Calibration>,
    seed: u64,
) -> Result<Vec<f64>, CatalogError> {
    match criterion {
        Criterion::Random => {
            let draw =
                |b: &BypassCandidate| stats::generator(seed, &format!("random {}", b.id)).random();
            Ok(bypasses.iter().map(draw).collect())
        }
        Criterion::L1 | Criterion::L2 => {
            Ok(bypasses.iter().map(|b| magnitude(graph, b, criterion)).collect())
        }
        Criterion::Activation => match calibration {
            Some(calibration) => changes(graph, bypasses, calibration),
            None => Err(CatalogError::NoCalibration("judging by activations".into())),
        },
        Criterion::Wanda
        | Criterion::Obs
        | Criterion::Taylor
        | Criterion::Fisher
        | Criterion::Movement => Err(CatalogError::Criterion {
            criterion,
            what: "layers and blocks",
            known: "`activation`, `l1`, `l2` and `random`",
        }),
    }
}

fn magnitude(graph: &Graph, bypass: &BypassCandidate, criterion: Criterion) -> f64 {
    let inputs = bypass.nodes.iter().flat_map(|p| &graph.nodes()[*p].input);
    let weights = inputs.filter_map(|t| graph.weights(t).ok()).filter(|w| w.dims.len() >= 2);
    let values: Vec<f64> =
        weights.filter_map(|w| w.to_f32()).flatten().map(|v| f64::from(v.abs())).collect();
    let count = values.len().max(1) as f64;
    match criterion {
        Criterion::L2 => (values.iter().map(|v| v * v).sum::<f64>() / count).sqrt(),
        _ => values.iter().sum::<f64>() / count,
    }
}

fn changes(
    graph: &Graph,
    bypasses: &[BypassCandidate],
    calibration: &Calibration,
) -> Result<Vec<f64>, CatalogError> {
    let tensors: Vec<String> =
        bypasses.iter().flat_map(|b| [b.from.clone(), b.to.clone()]).collect();
    let tensors: Vec<String> = tensors.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let (mut changed, mut power) = (vec![0.0; bypasses.len()], vec![0.0; bypasses.len()]);
    calibration.visit(graph, &tensors, &mut |_, outputs| {
        let value = |t: &String| tensors.binary_search(t).ok().map(|i| &outputs[i]);
        for (position, bypass) in bypasses.iter().enumerate() {
            let (Some(from), Some(to)) = (value(&bypass.from), value(&bypass.to)) else { continue };
            for (from, to) in from.iter().zip(to) {
                changed[position] += f64::from(to - from).powi(2);
                power[position] += f64::from(*to).powi(2);
            }
        }
    })?;
    Ok(changed.iter().zip(&power).map(|(c, p)| c / p.max(f64::MIN_POSITIVE)).collect())
}
