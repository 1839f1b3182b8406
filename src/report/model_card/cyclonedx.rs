//! A card as a machine-learning bill of materials.
//!
//! Source: CycloneDX 1.6 (ECMA-424).

use super::CardRecords;
use super::card_metrics::{CardMetric, UJ_PER_KWH};
use crate::report::ResultRow;
use paring_core::schema::{ConfidenceInterval, VariantRecord};
use serde_json::{Map, Value, json};

/// The bill of materials of a variant.
pub fn model_card_cyclonedx(card: &CardRecords) -> Value {
    let Some(variant) = card.variant() else { return Value::Null };
    let ancestors: Vec<Value> = card.line.iter().skip(1).map(component).collect();
    let mut own = component(variant);
    let Some(fields) = own.as_object_mut() else { return Value::Null };
    fields.insert("bom-ref".into(), json!(variant.variant_id));
    fields.insert("modelCard".into(), model_card(card));
    if !ancestors.is_empty() {
        let notes = format!("recipe: {}", variant.recipe.join("; "));
        fields.insert("pedigree".into(), json!({ "ancestors": ancestors, "notes": notes }));
    }
    let properties = fields.entry("properties").or_insert_with(|| json!([]));
    if let Some(properties) = properties.as_array_mut() {
        properties.extend(identity_properties(card));
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": { "components": [{
                "type": "application", "name": "paring", "version": card.version,
            }] },
            "component": own,
        },
    })
}

fn component(record: &VariantRecord) -> Value {
    json!({
        "type": "machine-learning-model",
        "name": record.name,
        "version": record.variant_id.short(),
        "hashes": [{ "alg": "SHA-256", "content": record.file_sha256 }],
        "properties": [
            property("paring:file", &*record.file),
            property("paring:file_bytes", record.file_bytes),
            property("paring:parameters", record.params),
            property("paring:precision", record.precision()),
        ],
    })
}

fn property(name: &str, value: impl ToString) -> Value {
    json!({ "name": name, "value": value.to_string() })
}

fn identity_properties(card: &CardRecords) -> Vec<Value> {
    let facts = card.facts;
    let mut all = vec![
        property("paring:study", &facts.study),
        property("paring:run_id", &facts.run_id),
        property("paring:owner", card.owner),
        property("paring:measurement_sha256", &facts.measurement_sha256),
        property("paring:decisions", card.decisions.len()),
    ];
    for key in ["risk", "review_by", "notes"] {
        all.extend(card.word(key).map(|words| property(&format!("paring:{key}"), words)));
    }
    if let Some(approval) = card.approval {
        let people = approval.people.iter().map(|(by, end)| match end {
            Some(end) => property("paring:approved_by", format!("{by} until {end}")),
            None => property("paring:approved_by", by),
        });
        all.extend(people);
        all.extend(approval.lacking.iter().map(|why| property("paring:approval_lacking", why)));
    }
    all
}

fn model_card(card: &CardRecords) -> Value {
    let facts = card.facts;
    let data = json!({
        "type": "dataset",
        "name": format!("data of the study {}", facts.study),
        "contents": { "properties": [property("paring:data_sha256", &facts.data_sha256)] },
    });
    let mut parameters = Map::from_iter([("datasets".to_string(), json!([data]))]);
    if let Some(found) = card.evaluation {
        parameters.insert("task".into(), json!(found.task.to_string()));
    }
    let metrics: Vec<Value> = card.metrics().into_iter().map(metric_value).collect();
    json!({
        "modelParameters": parameters,
        "quantitativeAnalysis": { "performanceMetrics": metrics },
        "considerations": considerations(card),
    })
}

fn metric_value(metric: CardMetric) -> Value {
    let CardMetric { name, interval: ConfidenceInterval { value, low, high }, slice } = metric;
    let mut fields = Map::from_iter([
        ("type".to_string(), json!(name)),
        ("value".to_string(), json!(value.to_string())),
        (
            "confidenceInterval".to_string(),
            json!({ "lowerBound": low.to_string(), "upperBound": high.to_string() }),
        ),
    ]);
    fields.extend(slice.map(|slice| ("slice".to_string(), json!(slice))));
    Value::Object(fields)
}

/// Words of the study, limits that the run shows, and energy where it was measured.
fn considerations(card: &CardRecords) -> Value {
    let mut fields = Map::from_iter([("technicalLimitations".to_string(), json!(card.limits()))]);
    fields.extend(card.word("purpose").map(|words| ("useCases".to_string(), json!([words]))));
    let ethics = card.word("ethics");
    fields.extend(
        ethics.map(|words| ("ethicalConsiderations".to_string(), json!([{ "name": words }]))),
    );
    let energies: Vec<Value> = card.rows.iter().filter_map(energy_consumption).collect();
    if !energies.is_empty() {
        let all = json!({ "energyConsumptions": energies });
        fields.insert("environmentalConsiderations".into(), all);
    }
    Value::Object(fields)
}

/// Energy of one inference above idle; who provided it is not known.
fn energy_consumption(row: &ResultRow) -> Option<Value> {
    let energy = row.measurement.energy.as_ref().ok()?;
    let ConfidenceInterval { value, low, high } = energy.per_inference_uj;
    Some(json!({
        "activity": "inference",
        "energyProviders": [],
        "activityEnergyCost": { "value": value / UJ_PER_KWH, "unit": "kWh" },
        "properties": [
            property("paring:target", &row.target),
            property("paring:energy_per_inference_uj", value),
            property("paring:energy_low_uj", low),
            property("paring:energy_high_uj", high),
        ],
    }))
}
