//! A variant's provenance as a statement: what it was made of, by which recipe, when.
//!
//! Source: SLSA v1.0, provenance predicate.

use crate::pipeline::BASELINE;
use crate::study::Protocol;
use paring_core::schema::{Decision, LedgerEntry, LedgerEntryKind, Sha256Hex, VariantRecord};
use paring_signing::{InTotoStatement, StatementSubject};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Predicate type of a provenance.
pub(super) const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The kind of build: a recipe, carried out by paring.
const BUILD_TYPE: &str = "urn:paring:recipe:v1";

/// The provenance of the first of a line of variants, the baseline last, from the run's ledger.
pub(super) fn provenance(
    line: &[VariantRecord],
    protocol: &Protocol,
    entries: &[LedgerEntry],
) -> Option<InTotoStatement> {
    let (variant, baseline) = (line.first()?, line.last()?);
    let own: BTreeSet<&Sha256Hex> = line.iter().flat_map(|record| &record.decisions).collect();
    let decided: Vec<&LedgerEntry> = entries
        .iter()
        .filter(|e| e.kind == LedgerEntryKind::Decision && own.contains(&e.entry_id))
        .collect();
    let mut materials = vec![resource(&format!("{BASELINE}.onnx"), &baseline.file_sha256)];
    let mut inputs: BTreeSet<(&str, Sha256Hex)> = BTreeSet::new();
    for entry in &decided {
        let Ok(decision) = serde_json::from_value::<Decision>(entry.body.clone()) else { continue };
        let select = decision.training.and_then(|training| training.select_sha256);
        let each = [
            ("calibration samples", decision.inputs.calibration_sha256),
            ("table of measured costs", decision.inputs.cost_table_sha256),
            ("samples that chose the state of a training", select),
        ];
        inputs.extend(each.into_iter().filter_map(|(name, sha256)| Some((name, sha256?))));
    }
    materials.extend(inputs.iter().map(|(name, sha256)| resource(name, sha256)));
    let times = |entry: Option<&&LedgerEntry>| entry.map(|entry| entry.time.clone());
    let parings = line.iter().flat_map(|record| &record.parings).collect::<BTreeSet<_>>();
    let parings = parings.into_iter().map(|p| resource(&format!("parings/{p}.safetensors"), p));
    let predicate = json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "study": protocol.study,
                "variant": variant.name,
                "recipe": variant.recipe,
                "engine_options": variant.options,
            },
            "internalParameters": {
                "recipe_sha256": variant.recipe_sha256,
                "recipes_sha256": protocol.recipes_sha256,
                "data_sha256": protocol.data_sha256,
                "decisions": decided.iter().map(|entry| &entry.entry_id).collect::<Vec<_>>(),
            },
            "resolvedDependencies": materials,
        },
        "runDetails": {
            "builder": {
                "id": format!("urn:paring:{}", env!("CARGO_PKG_VERSION")),
                "version": { "paring": env!("CARGO_PKG_VERSION") },
            },
            "metadata": {
                "invocationId": protocol.run_id,
                "startedOn": times(decided.first()),
                "finishedOn": times(decided.last()),
            },
            "byproducts": parings.collect::<Vec<_>>(),
        },
    });
    let subject = StatementSubject::new(variant.file.to_string(), &variant.file_sha256);
    Some(InTotoStatement::new(vec![subject], PROVENANCE_TYPE, without_nulls(predicate)))
}

fn resource(name: &str, sha256: &Sha256Hex) -> Value {
    json!({ "name": name, "digest": { "sha256": sha256 } })
}

/// A variant without decisions has no times.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        other => other,
    }
}
