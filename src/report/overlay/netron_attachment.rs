//! The attachment for Netron: a file that is dropped onto the opened model and adds to the properties
//! of nodes, tensors and the model itself.
//!
//! Source: `metadata.Attachment` in `view.js` of netron 9.3.3.

use super::decided::decided;
use super::node_data::QuantityOverlay;
use super::overlay_model::OverlayModel;
use crate::report::ResultRow;
use crate::report::html::RunReport;
use paring_core::schema::ConfidenceInterval;
use paring_core::units::Bytes;
use serde_json::{Value, json};

/// The file.
pub(super) fn netron_attachment(
    run: &RunReport,
    model: &OverlayModel,
    quantities: &[QuantityOverlay],
) -> Value {
    let mut attachment = AttachmentEntries { model, metadata: vec![], metrics: vec![] };
    for (name, text) in variant_metadata(run, model) {
        // A model has no name in ONNX; its graph's properties are those that open first.
        attachment.metadata.push(entry("model", "", &name, json!(text)));
        attachment.metadata.push(entry("graph", &model.graph_name, &name, json!(text)));
    }
    let decided = decided(run, model);
    for (position, node) in model.nodes.iter().enumerate().filter(|(_, n)| n.precision.is_some()) {
        for (name, text) in decided.get(&node.layer).into_iter().flatten() {
            attachment.add(position, name, json!(text));
        }
    }
    for quantity in quantities {
        for (position, value) in &quantity.values {
            attachment.add(*position, &quantity.short, value.json());
        }
    }
    json!({
        "signature": "netron:attachment",
        "metadata": attachment.metadata,
        "metrics": attachment.metrics,
    })
}

/// Entries of an attachment: texts are metadata, numbers are metrics.
struct AttachmentEntries<'a> {
    model: &'a OverlayModel<'a>,
    metadata: Vec<Value>,
    metrics: Vec<Value>,
}

impl AttachmentEntries<'_> {
    /// Adds a value of a node, and of the tensor that comes from it: a node without a name of its own
    /// has but that.
    fn add(&mut self, position: usize, name: &str, value: Value) {
        let list = if value.is_number() { &mut self.metrics } else { &mut self.metadata };
        if let Some(node) = self.model.name(position) {
            list.push(entry("node", node, name, value.clone()));
        }
        if let Some(tensor) = self.model.tensor(position) {
            list.push(entry("value", tensor, name, value));
        }
    }
}

fn entry(kind: &str, target: &str, name: &str, value: Value) -> Value {
    let kind_of_value = if value.is_number() { "float32" } else { "string" };
    json!({ "kind": kind, "target": target, "name": name, "value": value, "type": kind_of_value })
}

/// Facts about the whole variant.
fn variant_metadata(run: &RunReport, model: &OverlayModel) -> Vec<(String, String)> {
    let record = model.variant;
    let recipe =
        if record.recipe.is_empty() { "as given".into() } else { record.recipe.join("; ") };
    let mut all = vec![
        ("study".to_string(), format!("{}, run {}", run.facts.study, run.facts.run_id)),
        ("variant".to_string(), record.name.clone()),
        ("steps".to_string(), recipe),
        ("file size".to_string(), Bytes(record.file_bytes).to_string()),
    ];
    for row in run.rows.iter().filter(|row| row.variant.name == record.name) {
        all.extend(speed(row));
    }
    all
}

fn speed(row: &ResultRow) -> Option<(String, String)> {
    let speed = row.measurement.speed.as_ref().ok()?;
    let ConfidenceInterval { value, low, high } = speed.speedup;
    let name = match row.measurement.setting.label() {
        usual if usual.is_empty() => format!("speed, {}", row.target),
        setting => format!("speed, {}, {setting}", row.target),
    };
    let emulated = if row.environment.emulated { ", emulated: no board's speed" } else { "" };
    Some((
        name,
        format!("{}: speed-up {value:.3} (99 % CI {low:.3} to {high:.3}){emulated}", speed.verdict),
    ))
}
