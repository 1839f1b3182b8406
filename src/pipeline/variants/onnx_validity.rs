//! Variants are held to the ONNX specification before anything is entered about them.

use crate::pipeline::{BASELINE, PipelineError};
use paring_onnx::graph::{self, Graph, Violation};
use std::path::Path;

/// Reads an encoded variant back and holds it to the ONNX specification. What its parent violates
/// already is the exporter's, and operators that the table does not have are nobody's fault.
///
/// # Errors
/// [`PipelineError::Invalid`] with the first violation that the steps brought in.
pub(in crate::pipeline) fn check_validity(
    variant: &str,
    parent: &Path,
    bytes: &[u8],
) -> Result<(), PipelineError> {
    let failed = |source| PipelineError::Graph { variant: variant.into(), source };
    let given = std::fs::read(parent).map_err(PipelineError::file("read", parent))?;
    let before = graph::violations(&Graph::decode(BASELINE, &given).map_err(failed)?);
    let after = graph::violations(&Graph::decode(variant, bytes).map_err(failed)?);
    let new =
        |violation: &Violation| !violation.is_unknown_operator() && !before.contains(violation);
    match after.into_iter().find(new) {
        Some(violation) => {
            Err(PipelineError::Invalid { variant: variant.into(), source: Box::new(violation) })
        }
        None => Ok(()),
    }
}
