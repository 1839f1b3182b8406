//! A card as an SPDX document with fields of the AI profile.
//!
//! Says nothing of licenses, which a run does not know, and so conforms to no profile. Source: SPDX 3.0.1.

use super::CardRecords;
use super::card_metrics::{CardMetric, UJ_PER_KWH};
use paring_core::schema::{ConfidenceInterval, Sha256Hex, VariantRecord};
use serde_json::{Map, Value, json};

/// Blank node that all elements share.
const CREATION: &str = "_:creation";

/// The document of a variant; `created` is the time of writing, RFC 3339 UTC in whole seconds.
pub fn model_card_spdx(card: &CardRecords, created: &str) -> Value {
    let Some(variant) = card.variant() else { return Value::Null };
    let agent = format!("urn:paring:run:{}#owner", card.facts.run_id);
    let tool = format!("urn:paring:{}", card.version);
    let data = format!("urn:paring:data:{}", card.facts.data_sha256);
    let mut elements = vec![
        element("Agent", &agent, card.owner),
        element("Tool", &tool, &format!("paring {}", card.version)),
        dataset(card, &data),
        own_package(card, variant),
    ];
    elements.extend(card.line.iter().skip(1).map(package));
    let pairs = card.line.iter().zip(card.line.iter().skip(1));
    elements.extend(pairs.map(|(own, parent)| {
        relationship("descendantOf", &variant_iri(own), &variant_iri(parent))
    }));
    if card.evaluation.is_some() {
        elements.push(relationship("testedOn", &variant_iri(variant), &data));
    }
    let document = format!("urn:paring:card:{}", variant.variant_id);
    let ids: Vec<&Value> = elements.iter().filter_map(|element| element.get("spdxId")).collect();
    let mut whole = element("SpdxDocument", &document, &format!("card of {}", variant.name));
    whole["rootElement"] = json!([variant_iri(variant)]);
    whole["element"] = json!(ids);
    whole["comment"] = json!(
        "Evidence from a run of paring, no claim of conformity with any rule or standard. Licenses are not stated."
    );
    let creation = json!({
        "type": "CreationInfo",
        "@id": CREATION,
        "specVersion": "3.0.1",
        "created": created,
        "createdBy": [agent],
        "createdUsing": [tool],
    });
    let graph: Vec<Value> = [creation, whole].into_iter().chain(elements).collect();
    json!({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph })
}

fn variant_iri(record: &VariantRecord) -> String {
    format!("urn:paring:variant:{}", record.variant_id)
}

fn element(kind: &str, id: &str, name: &str) -> Value {
    json!({ "type": kind, "spdxId": id, "creationInfo": CREATION, "name": name })
}

fn relationship(kind: &str, from: &str, to: &str) -> Value {
    let id = Sha256Hex::of(format!("{kind} {from} {to}").as_bytes());
    json!({
        "type": "Relationship",
        "spdxId": format!("urn:paring:relationship:{id}"),
        "creationInfo": CREATION,
        "relationshipType": kind,
        "from": from,
        "to": [to],
    })
}

fn entry(key: &str, value: impl ToString) -> Value {
    json!({ "type": "DictionaryEntry", "key": key, "value": value.to_string() })
}

/// A model, by its hash.
fn package(record: &VariantRecord) -> Value {
    let mut own = element("ai_AIPackage", &variant_iri(record), &record.name);
    own["software_packageVersion"] = json!(record.variant_id.short());
    own["software_primaryPurpose"] = json!("model");
    own["verifiedUsing"] =
        json!([{ "type": "Hash", "algorithm": "sha256", "hashValue": record.file_sha256 }]);
    own["ai_hyperparameter"] = json!([
        entry("file", &*record.file),
        entry("file_bytes", record.file_bytes),
        entry("parameters", record.params),
        entry("precision", record.precision()),
    ]);
    own
}

/// The variant with all that the run knows of it.
fn own_package(card: &CardRecords, variant: &VariantRecord) -> Value {
    let mut own = package(variant);
    if let Some(about) = own["ai_hyperparameter"].as_array_mut() {
        about.extend(variant.recipe.iter().map(|step| entry("recipe step", step)));
        about.push(entry("decisions", card.decisions.len()));
    }
    own["ai_metric"] = json!(card.metrics().iter().map(metric_entry).collect::<Vec<_>>());
    own["ai_limitation"] = json!(card.limits().join(" "));
    if let Some(purpose) = card.word("purpose") {
        own["ai_informationAboutApplication"] = json!(purpose);
    }
    let words: Vec<String> = ["risk", "ethics", "review_by", "notes"]
        .iter()
        .filter_map(|key| Some(format!("{key}: {}", card.word(key)?)))
        .collect();
    if !words.is_empty() {
        own["comment"] = json!(words.join("; "));
    }
    let energies: Vec<Value> = card
        .rows
        .iter()
        .filter_map(|row| row.measurement.energy.as_ref().ok())
        .map(|energy| energy_description(energy.per_inference_uj))
        .collect();
    if !energies.is_empty() {
        own["ai_energyConsumption"] =
            json!({ "type": "ai_EnergyConsumption", "ai_inferenceEnergyConsumption": energies });
    }
    own
}

/// A metric with its interval in words: the profile has no field for either bound.
fn metric_entry(metric: &CardMetric) -> Value {
    let CardMetric { name, interval: ConfidenceInterval { value, low, high }, slice } = metric;
    let key = match slice {
        Some(slice) => format!("{name} ({slice})"),
        None => name.clone(),
    };
    entry(&key, format!("{value} (interval {low} to {high})"))
}

/// Energy of one inference, in the only unit of the profile that is near.
fn energy_description(energy: ConfidenceInterval) -> Value {
    let quantity = format!("{:.18}", energy.value / UJ_PER_KWH);
    let mut fields = Map::new();
    fields.insert("type".into(), json!("ai_EnergyConsumptionDescription"));
    fields.insert("ai_energyQuantity".into(), json!(quantity.trim_end_matches('0')));
    fields.insert("ai_energyUnit".into(), json!("kilowattHour"));
    Value::Object(fields)
}

/// The data, by the hash of their content, splits and metrics; more is not known of them.
fn dataset(card: &CardRecords, id: &str) -> Value {
    let name = format!("data of the study {}", card.facts.study);
    let mut own = element("dataset_DatasetPackage", id, &name);
    own["dataset_datasetType"] = json!(["noAssertion"]);
    own["externalIdentifier"] = json!([{
        "type": "ExternalIdentifier",
        "externalIdentifierType": "other",
        "identifier": format!("sha256:{}", card.facts.data_sha256),
        "comment": "of data, splits and metrics, as the run's protocol.json has it",
    }]);
    own
}
