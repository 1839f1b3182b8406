//! JSON schemas of keys whose types lie below this crate: sources of energy, cooling down.

use paring_core::schema::EnergySource;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Schema of the `energy` key: a source, and the keys that belong to it.
pub(crate) fn energy_source_schema(_: &mut SchemaGenerator) -> Schema {
    let others = ["auto", "none", "command", "meter"];
    let sources: Vec<&str> = others.into_iter().chain(EnergySource::SENSORS).collect();
    json_schema!({
        "type": "object",
        "properties": {
            "source": { "enum": sources },
            "reason": { "type": "string", "description": "Of `none`: the reason, as it stands in the results." },
            "sensor": { "type": "string", "description": "Of `hwmon`: its key, `DRIVER@DEVICE/powerN`." },
            "command": { "type": "string", "description": "Of `command`: what prints watts, one number a line." },
            "path": { "type": "string", "description": "Of `meter`: its log, on the host." },
            "coverage": { "type": "string", "description": "Of `command` and `meter`: what is measured." },
        },
        "required": ["source"],
        "additionalProperties": false,
    })
}

/// Schema of the `cool_down` key.
pub(crate) fn cool_down_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "below_mc": { "type": "integer", "description": "Cool enough, in thousandths of a degree." },
            "limit_s": { "type": "integer", "minimum": 0, "description": "The longest pause, in seconds." },
        },
        "required": ["below_mc", "limit_s"],
        "additionalProperties": false,
    })
}
