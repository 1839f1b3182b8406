//! The layers that a step's patterns select, and the calibration samples that it needs.

use crate::CompressError;
use crate::catalog::Calibration;
use paring_onnx::graph::{self, Graph};
use wildmatch::WildMatch;

/// The samples that a step looks at, if it looks at any.
///
/// # Errors
/// [`CompressError::NoCalibration`] where it does and there are none.
pub(crate) fn required_calibration(
    looks: bool,
    calibration: Option<&Calibration>,
) -> Result<Option<&Calibration>, CompressError> {
    match (looks, calibration) {
        (true, None) => Err(CompressError::NoCalibration("pruning by data")),
        (true, some) => Ok(some),
        (false, _) => Ok(None),
    }
}

/// Checks that every pattern of `protect` names one of `ids` or a layer of the graph.
///
/// # Errors
/// [`CompressError::NothingProtected`] names a pattern that does not.
pub(crate) fn protects_something(
    graph: &Graph,
    ids: &[String],
    protect: &[String],
) -> Result<(), CompressError> {
    if protect.is_empty() {
        return Ok(());
    }
    let layers = graph::layer_names(graph);
    for pattern in protect {
        let wild = WildMatch::new(pattern);
        if !ids.iter().chain(&layers).any(|id| wild.matches(id)) {
            let known = ids.iter().take(KNOWN).cloned().collect::<Vec<_>>().join("`, `");
            return Err(CompressError::NothingProtected { pattern: pattern.clone(), known });
        }
    }
    Ok(())
}

/// At most so many ids are listed where none matches.
const KNOWN: usize = 24;

/// Tells for each of `ids` if a step means it: those that match `wanted` and none of `protect`.
///
/// # Errors
/// [`CompressError::NoMatch`] where `wanted` matches none, [`CompressError::NothingProtected`] where a
/// pattern of `protect` names no layer.
pub(crate) fn select_layers(
    graph: &Graph,
    ids: &[String],
    wanted: Option<&str>,
    protect: &[String],
) -> Result<Vec<bool>, CompressError> {
    protects_something(graph, ids, protect)?;
    let protects: Vec<WildMatch> = protect.iter().map(|p| WildMatch::new(p)).collect();
    let meant: Vec<bool> =
        ids.iter().map(|id| wanted.is_none_or(|w| WildMatch::new(w).matches(id))).collect();
    if let (Some(pattern), false) = (wanted, meant.contains(&true)) {
        return Err(CompressError::NoMatch { pattern: pattern.into(), known: ids.join("`, `") });
    }
    let kept = |id: &String| !protects.iter().any(|p| p.matches(id));
    Ok(ids.iter().zip(meant).map(|(id, meant)| meant && kept(id)).collect())
}
