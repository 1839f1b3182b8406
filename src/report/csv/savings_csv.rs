//! savings.csv: what each layer and module took before and after, and the decisions that touched it.

use crate::report::report_error::ReportError;
use crate::report::result_row::RunFacts;
use paring_core::schema::{Explanation, LayerChange, SCHEMA};
use paring_data::CsvTable;

const HEADER: [&str; 14] = [
    "schema",
    "study",
    "run_id",
    "variant",
    "variant_id",
    "layer",
    "scope",
    "target",
    "emulated",
    "before_ns",
    "after_ns",
    "saved_ns",
    "groups",
    "decisions",
];

/// One row a layer, then one a module.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn savings_csv(facts: &RunFacts, explanations: &[Explanation]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    for explanation in explanations {
        for layer in &explanation.layers {
            writer.row(cells(facts, explanation, layer))?;
        }
    }
    writer.finish().map_err(ReportError::Buffer)
}

fn cells(facts: &RunFacts, explanation: &Explanation, layer: &LayerChange) -> [String; 14] {
    let touched = explanation.groups.iter().filter(|group| layer.groups.contains(&group.id));
    let decisions: Vec<String> =
        touched.flat_map(|group| group.decisions.iter().map(ToString::to_string)).collect();
    let ns = |value: f64| format!("{value:.0}");
    [
        SCHEMA.to_string(),
        facts.study.clone(),
        facts.run_id.clone(),
        explanation.variant.clone(),
        explanation.variant_id.to_string(),
        layer.layer.clone(),
        layer.scope.clone(),
        layer.target.clone(),
        explanation.is_emulated(Some(&layer.target)).to_string(),
        ns(layer.before_ns),
        ns(layer.after_ns),
        ns(layer.before_ns - layer.after_ns),
        layer.groups.join(" "),
        decisions.join(" "),
    ]
}
