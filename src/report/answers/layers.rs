//! The answer of `paring profile` for a machine.

use paring_core::schema::{LayerTable, MachineRoofline};
use serde_json::{Value, json};

/// Layers and modules with their times, and the target's peak rates.
pub fn layers_json(table: &LayerTable, peaks: Option<&MachineRoofline>) -> Value {
    let modules = table.modules().into_iter();
    let modules = modules.map(
        |(module, time_ns, share)| json!({ "module": module, "time_ns": time_ns, "share": share }),
    );
    let mut answer = json!(table);
    answer["modules"] = modules.collect();
    answer["accounted"] = json!(table.accounted());
    answer["peaks"] = json!(peaks);
    answer
}
