//! A variant that another tool made, as if a step had made it: what was done is told from the two
//! models, and stands in decisions of its own.

use super::compare::compare;
use super::difference::{ModelDifference, TensorDifference};
use crate::catalog::Calibration;
use crate::{CompressError, DecisionDraft, StepResult};
use paring_agent::engine::DimensionBindings;
use paring_core::schema::{PrecisionChange, RemovedComponent};
use paring_onnx::graph::Graph;

/// Explains `variant` by `base`.
///
/// # Errors
/// [`CompressError`] where the base cannot be analysed, or the two have no layer in common.
pub fn explain_import(
    base: &Graph,
    variant: Graph,
    bindings: DimensionBindings,
    calibration: Option<&Calibration>,
) -> Result<StepResult, CompressError> {
    let found = compare(base, &variant, bindings, calibration)?;
    if found.tensors.is_empty() {
        let why = "the two models have no layer with weights in common";
        return Err(CompressError::Nothing("explain", why.into()));
    }
    let refusals = found.unexplained.iter().map(|what| ("import".to_string(), what.clone()));
    let moved =
        found.data_flow.iter().chain(&found.operators_removed).chain(&found.operators_added);
    let moved = moved.map(|what| ("import".to_string(), format!("data flow: {what}")));
    let refusals = refusals.chain(moved).collect();
    let decisions = drafts(&found);
    Ok(StepResult {
        graph: variant,
        origins: found.origins,
        decisions,
        refusals,
        unexplained: None,
    })
}

fn drafts(found: &ModelDifference) -> Vec<DecisionDraft> {
    let mut drafts = Vec::new();
    for coupling in found.couplings.iter().filter(|c| !c.removed.is_empty()) {
        let id = &coupling.coupling;
        let each = coupling.removed.iter().zip(&coupling.confidence).enumerate();
        let components = each.map(|(rank, (index, sure))| RemovedComponent {
            id: format!("{id}:{index}"),
            original_index: *index,
            score: *sure,
            rank,
        });
        let least = coupling.confidence.iter().copied().fold(1.0, f64::min);
        drafts.push(DecisionDraft {
            operation: "import: removed".into(),
            coupling: id.clone(),
            components: components.collect(),
            criterion: Some("likeness to the baseline; scores are confidences".into()),
            reason: format!(
                "made elsewhere: {} of {} are left, matched by likeness {:.3}; sure to {least:.3} at least; activations {}",
                coupling.kept.len(),
                coupling.width,
                coupling.likeness,
                found.activations
            ),
            ..DecisionDraft::default()
        });
    }
    for layer in &found.layers_removed {
        let component =
            RemovedComponent { id: layer.clone(), original_index: 0, score: 1.0, rank: 0 };
        drafts.push(DecisionDraft {
            operation: "import: layer left out".into(),
            coupling: layer.clone(),
            components: vec![component],
            reason: "made elsewhere: no layer of the variant is in its place".into(),
            ..DecisionDraft::default()
        });
    }
    for change in &found.operators_changed {
        drafts.push(DecisionDraft {
            operation: "import: operator".into(),
            coupling: change.layer.clone(),
            reason: format!("made elsewhere: {} instead of {}", change.to, change.from),
            ..DecisionDraft::default()
        });
    }
    for constant in &found.constants {
        drafts.push(DecisionDraft {
            operation: "import: constant".into(),
            coupling: constant.layer.clone(),
            reason: format!("made elsewhere: {} {}", constant.input, constant.what),
            ..DecisionDraft::default()
        });
    }
    drafts.extend(found.tensors.iter().filter(|t| t.what != "the same").map(weights));
    drafts
}

/// A layer's weights that are not what they were.
fn weights(tensor: &TensorDifference) -> DecisionDraft {
    let (from, to) = (tensor.precision.clone(), tensor.precision_there.clone());
    let scheme = "as found in the file".to_string();
    let changed = tensor.change.map_or_else(String::new, |change| {
        format!(", changed by {:.2} % of its norm", 100.0 * change)
    });
    DecisionDraft {
        operation: "import: weights".into(),
        coupling: tensor.layer.clone(),
        precision: (from != to).then_some(PrecisionChange { from, to, scheme }),
        reason: format!("made elsewhere: {}{changed}", tensor.what),
        ..DecisionDraft::default()
    }
}
